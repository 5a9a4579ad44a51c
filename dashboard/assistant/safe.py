"""The data safe: locked until somebody unlocks it; then it keeps documents, and shows each role its own."""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dashboard.assistant import keyring, vault
from dashboard.assistant.documents import About, Collection, Document, Piece
from dashboard.assistant.errors import SafeError, SafeLocked
from dashboard.assistant.schema import migrate
from dashboard.assistant.secrets import KEY_BYTES, Secret
from dashboard.assistant.vault import Connection

FILE, KEYS = "safe.db", "safe.keys"
_COLUMNS = "d.id, c.name, d.name, d.version, d.sha256, d.bytes, d.kind, d.pages, d.supplier, d.type, d.date, d.added_ns, d.replaced_ns"


class Safe:
    """One folder with the encrypted file and its wrapped keys."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.keys = folder, folder / FILE, folder / KEYS
        self._db: Connection | None = None
        self._data_key: bytearray = bytearray()
        self._lock = threading.RLock()

    @classmethod
    def make(cls, folder: Path, secret: Secret, memory_mib: int = keyring.MEMORY_MIB) -> Safe:
        """A new safe, unlocked.

        Args:
            memory_mib: what a guess at the passphrase must cost.

        Raises:
            SafeError: there is one already, or the folder cannot be written.
        """
        safe = cls(folder)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise SafeError(f"{folder}: cannot be made ({error.strerror}); check assistant.folder") from error
        if safe.path.exists() or safe.keys.exists():
            raise SafeError(f"{folder}: there is a safe already; unlock that one, or choose another folder")
        key = secrets.token_bytes(KEY_BYTES)
        keyring.write(safe.keys, keyring.Keyring([keyring.wrap(key, secret, "first", memory_mib)]))
        safe._open(vault.create(safe.path, key), key)
        return safe

    def _open(self, db: Connection, key: bytes) -> None:
        try:
            migrate(db)
        except BaseException:
            db.close()
            raise
        self._db, self._data_key = db, bytearray(key)

    @property
    def locked(self) -> bool:
        """Whether nobody has unlocked it."""
        return self._db is None

    def unlock(self, secret: Secret) -> None:
        """Open it; a rotation that was cut off is finished or undone.

        Raises:
            SafeLocked: the secret does not open it.
            SafeError: the safe is missing or damaged.
        """
        with self._lock:
            if self._db is not None:
                return
            if not self.path.is_file():
                raise SafeError(f"{self.path}: there is no safe; make one: gutteil docs init")
            ring = keyring.read(self.keys)
            key, after = keyring.unwrap(ring.slots, secret), keyring.unwrap(ring.pending, secret)
            db = self._try(key)
            if db is None and after is not None and (db := self._try(after)) is not None:
                key = after
                keyring.write(self.keys, keyring.Keyring(ring.pending))  # the pages are already under the new key
            if db is None or key is None:
                raise SafeLocked("that does not open the safe; check the passphrase (or the key file) and try again")
            self._open(db, key)

    def _try(self, key: bytes | None) -> Connection | None:
        if key is None:
            return None
        try:
            return vault.connect(self.path, key)
        except SafeLocked:
            if not keyring.read(self.keys).pending:
                raise  # the secret was right, so the file itself is damaged
            return None

    def lock(self) -> None:
        """Close it and forget the key; calling it twice is safe."""
        with self._lock:
            if self._db is not None:
                self._db.close()
            self._db = None
            self._data_key[:] = bytes(len(self._data_key))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """The open connection, for one thread at a time.

        Raises:
            SafeLocked: nobody has unlocked it.
            SafeError: the file cannot be read or written.
        """
        with self._lock:
            if self._db is None:
                raise SafeLocked("the safe is locked; unlock it with its passphrase or key")
            try:
                yield self._db
            except vault.Error as error:
                raise SafeError(f"{self.path}: {error}; is the disk full, does another program write, or is the file damaged?") from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """The same in one transaction, undone where the block fails."""
        with self.reading() as db:
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                db.execute("ROLLBACK")
                raise

    def data_key(self) -> bytes:
        """The key of the pages, for `rotation`, `backup` and the proof of an erasure."""
        with self.reading():
            return bytes(self._data_key)

    # what it keeps

    def collect(self, name: str, roles: Sequence[str], keep_days: int = 0) -> Collection:
        """A collection, made or given other roles and another retention.

        Raises:
            SafeError: no name, nobody may ask, or an impossible number of days.
        """
        if not re.fullmatch(r"[\w][\w .-]{0,63}", name):
            raise SafeError(f"collection = {name!r}: takes letters, digits, blanks, dots, hyphens, at most 64; choose another name")
        if not roles or not all(re.fullmatch(r"[\w-]{1,64}", role) for role in roles):
            raise SafeError(f"roles = {list(roles)!r}: name at least one role that may ask this collection")
        if not 0 <= keep_days <= 36_500:
            raise SafeError(f"keep_days = {keep_days}: takes 0 (for ever) to 36500")
        with self.writing() as db:
            db.execute(
                "INSERT INTO collections (name, roles, keep_days, made_ns) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (name) DO UPDATE SET roles = excluded.roles, keep_days = excluded.keep_days",
                (name, json.dumps(sorted(set(roles))), keep_days, time.time_ns()),
            )
        return self.collection(name)

    def collections(self) -> list[Collection]:
        """All of them, by name; what a role may ask is `View.collections`."""
        with self.reading() as db:
            rows = db.execute("SELECT id, name, roles, keep_days FROM collections ORDER BY name").fetchall()
        return [Collection(i, name, frozenset(json.loads(roles)), days) for i, name, roles, days in rows]

    def collection(self, name: str) -> Collection:
        """One of them.

        Raises:
            SafeError: there is none of that name.
        """
        known = self.collections()
        for one in known:
            if one.name == name:
                return one
        raise SafeError(f"collection = {name!r}: not there; choose one of: {', '.join(c.name for c in known) or '(none yet)'}")

    def keep(
        self,
        collection: str,
        name: str,
        data: bytes,
        pieces: Sequence[Piece],
        kind: str,
        pages: int = 0,
        about: About = About(),  # noqa: B008  frozen
        stamp: str = "",
    ) -> Document:
        """A document's newest version; the one before stays, is no longer searched, and says when it was replaced.

        Raises:
            SafeError: no such collection.
        """
        where, now = self.collection(collection), time.time_ns()
        with self.writing() as db:
            last = db.execute("SELECT max(version) FROM documents WHERE collection = ? AND name = ?", (where.id, name)).fetchone()[0]
            db.execute(
                "UPDATE documents SET replaced_ns = ? WHERE collection = ? AND name = ? AND replaced_ns IS NULL", (now, where.id, name)
            )
            made = db.execute(
                "INSERT INTO documents (collection, name, version, sha256, bytes, stamp, kind, pages, supplier, type, date, added_ns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (where.id, name, (last or 0) + 1, hashlib.sha256(data).hexdigest(), len(data), stamp, kind, pages,
                 about.supplier, about.type, about.date, now),
            ).lastrowid  # fmt: skip
            db.execute("INSERT INTO originals (document, data) VALUES (?, ?)", (made, data))
            db.executemany(
                "INSERT INTO chunks (document, kind, page, row, heading, verified, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((made, p.kind, p.page, p.row, p.heading, int(p.verified), p.text) for p in pieces),
            )
        return next(d for d in self.documents() if d.id == made)

    def documents(self, current: bool = False) -> list[Document]:
        """Every version of every document, or the current ones, by collection, name and version."""
        only = "WHERE d.replaced_ns IS NULL" if current else ""
        with self.reading() as db:
            rows: list[Any] = db.execute(
                f"SELECT {_COLUMNS} FROM documents d JOIN collections c ON c.id = d.collection {only} ORDER BY c.name, d.name, d.version"
            ).fetchall()
        return [Document(*(*row[:8], About(*row[8:11]), *row[11:])) for row in rows]

    def known(self, collection: str, name: str) -> tuple[str, str] | None:
        """Stamp and SHA-256 of a document's current version, or None."""
        with self.reading() as db:
            row = db.execute(
                "SELECT d.stamp, d.sha256 FROM documents d JOIN collections c ON c.id = d.collection"
                " WHERE c.name = ? AND d.name = ? AND d.replaced_ns IS NULL",
                (collection, name),
            ).fetchone()
        return (row[0], row[1]) if row else None

    def restamp(self, collection: str, name: str, stamp: str) -> None:
        """The file was touched, but holds the same bytes."""
        with self.writing() as db:
            db.execute(
                "UPDATE documents SET stamp = ? WHERE name = ? AND replaced_ns IS NULL AND collection = (SELECT id FROM collections WHERE name = ?)",
                (stamp, name, collection),
            )

    def changes(self) -> tuple[int, int]:
        """Differs after every change, here or by another program: for an index to see that it is old."""
        with self.reading() as db:
            return int(db.execute("PRAGMA data_version").fetchone()[0]), int(db.total_changes)


def sync(path: Path) -> None:
    """What was written there is on disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
