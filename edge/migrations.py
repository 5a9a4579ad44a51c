"""The record's schema, as a list of changes. Only ever add to its end: what has been released is in databases out there."""

from __future__ import annotations

import logging
from pathlib import Path

from sqlite_utils import Database, Migrations

from edge.alive import keeper
from edge.errors import StoreError

APPLICATION_ID = 0x47544C31  # 'GTL1' in the file's header tells our databases from others
MIGRATIONS = Migrations("gutteil")
log = logging.getLogger("gutteil.recorder")

_UTC = "strftime('%Y-%m-%dT%H:%M:%fZ', {} / 1000000000.0, 'unixepoch')"


def utc(column: str) -> str:
    """SQL: a column of UTC ns as ISO 8601."""
    return _UTC.format(column)


@MIGRATIONS(name="0001_record")
def _record(db: Database) -> None:
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


# part of the condition of partial indexes: SQLite uses them only where a query says the same
KEPT = "image_path IS NOT NULL AND evidence_expired_ns IS NULL"
FREE = f"{KEPT} AND held = 0"


@MIGRATIONS(name="0002_keeping")
def _keeping(db: Database) -> None:
    """What may be deleted and when, holds that forbid it, and who gave which order.

    A CHECK cannot be altered, so an image deleted by age or room keeps `evidence = 'stored'` and its path, and gets the time
    of its deletion; `Inspection.evidence` says 'expired'. `held` follows from the holds, for the index.
    `worth`: 0 goes first (samples of OK parts), 2 last (the books do not fit: what such an image shows will be asked for).
    """
    was, now = (f"({r}.image_path IS NOT NULL AND {r}.evidence_expired_ns IS NULL)" for r in ("OLD", "NEW"))
    ref_was, ref_now = "(OLD.expired_ns IS NULL)", "(NEW.expired_ns IS NULL)"
    for statement in (
        "ALTER TABLE inspections ADD COLUMN image_bytes INTEGER",
        "ALTER TABLE inspections ADD COLUMN evidence_expired_ns INTEGER CHECK (evidence_expired_ns IS NULL OR evidence = 'stored')",
        "ALTER TABLE inspections ADD COLUMN held INTEGER NOT NULL DEFAULT 0",
        """ALTER TABLE inspections ADD COLUMN worth INTEGER GENERATED ALWAYS AS (
            CASE WHEN contradicted OR (outcome = 'passed' AND verdict != 'OK') THEN 2 WHEN verdict = 'OK' THEN 0 ELSE 1 END) VIRTUAL""",
        "ALTER TABLE reference_images ADD COLUMN bytes INTEGER",
        "ALTER TABLE reference_images ADD COLUMN expired_ns INTEGER",
        f"CREATE INDEX inspections_by_worth ON inspections (worth, trigger_wall_ns) WHERE {FREE}",
        f"CREATE INDEX inspections_by_age ON inspections (trigger_wall_ns) WHERE {FREE}",
        f"CREATE INDEX inspections_by_reference ON inspections (reference_pixels_sha256) WHERE {KEPT}",
        "CREATE INDEX inspections_held ON inspections (reference_pixels_sha256) WHERE held = 1",
        "CREATE INDEX inspections_by_image ON inspections (image_path) WHERE image_path IS NOT NULL",
        f"CREATE INDEX inspections_unmeasured ON inspections (part_id) WHERE {KEPT} AND image_bytes IS NULL",
        # how much is kept, always exact and never counted anew
        """CREATE TABLE kept_bytes (
            what TEXT PRIMARY KEY NOT NULL CHECK (what IN ('images', 'references')), files INTEGER NOT NULL, bytes INTEGER NOT NULL
        ) STRICT, WITHOUT ROWID""",
        f"INSERT INTO kept_bytes SELECT 'images', count(*), 0 FROM inspections WHERE {KEPT}",
        "INSERT INTO kept_bytes SELECT 'references', count(*), 0 FROM reference_images",
        f"""CREATE TRIGGER inspection_kept AFTER INSERT ON inspections WHEN {now} BEGIN
            UPDATE kept_bytes SET files = files + 1, bytes = bytes + coalesce(NEW.image_bytes, 0) WHERE what = 'images'; END""",
        f"""CREATE TRIGGER inspection_changed AFTER UPDATE OF image_path, image_bytes, evidence_expired_ns ON inspections BEGIN
            UPDATE kept_bytes SET files = files + {now} - {was},
                bytes = bytes + {now} * coalesce(NEW.image_bytes, 0) - {was} * coalesce(OLD.image_bytes, 0) WHERE what = 'images'; END""",
        """CREATE TRIGGER reference_kept AFTER INSERT ON reference_images BEGIN
            UPDATE kept_bytes SET files = files + 1, bytes = bytes + coalesce(NEW.bytes, 0) WHERE what = 'references'; END""",
        f"""CREATE TRIGGER reference_changed AFTER UPDATE OF bytes, expired_ns ON reference_images BEGIN
            UPDATE kept_bytes SET files = files + {ref_now} - {ref_was},
                bytes = bytes + {ref_now} * coalesce(NEW.bytes, 0) - {ref_was} * coalesce(OLD.bytes, 0) WHERE what = 'references'; END""",
        f"""CREATE TABLE holds (
            number INTEGER PRIMARY KEY NOT NULL, part_id TEXT NOT NULL REFERENCES inspections,
            who TEXT NOT NULL, reason TEXT NOT NULL,
            wall_ns INTEGER NOT NULL, held_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL
        ) STRICT""",
        "CREATE INDEX holds_by_part ON holds (part_id)",
        f"""CREATE TABLE hold_releases (
            hold INTEGER PRIMARY KEY NOT NULL REFERENCES holds, who TEXT NOT NULL, reason TEXT NOT NULL,
            wall_ns INTEGER NOT NULL, released_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL
        ) STRICT""",
        """CREATE TRIGGER hold_placed AFTER INSERT ON holds BEGIN
            UPDATE inspections SET held = 1 WHERE part_id = NEW.part_id; END""",
        """CREATE TRIGGER hold_released AFTER INSERT ON hold_releases BEGIN
            UPDATE inspections SET held = EXISTS (
                SELECT 1 FROM holds h WHERE h.part_id = inspections.part_id AND h.number NOT IN (SELECT hold FROM hold_releases)
            ) WHERE part_id = (SELECT part_id FROM holds WHERE number = NEW.hold); END""",
        f"""CREATE TABLE audit (
            number INTEGER PRIMARY KEY NOT NULL, wall_ns INTEGER NOT NULL, at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL,
            station TEXT NOT NULL, sender TEXT NOT NULL, epoch INTEGER NOT NULL, seq INTEGER NOT NULL,
            op TEXT NOT NULL, who TEXT NOT NULL, key TEXT NOT NULL, accepted INTEGER NOT NULL, text TEXT NOT NULL,
            simulated INTEGER NOT NULL, hash TEXT NOT NULL
        ) STRICT""",
        "CREATE UNIQUE INDEX audit_by_message ON audit (station, sender, epoch, seq)",
        # REPLACE deletes without asking the triggers of DELETE: what may come in is asked as well
        """CREATE TRIGGER audit_in_order BEFORE INSERT ON audit
            WHEN NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM audit) OR EXISTS (
                SELECT 1 FROM audit WHERE station = NEW.station AND sender = NEW.sender AND epoch = NEW.epoch AND seq = NEW.seq)
            BEGIN SELECT RAISE(ABORT, 'audit is append only'); END""",
        """CREATE TRIGGER holds_in_order BEFORE INSERT ON holds WHEN NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM holds)
            BEGIN SELECT RAISE(ABORT, 'holds is append only'); END""",
        """CREATE TRIGGER hold_releases_once BEFORE INSERT ON hold_releases WHEN NEW.hold IN (SELECT hold FROM hold_releases)
            BEGIN SELECT RAISE(ABORT, 'hold_releases is append only'); END""",
        *(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
            for table in ("audit", "holds", "hold_releases")
            for verb in ("UPDATE", "DELETE")
        ),
    ):
        db.execute(statement)


@MIGRATIONS(name="0003_reviews")
def _reviews(db: Database) -> None:
    """What people say a part really was. `boxed`: they also said which defects it has (none is an answer too)."""
    for statement in (
        f"""CREATE TABLE reviews (
            number INTEGER PRIMARY KEY NOT NULL, part_id TEXT NOT NULL REFERENCES inspections, who TEXT NOT NULL,
            truth TEXT NOT NULL CHECK (truth IN ('good', 'bad', 'unsure', 'withdrawn')), note TEXT NOT NULL, boxed INTEGER NOT NULL,
            wall_ns INTEGER NOT NULL, reviewed_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL
        ) STRICT""",
        "CREATE INDEX reviews_by_part ON reviews (part_id, number)",
        """CREATE TABLE review_boxes (
            review INTEGER NOT NULL REFERENCES reviews, number INTEGER NOT NULL, kind TEXT NOT NULL,
            x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL, PRIMARY KEY (review, number)
        ) STRICT, WITHOUT ROWID""",
        # REPLACE deletes without asking the triggers of DELETE
        """CREATE TRIGGER reviews_in_order BEFORE INSERT ON reviews WHEN NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM reviews)
            BEGIN SELECT RAISE(ABORT, 'reviews is append only'); END""",
        """CREATE TRIGGER review_boxes_once BEFORE INSERT ON review_boxes
            WHEN EXISTS (SELECT 1 FROM review_boxes WHERE review = NEW.review AND number = NEW.number)
            BEGIN SELECT RAISE(ABORT, 'review_boxes is append only'); END""",
        *(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
            for table in ("reviews", "review_boxes")
            for verb in ("UPDATE", "DELETE")
        ),
    ):
        db.execute(statement)


@MIGRATIONS(name="0004_stopped")
def _stopped(db: Database) -> None:
    """Whether a process was heard to stop, so that nothing of it is missing unseen. Of those before nobody knows: they count as stopped."""
    db.execute("ALTER TABLE processes ADD COLUMN stopped INTEGER NOT NULL DEFAULT 0")
    db.execute("UPDATE processes SET stopped = 1")


@MIGRATIONS(name="0005_models")
def _models(db: Database) -> None:
    """Models by the SHA-256 of their files, what is known of them, what became of them, and what they said in shadow.

    The newest document of a kind counts, as does the newest state; all are kept. A shadow result has no foreign key to the
    part: it may be here before the recorder's batch. Defects are kept of disagreements alone.
    """
    tables = {
        "models": ("sha256",),
        "model_documents": ("number",),
        "model_states": ("number",),
        "shadow_results": ("sha256", "part_id"),
        "shadow_spans": ("number",),
    }
    for statement in (
        f"""CREATE TABLE models (
            sha256 TEXT PRIMARY KEY NOT NULL CHECK (length(sha256) = 64), name TEXT NOT NULL, bytes INTEGER NOT NULL,
            card TEXT NOT NULL, data_hash TEXT NOT NULL, licence TEXT NOT NULL, code TEXT NOT NULL, who TEXT NOT NULL,
            wall_ns INTEGER NOT NULL, registered_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL
        ) STRICT""",
        f"""CREATE TABLE model_documents (
            number INTEGER PRIMARY KEY NOT NULL, sha256 TEXT NOT NULL REFERENCES models, product TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('parity', 'evaluation', 'recipe', 'latency')),
            document TEXT NOT NULL, document_sha256 TEXT NOT NULL, who TEXT NOT NULL,
            wall_ns INTEGER NOT NULL, added_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL
        ) STRICT""",
        "CREATE INDEX model_documents_by_model ON model_documents (sha256, product, kind)",
        f"""CREATE TABLE model_states (
            number INTEGER PRIMARY KEY NOT NULL, product TEXT NOT NULL, sha256 TEXT NOT NULL REFERENCES models,
            event TEXT NOT NULL, state TEXT NOT NULL CHECK (state IN ('candidate', 'shadow', 'active', 'retired')),
            who TEXT NOT NULL, reason TEXT NOT NULL, key TEXT NOT NULL, signature TEXT NOT NULL,
            wall_ns INTEGER NOT NULL, changed_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL
        ) STRICT""",
        "CREATE INDEX model_states_by_model ON model_states (product, sha256, number)",
        f"""CREATE TABLE shadow_results (
            sha256 TEXT NOT NULL REFERENCES models, part_id TEXT NOT NULL, recipe_hash TEXT NOT NULL, active_sha256 TEXT NOT NULL,
            active_verdict TEXT NOT NULL CHECK (active_verdict IN ('OK', 'NG', 'UNDECIDED')),
            verdict TEXT NOT NULL CHECK (verdict IN ('OK', 'NG', 'UNDECIDED')),
            active_score REAL NOT NULL, score REAL NOT NULL, active_defects TEXT, defects TEXT,
            wall_ns INTEGER NOT NULL, judged_at TEXT GENERATED ALWAYS AS ({utc("wall_ns")}) VIRTUAL,
            PRIMARY KEY (sha256, part_id)
        ) STRICT, WITHOUT ROWID""",
        "CREATE INDEX shadow_disagreements ON shadow_results (sha256, wall_ns) WHERE verdict != active_verdict",
        "CREATE INDEX shadow_results_by_pair ON shadow_results (sha256, recipe_hash, active_sha256)",
        f"""CREATE TABLE shadow_spans (
            number INTEGER PRIMARY KEY NOT NULL, sha256 TEXT NOT NULL REFERENCES models, recipe_hash TEXT NOT NULL,
            judged INTEGER NOT NULL, busy INTEGER NOT NULL, gone INTEGER NOT NULL, missed INTEGER NOT NULL, failed INTEGER NOT NULL,
            begin_wall_ns INTEGER NOT NULL, end_wall_ns INTEGER NOT NULL,
            end_at TEXT GENERATED ALWAYS AS ({utc("end_wall_ns")}) VIRTUAL
        ) STRICT""",
        "CREATE INDEX shadow_spans_by_model ON shadow_spans (sha256)",
        *(
            f"""CREATE TRIGGER {table}_in_order BEFORE INSERT ON {table} WHEN NEW.number != (SELECT coalesce(max(number), 0) + 1 FROM {table})
            BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"""
            for table, key in tables.items()
            if key == ("number",)
        ),
        # REPLACE deletes without asking the triggers of DELETE
        *(
            f"""CREATE TRIGGER {table}_once BEFORE INSERT ON {table}
            WHEN EXISTS (SELECT 1 FROM {table} t WHERE {" AND ".join(f"t.{k} = NEW.{k}" for k in key)})
            BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"""
            for table, key in tables.items()
            if key != ("number",)
        ),
        *(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} BEGIN SELECT RAISE(ABORT, '{table} is append only'); END"
            for table in tables
            for verb in ("UPDATE", "DELETE")
        ),
    ):
        db.execute(statement)


# parts that people ask for by name and that are few among many; as above a query must say the same
ODD = "(contradicted = 1 OR held = 1 OR outcome = 'missed' OR (outcome = 'ejected' AND verdict = 'OK'))"


@MIGRATIONS(name="0006_search")
def _search(db: Database) -> None:
    """What people look for, and counts by quarter of an hour, so that nobody reads 10 million rows.

    `truth` follows from the newest review, as `held` from the holds. `how` says why somebody looked at the part: bounds for escapes
    may rest on samples alone, and what was drawn stays `sampled` until it is withdrawn, whatever is said of it later. The time of a defect is that of its part, so that a class is found by time.
    Hours in `tally_due` have not been counted: here all there are; the recorder does so in small steps, newest first.
    On a record of 10 million parts this takes about a minute of computing, most of it for three passes over all parts.
    """
    newest = "SELECT * FROM reviews r WHERE r.number = (SELECT max(n.number) FROM reviews n WHERE n.part_id = r.part_id)"
    for statement in (
        "ALTER TABLE inspections ADD COLUMN truth TEXT CHECK (truth IN ('good', 'bad', 'unsure'))",
        "ALTER TABLE inspections ADD COLUMN sampled INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE reviews ADD COLUMN how TEXT NOT NULL DEFAULT 'other' CHECK (how IN ('queue', 'sample', 'report', 'other'))",
        f"UPDATE inspections SET truth = r.truth FROM ({newest}) r WHERE r.part_id = inspections.part_id AND r.truth != 'withdrawn'",
        """CREATE TRIGGER review_counts AFTER INSERT ON reviews BEGIN
            UPDATE inspections SET truth = nullif(NEW.truth, 'withdrawn'),
            sampled = (NEW.truth != 'withdrawn' AND (sampled OR NEW.how = 'sample')) WHERE part_id = NEW.part_id; END""",
        "CREATE INDEX reviews_by_who ON reviews (who, part_id)",
        "CREATE INDEX inspections_reviewed ON inspections (trigger_wall_ns) WHERE truth IS NOT NULL",
        f"CREATE INDEX inspections_pictured ON inspections (trigger_wall_ns) WHERE {KEPT}",
        f"CREATE INDEX inspections_odd ON inspections (trigger_wall_ns) WHERE {ODD}",
        "ALTER TABLE defects ADD COLUMN wall_ns INTEGER NOT NULL DEFAULT 0",
        "UPDATE defects SET wall_ns = (SELECT i.trigger_wall_ns FROM inspections i WHERE i.part_id = defects.part_id)",
        "DROP INDEX defects_by_kind",
        "CREATE INDEX defects_by_kind ON defects (kind, wall_ns)",
        """CREATE TABLE tallies (
            bucket INTEGER NOT NULL, run TEXT NOT NULL, verdict TEXT NOT NULL, outcome TEXT NOT NULL, truth TEXT NOT NULL,
            sampled INTEGER NOT NULL, parts INTEGER NOT NULL, PRIMARY KEY (bucket, run, verdict, outcome, truth, sampled)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE tally_kinds (
            bucket INTEGER NOT NULL, run TEXT NOT NULL, kind TEXT NOT NULL, rejects INTEGER NOT NULL, truth TEXT NOT NULL,
            parts INTEGER NOT NULL, defects INTEGER NOT NULL, PRIMARY KEY (bucket, run, kind, rejects, truth)
        ) STRICT, WITHOUT ROWID""",
        """CREATE TABLE tally_stages (
            hour INTEGER NOT NULL, run TEXT NOT NULL, stage INTEGER NOT NULL, bin INTEGER NOT NULL, parts INTEGER NOT NULL,
            PRIMARY KEY (hour, run, stage, bin)
        ) STRICT, WITHOUT ROWID""",
        "CREATE TABLE tally_due (hour INTEGER PRIMARY KEY NOT NULL) STRICT",
        """INSERT INTO tally_due WITH RECURSIVE hours(hour) AS (
            SELECT min(trigger_wall_ns) / 3600000000000 FROM inspections UNION ALL
            SELECT (SELECT min(trigger_wall_ns) / 3600000000000 FROM inspections WHERE trigger_wall_ns >= (hour + 1) * 3600000000000)
            FROM hours WHERE hour IS NOT NULL) SELECT hour FROM hours WHERE hour IS NOT NULL""",
    ):
        db.execute(statement)


def bring_up(path: Path, database: Database, *, as_it_is: bool) -> None:
    """Apply what is missing, and say so where there is a record already; `as_it_is`: only look.

    Raises:
        StoreError: written by a newer release, or, as it is, by an older one.
    """
    known = {m.name for m in MIGRATIONS.pending(Database(memory=True))}
    newer = [m.name for m in MIGRATIONS.applied(database) if m.name not in known]
    if newer:
        raise StoreError(
            f"{path}: was written by a newer release of Gutteil (it has {newer[-1]}); install that release, or set record.folder to another folder"
        )
    if as_it_is and MIGRATIONS.pending(database):
        raise StoreError(f"{path}: was written by an older release of Gutteil; start the recorder once, it brings the record up to date")
    pending = [] if as_it_is else [m.name for m in MIGRATIONS.pending(database)]
    if not pending:
        return
    if len(pending) < len(known):
        log.warning("%s is brought up to date (%s); with millions of parts this takes minutes", path, ", ".join(pending))
    database.conn.set_progress_handler(keeper.progress, 1_000_000)  # it works, says this, and does not hang
    MIGRATIONS.apply(database)
    database.conn.set_progress_handler(None, 0)
    if len(pending) < len(known):
        log.warning("%s is up to date", path)
