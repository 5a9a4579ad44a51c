"""The file beside the safe that holds its data key, wrapped once per secret.

The database is encrypted with a random key of its own. That key lies here, encrypted with AES-256-GCM under a key that argon2id
makes of a passphrase (RFC 9106; 256 MiB, 3 passes), or HKDF of a key file. So a passphrase is changed without writing the database
anew, and several secrets may open one safe: a person's passphrase and the service's credential.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from dashboard.assistant.errors import SafeError, SafeLocked
from dashboard.assistant.secrets import KEY_BYTES, Kind, Secret

MEMORY_MIB = 256
PASSES = 3
LANES = 4
_MAX_BYTES = 100_000


class Slot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data key, wrapped for one secret."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    kind: Kind
    salt: bytes
    nonce: bytes
    wrapped: bytes
    # bounds: whoever can write this file must not make an unlock eat the machine
    memory_mib: Annotated[int, msgspec.Meta(ge=8, le=1024)] = MEMORY_MIB
    passes: Annotated[int, msgspec.Meta(ge=1, le=16)] = PASSES


class Keyring(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Every slot; `pending` holds those of the next data key while a rotation is under way."""

    slots: Annotated[list[Slot], msgspec.Meta(min_length=1, max_length=32)]
    pending: Annotated[list[Slot], msgspec.Meta(max_length=32)] = []
    version: Annotated[int, msgspec.Meta(ge=1, le=1)] = 1


def wrap(data_key: bytes, secret: Secret, name: str, memory_mib: int = MEMORY_MIB) -> Slot:
    """The data key under a secret."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    kek = _stretch(secret, salt, memory_mib, PASSES)
    return Slot(name, secret.kind, salt, nonce, AESGCM(kek).encrypt(nonce, data_key, name.encode()), memory_mib, PASSES)


def unwrap(slots: list[Slot], secret: Secret) -> bytes | None:
    """The data key, or None where the secret opens no slot."""
    for slot in slots:
        if slot.kind != secret.kind:
            continue
        kek = _stretch(secret, slot.salt, slot.memory_mib, slot.passes)
        with contextlib.suppress(InvalidTag, ValueError):
            return AESGCM(kek).decrypt(slot.nonce, slot.wrapped, slot.name.encode())
    return None


def _stretch(secret: Secret, salt: bytes, memory_mib: int, passes: int) -> bytes:
    if secret.kind == "key":
        return HKDF(SHA256(), KEY_BYTES, salt, b"gutteil assistant safe").derive(secret.value)
    try:
        return hash_secret_raw(secret.value, salt, passes, memory_mib * 1024, LANES, KEY_BYTES, Type.ID)
    except Exception as error:  # argon2 raises its own HashingError, also for a salt that somebody has shortened
        raise SafeLocked(f"the passphrase cannot be checked: {error}; are {memory_mib} MB of memory free?") from error


def read(path: Path) -> Keyring:
    """The keyring of a safe.

    Raises:
        SafeError: missing or damaged.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_BYTES + 1)
        return msgspec.json.decode(data, type=Keyring)
    except OSError as error:
        raise SafeError(
            f"{path}: the safe's keys cannot be read ({error.strerror}); without them nothing opens it: take a backup"
        ) from error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        pass
    raise SafeError(f"{path}: damaged; take the one of the newest backup (the same for every backup since the last rotation)")


def write(path: Path, ring: Keyring) -> None:
    """Whole or not at all, and on disk when this returns.

    Raises:
        SafeError: no room, no rights.
    """
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with open(handle, "wb") as file:
                file.write(msgspec.json.encode(ring))
                file.flush()
                os.fsync(handle)
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise SafeError(f"{path}: cannot be written ({error.strerror}); check the folder and its owner") from error
