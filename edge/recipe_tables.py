"""The record's tables of recipes, as a migration makes them. What has been released of it does not change."""

from __future__ import annotations

from collections.abc import Callable

_VERSIONS, _STATES = "recipe_versions", "recipe_states"


def recipe_tables(utc: Callable[[str], str]) -> tuple[str, ...]:
    """Versions by the hash of their text, what became of them, and candidates (`edge.candidates`); `utc` words a column as a time.

    A version belongs to a recipe by its name: two recipes may have the same text. Candidates have no foreign key to the part:
    they may be here before it.
    """
    return (
        f"""CREATE TABLE {_VERSIONS} (
            recipe TEXT NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT NULL CHECK (length(sha256) = 64), text TEXT NOT NULL,
            author TEXT NOT NULL, note TEXT NOT NULL, base TEXT NOT NULL,
            wall_ns INTEGER NOT NULL, made_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL,
            PRIMARY KEY (recipe, sha256), UNIQUE (recipe, number)
        ) STRICT""",
        f"""CREATE TABLE {_STATES} (
            number INTEGER PRIMARY KEY NOT NULL, recipe TEXT NOT NULL, sha256 TEXT NOT NULL, event TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('proposed', 'released', 'active', 'retired')),
            who TEXT NOT NULL, reason TEXT NOT NULL, wall_ns INTEGER NOT NULL, changed_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL,
            FOREIGN KEY (recipe, sha256) REFERENCES {_VERSIONS}
        ) STRICT""",
        f"CREATE INDEX {_STATES}_by_version ON {_STATES} (recipe, sha256, number)",
        # REPLACE deletes without asking the triggers of DELETE
        f"""CREATE TRIGGER {_VERSIONS}_in_order BEFORE INSERT ON {_VERSIONS}
            WHEN NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM {_VERSIONS} WHERE recipe = NEW.recipe)
                OR EXISTS (SELECT 1 FROM {_VERSIONS} WHERE recipe = NEW.recipe AND sha256 = NEW.sha256)
            BEGIN SELECT RAISE(ABORT, '{_VERSIONS} is append only'); END""",
        f"""CREATE TRIGGER {_STATES}_in_order BEFORE INSERT ON {_STATES} WHEN NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM {_STATES})
            BEGIN SELECT RAISE(ABORT, '{_STATES} is append only'); END""",
        *(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
            for table in (_VERSIONS, _STATES)
            for verb in ("UPDATE", "DELETE")
        ),
        """CREATE TABLE candidates (
            part_id TEXT PRIMARY KEY NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, wall_ns INTEGER NOT NULL,
            floor REAL NOT NULL, found TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX candidates_by_age ON candidates (wall_ns)",
    )
