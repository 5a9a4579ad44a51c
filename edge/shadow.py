"""The shadow: a process that lets a candidate judge the parts beside the active model. It switches nothing.

It reads the bus like any other reader and copies images out of the frame ring. The candidate runs in one thread at idle priority
(SCHED_IDLE), on the CPU, so it gets a core only while nothing else on the machine wants it; a part that comes while it is busy is
skipped and counted. What it finds goes straight into the record, as holds do (`edge.holds`), and not over the bus: the recorder
need not know of models, and nothing is lost while it is away. It is written at the recorder's own priority and only while the
candidate rests: an idle thread that held Python's lock could hold up the one that has the record's.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from edge import registry
from edge.alive import keeper
from edge.bus import watch
from edge.config import Station
from edge.decide import Decision
from edge.errors import GutteilError, StoreError
from edge.evidence import encode_png
from edge.judge import Judge
from edge.messages import TOPICS, Defect, Run, Verdict
from edge.model import RuntimeOptions
from edge.pointer import model_path
from edge.processes import step_aside, step_back
from edge.recipe import LoadedRecipe
from edge.recipe_active import all_active
from edge.ring import RingReader
from edge.shadow_results import Result, Span
from edge.shadow_writer import MAX_WAITING, Picture, ShadowWriter
from edge.store import FILE_NAME, open_store

LOOK_S = 2.0  # how often the registry is asked who is in shadow, and results are written
QUEUE = 2_000
MAX_RESULTS = 500

log = logging.getLogger("gutteil.shadow")
Image = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class _Job:
    verdict: Verdict
    done: Future[tuple[Decision, bytes]]


class Shadow:
    """One station's shadow."""

    def __init__(self, config: Station) -> None:
        """Nothing is loaded before the registry names a model."""
        self._config = config
        self._path = Path(config.record.folder) / FILE_NAME
        self._bus = watch(config, [Run, Verdict], QUEUE)
        self._ring = RingReader(config.record.ring_folder)
        self._aside = ThreadPoolExecutor(1, "shadow", initializer=step_aside)
        self._writer = ShadowWriter(config)
        self._recipes: dict[str, LoadedRecipe] = {}
        self._recipe_hash = ""  # of the newest verdict
        self._judge: Judge | None = None
        self._sha256 = ""
        self._refused = ""
        self._job: _Job | None = None
        self._results: list[Result] = []
        self._pictures: list[Picture] = []
        self._span, self._began_ns = Span(), time.time_ns()
        self._look_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Judge beside the active model until told to stop."""
        keeper.ready()
        try:
            while not stop.is_set():
                self._turn()
                keeper.progress(self._refused or (f"{self._sha256[:12]} in shadow" if self._judge is not None else "no model is in shadow"))
            if self._job is not None:
                self._finish(self._job)
            self._flush()
        finally:
            self._aside.shutdown(wait=True)
            self._bus.close()
            self._ring.close()
            self._writer.close()

    def _turn(self) -> None:
        if self._job is not None and self._job.done.done():
            self._finish(self._job)
        if self._job is None and time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_S
            self._flush()
            self._look()
        message = self._bus.get(0.005 if self._job is not None else 0.1)
        missed = sum(gap.last - gap.first + 1 for gap in self._bus.gaps if gap.topic == TOPICS[Verdict].decode())
        self._bus.gaps.clear()
        self._bus.noticed.clear()
        self._count(missed=missed)
        if isinstance(message, Verdict):
            self._take(message)

    def _take(self, verdict: Verdict) -> None:
        """Give a part to the candidate, if it is free."""
        self._recipe_hash = verdict.recipe_hash
        judge = self._judge
        if judge is None or verdict.recipe_hash != judge.loaded.hash or verdict.model_hash == self._sha256:
            return
        if not verdict.timings.infer_us:
            return  # the active model has not looked at it either
        if self._job is not None or len(self._results) >= MAX_RESULTS:
            self._count(busy=1)
            return
        image = self._ring.get(verdict.image) if verdict.image is not None else None
        reference = self._ring.get(verdict.reference) if verdict.reference is not None else None
        if image is None or (judge.wants_reference and reference is None):
            self._count(gone=1)
            return
        assert verdict.image is not None
        self._job = _Job(verdict, self._aside.submit(_judge, judge, image, reference, verdict, verdict.image.keep))

    def _finish(self, job: _Job) -> None:
        self._job = None
        try:
            decision, png = job.done.result()
        except Exception as error:  # whatever it is: the candidate is at fault, and only it
            self._count(failed=1)
            log.warning("the shadow model could not judge %s: %s", job.verdict.part_id, error)
            return
        self._count(judged=1)
        verdict = job.verdict
        result = Result(
            part_id=verdict.part_id,
            recipe_hash=verdict.recipe_hash,
            active_sha256=verdict.model_hash,
            active_verdict=verdict.verdict,
            verdict=decision.verdict,
            active_score=_surest(verdict.defects),
            score=_surest(decision.defects),
            active_defects=verdict.defects,
            defects=decision.defects,
            wall_ns=time.time_ns(),
        )
        self._results.append(result)
        if result.differs:
            picture = Picture(verdict.part_id, verdict.trigger_wall_ns, png, time.monotonic())
            self._pictures = [*self._pictures, picture][-MAX_WAITING:]  # a disk that takes none must not fill the memory

    def _flush(self) -> None:
        """Bring to the record what there is; what cannot be written stays for the next time."""
        counted = any(msgspec.structs.astuple(self._span))
        try:
            if self._sha256 and (self._results or counted):
                times_ns = (self._began_ns, time.time_ns())
                recipe_hash = self._judge.loaded.hash if self._judge is not None else self._recipe_hash
                self._writer.write(self._sha256, self._results, recipe_hash, self._span, times_ns)
                self._results, self._span, self._began_ns = [], Span(), times_ns[1]
            self._pictures = self._writer.keep(self._sha256, self._pictures)
        except (OSError, StoreError) as error:
            log.warning("results of the shadow model are not in the record yet: %s", error)

    def _look(self) -> None:
        """Ask the registry which model is in shadow for what is being judged now, and load it. Nothing of the one before is left to write."""
        loaded = self._recipe()
        if loaded is None or not self._path.is_file() or self._results:
            return
        try:
            with open_store(self._path, read_only=True) as store, store.reading() as db:
                wanted = registry.in_state(db, loaded.recipe.product, "shadow")
            if self._judge is not None and (wanted, loaded.hash) == (self._sha256, self._judge.loaded.hash):
                return
            self._judge, self._sha256, self._pictures, self._span, self._began_ns = None, wanted, [], Span(), time.time_ns()
            if wanted:
                file = model_path(Path(self._config.record.folder), wanted)
                # the CPU, whatever the line uses: only its scheduler knows what idle means
                options = RuntimeOptions(("cpu",), self._config.registry.shadow_threads, spin=False, signers=self._config.keys.signers)
                self._judge = self._aside.submit(Judge, loaded, options, model_file=file, sha256=wanted).result()
            self._refused = ""
        except GutteilError as error:
            if str(error) != self._refused:
                log.warning("the shadow model cannot be loaded: %s", error)
            self._refused = str(error)

    def _recipe(self) -> LoadedRecipe | None:
        """The recipe that the station judges under, by the hash in its verdicts."""
        if self._recipe_hash and self._recipe_hash not in self._recipes:
            self._recipes.clear()  # a recipe was mended: the files as they are now
            self._recipes.update((loaded.hash, loaded) for loaded in all_active(self._config))
        return self._recipes.get(self._recipe_hash)

    def _count(self, **more: int) -> None:
        if self._judge is not None and any(more.values()):
            self._span = msgspec.structs.replace(self._span, **{n: getattr(self._span, n) + k for n, k in more.items()})


def _judge(judge: Judge, image: Image, reference: Image | None, verdict: Verdict, kept: bool) -> tuple[Decision, bytes]:
    """The candidate's decision, and the image as PNG where the two differ and the recorder does not keep it."""
    decision = judge.judge(image, reference).decision
    return decision, encode_png(image) if decision.verdict != verdict.verdict and not kept else b""


def _surest(defects: list[Defect]) -> float:
    return max((d.score for d in defects), default=0.0)


def run_shadow(config: Station, stop: threading.Event) -> None:
    """The shadow's process.

    Raises:
        KeysError: the keys cannot be used.
    """
    step_back()
    cv2.setNumThreads(1)
    Shadow(config).run(stop)
