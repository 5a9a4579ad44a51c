"""The difference between two states of a set, by name of the image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from training.datasets.draft import Row


@dataclass(frozen=True, slots=True)
class Change:
    """`what`: added, removed, image, labels, keys, split or reference; `text` says from what to what."""

    name: str
    what: str
    text: str = ""


def differences(before: Iterator[Row], after: Iterator[Row]) -> Iterator[Change]:
    """What has changed; both in the order of their names, of which one each is in memory."""
    old, new = next(before, None), next(after, None)
    while old is not None or new is not None:
        if new is None or (old is not None and old.entry.name < new.entry.name):
            assert old is not None
            yield Change(old.entry.name, "removed")
            old = next(before, None)
        elif old is None or new.entry.name < old.entry.name:
            yield Change(new.entry.name, "added", new.split)
            new = next(after, None)
        else:
            yield from _between(old, new)
            old, new = next(before, None), next(after, None)


def _between(old: Row, new: Row) -> Iterator[Change]:
    a, b = old.entry, new.entry
    if a.sha256 != b.sha256:
        yield Change(a.name, "image", f"{a.sha256[:12]} → {b.sha256[:12]}")
    if (a.verdict, a.tag, a.labels) != (b.verdict, b.tag, b.labels):
        gone, come = set(a.labels) - set(b.labels), set(b.labels) - set(a.labels)
        words = [f"{a.verdict or 'unknown'} → {b.verdict or 'unknown'}"] if a.verdict != b.verdict else []
        words += [f"{a.tag or '-'} → {b.tag or '-'}"] if a.tag != b.tag else []
        words += [f"{len(come)} boxes added, {len(gone)} removed"] if gone or come else []
        yield Change(a.name, "labels", ", ".join(words))
    for key in ("part", "board", "lot", "taken_at"):
        if getattr(a, key) != getattr(b, key):
            yield Change(a.name, "keys", f"{key}: {getattr(a, key) or '-'} → {getattr(b, key) or '-'}")
    if (a.reference, a.reference_sha256) != (b.reference, b.reference_sha256):
        yield Change(a.name, "reference", f"{a.reference or '-'} → {b.reference or '-'}")
    if old.split != new.split:
        yield Change(a.name, "split", f"{old.split or '-'} → {new.split or '-'}")
