"""The later migrations: recipes kept and their versions, tests with reference parts. As those of `edge.migrations`."""

from __future__ import annotations

from sqlite_utils import Database

from edge.migrations import MIGRATIONS, bring_up, utc
from edge.recipe_tables import recipe_tables

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
    """Versions of recipes and what became of them; and what recipes did not count, of the newest parts: `edge.recipe_tables`."""
    for statement in recipe_tables(utc):
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
