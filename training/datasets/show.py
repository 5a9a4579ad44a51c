"""Sets shown: the list of all, what is in one, and how two differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge.errors import SettingsError
from training.datasets.difference import differences
from training.datasets.draft import Row, open_draft
from training.datasets.snapshot import MANIFEST, find_snapshot, read_manifest, snapshot_rows, verify
from training.datasets.split import labels_of

_DRAFT = "@draft"
_SHOWN = 100


def rows_of(folder: Path, name: str) -> Iterator[Row]:
    """The rows of NAME@draft, NAME@ID or the newest snapshot of NAME. Raises SettingsError: there is none."""
    if name.endswith(_DRAFT):
        with open_draft(folder, name.removesuffix(_DRAFT)) as draft:
            yield from draft.rows()
    else:
        yield from snapshot_rows(find_snapshot(folder, name))


def list_sets(folder: Path, as_json: bool) -> None:
    """Drafts and snapshots, oldest first."""
    rows: list[dict[str, Any]] = []
    for path in sorted((folder / "drafts").glob("*.db")):
        with open_draft(folder, path.stem) as draft:
            rows.append(
                {
                    "set": path.stem + _DRAFT,
                    "images": draft.count(),
                    "made_at": "",
                    "splits": draft.fact("split_by"),
                    "refused": len(draft.refusals()),
                }
            )
    found = [read_manifest(p.parent) for p in sorted((folder / "snapshots").glob(f"[!.]*/[!.]*/{MANIFEST}"))]
    for m in sorted(found, key=lambda m: (m.name, m.made_at)):
        splits = ", ".join(f"{s} {c['images']}" for s, c in m.splits.items())
        rows.append({"set": f"{m.name}@{m.id[:12]}", "images": m.images, "made_at": m.made_at, "splits": splits, "parent": m.parent[:12]})
    if as_json:
        print(json.dumps(rows, ensure_ascii=False))
        return
    Console().print(escape(f"sets in {folder}"), highlight=False, soft_wrap=True)
    table = Table(box=None, padding=(0, 1))
    for name in ("set", "images", "splits", "made (UTC)", "parent"):
        table.add_column(name, overflow="fold", no_wrap=name not in ("set", "splits"), justify="right" if name == "images" else "left")
    for r in rows:
        made = r["made_at"][:16].replace("T", " ")
        table.add_row(escape(r["set"]), str(r["images"]), escape(r["splits"]), made, r.get("parent", ""))
    Console().print(table)


def show_set(folder: Path, name: str, image: str, check: bool, as_json: bool) -> None:
    """Counts, origin and people of a set.

    Raises:
        SettingsError: there is none, no such image, or (with `check`) it is not what it was.
    """
    document: dict[str, Any] = {}
    if name.endswith(_DRAFT):
        counts: dict[str, Counter[str]] = {}
        for row in rows_of(folder, name):
            counts.setdefault(row.split or "none", Counter()).update(["images", *labels_of(row.entry)])
        with open_draft(folder, name.removesuffix(_DRAFT)) as draft:
            refused = [{"source": s, "name": n, "reason": r} for s, n, r in draft.refusals()]
        document = {"name": name, "splits": counts, "refused": refused}
    else:
        place = find_snapshot(folder, name)
        if check:
            verify(place, folder)
        document = {"folder": str(place), **msgspec.to_builtins(read_manifest(place))} | ({"verified": True} if check else {})
    if image:
        found = next((r for r in rows_of(folder, name) if r.entry.name == image), None)
        if found is None:
            raise SettingsError(f"{name}: has no image {image!r}")
        document["image"] = {"split": found.split, **msgspec.to_builtins(found.entry)}
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
        return
    console = Console()
    splits = document.pop("splits")
    table = Table(title=escape(name))
    table.add_column("")
    for split in splits:
        table.add_column(split, justify="right")
    for key in ("images", *sorted({k for c in splits.values() for k in c} - {"images"})):
        table.add_row(escape(key), *(str(c.get(key, 0)) for c in splits.values()))
    console.print(table)
    for key, value in document.items():
        console.print(escape(f"{key}: {_plain(value)}"), highlight=False, soft_wrap=True)


def _plain(value: Any) -> str:
    """A value of a document on one line where it is simple, as JSON where it is not."""
    if isinstance(value, dict) and all(isinstance(v, str | int) for v in value.values()):
        return ", ".join(f"{k}: {v}" for k, v in value.items() if v != "")
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        return ", ".join(value)
    return str(value) if isinstance(value, str | int) else json.dumps(value, ensure_ascii=False, indent=1)


def show_diff(folder: Path, before: str, after: str, as_json: bool) -> int:
    """Returns how many changes there are. Raises SettingsError: no such set."""
    count: Counter[str] = Counter()
    for change in differences(rows_of(folder, before), rows_of(folder, after)):
        count[change.what] += 1
        if as_json:
            print(json.dumps({"name": change.name, "what": change.what, "text": change.text}, ensure_ascii=False))
        elif count.total() <= _SHOWN:
            Console().print(escape(f"{change.what:9} {change.name}  {change.text}"), highlight=False, soft_wrap=True)
    if not as_json:
        said = ", ".join(f"{n} {what}" for what, n in count.most_common()) or "no difference"
        Console().print(said, highlight=False)
    return count.total()
