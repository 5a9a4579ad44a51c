"""Setting up a line: what the camera sees, one ejection at a time, and the signals of the PLC."""

from __future__ import annotations

import asyncio
import time

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import button, card, content
from dashboard.setup.signals import Signals
from edge.commands import EJECT_NEXT_S, TEST_REASON, Command, send_command
from edge.errors import GutteilError

PAGE = Page("/commission", "commission.title", "tune", "setup", ("setup.css",))
COUNTS = ("triggers", "verdicts", "passed", "ejected", "missed", "no_verdict", "late")
LOOK_S = 1.0


class CameraPreview(ui.element, component="../assets/setup.js"):
    """The last picture with aids for focus and light; all of it is worked out in the browser."""

    def __init__(self, visited: Visit) -> None:
        super().__init__()
        self._props["texts"] = visited.texts
        self._props["language"] = visited.language


def add(desk: Desk) -> None:
    """Register the page."""
    signals = Signals(desk.config)

    async def fill(visited: Visit, _request: Request) -> None:
        t = visited.t
        with content(t("commission.title")):
            with card(t("commission.camera")):
                ui.label(t("commission.camera_hint")).classes("gt-hint")
                CameraPreview(visited)
            with ui.element("div").classes("gt-grid"):
                _Ejector(desk, visited).draw()
                await _Plc(signals, visited).draw()

    add_page(desk, PAGE, fill)


class _Ejector:
    """Counts of the rejector, and one ejection that is asked for."""

    def __init__(self, desk: Desk, visited: Visit) -> None:
        self._desk, self._visited, self._t = desk, visited, visited.t
        self._asked = 0.0
        self._reason = ""

    def draw(self) -> None:
        t = self._t
        with card(t("commission.ejector")):
            ui.label(t("commission.ejector_hint")).classes("gt-hint")
            with ui.element("div").classes("gt-row"):
                self._button = button(t("commission.eject"), self._eject, tone="primary", icon="logout")
            self._said = ui.label("").classes("gt-said").props('role="status"')
            with ui.element("table").classes("gt-table"), ui.element("tbody"):
                self._cells = {}
                for name in COUNTS:
                    with ui.element("tr"):
                        with ui.element("th").props('scope="row"'):
                            ui.label(t(f"commission.count.{name}"))
                        with ui.element("td").classes("is-number"):
                            self._cells[name] = ui.label("–")
        self._look()
        ui.timer(LOOK_S, self._look)

    async def _eject(self) -> None:
        who = self._visited.actor("setup").name
        reply = await asyncio.to_thread(send_command, self._desk.config, Command("eject-next", who=who, reason="at the dashboard"))
        if not reply.accepted:
            raise GutteilError(reply.text)
        self._asked, self._reason = time.monotonic(), f"{TEST_REASON} by {who}"
        self._said.set_text(self._t("commission.eject_waits"))

    def _look(self) -> None:
        live = self._desk.live
        with live.lock:
            beat = live.line.beats.get("rejector")
            counts = dict(beat.counts) if beat is not None else {}
            tested = live.line.tested
        for name, cell in self._cells.items():
            cell.set_text(str(counts.get(name, "–")))
        if not self._asked:
            return
        if tested is not None and tested.reason == self._reason and tested.mono_ns >= self._asked * 1e9:
            text = self._t(
                "commission.eject_result",
                part=tested.part_id,
                outcome=self._t(f"part.outcome.{tested.outcome}"),
                offset=f"{tested.offset_us / 1000:.1f}",
            )
            self._said.set_text(text)
            self._asked = 0.0
        elif time.monotonic() - self._asked > EJECT_NEXT_S:
            self._said.set_text(self._t("commission.eject_lapsed"))
            self._asked = 0.0


class _Plc:
    """Every signal between us and the PLC."""

    def __init__(self, signals: Signals, visited: Visit) -> None:
        self._signals, self._visited, self._t = signals, visited, visited.t

    async def draw(self) -> None:
        with card(self._t("commission.plc")):
            if not self._signals.wired:
                ui.label(self._t("commission.plc_none")).classes("gt-hint")
                return
            self._place = ui.element("div").classes("gt-signals")
        await self._look()
        ui.timer(LOOK_S, self._look)

    async def _look(self) -> None:
        found = await asyncio.to_thread(self._signals.look)
        self._place.clear()
        with self._place:
            if found.error:
                ui.label(found.error).classes("gt-wrong").props('role="alert"')
            for block, title in ((found.to_plc, "commission.plc_to"), (found.from_plc, "commission.plc_from")):
                if not block.signals:
                    continue
                with ui.element("table").classes("gt-table"):
                    with ui.element("caption"):
                        ui.label(f"{self._t(title)}: {self._t('commission.plc_beat', age=f'{block.beat_age_s:.1f}')}")
                    with ui.element("thead"), ui.element("tr"):
                        for key in ("signal", "value", "unit"):
                            with ui.element("th").props('scope="col"'):
                                ui.label(self._t(f"commission.plc_{key}"))
                    with ui.element("tbody"):
                        for signal in block.signals:
                            with ui.element("tr"):
                                with ui.element("td"):
                                    ui.label(signal.name).tooltip(signal.german if self._visited.language == "de" else signal.english)
                                with ui.element("td").classes("is-number"):
                                    ui.label(str(signal.value))
                                with ui.element("td"):
                                    ui.label(signal.unit)
