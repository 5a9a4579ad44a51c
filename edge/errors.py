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
