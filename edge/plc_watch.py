"""`gutteil plc watch`: every signal between us and the PLC, live."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table

from edge.config import Station
from hardware.errors import DeviceGone
from hardware.modbus_watch import Look, Watcher, modbus_settings
from hardware.plcs.modbus_server import ModbusServerSettings
from hardware.signals import Direction, signals

LOOK_S = 0.1
STALE_S = 1.0


def as_document(look: Look) -> dict[str, Any]:
    """What `--json` prints."""
    ages = {direction: round(age, 2) for direction, age in look.beat_age_s.items()}
    return {"to_plc": look.to_plc, "from_plc": look.from_plc, "heartbeat_age_s": ages}


def changes(before: Look | None, look: Look) -> bool:
    """Whether anything but the heartbeats differs."""
    if before is None:
        return True
    pairs = ((before.to_plc, look.to_plc), (before.from_plc, look.from_plc))
    return any({**old, "heartbeat": 0} != {**new, "heartbeat": 0} for old, new in pairs)


def plc_watch(config: Station, once: bool, stop: threading.Event, console: Console, say: Callable[[Any], None] | None) -> None:
    """Show the signals until told to stop, or `once`; with `say` one document per change instead of a table.

    Raises:
        DeviceSettings: the PLC has no signals on a wire.
        DeviceGone: asked once, and nobody answers.
    """
    settings = modbus_settings(config.plc.backend, config.plc.settings)
    bases: dict[Direction, tuple[int, int]] = {
        "to_plc": (30_001 if isinstance(settings, ModbusServerSettings) else 40_001, settings.to_plc_base),
        "from_plc": (40_001, settings.from_plc_base),
    }
    watcher = Watcher(settings)
    try:
        if once:
            look = watcher.look()
            say(as_document(look)) if say is not None else console.print(table(look, bases))
        elif say is not None:
            _say_changes(watcher, stop, console, say)
        else:
            with Live(console=console, refresh_per_second=10, screen=console.is_terminal) as live:
                while not stop.wait(LOOK_S):
                    try:
                        live.update(table(watcher.look(), bases))
                    except DeviceGone as gone:
                        live.update(str(gone))
    finally:
        watcher.close()


def _say_changes(watcher: Watcher, stop: threading.Event, console: Console, say: Callable[[Any], None]) -> None:
    before: Look | None = None
    told = ""
    while not stop.wait(LOOK_S):
        try:
            look = watcher.look()
        except DeviceGone as gone:
            if str(gone) != told:
                told = str(gone)
                console.print(told, highlight=False, markup=False)
            before = None
            continue
        told = ""
        if changes(before, look):
            say({"at": time.time(), **as_document(look)})
            before = look


def table(look: Look, bases: dict[Direction, tuple[int, int]]) -> Group:
    """Both blocks as tables."""
    made = []
    blocks: tuple[tuple[Direction, dict[str, int], str], ...] = (
        ("to_plc", look.to_plc, "we say (to_plc)"),
        ("from_plc", look.from_plc, "the PLC says (from_plc)"),
    )
    for direction, values, title in blocks:
        age = look.beat_age_s[direction]
        beat = f"heartbeat {age:.1f} s ago" if age < STALE_S else f"[red]no heartbeat for {age:.0f} s[/]"
        shown = Table(title=f"{title}: {beat}", title_justify="left", pad_edge=False)
        for column in ("register", "signal", "value", "unit", "deutsch"):
            shown.add_column(column, justify="right" if column == "value" else "left", no_wrap=column != "deutsch")
        first, base = bases[direction]
        for s in signals(direction):
            place = str(first + base + s.register) + (f".{s.bit}" if s.bit is not None else "")
            value = values[s.name]
            style = "bold" if value else "dim"
            shown.add_row(place, s.name, str(value), s.unit, s.german, style=style)
        made.append(shown)
    return Group(*made)
