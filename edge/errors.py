"""What the line raises.

GutteilError
├── SettingsError   a settings file or a recipe is wrong; says key, value and remedy
├── ModelError      a file is not a usable model; says why
├── BusError        an endpoint cannot be opened
├── KeysError       the bus's keys are missing, damaged or readable by others; its text never holds a secret
├── StoreError      the record cannot be opened or written
├── RegistryError   a model may not become what was asked for; says each thing that is missing and the next step
└── RecipeError     a version of a recipe may not become what was asked for; says why and the next step
"""

import json
import re


class GutteilError(Exception):
    """Root of everything the appliance raises by itself; its text is meant for people."""


class SettingsError(GutteilError):
    """A settings file or a recipe is wrong."""


class ModelError(GutteilError):
    """A file is not a usable model."""


class BusError(GutteilError):
    """An endpoint cannot be opened."""


class KeysError(GutteilError):
    """The bus's keys are missing, damaged or readable by others."""


class StoreError(GutteilError):
    """The record cannot be opened or written."""


class RegistryError(GutteilError):
    """A model may not become what was asked for."""


class RecipeError(GutteilError):
    """A version of a recipe may not become what was asked for."""


def reason(error: Exception) -> str:
    """Why a file was not understood, in words: no name of a class, no address of an object, one line of at most 200 characters."""
    match error:
        case json.JSONDecodeError():
            return f"no JSON from line {error.lineno}, column {error.colno} on"
        case UnicodeDecodeError():
            return "not text in UTF-8"
        case KeyError():
            return f"has no {error}"
        case RecursionError():
            return "nested too deep"
        case TypeError() | AttributeError() | IndexError():
            return "a value is not of the kind that belongs there"
    text = re.sub(r"\s*<[^<>]* at 0x[0-9a-f]+>", "", str(error)).strip()
    return text.splitlines()[0][:200] if text else "damaged, or of another kind"
