"""What opens the safe: a passphrase, a key file, or a credential that systemd hands to the service."""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from dashboard.assistant.errors import SafeError

MIN_PASSPHRASE = 12
KEY_BYTES = 32
_MAX_BYTES = 4096
Kind = Literal["passphrase", "key"]


@dataclass(frozen=True)
class Secret:
    """Opens a safe.

    Attributes:
        kind: a passphrase is stretched by a memory-hard function, a key is random already.
        value: never shown, not even in a traceback's repr.
    """

    kind: Kind
    value: bytes = field(repr=False)


def passphrase(text: str) -> Secret:
    """A passphrase that a person has typed.

    Raises:
        SafeError: too short to resist guessing.
    """
    if len(text) < MIN_PASSPHRASE:
        raise SafeError(f"the passphrase has fewer than {MIN_PASSPHRASE} characters; take four or more words that do not belong together")
    return Secret("passphrase", text.encode())


def make_key_file(path: Path) -> Secret:
    """A new key file, readable by its owner only.

    Raises:
        SafeError: there is a file already, or it cannot be written.
    """
    key = secrets.token_bytes(KEY_BYTES)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(handle)
    except OSError as error:
        raise SafeError(f"{path}: cannot be written ({error.strerror}); an existing key file is never overwritten") from error
    return Secret("key", key)


def key_file(path: Path) -> Secret:
    """A key file that `make_key_file` has made.

    Raises:
        SafeError: missing, readable by others, or no key.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise SafeError(f"{path}: the key file cannot be read ({error.strerror}); check assistant.key_file") from error
    with open(handle, "rb") as file:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise SafeError(f"{path}: is not a file; name the key file")
        if info.st_mode & 0o077:
            raise SafeError(f"{path}: other users may read the key; take their rights away: chmod 600 {path}")
        value = file.read(_MAX_BYTES)
    if len(value) != KEY_BYTES:
        raise SafeError(f"{path}: {len(value)} bytes; a key has {KEY_BYTES}. Make one: gutteil docs key FILE")
    return Secret("key", value)


def credential(name: str) -> Secret:
    """What systemd has decrypted for this service (`LoadCredentialEncrypted=NAME:FILE`, made by `systemd-creds encrypt`).

    Raises:
        SafeError: the service has no such credential.
    """
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise SafeError(f"no credential {name!r}: this process was not started by systemd with LoadCredentialEncrypted={name}:FILE")
    if name != os.path.basename(name) or name in ("", ".", ".."):
        raise SafeError(f"credential = {name!r} is no name; give the one of LoadCredentialEncrypted=")
    return key_file(Path(folder) / name)
