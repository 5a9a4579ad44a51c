"""What comes in: bodies of requests, as small structs. A wrong one is refused with its key and its value."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from fastapi import Request
from msgspec import Meta

from edge.errors import GutteilError
from edge.holds import MAX_TEXT

MAX_BODY: Final = 100_000  # 500 boxes
MAX_KIND: Final = 64
Tab = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{4,40}$")]
T = TypeVar("T")


class ReviewError(GutteilError):
    """What was asked for cannot be; `status` of HTTP, `more` goes into the answer."""

    def __init__(self, status: int, text: str, **more: Any) -> None:
        super().__init__(text)
        self.status, self.more = status, more


class Box(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A defect: class, box in px of the recorded picture."""

    kind: Annotated[str, Meta(min_length=1, max_length=MAX_KIND)]
    box: tuple[float, float, float, float]


class Looks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A tab of a browser has a part before it, or no longer has.

    Attributes:
        tab: a name the browser made for it, so that two tabs of one person are two.
    """

    tab: Tab


class Says(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What somebody says of a part.

    Attributes:
        boxes: None: nothing is said of the defects.
        seen: number of the newest review that was on their screen, 0 for none: what came meanwhile is not overwritten unseen.
        how: as in `edge.reviews.Review`.
    """

    tab: Tab
    truth: Literal["good", "bad", "unsure"]
    boxes: Annotated[list[Box], Meta(max_length=500)] | None = None
    note: Annotated[str, Meta(max_length=MAX_TEXT)] = ""
    seen: Annotated[int, Meta(ge=0)]
    how: Literal["queue", "sample", "report", "other"] = "other"

    def check(self) -> None:
        """Raises:
        ReviewError: what the types do not say.
        """
        if not self.note.isprintable():
            raise ReviewError(400, f"note = {self.note[:40]!r}: line breaks and control characters are not possible; write one line")
        if self.how == "report" and (self.truth != "bad" or not self.note.strip()):
            raise ReviewError(
                400, f"truth = {self.truth!r}, note = {self.note[:40]!r}: who reports a missed defect says 'bad' and a reason"
            )
        if self.boxes and self.truth != "bad":
            raise ReviewError(400, f"boxes: {len(self.boxes)}, truth = {self.truth!r}: only a part that is 'bad' has defects")
        for i, box in enumerate(self.boxes or ()):
            x1, y1, x2, y2 = box.box
            if not box.kind.strip() or not box.kind.isprintable():
                raise ReviewError(400, f"boxes[{i}].kind = {box.kind!r}: a class has printable characters")
            if not (0 <= x1 < x2 < 1e6 and 0 <= y1 < y2 < 1e6):
                raise ReviewError(400, f"boxes[{i}].box = {list(box.box)}: x1, y1, x2, y2 with 0 <= x1 < x2 and 0 <= y1 < y2 are needed")


class Undoes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A review of one's own is to be taken back."""

    review: Annotated[int, Meta(ge=1, le=2**63 - 1)]


async def body(request: Request, kind: type[T]) -> T:
    """A request's body.

    Raises:
        ReviewError: too long, no JSON, or not of this kind; names key and value.
    """
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MAX_BODY:
            raise ReviewError(413, f"the body is longer than {MAX_BODY} bytes; nothing that belongs here is")
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise ReviewError(400, f"the body is not JSON: {error}; send an object") from error
    try:
        return msgspec.convert(found, kind)
    except msgspec.ValidationError as error:
        raise ReviewError(400, _named(str(error), found)) from error


def _named(text: str, found: Any) -> str:
    """A complaint of msgspec's (`why - at `$.a[0].b``) with the value that is there."""
    why, _, place = text.partition(" - at ")
    keys = re.findall(r"\.(\w+)|\[(\d+)\]", place)
    for name, index in keys:
        try:
            found = found[name] if name else found[int(index)]
        except (KeyError, IndexError, TypeError):
            return why
    path = "".join(f".{name}" if name else f"[{index}]" for name, index in keys).lstrip(".")
    return f"{path} = {str(found)[:40]!r}: {why}" if path else why
