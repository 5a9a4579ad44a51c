"""The people of the demo: the dashboard makes them up and writes them down beside the demo's record; the terminal shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

FILE_NAME: Final = "demo-people.json"


class DemoPerson(msgspec.Struct, frozen=True):
    """Somebody who may log in at the demo. Password and PIN are random; there is no such person."""

    name: str
    role: str
    password: str
    pin: str


def demo_people(folder: Path) -> list[DemoPerson]:
    """The people of the demo with this record; none while they have not been made."""
    try:
        return msgspec.json.decode((folder / FILE_NAME).read_bytes(), type=list[DemoPerson])
    except (OSError, msgspec.MsgspecError):
        return []
