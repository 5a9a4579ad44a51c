"""`gutteil units`: what `edge.units` does, for people."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from edge import units as files


def units(
    root: Annotated[Path, typer.Option(help="write below this folder instead of /, for an image of a machine or to have a look")] = Path(
        "/"
    ),
) -> None:
    """Write the systemd units for this installation; docs/systemd.md says how to go on."""
    files.check_place(files.ROOT)
    files.check_place(Path(sys.base_prefix).resolve())
    for file in files.install(files.ROOT, root):
        print(file)
    print("next: systemd-sysusers && systemd-tmpfiles --create && systemctl daemon-reload", file=sys.stderr)
    print("then: systemctl enable --now gutteil@STATION.target (settings: /etc/gutteil/STATION.toml)", file=sys.stderr)
