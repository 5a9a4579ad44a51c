"""What old verdicts are replayed from: the text of each run's recipe and its golden reference, by SHA-256, and the software that ran.

Recipes are edited and references taken anew; a verdict belongs to the version that stood then. The recorder keeps them at the
first word of a run, by the hash that it says, from the active version, the files that the settings name or the record's versions
(`edge.recipe_texts`): so what is kept is always what judged. Where nothing has that hash, nothing is kept, and it is tried again.
"""

from __future__ import annotations

import hashlib
import logging
import platform
import sqlite3
import time
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

from edge.config import Station
from edge.errors import GutteilError, RecipeError
from edge.messages import AnyMessage, Run
from edge.recipe import LoadedRecipe, parse_recipe
from edge.recipe_texts import recipe_text
from edge.store import Store

MAX_REFERENCE_BYTES = 64_000_000
_RUNTIMES = ("onnxruntime-gpu", "onnxruntime", "onnxruntime-openvino")

log = logging.getLogger("gutteil.recorder")


class KeptRun(msgspec.Struct, frozen=True):
    """What is kept of a run.

    Attributes:
        path: where the recipe lay, for models that it names relative to itself.
        recipe: its text, None where it was not kept.
        reference: the golden reference's file, None where the recipe names none or it was not kept.
        wants_reference: the recipe names one.
        software: what `software` said then; empty for a run of an older release.
    """

    path: str
    recipe: bytes | None
    reference: bytes | None
    wants_reference: bool
    software: str


def software() -> str:
    """The versions that decide about the last bit of a score. ONNX Runtime is not loaded for it."""
    found = []
    for name in _RUNTIMES:
        try:
            found.append(f"onnxruntime {version(name)}")
            break
        except PackageNotFoundError:
            continue
    for name, packages in (("opencv", ("opencv-python-headless", "opencv-python")), ("numpy", ("numpy",))):
        for package in packages:
            try:
                found.append(f"{name} {version(package)}")
                break
            except PackageNotFoundError:
                continue
    return ", ".join([*found, f"{_processor()} ({platform.machine()})"])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(("model name", "Model"))), "processor unknown")[:100]


class RecipeKeeper:
    """The recorder's: keeps each run's recipe once."""

    def __init__(self, config: Station) -> None:
        self._config = config
        self._done: set[str] = set()
        self._said = ""

    def see(self, store: Store, messages: Iterable[AnyMessage]) -> None:
        """Keep the recipes of runs that are announced here, whose rows are written. What fails is tried at the next announcement."""
        for run in messages:
            if not isinstance(run, Run) or run.run_id in self._done or not run.run_id:
                continue
            try:
                self._keep(store, run)
            except (GutteilError, OSError) as error:
                if (why := f"the recipe of run {run.run_id} is not kept yet: {error}") != self._said:
                    log.warning("%s", why)
                self._said = why
                continue
            self._done.add(run.run_id)

    def _keep(self, store: Store, run: Run) -> None:
        with store.reading() as db:
            if db.execute("SELECT 1 FROM runs_kept WHERE run_id = ?", (run.run_id,)).fetchone():
                return
            found = recipe_text(db, self._config, run.recipe_hash)
        if found is None:  # a row without it could never be mended: the table is append only
            raise RecipeError(
                f"neither the settings' files nor the record's versions have version {run.recipe_hash[:16]} of {run.recipe!r}; "
                "if its file was edited, put it back, or its verdicts cannot be replayed"
            )
        text, file = found
        loaded = parse_recipe(text, file)
        with store.writing() as db:
            keep_run(db, run.run_id, str(file.resolve()), text, _reference(loaded), wants=bool(loaded.recipe.reference.file))


def _reference(loaded: LoadedRecipe) -> bytes | None:
    file = loaded.reference_file
    if file is None or not file.is_file() or file.stat().st_size > MAX_REFERENCE_BYTES:
        return None
    return file.read_bytes()


def keep_run(db: sqlite3.Connection, run_id: str, path: str, recipe: bytes | None, reference: bytes | None, *, wants: bool) -> None:
    """Within the caller's transaction, which holds the write lock. A run that is known stays as it is."""
    hashes = []
    for data in (recipe, reference):
        sha256 = hashlib.sha256(data).hexdigest() if data is not None else None
        hashes.append(sha256)
        if sha256 is not None:
            db.execute("INSERT INTO kept_files (sha256, data) VALUES (?, ?) ON CONFLICT DO NOTHING", (sha256, data))
    row = (run_id, path, hashes[0], wants, hashes[1], software(), time.time_ns())
    db.execute("INSERT INTO runs_kept VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", row)


def kept_run(db: sqlite3.Connection, run_id: str) -> KeptRun | None:
    """What is kept of a run, None for nothing."""
    row = db.execute(
        """SELECT k.path, r.data, g.data, k.wants_reference, k.software FROM runs_kept k
        LEFT JOIN kept_files r ON r.sha256 = k.recipe_sha256 LEFT JOIN kept_files g ON g.sha256 = k.reference_sha256 WHERE k.run_id = ?""",
        (run_id,),
    ).fetchone()
    return KeptRun(row[0], row[1], row[2], bool(row[3]), row[4]) if row is not None else None
