"""docs/api.md, from the dashboard's own description of its API."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from dashboard.app import make_app
from edge.config import Record, Station


def api_md() -> str:
    """The page."""
    with tempfile.TemporaryDirectory() as folder:
        app = make_app(Station(name="docs", record=Record(folder=str(Path(folder) / "record"))))
        document: dict[str, Any] = app.openapi()
    places: dict[str, list[str]] = {}
    for path, methods in sorted(document["paths"].items()):
        place = path.split("/")[2] if path.startswith("/api/") else path.split("/")[1]
        for method, operation in methods.items():
            said = " ".join(operation["description"].split())
            places.setdefault(place, []).append(f"| {method.upper()} | `{path}` | {operation['x-permission']} | {said} |")
    rows = "\n".join(
        f"## {place}\n\n| | address | needs | |\n|---|---|---|---|\n" + "\n".join(lines) + "\n" for place, lines in sorted(places.items())
    )
    return rows
