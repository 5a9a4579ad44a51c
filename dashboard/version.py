"""The version of the pages: when it changes, a browser has to load them anew."""

from __future__ import annotations

import hashlib
from pathlib import Path

_FOLDER = Path(__file__).parent


def _version() -> str:
    """Of everything the pages are made of, so that no developer has to remember to count up."""
    files = sorted(p for p in _FOLDER.rglob("*") if p.suffix in (".py", ".js", ".css"))
    return hashlib.sha256(b"".join(p.read_bytes() for p in files)).hexdigest()[:12]


VERSION = _version()
