"""What the assistant raises.

AssistantError (a GutteilError)
├── SafeError      the safe cannot be opened, written, rotated, copied; its text never holds a secret or a word of a document
│   └── SafeLocked it is locked: nobody has given the passphrase, or the wrong one
├── Forbidden      the asker's role may not see or change that collection
├── Refused        a file is not taken in; names the file and says why
└── EmbeddingError a model folder for search is missing, damaged or does not fit
"""

from __future__ import annotations

from edge.errors import GutteilError


class AssistantError(GutteilError):
    """Root of what the assistant raises."""


class SafeError(AssistantError):
    """The safe cannot do what was asked for."""


class SafeLocked(SafeError):
    """The safe is locked."""


class Forbidden(AssistantError):
    """The asker's role may not do that."""


class Refused(AssistantError):
    """A file is not taken in."""


class EmbeddingError(AssistantError):
    """A model folder for search cannot be used."""
