"""The one-time code of the first start: whoever can read the appliance's own file or screen may make the first admin. No default password."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import time
from pathlib import Path
from typing import Final

import msgspec

from dashboard.people.file import PeopleError

FILE_NAME: Final = "setup-code.json"
VALID_S: Final = 3600.0
_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is taken for another; 12 of them: 59 bits


class SetupCode(msgspec.Struct, frozen=True):
    """A code, and until when it is good (Unix time, s)."""

    code: str
    until_s: float


def read_code(folder: Path) -> SetupCode | None:
    """The code that is good now."""
    try:
        found = msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=SetupCode)
    except (OSError, msgspec.MsgspecError):
        return None
    return found if found.until_s > time.time() else None


def make_code(folder: Path) -> SetupCode:
    """The code that is good now, or a new one; only the appliance's user can read its file.

    Raises:
        PeopleError: the file cannot be written.
    """
    if (found := read_code(folder)) is not None:
        return found
    letters = "".join(secrets.choice(_LETTERS) for _ in range(12))
    made = SetupCode("-".join((letters[:4], letters[4:8], letters[8:])), time.time() + VALID_S)
    path = folder / FILE_NAME
    try:
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(made))
    except OSError as error:
        raise PeopleError(f"{path}: cannot be written ({error.strerror}); run this as the appliance's user") from error
    return made


def fits_code(folder: Path, said: str) -> bool:
    """Whether it is the code; blanks, dashes and small letters do not matter."""
    found = read_code(folder)
    plain = "".join(c for c in said.upper() if c.isalnum())
    return found is not None and hmac.compare_digest(plain.encode(), found.code.replace("-", "").encode())


def end_code(folder: Path) -> None:
    """It has been used, or is not needed."""
    with contextlib.suppress(OSError):
        (folder / FILE_NAME).unlink()
