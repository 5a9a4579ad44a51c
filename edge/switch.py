"""The station's change of model or of the recipe's version: loaded and warmed in a thread, and taken between two parts.

The thread watches the product's pointer file (`edge.pointer`) and the recipe's (`edge.recipe_active`), so the part's way touches no disk. What was active before stays
loaded: a rollback finds it warm and needs no load, also after a restart of the station where it was the model that changed. What
cannot be had leaves the old one judging, and an alarm says why.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from pathlib import Path

from edge import recipe_active
from edge.alarms import Alarms
from edge.config import Station
from edge.judge import Judge
from edge.model import RuntimeOptions
from edge.pointer import FOLDER, Pointer, model_path, pointer_file, read_pointer
from edge.recipe import LoadedRecipe, check_products
from edge.recipe_active import active_file, all_active, load_active, read_active

POLL_S = 0.05
RETRY_S = 5.0  # a model that could not be loaded: memory may be free again, a file copied again

log = logging.getLogger("gutteil.station")
_Stamp = tuple[tuple[int, int, int] | None, ...]


class Switch:
    """What the station's loop asks once per turn. Only `take` is called while parts come, and it never waits."""

    def __init__(self, config: Station) -> None:
        """Nothing is read before `judge`."""
        self._config = config
        self._folder, self._warm_up_runs = Path(config.record.folder), config.model.warm_up_runs
        self._options = RuntimeOptions(tuple(config.model.providers), config.model.threads, config.model.spin, config.keys.signers)
        self._current: Judge | None = None
        self._ready: tuple[Judge, Judge] | None = None  # for the one that judges now: the next one
        self._spare: Judge | None = None  # the one before, warm; of the thread alone once it runs
        self._fault = self._recipe_fault = ""
        self.loading = False  # whether the thread loads, and so the process grows
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="switch", daemon=True)

    def judge(self, loaded: LoadedRecipe) -> Judge:
        """The judge of a recipe, with the model that is active for its product, warmed up. Takes as long as loading takes.

        Raises:
            ModelError, SettingsError: pointer, model or recipe cannot be used. No other model is taken instead: nobody released it.
        """
        pointer = read_pointer(self._folder, loaded.recipe.product, self._options.signers)
        if pointer is not None and pointer.sha256:
            check_products(all_active(self._config))
        return self._load(loaded, pointer.sha256 if pointer is not None else "")

    def take(self, current: Judge, alarms: Alarms) -> Judge | None:
        """Between two parts: the judge to go on with, or None to stay with the present one."""
        if self._current is None:
            self._current = current
            self._thread.start()
        self._current = current
        fault = self._fault
        alarms.set(
            "version-refused",
            bool(self._recipe_fault),
            "fault",
            self._recipe_fault,
            "the version before goes on judging; see: gutteil recipes list",
        )
        alarms.set("model-refused", bool(fault), "fault", fault, "the model before goes on judging; see: gutteil models list")
        ready = self._ready
        if ready is None or ready[0] is not current:
            return None
        self._ready = None
        return ready[1]

    def close(self) -> None:
        """End the thread; may be called twice."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def _watch(self) -> None:
        seen: tuple[Judge, _Stamp] | None = None
        retry_at = 0.0
        while not self._stop.wait(POLL_S):
            current = self._current
            if current is None or (self._ready is not None and self._ready[0] is current):
                continue
            now = (current, self._stamp(current))
            if now == seen and time.monotonic() < retry_at:
                continue
            self.loading = True
            try:
                loaded = self._wanted(current)
                try:
                    self._prepare(current, loaded)
                    self._fault, self._recipe_fault, retry_at = "", "", float("inf")
                except Exception as error:  # whatever it is: the model before judges on, and the thread must live for the next try
                    if loaded.hash != current.loaded.hash:
                        raise
                    self._fault, retry_at = self._said("the model", error), time.monotonic() + RETRY_S
            except Exception as error:  # as above
                self._recipe_fault, retry_at = self._said("the recipe's version", error), time.monotonic() + RETRY_S
            finally:
                self.loading = False
            seen = now

    def _said(self, what: str, error: Exception) -> str:
        why = str(error)
        for folder in (FOLDER, recipe_active.FOLDER):  # an alarm has 200 characters, and a path takes them
            why = why.replace(f"{self._folder / folder}/", "")
        return f"{what} made active cannot be used: {why}"[:200]

    def _wanted(self, current: Judge) -> LoadedRecipe:
        """The recipe's active version. Where there is none the file that the settings name is not read again: it may be being edited."""
        path = current.loaded.path
        if path is None or read_active(self._folder, current.loaded.name) is None:
            return current.loaded
        return load_active(self._config, str(path))

    def _prepare(self, current: Judge, loaded: LoadedRecipe) -> None:
        """Have the recipe and the model that are to judge, if they are not the present ones; and the model before, for a rollback."""
        pointer = read_pointer(self._folder, loaded.recipe.product, self._options.signers)
        wanted = pointer.sha256 if pointer is not None else ""
        if not _has(current, loaded, wanted):
            made = self._spare if _has(self._spare, loaded, wanted) else None
            if made is not None:
                made.model.warm_up(1)
            made = made or self._load(loaded, wanted)
            self._spare = current  # it goes on judging until the loop takes the other; the thread does not touch it before
            self._ready = (current, made)
        elif pointer is not None and pointer.previous is not None and not _has(self._spare, current.loaded, pointer.previous):
            self._keep_warm(current.loaded, pointer)

    def _keep_warm(self, loaded: LoadedRecipe, pointer: Pointer) -> None:
        try:
            self._spare = self._load(loaded, pointer.previous or "")
        except Exception as error:  # the present model is none the worse for it; a rollback would say the same as an alarm
            self._spare = None
            log.warning("the model before the present one cannot be loaded, a rollback to it would fail: %s", error)

    def _load(self, loaded: LoadedRecipe, sha256: str) -> Judge:
        judge = Judge(loaded, self._options, model_file=model_path(self._folder, sha256) if sha256 else None, sha256=sha256)
        judge.model.warm_up(self._warm_up_runs)
        return judge

    def _stamp(self, current: Judge) -> _Stamp:
        stamps: list[tuple[int, int, int] | None] = []
        for file in (pointer_file(self._folder, current.recipe.product), active_file(self._folder, current.loaded.name)):
            try:
                info = os.stat(file)
                stamps.append((info.st_ino, info.st_mtime_ns, info.st_size))
            except OSError:
                stamps.append(None)
        return tuple(stamps)


def _has(judge: Judge | None, loaded: LoadedRecipe, sha256: str) -> bool:
    """Whether a judge is of this recipe and runs this model (empty = the recipe's own)."""
    if judge is None or judge.loaded.hash != loaded.hash:
        return False
    return judge.model.file_hash == sha256 if sha256 else judge.model.path == loaded.model_file
