"""A report as PDF, A4, tagged for screen readers. Typst lays it out: one wheel without system libraries, for x86-64 and aarch64.

The layout is `sheet.typ`; what is printed comes to it as data, so no text of the record can become markup, and nothing of
the network or of the disk but the two fonts is read.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path

import font_source_sans_pro
import msgspec
import typst

from dashboard.report.blocks import Document

_LAYOUT = (Path(__file__).parent / "sheet.typ").read_bytes()


@lru_cache(1)
def _fonts() -> typst.Fonts:
    """Ours, and those of the system for signs that ours has not."""
    return typst.Fonts(font_paths=[str(Path(font_source_sans_pro.__file__).parent / "files")])


def pdf(document: Document, made_at: datetime) -> bytes:
    """The same document at the same time is the same file, byte for byte. `made_at` carries its zone."""
    data = msgspec.json.encode(document).decode()
    return typst.compile(
        _LAYOUT, format="pdf", font_paths=_fonts(), sys_inputs={"document": data}, timestamp=made_at.replace(microsecond=0)
    )
