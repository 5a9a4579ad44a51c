"""Before the first request: no user yet means a one-time code; the demo makes people of its own; a real line has none of those."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import partial
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
from edge.errors import StoreError

# first names that are at home in many countries
DEMO: Final[dict[str, Role]] = {"Nina": "viewer", "Oskar": "operator", "Elena": "engineer", "Mara": "quality", "Adam": "admin"}
_PATIENCE_S: Final = 60.0


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
        threading.Thread(target=_make_demo, args=(folder, Staff(people, record.note_now), record), name="demo", daemon=True).start()
        return
    made = make_code(folder)
    minutes = max(1, round((made.until_s - time.time()) / 60))
    print(
        f"No user yet. Open /setup in the browser and enter this code: {made.code} (good for {minutes} min; a new one: gutteil people setup-code)",
        flush=True,
    )


def _make_demo(folder: Path, staff: Staff, record: Record) -> None:
    """Once the recorder has made the record: two that make it at the same moment would be in each other's way."""
    until = time.monotonic() + _PATIENCE_S
    while not record.path.is_file() and time.monotonic() < until:
        time.sleep(0.1)
    made = [DemoPerson(name, role, made_password(6), made_pin()) for name, role in DEMO.items()]
    for person in made:
        _patiently(until, partial(staff.add, "demo", person.name, person.role, person.password, demo=True))
        _patiently(until, partial(staff.set_pin, "demo", person.name, person.pin))
    path = folder / FILE_NAME
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.encode(made))


def _patiently(until: float, act: Callable[[], object]) -> None:
    while True:
        try:
            act()
        except StoreError:  # the record is just being made
            if time.monotonic() > until:
                raise
            time.sleep(0.2)
        else:
            return
