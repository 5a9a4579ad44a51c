"""The record's schema, as a list of changes. Only ever add to its end: what has been released is in databases out there."""

from __future__ import annotations

from sqlite_utils import Database, Migrations

APPLICATION_ID = 0x47544C31  # 'GTL1' in the file's header tells our databases from others
MIGRATIONS = Migrations("gutteil")

_UTC = "strftime('%Y-%m-%dT%H:%M:%fZ', {} / 1000000000.0, 'unixepoch')"


@MIGRATIONS(name="0001_record")
def _record(db: Database) -> None:
    utc = _UTC.format
    for statement in (
        f"PRAGMA application_id = {APPLICATION_ID}",
        """CREATE TABLE processes (
            station TEXT NOT NULL, sender TEXT NOT NULL, epoch INTEGER NOT NULL,
            first_wall_ns INTEGER NOT NULL, last_wall_ns INTEGER NOT NULL, simulated INTEGER NOT NULL,
            PRIMARY KEY (station, sender, epoch)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE streams (
            station TEXT NOT NULL, sender TEXT NOT NULL, epoch INTEGER NOT NULL, topic TEXT NOT NULL,
            first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
            PRIMARY KEY (station, sender, epoch, topic),
            FOREIGN KEY (station, sender, epoch) REFERENCES processes ON DELETE CASCADE
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE gaps (
            station TEXT NOT NULL, sender TEXT NOT NULL, epoch INTEGER NOT NULL, topic TEXT NOT NULL,
            first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL,
            PRIMARY KEY (station, sender, epoch, topic, first_seq)
        ) STRICT, WITHOUT ROWID""",
        f"""CREATE TABLE runs (
            run_id TEXT PRIMARY KEY NOT NULL, station TEXT NOT NULL,
            begin_wall_ns INTEGER, begin_at TEXT GENERATED ALWAYS AS ({utc("begin_wall_ns")}) VIRTUAL,
            product TEXT, recipe TEXT, recipe_hash TEXT, model TEXT, model_hash TEXT, classes TEXT, camera TEXT, provider TEXT,
            simulated INTEGER NOT NULL
        ) STRICT""",
        "CREATE INDEX runs_by_station ON runs (station, begin_wall_ns)",
        """CREATE TABLE reference_images (
            pixels_sha256 TEXT PRIMARY KEY NOT NULL, path TEXT NOT NULL, sha256 TEXT NOT NULL
        ) STRICT, WITHOUT ROWID""",
        f"""CREATE TABLE inspections (
            part_id TEXT PRIMARY KEY NOT NULL, run_id TEXT REFERENCES runs, station TEXT NOT NULL,
            trigger_id INTEGER NOT NULL, trigger_wall_ns INTEGER NOT NULL,
            triggered_at TEXT GENERATED ALWAYS AS ({utc("trigger_wall_ns")}) VIRTUAL,
            encoder INTEGER, simulated INTEGER NOT NULL,
            verdict TEXT CHECK (verdict IN ('OK', 'NG', 'UNDECIDED')), reasons TEXT,
            recipe TEXT, recipe_hash TEXT, model_hash TEXT, source TEXT, expected TEXT,
            capture_us REAL, prepare_us REAL, infer_us REAL, decode_us REAL, decide_us REAL, total_us REAL,
            evidence TEXT CHECK (evidence IN ('stored', 'sampled out', 'lost')), image_path TEXT, image_sha256 TEXT,
            reference_evidence TEXT CHECK (reference_evidence IN ('stored', 'sampled out', 'lost')),
            reference_pixels_sha256 TEXT REFERENCES reference_images,
            outcome TEXT CHECK (outcome IN ('passed', 'ejected', 'missed')),
            ejection_reason TEXT, ejection_offset_us REAL, ejection_wall_ns INTEGER,
            ejected_at TEXT GENERATED ALWAYS AS ({utc("ejection_wall_ns")}) VIRTUAL,
            trigger_epoch INTEGER, trigger_seq INTEGER, verdict_epoch INTEGER, verdict_seq INTEGER,
            ejection_epoch INTEGER, ejection_seq INTEGER, contradicted INTEGER NOT NULL DEFAULT 0
        ) STRICT""",
        "CREATE INDEX inspections_by_time ON inspections (trigger_wall_ns)",
        "CREATE INDEX inspections_by_verdict ON inspections (verdict, trigger_wall_ns)",
        "CREATE INDEX inspections_by_run ON inspections (run_id, trigger_wall_ns)",
        """CREATE TABLE defects (
            part_id TEXT NOT NULL REFERENCES inspections ON DELETE CASCADE, number INTEGER NOT NULL,
            kind TEXT NOT NULL, score REAL NOT NULL, x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
            verdict TEXT NOT NULL CHECK (verdict IN ('OK', 'NG', 'UNDECIDED')),
            PRIMARY KEY (part_id, number)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX defects_by_kind ON defects (kind)",
        """CREATE TABLE alarm_events (
            station TEXT NOT NULL, sender TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL, wall_ns INTEGER NOT NULL,
            code TEXT NOT NULL, severity TEXT NOT NULL, active INTEGER NOT NULL, text TEXT NOT NULL, remedy TEXT NOT NULL,
            PRIMARY KEY (station, sender, epoch, code, seq)
        ) STRICT, WITHOUT ROWID""",
        # an alarm lasts from its first 'active' to the next 'not active', or until its process starts anew
        f"""CREATE VIEW alarms AS
            WITH events AS (
                SELECT *, lag(active) OVER (PARTITION BY station, sender, epoch, code ORDER BY seq) AS was_active FROM alarm_events
            ), spans AS (
                SELECT b.*, coalesce(
                    (SELECT e.wall_ns FROM alarm_events e WHERE e.station = b.station AND e.sender = b.sender AND e.epoch = b.epoch
                     AND e.code = b.code AND e.seq > b.seq AND NOT e.active ORDER BY e.seq LIMIT 1),
                    (SELECT min(p.epoch) FROM processes p WHERE p.station = b.station AND p.sender = b.sender AND p.epoch > b.epoch)
                ) AS end_wall_ns FROM events b WHERE b.active AND NOT coalesce(b.was_active, 0)
            )
            SELECT station, sender, code, severity, text, remedy, wall_ns AS begin_wall_ns, end_wall_ns,
                {utc("wall_ns")} AS begin_at, {utc("end_wall_ns")} AS end_at FROM spans""",
    ):
        db.execute(statement)
