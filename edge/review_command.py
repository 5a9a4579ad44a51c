"""`gutteil review`: what a person says a part really was, from the command line."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape

from edge.errors import StoreError
from edge.reviews import TRUTHS, ReviewBox, Truth
from edge.store import Store


def box_from(text: str) -> ReviewBox:
    """`kind,x1,y1,x2,y2` as a box; a class may have commas of its own.

    Raises:
        StoreError: not of this form.
    """
    kind, *numbers = text.rsplit(",", 4)
    try:
        x1, y1, x2, y2 = map(float, numbers)
    except ValueError:
        raise StoreError(f"--box {text!r} is not kind,x1,y1,x2,y2 in px, e.g. scratch,10,20,60,45") from None
    return ReviewBox(kind.strip(), x1, y1, x2, y2)


def review(store: Store, part_id: str, truth: str, who: str, boxes: list[str], note: str, console: Console) -> None:
    """Record a review and say what it changes.

    Raises:
        StoreError: as `Store.review`, and for an unknown word or a box of another form.
    """
    if truth not in TRUTHS:
        raise StoreError(f"--truth {truth!r} is not known; choose one of: {', '.join(TRUTHS)}")
    word: Truth = truth  # type: ignore[assignment]
    done = store.review(part_id, who, word, [box_from(b) for b in boxes] or None, note)
    part = store.inspection(part_id)
    verdict = part.verdict if part is not None else None
    drawn = f" with {len(done.boxes)} defects" if done.boxes else ""
    console.print(
        f"review {done.number}: {escape(part_id)} is {truth}{drawn}, says {escape(done.who)}; the verdict was {verdict or 'none'}",
        highlight=False,
        soft_wrap=True,
    )
    if truth == "bad" and not boxes:
        console.print("nobody has drawn its defects yet: to learn from it, give --box", highlight=False)
