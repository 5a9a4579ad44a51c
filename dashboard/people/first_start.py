"""Before the first request: no user yet means a one-time code; the demo makes people of its own; a real line has none of those."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final

import msgspec

from dashboard.people.credentials import made_password, made_pin
from dashboard.people.roles import Role
from dashboard.people.setup_code import make_code
from dashboard.people.staff import Staff
from dashboard.people.users import People
from dashboard.record import Record
from edge.config import Station
from edge.demo_people import FILE_NAME, DemoPerson

# first names that are at home in many countries
DEMO: Final[dict[str, Role]] = {"Nina": "viewer", "Oskar": "operator", "Elena": "engineer", "Mara": "quality", "Adam": "admin"}


def prepare_people(config: Station, people: People, record: Record) -> None:
    """Make or take out the demo's people, or print the code of the first start.

    Raises:
        StoreError: the audit cannot be written.
    """
    folder = Path(config.record.folder)
    if not config.dashboard.demo_people:
        (folder / FILE_NAME).unlink(missing_ok=True)
        if gone := people.remove_demo():
            record.note_now("user-remove", "dashboard", f"people of the demo: {', '.join(gone)} → removed")
    if people.anybody():
        return
    if config.dashboard.demo_people:
        _make_demo(folder, Staff(people, record.note_now))
        return
    made = make_code(folder)
    minutes = max(1, round((made.until_s - time.time()) / 60))
    print(
        f"No user yet. Open /setup in the browser and enter this code: {made.code} (good for {minutes} min; a new one: gutteil people setup-code)",
        flush=True,
    )


def _make_demo(folder: Path, staff: Staff) -> None:
    made = []
    for name, role in DEMO.items():
        password, pin = made_password(4), made_pin()
        staff.add("demo", name, role, password, demo=True)
        staff.set_pin("demo", name, pin)
        made.append(DemoPerson(name, role, password, pin))
    path = folder / FILE_NAME
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(made))
