"""One text in every language; each page has its own table of them, `dashboard.texts` puts the tables together."""

from __future__ import annotations

from typing import NamedTuple


class Text(NamedTuple):
    """One text."""

    en: str
    de: str
