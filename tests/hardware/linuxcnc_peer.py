"""A rejector's side of a line whose PLC is LinuxCNC: serves Modbus, says 300 results in bursts, then beats until it is killed.

`python -m tests.hardware.linuxcnc_peer PORT` prints one JSON line when every result has been acknowledged.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time

from hardware.errors import DeviceGone
from hardware.plc import Result
from hardware.plcs.modbus_server import ModbusServerPlc
from hardware.signals import decode

REJECTS, PERMITS = 200, 100
BURST = 6
DISTANCE_S = 0.005  # between the parts of a burst; LinuxCNC polls every 25 ms
BEAT_S = 0.25


def main() -> None:
    plc = ModbusServerPlc(port=int(sys.argv[1]), plc_heartbeat_s=5.0)
    until = time.monotonic() + 60
    while True:
        try:
            plc.open()
            break
        except DeviceGone:
            if time.monotonic() > until:
                raise
    beat = 0.0

    def says() -> dict[str, int]:
        nonlocal beat
        if time.monotonic() > beat:
            beat = time.monotonic() + BEAT_S
            plc.ready(True)
        plc.poll(0.001)
        return decode("to_plc", plc._side.image())

    while not plc._side.linked:
        says()
    verdicts = ([2, 1, 3] * REJECTS)[: REJECTS + PERMITS]
    for part, verdict in enumerate(verdicts, 1):
        plc.answer(Result(part, verdict))
        time.sleep(DISTANCE_S)
        if part % BURST == 0:
            while says()["results_waiting"]:
                pass
    while says()["results_waiting"]:
        pass
    print(json.dumps({"overruns": says()["overruns"]}), flush=True)
    while True:
        with contextlib.suppress(DeviceGone):  # it goes on beating, whatever the PLC does
            says()


if __name__ == "__main__":
    main()
