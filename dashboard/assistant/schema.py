"""The tables inside the safe. Migrations are appended, never changed."""

from __future__ import annotations

from dashboard.assistant.errors import SafeError
from dashboard.assistant.vault import Connection

MIGRATIONS = (
    """
    CREATE TABLE collections (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE,
      roles TEXT NOT NULL,             -- JSON list: who may ask
      keep_days INTEGER NOT NULL,      -- 0 = for ever
      made_ns INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE documents (
      id INTEGER PRIMARY KEY,
      collection INTEGER NOT NULL REFERENCES collections (id),
      name TEXT NOT NULL,              -- where it came from: the same name is the same document
      version INTEGER NOT NULL,        -- 1, 2, …; the newest has no replaced_ns
      sha256 TEXT NOT NULL,
      bytes INTEGER NOT NULL,
      stamp TEXT NOT NULL,             -- size and times of the file, to see without reading that it is unchanged
      kind TEXT NOT NULL,
      pages INTEGER NOT NULL,
      supplier TEXT NOT NULL,
      type TEXT NOT NULL,
      date TEXT NOT NULL,              -- ISO, of the document itself
      added_ns INTEGER NOT NULL,
      replaced_ns INTEGER,
      UNIQUE (collection, name, version)
    ) STRICT;
    CREATE INDEX documents_current ON documents (collection, name) WHERE replaced_ns IS NULL;
    CREATE TABLE originals (
      document INTEGER PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
      data BLOB NOT NULL
    ) STRICT;
    CREATE TABLE chunks (
      id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never used twice: an index elsewhere may still know a deleted one
      document INTEGER NOT NULL REFERENCES documents (id) ON DELETE CASCADE,
      kind TEXT NOT NULL,
      page INTEGER NOT NULL,
      row INTEGER NOT NULL,
      heading TEXT NOT NULL,
      verified INTEGER NOT NULL,
      text TEXT NOT NULL
    ) STRICT;
    CREATE INDEX chunks_document ON chunks (document);
    CREATE TABLE vectors (
      chunk INTEGER NOT NULL REFERENCES chunks (id) ON DELETE CASCADE,
      model TEXT NOT NULL,             -- hash of the model folder
      data BLOB NOT NULL,              -- float16, of length 1
      PRIMARY KEY (chunk, model)
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE words (
      chunk INTEGER PRIMARY KEY REFERENCES chunks (id) ON DELETE CASCADE,
      analysis INTEGER NOT NULL,       -- version of the rules that made them
      data TEXT NOT NULL               -- the stemmed words of each field, so that unlocking does not stem again
    ) STRICT;
    CREATE TABLE erasures (
      id INTEGER PRIMARY KEY,
      at_ns INTEGER NOT NULL,
      receipt TEXT NOT NULL,           -- JSON, without a word of what was erased
      hash TEXT NOT NULL               -- over the one before and this one
    ) STRICT;
    """,
)


def migrate(db: Connection) -> None:
    """Bring the tables to this program's version.

    Raises:
        SafeError: a newer program has written them.
    """
    found = int(db.execute("PRAGMA user_version").fetchone()[0])
    if found > len(MIGRATIONS):
        raise SafeError(f"the safe was written by a newer Gutteil (tables {found}, known here {len(MIGRATIONS)}); install that one")
    for number, text in enumerate(MIGRATIONS[found:], found + 1):
        db.executescript(f"BEGIN IMMEDIATE;{text};PRAGMA user_version = {number};COMMIT;")
