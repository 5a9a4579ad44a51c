"""What the line raises.

GutteilError
├── SettingsError   a settings file or a recipe is wrong; says key, value and remedy
├── ModelError      a file is not a usable model; says why
├── BusError        an endpoint cannot be opened
└── StoreError      the record cannot be opened or written
"""


class GutteilError(Exception):
    """Root of everything the appliance raises by itself; its text is meant for people."""


class SettingsError(GutteilError):
    """A settings file or a recipe is wrong."""


class ModelError(GutteilError):
    """A file is not a usable model."""


class BusError(GutteilError):
    """An endpoint cannot be opened."""


class StoreError(GutteilError):
    """The record cannot be opened or written."""
