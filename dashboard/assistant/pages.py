"""Every page of the encrypted file decrypted by this program itself, without SQLCipher: what really is in it, also where no row is.

The page format is SQLCipher's (zetetic.net/sqlcipher/design): page 1 begins with the salt; each page ends with IV and HMAC.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

from dashboard.assistant.vault import PAGE_BYTES, RESERVED_BYTES, SALT_BYTES

_WAL_HEADER, _FRAME_HEADER = 32, 24


def plain_pages(path: Path, key: bytes) -> Iterator[bytes]:
    """The content of every page of a safe's file and of every frame of its write-ahead log; also of those that nothing refers to."""
    with path.open("rb") as file:
        first = True
        while len(page := file.read(PAGE_BYTES)) == PAGE_BYTES:
            yield _decrypt(page, key, SALT_BYTES if first else 0)
            first = False
    log = path.with_name(path.name + "-wal")
    if not log.is_file():
        return
    with log.open("rb") as file:
        file.seek(_WAL_HEADER)
        while len(frame := file.read(_FRAME_HEADER + PAGE_BYTES)) == _FRAME_HEADER + PAGE_BYTES:
            number = int.from_bytes(frame[:4], "big")
            yield _decrypt(frame[_FRAME_HEADER:], key, SALT_BYTES if number == 1 else 0)


def _decrypt(page: bytes, key: bytes, begin: int) -> bytes:
    end = PAGE_BYTES - RESERVED_BYTES
    decryptor = Cipher(AES256(key), CBC(page[end : end + 16])).decryptor()
    return decryptor.update(page[begin:end]) + decryptor.finalize()
