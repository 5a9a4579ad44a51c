"""The simulated line as a process of the appliance; behind Modbus where the PLC is one on a wire."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from edge.alive import keeper
from edge.config import Station
from edge.errors import SettingsError
from edge.processes import LINE_PRIORITY, step_forward
from hardware.belt import BeltSettings
from hardware.line import run_line


def run_simulated_line(config: Station, stop: threading.Event) -> None:
    """The simulated line's process."""
    step_forward(LINE_PRIORITY)  # it stands for hardware, which nobody holds up
    line = config.line
    settings = BeltSettings(
        rate_hz=line.rate_hz, jitter=line.jitter, parts=line.parts, confirm_s=line.confirm_s, counts_per_s=line.counts_per_s,
        miss_share=line.miss_share, lost_edge_share=line.lost_edge_share, bin_parts=line.bin_parts, sensor=line.sensor,
    )  # fmt: skip
    with _over_modbus(config) as plays:
        run_line(settings, line.control, line.wire, stop, lambda: keeper.progress() if plays() else None, line.journal)


@contextlib.contextmanager
def _over_modbus(config: Station) -> Iterator[Callable[[], bool]]:
    """Where the PLC is a simulated one over Modbus, play it as long as the line runs; gives whether it is still played.

    Raises:
        DeviceSettings: the PLC's settings are impossible.
        SettingsError: they are of a real PLC.
    """
    if config.plc.backend == "simulator":
        yield lambda: True
        return
    from hardware.modbus_line import run_modbus_line
    from hardware.modbus_watch import modbus_settings

    settings = modbus_settings(config.plc.backend, config.plc.settings)
    if not settings.simulated:
        raise SettingsError("plc.settings.simulated is false: a simulated PLC must not be taken for a real one; set it to true")
    stop = threading.Event()
    player = threading.Thread(target=run_modbus_line, args=(config.line.control, settings, stop), name="plc", daemon=True)
    player.start()
    try:
        yield player.is_alive  # a line without its PLC is a silence, and gets the process replaced
    finally:
        stop.set()
        player.join(5)
