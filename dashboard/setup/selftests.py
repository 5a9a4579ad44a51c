"""The one self-test that may be going on at a station, for everybody who looks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Literal, TypeVar

import msgspec

from dashboard.record import Record
from edge import rabbits
from edge.config import Station
from edge.errors import GutteilError
from edge.rabbit_run import RabbitRun
from edge.rabbits import Rabbits, Step
from edge.shifts import Calendar
from edge.store import Store

T = TypeVar("T")
LISTED = 50
State = Literal["none", "asks", "waits", "judged", "over"]


class SelfTestState(msgspec.Struct, frozen=True):
    """How a test stands.

    Attributes:
        state: no test; `asks` for the next reference part; `waits` for it; `judged`, and waits for the ejector; `over`.
        number: the step that is meant, from 1.
        passed: only where it is over and recorded.
    """

    state: State
    who: str
    number: int
    steps: list[Step]
    passed: bool | None
    error: str


class SelfTestError(GutteilError):
    """What is asked for is not possible now; says why."""


class SelfTests:
    """Begins and leads tests. May be called from any thread."""

    def __init__(self, config: Station, record: Record) -> None:
        self._config, self._record = config, record
        self._lock = threading.Lock()
        self._run: RabbitRun | None = None
        self._who = ""

    def begin(self, who: str) -> None:
        """Begin one.

        Raises:
            SelfTestError: one is going on; says whose.
        """
        with self._lock:
            if self._run is not None and not self._run.over:
                raise SelfTestError(f"a self-test of {self._who} is going on; let it end or give it up")
            self._run, self._who = RabbitRun(self._config, self._config.rabbits.parts, who), who

    def part_is_in(self) -> None:
        """The next reference part is on its way.

        Raises:
            SelfTestError: no part is asked for.
        """
        if self.state().state != "asks" or self._run is None:
            raise SelfTestError("no reference part is asked for now")
        self._run.part_is_in()

    def give_up(self, who: str) -> None:
        """End it without a result; nothing happens where there is none."""
        with self._lock:
            if self._run is not None and not self._run.over:
                self._run.give_up(who)

    def close(self) -> None:
        self.give_up("the dashboard, which ended")
        if self._run is not None:
            self._run.wait(3)

    def state(self) -> SelfTestState:
        """How it stands now."""
        run = self._run
        if run is None:
            return SelfTestState("none", "", 0, [Step(kind=kind) for kind in self._config.rabbits.parts], None, "")
        steps, step = [msgspec.structs.replace(s) for s in run.test.steps], run.test.step
        number = 1 + run.test.steps.index(step) if step is not None else len(steps)
        state: State = "over" if run.over or step is None else "judged" if step.state == "judged" else "waits" if run.test.begun else "asks"
        return SelfTestState(state, self._who, number, steps, run.recorded.passed if run.recorded else None, run.error)

    async def recorded(self) -> list[Rabbits]:
        """The newest tests, newest first."""
        return await self._record.ask(self._read(lambda db: rabbits.last(db, LISTED)))

    async def due(self, now_ns: int, model_hash: str) -> bool:
        """Whether this shift still needs a passed test, of known bad and known good parts, with the model that judges now."""
        if not self._config.rabbits.every_shift:
            return False
        newest = next((t for t in await self.recorded() if t.passed and {s.kind for s in t.steps} == {"good", "bad"}), None)
        since_ns = await asyncio.to_thread(lambda: Calendar(self._config.shifts).shift(now_ns).since_ns)
        return newest is None or newest.wall_ns < since_ns or (model_hash not in ("", newest.model_hash))

    @staticmethod
    def _read(question: Callable[..., T]) -> Callable[[Store], T]:
        def ask(store: Store) -> T:
            with store.reading() as db:
                return question(db)

        return ask
