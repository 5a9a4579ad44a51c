"""What the shadow process puts into the record: results, and the images of disagreements with a hold on each."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from pathlib import Path

from edge import holds, shadow_results
from edge.config import Station
from edge.errors import StoreError
from edge.places import place
from edge.shadow_results import Result, Span
from edge.store import FILE_NAME, Store, open_store
from edge.whole import write_whole

WAIT_S = 60.0  # for the recorder's row of a part; then its image is given up
MAX_WAITING = 200


@dataclass(frozen=True, slots=True)
class Picture:
    """An image to be kept.

    Attributes:
        png: empty where the recorder keeps it anyway.
        at_s: CLOCK_MONOTONIC of the judgement.
    """

    part_id: str
    trigger_wall_ns: int
    png: bytes
    at_s: float


class ShadowWriter:
    """Beside the recorder; opens the record when it is first needed."""

    def __init__(self, config: Station) -> None:
        self._folder, self._most = Path(config.record.folder), config.registry.keep_images
        self._store: Store | None = None

    def write(self, sha256: str, found: list[Result], recipe_hash: str, span: Span, times_ns: tuple[int, int]) -> None:
        """Results and counts of a stretch of time, durable on return.

        Raises:
            StoreError: nothing was written.
        """
        with self._open().writing() as db:
            shadow_results.add(db, sha256, found, recipe_hash, span, times_ns)

    def keep(self, sha256: str, pictures: list[Picture]) -> list[Picture]:
        """Store and hold the images of disagreements whose rows the recorder has written; returns those that still wait.

        Raises:
            StoreError, OSError: some of them are not kept yet.
        """
        if not pictures:
            return []
        waiting = []
        with self._open().reading() as db:
            held = {hold.part_id for hold in holds.holds(db, ended=True) if hold.reason == shadow_results.hold_reason(sha256)}
            rows = {
                p.part_id: db.execute("SELECT evidence FROM inspections WHERE part_id = ? AND verdict IS NOT NULL", (p.part_id,)).fetchone()
                for p in pictures
            }
        for picture in pictures:
            if picture.part_id in held:
                continue  # done before something failed
            if rows[picture.part_id] is None:
                waiting += [picture] if time.monotonic() - picture.at_s < WAIT_S else []
            elif len(held) < self._most and (rows[picture.part_id][0] == "stored" or picture.png):
                self._keep(sha256, picture)
                held.add(picture.part_id)
        return waiting

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _keep(self, sha256: str, picture: Picture) -> None:
        path = place(picture.part_id, picture.trigger_wall_ns)
        if picture.png and not (self._folder / path).exists():
            (self._folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / path, picture.png)
        with self._open().writing() as db:
            if picture.png:
                db.execute(
                    "UPDATE inspections SET evidence = 'stored', image_path = ?, image_sha256 = ?, image_bytes = ?"
                    " WHERE part_id = ? AND evidence = 'sampled out'",
                    (str(path), hashlib.sha256(picture.png).hexdigest(), len(picture.png), picture.part_id),
                )
            holds.place(db, picture.part_id, "shadow", shadow_results.hold_reason(sha256), time.time_ns())

    def _open(self) -> Store:
        if self._store is None:
            if not (self._folder / FILE_NAME).is_file():
                raise StoreError(f"{self._folder / FILE_NAME}: there is no record yet; the recorder makes it")
            self._store = open_store(self._folder / FILE_NAME, beside=True)
        return self._store
