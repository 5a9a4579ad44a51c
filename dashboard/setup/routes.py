"""Setup and self-test for other programs."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response

from dashboard.api.answers import BAD, json_answer
from dashboard.api.description import Refusal
from dashboard.desk import Desk
from dashboard.people.access import Rule
from dashboard.setup.selftests import SelfTestState
from dashboard.setup.signals import Signals, SignalsView
from edge.commands import Command, send_command
from edge.errors import BusError, KeysError
from edge.rabbits import Rabbits

RULES = (
    Rule("/api/line/eject-next", "setup"),
    Rule("/api/plc/signals", "setup"),
    Rule("/api/selftest", "history", "review"),
    Rule("/api/selftests", "history"),
)


def add_commission(router: APIRouter, desk: Desk) -> None:
    """The routes."""
    said, tests, signals = desk.schemas, desk.selftests, Signals(desk.config)

    @router.post("/api/line/eject-next", response_class=Response, responses=said.answers(Refusal, 409, 503))
    async def eject_next(request: Request) -> Response:
        """Test the ejector: the next part is ejected whatever its verdict, once; ends by itself after a minute."""
        order = Command("eject-next", who=request.state.person.name, reason="over the API")
        try:
            reply = await asyncio.to_thread(send_command, desk.config, order)
        except (BusError, KeysError) as error:
            return json_answer(Refusal(False, str(error)), 503)
        return json_answer(Refusal(reply.accepted, reply.text), 200 if reply.accepted else 409)

    @router.get("/api/plc/signals", response_class=Response, responses=said.answers(SignalsView))
    def plc_signals() -> Response:
        """Every signal between us and the PLC, not older than a second; empty where the PLC is simulated."""
        return json_answer(signals.look())

    @router.get("/api/selftest", response_class=Response, responses=said.answers(SelfTestState))
    async def selftest() -> Response:
        """How the self-test stands that is going on, or was last."""
        return json_answer(tests.state())

    @router.post("/api/selftest", response_class=Response, responses=said.answers(SelfTestState, *BAD))
    async def begin(request: Request) -> Response:
        """Begin a self-test with the reference parts of the settings."""
        await asyncio.to_thread(tests.begin, request.state.person.name)
        return json_answer(tests.state())

    @router.post("/api/selftest/part", response_class=Response, responses=said.answers(SelfTestState, *BAD))
    async def part() -> Response:
        """The reference part that is asked for is on its way: the next part that is triggered is taken for it."""
        await asyncio.to_thread(tests.part_is_in)
        return json_answer(tests.state())

    @router.post("/api/selftest/end", response_class=Response, responses=said.answers(SelfTestState, *BAD))
    async def end(request: Request) -> Response:
        """Give the self-test up."""
        await asyncio.to_thread(tests.give_up, request.state.person.name)
        return json_answer(tests.state())

    @router.get("/api/selftests", response_class=Response, responses=said.answers(list[Rabbits], *BAD))
    async def recorded() -> Response:
        """The newest recorded self-tests, newest first."""
        return json_answer(await tests.recorded())
