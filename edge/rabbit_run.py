"""A test with reference parts on the running line: listens beside everybody else, records what came of it, stops the line if it failed."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from edge import rabbits
from edge.audit import append
from edge.bus import watch
from edge.commands import Command, send_command
from edge.config import Station
from edge.errors import GutteilError
from edge.holds import said
from edge.messages import Ejection, Verdict
from edge.rabbits import Kind, Rabbits, RabbitTest, Step
from edge.store import FILE_NAME, open_store

log = logging.getLogger(__name__)
OUTCOME_S = 20.0  # from the verdict to what the ejector says of it; the longest belt takes less
_LISTEN_S = 0.1


class RabbitRun:
    """One test, in a thread of its own. Every method may be called from any thread.

    Attributes:
        test: how far it is.
        recorded: the record once it is over; None before, and where it was given up by a person.
        error: what went wrong besides, in words: it could not be recorded, or the line could not be stopped.
    """

    def __init__(self, config: Station, kinds: Sequence[Kind], who: str, changed: Callable[[], None] = lambda: None) -> None:
        """Begin to listen.

        Raises:
            StoreError: no name.
        """
        self._config, self._who, self._changed = config, said(who, "who"), changed
        self.test = RabbitTest([Step(kind=kind) for kind in kinds])
        self.recorded: Rabbits | None = None
        self.error = ""
        self._lock, self._over = threading.Lock(), threading.Event()
        self._given_up = ""
        self._began = self._judged = 0.0
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="rabbits", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return self._over.is_set()

    def part_is_in(self) -> None:
        """The person has put the next reference part on its way."""
        self._listening.wait(5)
        with self._lock:
            self.test.begin(time.monotonic_ns())
            self._began = time.monotonic()

    def give_up(self, who: str) -> None:
        """End it without a result; it is audited, and the line is not stopped."""
        with self._lock:
            self._given_up = who

    def wait(self, timeout_s: float) -> bool:
        """Until it is over; returns whether it is."""
        return self._over.wait(timeout_s)

    def _run(self) -> None:
        try:
            self._listen()
            self._finish()
        except Exception as error:  # whatever it is: a test that broke has not been passed, and the page must say so
            self.error = str(error) if isinstance(error, GutteilError) else f"the test broke ({error!r}); nothing is known"
            if not isinstance(error, GutteilError):
                log.exception("a self-test broke")
        finally:
            self._over.set()
            self._changed()

    def _listen(self) -> None:
        subscriber = watch(self._config, (Verdict, Ejection))
        try:
            while self.test.step is not None and not self._given_up:
                message = subscriber.get(_LISTEN_S)
                self._listening.set()
                with self._lock:
                    before = self.test.step.state
                    if isinstance(message, Verdict) and message.station == self._config.name:
                        self.test.judged(message)
                    elif isinstance(message, Ejection) and message.station == self._config.name:
                        self.test.gone(message)
                    self._lapse()
                    step = self.test.step
                    if step is None or step.state != before:
                        self._judged = time.monotonic()
                        self._changed()
        finally:
            subscriber.close()

    def _lapse(self) -> None:
        step, now = self.test.step, time.monotonic()
        if step is None:
            return
        if step.state == "waiting" and self.test.begun and now - self._began > self._config.rabbits.wait_s:
            self.test.give_up(f"no part came within {self._config.rabbits.wait_s:g} s")
        elif step.state == "judged" and now - max(self._began, self._judged) > OUTCOME_S:
            self.test.give_up(f"nobody said within {OUTCOME_S:g} s what became of the part")

    def _finish(self) -> None:
        path, now_ns = Path(self._config.record.folder) / FILE_NAME, time.time_ns()
        kinds = ", ".join(f"{s.kind}: {s.state} {s.verdict} {s.outcome} {s.why}".rstrip() for s in self.test.steps)
        failed = self.test.failed or (not self._given_up and not self.test.passed)
        over = failed or not self._given_up
        if failed:  # first of all
            first = next(s.why for s in self.test.steps if s.state == "failed")
            order = Command("stop", who=self._who, reason=f"self-test failed: {first}"[:200])
            try:
                reply = send_command(self._config, order)
                self.error = "" if reply.accepted else f"the line was NOT stopped: {reply.text}; stop it at the machine"
            except GutteilError as error:
                self.error = f"the line was NOT stopped: {error}; stop it at the machine"
        with open_store(path, beside=True) as store, store.writing() as db:
            if over:
                self.recorded = rabbits.add(db, self._who, self.test, now_ns)
            word = "FAILED" if failed else "passed" if over else f"given up by {self._given_up}"
            simulated = self._config.camera.backend == "simulator"
            row = (
                now_ns,
                self._config.name,
                "rabbits",
                now_ns,
                1,
                "self-test",
                self._who,
                "none",
                True,
                f"{word}: {kinds}"[:400],
                simulated,
            )
            append(db, row)
