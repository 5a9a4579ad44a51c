"""`gutteil units`: the systemd units of systemd/ in their places, with the path of this installation in them."""

from __future__ import annotations

import re
from pathlib import Path

from edge.errors import SettingsError

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ROOT / "systemd"
_WRITTEN_FOR = "/opt/gutteil"
_PLACES = {
    "gutteil.sysusers.conf": "etc/sysusers.d/gutteil.conf",
    "gutteil.tmpfiles.conf": "etc/tmpfiles.d/gutteil.conf",
}
_HIDDEN = ("home", "root", "run/user", "tmp", "var/tmp")  # what ProtectHome= and PrivateTmp= hide from the units


def check_place(path: Path) -> None:
    """Whether units can run a program that lies there.

    Raises:
        SettingsError: they would not see it, or could not name it; says where to put it.
    """
    for folder in _HIDDEN:
        if path.is_relative_to(f"/{folder}"):
            raise SettingsError(f"{path}: units do not see what is under /{folder}; put Gutteil (and its Python) into {_WRITTEN_FOR}")
    if re.search(r"[^\w./+-]", str(path)):
        raise SettingsError(f"{path}: a unit cannot name a path with such characters; put Gutteil into {_WRITTEN_FOR}")


def install(program: Path, root: Path) -> list[Path]:
    """Write every file of systemd/ to its place below `root`; returns the files.

    Args:
        program: the folder of the checkout with its .venv.
        root: `/`, or a folder in its stead.

    Raises:
        SettingsError: the program is not set up, or a file cannot be written.
    """
    if not (program / ".venv/bin/gutteil").is_file():
        raise SettingsError(f"{program}/.venv/bin/gutteil is missing; set it up first: {program}/gutteil setup")
    written = []
    for source in sorted(SHIPPED.iterdir()):
        place = root / _PLACES.get(source.name, f"etc/systemd/system/{source.name}")
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(source.read_text("utf-8").replace(_WRITTEN_FOR, str(program)), "utf-8")
        except OSError as error:
            raise SettingsError(f"{place}: cannot be written ({error.strerror}); run this as root, or give --root a folder") from error
        written.append(place)
    return written
