"""Who opens the safe, and the change of its key."""

from __future__ import annotations

import secrets as random
from collections.abc import Sequence

from dashboard.assistant import keyring, vault
from dashboard.assistant.errors import SafeError
from dashboard.assistant.safe import Safe
from dashboard.assistant.secrets import KEY_BYTES, Secret


def openers(safe: Safe) -> list[tuple[str, str]]:
    """Name and kind of every secret that opens the safe."""
    return [(slot.name, slot.kind) for slot in keyring.read(safe.keys).slots]


def admit(safe: Safe, name: str, secret: Secret, memory_mib: int = keyring.MEMORY_MIB) -> None:
    """One more secret for an unlocked safe; of an existing name it replaces that one (a changed passphrase).

    A changed passphrase does not help against somebody who has the old one and a copy of the old key file: for that, `rotate`.

    Raises:
        SafeLocked, SafeError
    """
    ring = keyring.read(safe.keys)
    slots = [slot for slot in ring.slots if slot.name != name]
    keyring.write(safe.keys, keyring.Keyring([*slots, keyring.wrap(safe.data_key(), secret, name, memory_mib)]))


def dismiss(safe: Safe, name: str) -> None:
    """Take one secret away; the last one stays.

    Raises:
        SafeError: there is none of that name, or it is the last.
    """
    slots = keyring.read(safe.keys).slots
    left = [slot for slot in slots if slot.name != name]
    if len(left) == len(slots):
        raise SafeError(f"{name!r} opens nothing; these do: {', '.join(slot.name for slot in slots)}")
    if not left:
        raise SafeError(f"{name!r} is the only secret that opens the safe; add another one first")
    safe.data_key()  # only by somebody who has opened it
    keyring.write(safe.keys, keyring.Keyring(left))


def rotate(safe: Safe, named: Sequence[tuple[str, Secret]], memory_mib: int = keyring.MEMORY_MIB) -> None:
    """Another data key: every page is written anew, and the old key opens nothing any more.

    The wrapped new key is on disk before the first page is, and the old one stays until the last page is: whenever the power goes,
    one of both opens the safe.

    Args:
        named: every secret that shall open it from now on, with its name; all others are gone.

    Raises:
        SafeError: none is named, or another program has the safe open.
    """
    if not named:
        raise SafeError("name at least one secret that shall open the safe afterwards")
    safe.data_key()
    ring, fresh = keyring.read(safe.keys), random.token_bytes(KEY_BYTES)
    slots = [keyring.wrap(fresh, secret, name, memory_mib) for name, secret in named]
    keyring.write(safe.keys, keyring.Keyring(ring.slots, slots))
    with safe.reading() as db:
        vault.rekey(db, safe.path, fresh)
    keyring.write(safe.keys, keyring.Keyring(slots))
    safe._data_key[:] = fresh
