"""Every drill, in one table."""

from __future__ import annotations

from edge.drill import Drill
from edge.drills.camera import camera_drills
from edge.drills.clock import clock_drills
from edge.drills.hostile import hostile_drills
from edge.drills.keys import key_drills
from edge.drills.line import line_drills
from edge.drills.modbus import modbus_drills
from edge.drills.processes import process_drills
from edge.drills.record_drills import record_drills
from edge.errors import SettingsError

DRILLS: tuple[Drill, ...] = (
    *process_drills(),
    *camera_drills(),
    *record_drills(),
    *line_drills(),
    *hostile_drills(),
    *key_drills(),
    *modbus_drills(),
    *clock_drills(),
)


def chosen(names: list[str]) -> list[Drill]:
    """The drills of these names; all for none.

    Raises:
        SettingsError: there is no drill of a name.
    """
    known = {d.name: d for d in DRILLS}
    for name in names:
        if name not in known:
            raise SettingsError(f"there is no drill {name!r}; choose from: {', '.join(known)}")
    return [known[n] for n in names] or list(DRILLS)
