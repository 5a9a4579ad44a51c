"""The self-test with reference parts: one thing to do at a time, and the tests so far."""

from __future__ import annotations

import time

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import button, card, content
from dashboard.models.parts import moment
from dashboard.setup.selftests import SelfTestState
from edge.errors import StoreError
from edge.rabbits import Rabbits, Step

PAGE = Page("/selftest", "selftest.title", "verified", "history", ("setup.css",))
_ICONS = {"waiting": "hourglass_empty", "judged": "visibility", "passed": "check_circle", "failed": "cancel"}
LOOK_S = 1.0


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, _request: Request) -> None:
        with content(visited.t("selftest.title"), visited.t("selftest.hint")):
            await _SelfTest(desk, visited).draw()

    add_page(desk, PAGE, fill)


class _SelfTest:
    """One browser's view of the one test that may be going on; looks once a second what has become of it."""

    def __init__(self, desk: Desk, visited: Visit) -> None:
        self._tests, self._live, self._visited, self._t = desk.selftests, desk.live, visited, visited.t
        self._shown: SelfTestState | None = None

    async def draw(self) -> None:
        self._guide = ui.element("section").classes("gt-card gt-guide").props('aria-live="polite"')
        self._record = ui.element("div")
        await self._look()
        ui.timer(LOOK_S, self._look)

    async def _look(self) -> None:
        state = self._tests.state()
        if state == self._shown:
            return
        was, self._shown = self._shown, state
        self._guide.clear()
        with self._guide:
            await self._draw_guide(state)
        if was is None or state.state == "over":
            found = await self._recorded()
            self._record.clear()
            with self._record:
                self._draw_record(found)

    async def _recorded(self) -> list[Rabbits]:
        try:
            return await self._tests.recorded()
        except StoreError:
            return []  # no part has been recorded yet

    async def _draw_guide(self, s: SelfTestState) -> None:
        t, may = self._t, self._visited.may("review")
        if s.state in ("none", "over"):
            self._result(s)
            if s.state == "none" and await self._due():
                ui.label(t("selftest.due")).classes("gt-wrong").props('role="alert"')
            self._steps(s)
            if may:
                with ui.element("div").classes("gt-row"):
                    button(t("selftest.begin" if s.state == "none" else "selftest.again"), self._begin, tone="primary", icon="play_arrow")
            return
        step = s.steps[s.number - 1]
        ui.label(t("selftest.by", who=s.who)).classes("gt-hint")
        self._steps(s)
        with ui.element("div").classes(f"gt-ask is-{step.kind}"):
            if s.state == "asks":
                ui.label(t(f"selftest.put.{step.kind}")).classes("gt-ask-word")
                ui.label(t("selftest.then")).classes("gt-hint")
            elif s.state == "waits":
                ui.label(t("selftest.waits")).classes("gt-ask-word")
            else:
                ui.label(t("selftest.judged", verdict=t(f"word.{step.verdict}"))).classes("gt-ask-word")
        if may:
            with ui.element("div").classes("gt-row"):
                if s.state == "asks":
                    button(t("selftest.in"), self._part, tone="primary", icon="arrow_forward")
                button(t("selftest.give_up"), self._give_up, tone="quiet")

    async def _due(self) -> bool:
        try:
            run = self._live.line.run
            return await self._tests.due(time.time_ns(), run.model_hash if run is not None else "")
        except StoreError:
            return False

    def _result(self, s: SelfTestState) -> None:
        if s.state != "over":
            return
        key = "passed" if s.passed and not s.error else "given_up" if s.passed is None and not s.error else "failed"
        with ui.element("div").classes(f"gt-result is-{key}"):
            ui.icon({"passed": "check_circle", "failed": "cancel", "given_up": "block"}[key]).props('aria-hidden="true"')
            ui.label(self._t(f"selftest.{key}"))
        if key != "given_up":
            ui.label(self._t("selftest.passed_hint" if key == "passed" else "selftest.failed_hint")).classes("gt-hint")
        if s.error:
            ui.label(s.error).classes("gt-wrong").props('role="alert"')

    def _steps(self, s: SelfTestState) -> None:
        with ui.element("ol").classes("gt-steps"):
            for number, step in enumerate(s.steps, 1):
                current = s.state != "over" and number == s.number
                with ui.element("li").classes(f"is-{step.state}").props('aria-current="step"' if current else ""):
                    ui.icon(_ICONS[step.state]).props('aria-hidden="true"')
                    with ui.element("div"):
                        ui.label(self._t(f"selftest.kind.{step.kind}")).classes("gt-step-kind")
                        ui.label(self._words(step)).classes("gt-hint")

    def _words(self, step: Step) -> str:
        """What became of a part, in the visitor's language."""
        t = self._t
        said = [t(f"selftest.state.{step.state}")]
        if step.verdict:
            said.append(t("selftest.why.judged", verdict=t(f"word.{step.verdict}")))
        if step.outcome:
            said.append(t(f"part.outcome.{step.outcome}"))
        if step.why and not step.verdict:
            said.append(step.why)
        return ", ".join(said)

    def _draw_record(self, found: list[Rabbits]) -> None:
        t = self._t
        with card(t("selftest.record")):
            if not found:
                ui.label(t("selftest.none")).classes("gt-hint")
                return
            with ui.element("div").classes("gt-scroll").props('tabindex="0"'), ui.element("table").classes("gt-table"):
                with ui.element("thead"), ui.element("tr"):
                    for key in ("when", "who", "result", "parts", "recipe"):
                        with ui.element("th").props('scope="col"'):
                            ui.label(t(f"selftest.{key}"))
                with ui.element("tbody"):
                    for test in found:
                        parts = "; ".join(f"{t(f'selftest.kind.{s.kind}')}: {self._words(s)}" for s in test.steps)
                        word = t("selftest.passed" if test.passed else "selftest.failed")
                        with ui.element("tr").classes("is-passed" if test.passed else "is-failed"):
                            for text in (moment(self._visited, test.tested_at), test.who, word, parts, test.recipe):
                                with ui.element("td"):
                                    ui.label(text)

    async def _begin(self) -> None:
        self._tests.begin(self._visited.actor("review").name)
        await self._look()

    async def _part(self) -> None:
        self._visited.actor("review")
        self._tests.part_is_in()
        await self._look()

    async def _give_up(self) -> None:
        self._tests.give_up(self._visited.actor("review").name)
        await self._look()
