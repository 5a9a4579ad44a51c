"""The pages made from the signal table: docs/plc-signals.md and docs/plc-signals.csv."""

from __future__ import annotations

import csv
import io

from hardware.plcs.modbus import ModbusSettings
from hardware.plcs.modbus_client import ModbusClientSettings
from hardware.plcs.modbus_server import ModbusServerSettings
from hardware.signals import LENGTHS, Direction, Signal, signals

_DEFAULTS = {kind: kind() for kind in (ModbusServerSettings, ModbusClientSettings)}
_TITLES: dict[Direction, str] = {"to_plc": "We say, the PLC reads: to_plc", "from_plc": "The PLC says, we read: from_plc"}


def _base(direction: Direction, settings: ModbusSettings) -> int:
    return settings.to_plc_base if direction == "to_plc" else settings.from_plc_base


def _places(s: Signal) -> tuple[str, str]:
    """Where it is with the default bases: as our server, and as the PLC's registers."""
    server, client = (_base(s.direction, settings) + s.register for settings in _DEFAULTS.values())
    return str((30_001 if s.direction == "to_plc" else 40_001) + server), str(40_001 + client)


def signals_md() -> str:
    """The body of docs/plc-signals.md."""
    lines = []
    for direction, title in _TITLES.items():
        kinds = ("input registers", 4) if direction == "to_plc" else ("holding registers", 3)
        server, client = (_base(direction, settings) for settings in _DEFAULTS.values())
        lines += [
            f"## {title}",
            "",
            f"{LENGTHS[direction]} registers. `modbus-server`: {kinds[0]} (function code {kinds[1]}) from address {server} on. "
            f"`modbus-client`: the PLC's holding registers from address {client} on. Both with the default `{direction}_base`.",
            "",
            "| register | bit | server | client | type | unit | name | meaning | deutsch |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for s in signals(direction):
            bit = "" if s.bit is None else str(s.bit)
            places = " | ".join(_places(s))
            lines.append(f"| {s.register} | {bit} | {places} | {s.type} | {s.unit} | `{s.name}` | {s.meaning} | {s.german} |")
        lines.append("")
    return "\n".join(lines)


def signals_csv() -> str:
    """docs/plc-signals.csv: for the integrator's own tools; separated by semicolons, as a German spreadsheet wants it."""
    out = io.StringIO()
    rows = csv.writer(out, delimiter=";", lineterminator="\n")
    rows.writerow(["name", "direction", "register", "bit", "modbus-server", "modbus-client", "type", "unit", "meaning", "deutsch"])
    for direction in _TITLES:
        for s in signals(direction):
            bit = "" if s.bit is None else s.bit
            rows.writerow([s.name, direction, s.register, bit, *_places(s), s.type, s.unit, s.meaning, s.german])
    return out.getvalue()
