"""The table of tests with reference parts; a migration like those of `edge.migrations`, in a file of its own."""

from __future__ import annotations

from sqlite_utils import Database

from edge.migrations import MIGRATIONS, bring_up, utc

__all__ = ["bring_up"]  # whoever brings a record up to date takes it from here, so that these tables are among them


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
