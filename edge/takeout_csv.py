"""Parts as a table: CSV as RFC 4180 has it, UTF-8, safe to open in a spreadsheet.

A text that a spreadsheet would take for a formula (it begins with = + - @, a tab or a line break) gets an apostrophe before it:
ids, reasons and notes come from cameras, scanners and people. Numbers are ours and stay as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Final

from edge.takeout import Taken

STAGES: Final = ("capture_us", "prepare_us", "infer_us", "decode_us", "decide_us", "total_us")
COLUMNS: Final = (
    "part_id", "triggered_at", "station", "run_id", "trigger_id", "recipe", "recipe_sha256", "model_sha256", "verdict", "reasons", "defects",
    "classes", "best_score", "outcome", "ejection_reason", "ejection_offset_ms", "ejected_at", *(s.replace("_us", "_ms") for s in STAGES),
    "evidence", "image", "image_sha256", "held", "contradicted", "review", "reviewer", "reviewed_at", "note", "simulated",
)  # fmt: skip
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_BLOCK: Final = 256  # rows at a time
Cell = str | int | float | bool | None


def safe(text: str) -> str:
    """A text that no spreadsheet takes for a formula, also not after blanks, which some of them skip."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) or text.startswith(_FORMULA) else text


class Table:
    """A table row by row.

    Args:
        bom: begin with a byte order mark, by which Excel knows UTF-8.
        comma: decimal comma, and columns parted by semicolons, as a German spreadsheet wants them.
    """

    def __init__(self, *, bom: bool = False, comma: bool = False) -> None:
        self._buffer = io.StringIO(newline="")
        self._writer = csv.writer(self._buffer, delimiter=";" if comma else ",", lineterminator="\r\n")
        self._comma = comma
        self._buffer.write("\ufeff" if bom else "")
        self._writer.writerow(COLUMNS)

    def row(self, taken: Taken) -> None:
        """One part more."""
        self._writer.writerow([_written(c, comma=self._comma) for c in _cells(taken)])

    def take(self) -> bytes:
        """What has been written since this was asked last."""
        data = self._buffer.getvalue().encode("utf-8", "replace")
        self._buffer.seek(0)
        self._buffer.truncate()
        return data


def table(taken: Iterable[Taken], *, bom: bool = False, comma: bool = False) -> Iterator[bytes]:
    """A whole table in pieces, its header first."""
    made = Table(bom=bom, comma=comma)
    for number, one in enumerate(taken, 1):
        made.row(one)
        if number % _BLOCK == 0:
            yield made.take()
    yield made.take()


def _cells(taken: Taken) -> list[Cell]:
    part, review = taken.part, taken.review
    classes = dict.fromkeys(d.kind for d in part.defects)
    return [
        part.part_id, part.triggered_at, part.station, part.run_id, part.trigger_id, part.recipe, part.recipe_hash, part.model_hash,
        part.verdict, "; ".join(part.reasons), len(part.defects), "; ".join(classes), max((d.score for d in part.defects), default=None),
        part.outcome, part.ejection_reason, _ms(part.ejection_offset_us), part.ejected_at, *(_ms(getattr(part, s)) for s in STAGES),
        part.evidence, part.image_path, part.image_sha256, part.held, part.contradicted, *_said(taken),
        review.note if review is not None else None, part.simulated,
    ]  # fmt: skip


def _said(taken: Taken) -> tuple[Cell, Cell, Cell]:
    review = taken.review
    return (review.truth, review.who, review.reviewed_at) if review is not None else (None, None, None)


def _ms(us: float | None) -> float | None:
    return round(us / 1000, 3) if us is not None else None


def _written(cell: Cell, *, comma: bool) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "1" if cell else "0"
    if isinstance(cell, int | float):
        text = f"{cell:.6g}" if isinstance(cell, float) else str(cell)
        return text.replace(".", ",") if comma else text
    return safe(cell.replace("\0", ""))
