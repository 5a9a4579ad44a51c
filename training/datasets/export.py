"""Export of a set to a format that other tools read. What a format cannot carry stands in the table of formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from edge.errors import SettingsError
from training.datasets.draft import Row, stored
from training.datasets.formats.coco import Writer as CocoWriter
from training.datasets.formats.table import format_of


def export(
    rows: Callable[[], Iterator[Row]],
    shelf: Path,
    format_name: str,
    out: Path,
    split: str = "",
    progress: Callable[[str], None] = lambda name: None,
) -> int:
    """Write every image with its labels into an empty folder; returns how many.

    Args:
        rows: gives the set anew each time it is called.
        split: only this one; '' all.

    Raises:
        SettingsError: the folder is not empty, nothing to write, or the format cannot hold two of the names.
        OSError: no room.
    """
    wanted = format_of(format_name)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise SettingsError(f"{out}: is not an empty folder; name a new one")
    classes: set[str] = set()
    stems: dict[str, str] = {}
    count = 0
    for row in _chosen(rows, split):
        name = row.entry.name
        classes |= {b.kind for b in row.entry.labels}
        count += 1
        other = stems.setdefault(str(Path(name).with_suffix("")), name) if wanted.by_stem else name
        if other != name:
            raise SettingsError(
                f"{format_name} cannot tell {other} and {name} apart, which differ in their ending alone; export as coco or cvat"
            )
    if not count:
        raise SettingsError(f"there are no images {f'in the split {split!r}' if split else 'in the set'}")
    out.mkdir(parents=True, exist_ok=True)
    with closing(wanted.writer(out, sorted(classes))) as writer:
        for row in _chosen(rows, split):
            progress(row.entry.name)
            writer.add(row.entry, stored(shelf, row.entry.sha256))
            if row.entry.reference and isinstance(writer, CocoWriter):
                writer.add_reference(row.entry, stored(shelf, row.entry.reference_sha256))
    return count


def _chosen(rows: Callable[[], Iterator[Row]], split: str) -> Iterator[Row]:
    return (row for row in rows() if not split or row.split == split)
