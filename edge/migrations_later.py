"""The later migrations: recipes kept and their versions, tests with reference parts. As those of `edge.migrations`."""

from __future__ import annotations

from sqlite_utils import Database

from edge.migrations import MIGRATIONS, bring_up, utc

__all__ = ["bring_up"]  # whoever brings a record up to date takes it from here, so that these tables are among them


@MIGRATIONS(name="0007_recipes_kept")
def _recipes_kept(db: Database) -> None:
    """The recipe's text and golden reference of each run, and the software that ran, so that old verdicts can be replayed."""
    for statement in (
        "CREATE TABLE kept_files (sha256 TEXT PRIMARY KEY NOT NULL CHECK (length(sha256) = 64), data BLOB NOT NULL) STRICT",
        """CREATE TABLE runs_kept (
            run_id TEXT PRIMARY KEY NOT NULL REFERENCES runs, path TEXT NOT NULL, recipe_sha256 TEXT REFERENCES kept_files,
            wants_reference INTEGER NOT NULL, reference_sha256 TEXT REFERENCES kept_files, software TEXT NOT NULL, wall_ns INTEGER NOT NULL
        ) STRICT""",
        *(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
            for table in ("kept_files", "runs_kept")
            for verb in ("UPDATE", "DELETE")
        ),
    ):
        db.execute(statement)


@MIGRATIONS(name="0008_recipe_versions")
def _recipe_versions(db: Database) -> None:
    """Versions of recipes by the hash of their text, and what became of them; and what recipes did not count, of the newest parts.

    A version belongs to a recipe by its name: two recipes may have the same text. Candidates have no foreign key to the part:
    they may be here before it.
    """
    versions, states = "recipe_versions", "recipe_states"
    for statement in (
        f"""CREATE TABLE {versions} (
            recipe TEXT NOT NULL, number INTEGER NOT NULL, sha256 TEXT NOT NULL CHECK (length(sha256) = 64), text TEXT NOT NULL,
            author TEXT NOT NULL, note TEXT NOT NULL, base TEXT NOT NULL,
            wall_ns INTEGER NOT NULL, made_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL,
            PRIMARY KEY (recipe, sha256), UNIQUE (recipe, number)
        ) STRICT""",
        f"""CREATE TABLE {states} (
            number INTEGER PRIMARY KEY NOT NULL, recipe TEXT NOT NULL, sha256 TEXT NOT NULL, event TEXT NOT NULL,
            state TEXT NOT NULL CHECK (state IN ('proposed', 'released', 'active', 'retired')),
            who TEXT NOT NULL, reason TEXT NOT NULL, wall_ns INTEGER NOT NULL, changed_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL,
            FOREIGN KEY (recipe, sha256) REFERENCES {versions}
        ) STRICT""",
        f"CREATE INDEX {states}_by_version ON {states} (recipe, sha256, number)",
        # REPLACE deletes without asking the triggers of DELETE
        f"""CREATE TRIGGER {versions}_in_order BEFORE INSERT ON {versions}
            WHEN NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM {versions} WHERE recipe = NEW.recipe)
                OR EXISTS (SELECT 1 FROM {versions} WHERE recipe = NEW.recipe AND sha256 = NEW.sha256)
            BEGIN SELECT RAISE(ABORT, '{versions} is append only'); END""",
        f"""CREATE TRIGGER {states}_in_order BEFORE INSERT ON {states} WHEN NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM {states})
            BEGIN SELECT RAISE(ABORT, '{states} is append only'); END""",
        *(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
            for table in (versions, states)
            for verb in ("UPDATE", "DELETE")
        ),
        """CREATE TABLE candidates (
            part_id TEXT PRIMARY KEY NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, wall_ns INTEGER NOT NULL,
            floor REAL NOT NULL, found TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX candidates_by_age ON candidates (wall_ns)",
    ):
        db.execute(statement)


@MIGRATIONS(name="0009_rabbits")
def rabbits(database: Database) -> None:
    """Tests with reference parts: nothing of what is there changes."""
    db = database.conn
    for statement in (
        f"""CREATE TABLE rabbits (
            number INTEGER PRIMARY KEY NOT NULL, who TEXT NOT NULL, passed INTEGER NOT NULL CHECK (passed IN (0, 1)), steps TEXT NOT NULL,
            recipe TEXT NOT NULL, model_hash TEXT NOT NULL, wall_ns INTEGER NOT NULL,
            tested_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL
        ) STRICT""",
        """CREATE TRIGGER rabbits_in_order BEFORE INSERT ON rabbits WHEN NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM rabbits)
            BEGIN SELECT RAISE(ABORT, 'rabbits is append only'); END""",
        *(
            f"CREATE TRIGGER rabbits_no_{verb.lower()} BEFORE {verb} ON rabbits BEGIN SELECT RAISE(ABORT, 'rabbits is append only'); END"
            for verb in ("UPDATE", "DELETE")
        ),
    ):
        db.execute(statement)
