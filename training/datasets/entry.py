"""An entry: one labelled image of a set, where its labels come from, and the hash of what it says."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from typing import Any, Final, Literal

import msgspec

from edge.labelled import MAX_PX

Verdict = Literal["", "OK", "NG"]
KEYS: Final = ("part", "board", "lot", "taken_at")
MAX_TEXT = 200
MAX_LABELS = 10_000
ENDINGS: Final = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")


class Label(msgspec.Struct, frozen=True, order=True):
    """A defect: class and box in px of the image, to the thousandth of a pixel, so that every format gives the same one back."""

    kind: str
    x1: float
    y1: float
    x2: float
    y2: float


class Corrections(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person changed of what the model had said of a part.

    Attributes:
        verdict: the model's.
        said: the model's boxes that its recipe accepted, as they were.
        kept, moved, renamed, added, removed: how many boxes; paired one to one from IoU 0.5 on, `kept` from 0.99 on.
    """

    verdict: str = ""
    said: tuple[Label, ...] = ()
    kept: int = 0
    moved: int = 0
    renamed: int = 0
    added: int = 0
    removed: int = 0


class Lineage(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where an entry comes from: format and file (its name only), who labelled it and when, and for recorded parts which part."""

    format: str = ""
    source: str = ""
    who: str = ""
    labelled_at: str = ""
    note: str = ""
    part_id: str = ""
    recipe: str = ""
    model: str = ""
    corrections: Corrections | None = None


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One image of a set.

    Attributes:
        name: unique in the set, a relative path with '/'.
        sha256: of the image file.
        verdict: '' where nobody said.
        labels: sorted.
        tag: a class said of the whole image, without a place.
        part, board, lot, taken_at: what a split keeps together; '' where unknown.
        reference, reference_sha256: the defect-free image to compare with; '' where there is none.
    """

    name: str
    sha256: str
    width: int
    height: int
    verdict: Verdict = ""
    labels: tuple[Label, ...] = ()
    tag: str = ""
    part: str = ""
    board: str = ""
    lot: str = ""
    taken_at: str = ""
    reference: str = ""
    reference_sha256: str = ""
    lineage: Lineage = Lineage()

    @property
    def said(self) -> str:
        """SHA-256 of image and labels: not of the name and not of who said it."""
        body = [self.sha256, self.verdict, self.labels, self.tag, self.part, self.board, self.lot, self.taken_at, self.reference_sha256]
        return hashlib.sha256(msgspec.json.encode(body)).hexdigest()


def make_label(kind: Any, x1: Any, y1: Any, x2: Any, y2: Any) -> Label:
    """A label from what a stranger wrote.

    Raises:
        ValueError: no class, or numbers that make no box; boxes outside the image or without extent are for `gutteil data check`.
    """
    name = text(kind, "class")
    if not name:
        raise ValueError("a box without a class")
    try:
        box = [round(float(v), 3) + 0.0 for v in (x1, y1, x2, y2)]  # + 0.0: no minus zero
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"box of {name!r}: {x1!r}, {y1!r}, {x2!r}, {y2!r} are no numbers") from None
    if not (all(abs(v) <= MAX_PX for v in box) and box[0] <= box[2] and box[1] <= box[3]):  # also refuses NaN
        raise ValueError(f"box of {name!r}: {box} is no box x1 <= x2, y1 <= y2 of at most {MAX_PX:g} px")
    return Label(name, *box)


def make_verdict(value: Any) -> Verdict:
    """Raises ValueError for anything but OK, NG, nothing."""
    if value in (None, "", "OK", "NG"):
        return value or ""
    raise ValueError(f"verdict = {str(value)[:40]!r} is neither OK nor NG")


def text(value: Any, what: str) -> str:
    """A short text from what a stranger wrote. Raises ValueError: not a text, too long, control characters."""
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{what} is no text but {type(value).__name__}")
    found = unicodedata.normalize("NFC", str(value).strip())
    if len(found) > MAX_TEXT:
        raise ValueError(f"{what} has {len(found)} characters; at most {MAX_TEXT}")
    if any(unicodedata.category(c)[0] == "C" for c in found):
        raise ValueError(f"{what} = {found!r} has control characters")
    return found


def make_name(value: Any, *, prefix: str = "") -> str:
    """The name of an image in a set from a path that a stranger wrote; a leading `images/` is ours and left out.

    Raises:
        ValueError: absolute, leads out of the folder, hidden, or no image's name.
    """
    found = text(value, "file name").replace("\\", "/")
    parts = [p for p in found.split("/") if p != "."]
    if not found or found.startswith("/") or re.match(r"^[A-Za-z][A-Za-z0-9+.-]*:", found) or any(p in ("", "..") for p in parts):
        raise ValueError(f"file name {found!r} leads out of the set's folder")
    if any(p.startswith(".") for p in parts):
        raise ValueError(f"file name {found!r} is a hidden file")
    if not found.lower().endswith(ENDINGS):
        raise ValueError(f"file name {found!r} does not end in one of {', '.join(ENDINGS)}")
    if len(parts) > 1 and parts[0] == "images":
        del parts[0]
    return "/".join([*([prefix] if prefix else []), *parts])
