"""What the commands `gutteil data …` do that change or search a set."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain, groupby
from pathlib import Path
from typing import Any, get_args

import msgspec
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge.errors import SettingsError
from training.datasets.contact import contact_sheets
from training.datasets.draft import SPLITS, Draft, check_name, open_draft
from training.datasets.duplicates import Search, search
from training.datasets.export import export
from training.datasets.formats.table import FORMATS, format_of
from training.datasets.found import Source
from training.datasets.intake import Empty, Report, Rules, take
from training.datasets.leaks import leaks
from training.datasets.record import read_record
from training.datasets.show import rows_of
from training.datasets.snapshot import make_snapshot
from training.datasets.split import make_split
from training.datasets.suspects import KINDS, Suspect, all_suspects

_SHOWN = 40
stderr = Console(stderr=True)


def words(listed: str) -> tuple[str, ...]:
    """`a, b` as (a, b)."""
    return tuple(w.strip() for w in listed.split(",") if w.strip())


def said(text: str) -> None:
    """A line for people."""
    Console().print(escape(text), highlight=False, soft_wrap=True)


@contextmanager
def bar() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on standard error; of = 0 where the end is not known."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=stderr, transient=True) as shown:
        tasks: dict[str, Any] = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what, total=of or None)
            shown.update(tasks[what], completed=done, total=of or None)

        yield progress


@contextmanager
def counter(what: str, of: int = 0) -> Iterator[Callable[[str], None]]:
    """As `bar`, one step a call."""
    with bar() as progress:
        done = 0

        def step(name: str) -> None:
            nonlocal done
            done += 1
            progress(what, done, of)

        yield step


def import_set(
    name: str, source: Path | None, format_name: str, record: Path | None, folder: Path, *, trust_model: bool, images: Path | None,
    classes: tuple[str, ...], good: tuple[str, ...], empty: str, who: str, split: str, prefix: str, replace: bool, as_json: bool,
) -> bool:  # fmt: skip
    """Returns whether nothing was refused.

    Raises:
        SettingsError: neither or both of source and record, a format or word that is not known, a source that is not of its format, or
            one that holds nothing.
    """
    if (source is None) == (record is None):
        raise SettingsError("which images? give SOURCE with --format, or --record FOLDER")
    if empty not in get_args(Empty):
        raise SettingsError(f"--empty {empty!r}: choose one of: {', '.join(get_args(Empty))}")
    if split not in ("", *SPLITS):
        raise SettingsError(f"--split {split!r}: choose one of: {', '.join(SPLITS)}")
    check_name(name)
    if record is not None:
        items: Iterator[Any] = read_record(record, prefix=prefix, trust_model=trust_model)
        origin = f"record {record.resolve()}"
    else:
        assert source is not None
        if not source.exists():
            raise SettingsError(f"{source}: no such file or folder; check the path")
        items = format_of(format_name).read(Source(source, images, prefix, good, classes))
        origin = f"{format_name} {source.resolve()}"
    first = next(items, None)
    if first is None:
        raise SettingsError(_nothing(source, format_name, record))
    rules = Rules(empty, classes, who, split, replace)  # type: ignore[arg-type]
    with open_draft(folder, name, make=True) as draft, counter("importing") as step:
        report = take(draft, chain([first], items), origin, rules, progress=step)
        total = draft.count()
    if as_json:
        print(json.dumps({"draft": name, "images": total, **msgspec.to_builtins(report)}, ensure_ascii=False))
    else:
        _show_report(name, report, total)
    return not report.refused


def _nothing(source: Path | None, format_name: str, record: Path | None) -> str:
    """What was looked for and not found."""
    if record is not None:
        return f"--record {record}: no part that a person has reviewed as good or bad; review some first: gutteil review PART_ID --truth good --who NAME"
    return f"{source}: holds no image; looked for {FORMATS[format_name].seeks}; check the path and --format {format_name}"


def _show_report(name: str, report: Report, total: int) -> None:
    said(f"{name}: {report.added} images taken, {report.changed} with new labels, {report.there} there already; the draft has {total}")
    if report.refused:
        said(f"{len(report.refused)} refused:")
        for one in report.refused:
            said(f"  {one.name}: {one.reason}")


def _twins(draft: Draft, across: bool = False) -> tuple[list[str], list[str], Search]:
    """Names, splits and the search of a draft; `across`: only pairs whose splits differ."""
    names, files, hashes = draft.names_and_hashes()
    splits = [row.split for row in draft.rows()]
    side = np.array([(*SPLITS, "").index(s) for s in splits])

    def differ(i: NDArray[np.int64], j: NDArray[np.int64]) -> NDArray[np.bool_]:
        return np.asarray(side[i] != side[j], np.bool_)

    with bar() as progress:
        found = search(
            files, hashes, lambda n: draft.looks.small(files[n]), allowed=differ if across else None,
            progress=lambda d, of: progress("comparing", d, of),
        )  # fmt: skip
    return names, splits, found


def split_set(folder: Path, name: str, by: str, val: float, test: float, seed: int, duplicates: bool, as_json: bool) -> None:
    """Raises SettingsError: as `make_split`, or shares that leave nothing to train on."""
    if val + test >= 1:
        raise SettingsError(f"--val {val:g} and --test {test:g} leave nothing to train on; together they must be below 1")
    with open_draft(folder, name) as draft:
        together = []
        if duplicates:
            names, _, found = _twins(draft)
            together = [(names[t.first], names[t.second]) for t in found.twins]
        done = make_split(draft, by, {"train": 1 - val - test, "val": val, "test": test}, seed, together)
        draft.set_splits(done.of)
        draft.note("split_by", f"{by}, seed {seed}")
    if as_json:
        print(json.dumps({"draft": name, "by": by, "seed": seed, "splits": done.counts, "joined": done.joined}, ensure_ascii=False))
        return
    table = Table(title=f"{escape(name)}, divided by {escape(by)}")
    table.add_column("")
    for split in done.counts:
        table.add_column(split, justify="right")
    rows = sorted({k for c in done.counts.values() for k in c} - {"images", "groups"})
    for row in ("images", "groups", *rows):
        table.add_row(escape(row), *(str(c[row]) for c in done.counts.values()))
    Console().print(table)
    if done.joined:
        said(f"{done.joined} groups were joined with others, because they share images (gutteil data duplicates {name})")
    for row in rows:
        if missing := [s for s, c in done.counts.items() if not c[row]]:
            said(f"note: {', '.join(missing)} has no image with {row}: too few groups have it")


def fix_set(folder: Path, name: str, as_json: bool) -> None:
    """Raises SettingsError: as `make_snapshot`."""
    with open_draft(folder, name) as draft, counter("fixing", draft.count()) as step:
        manifest, new = make_snapshot(draft, step)
        crossing = any(row.split for row in draft.rows())
    place = folder / "snapshots" / name / manifest.id[:12]
    if as_json:
        print(json.dumps({"folder": str(place), "new": new, **msgspec.to_builtins(manifest)}, ensure_ascii=False))
        return
    said(f"{name}@{manifest.id[:12]}: {manifest.images} images{'' if new else ', as it was already'}, in {place}")
    if not crossing:
        said(f"note: it has no splits; divide it before training: gutteil data split {name} --by part")


def show_duplicates(folder: Path, name: str, as_json: bool) -> bool:
    """Returns whether there are none across splits. Raises SettingsError: no such draft."""
    with open_draft(folder, name) as draft:
        names, splits, found = _twins(draft)
        rows = []
        for twin in found.twins:
            a, b = draft.get(names[twin.first]).entry, draft.get(names[twin.second]).entry
            own = a.reference_sha256 == b.sha256 or b.reference_sha256 == a.sha256
            across = splits[twin.first] != splits[twin.second]
            rows.append(
                {"first": a.name, "second": b.name, "exact": twin.exact, "likeness": twin.likeness, "across": across, "reference": own}
            )
    rows.sort(key=lambda r: (not r["across"], r["reference"], not r["exact"], -float(str(r["likeness"]))))
    count = Counter("across" if r["across"] else "reference" if r["reference"] else "within" for r in rows)
    if as_json:
        print(json.dumps({"pairs": rows, "threshold": found.threshold, "crowded": found.crowded}, ensure_ascii=False))
        return not count["across"]
    said(
        f"{name}: {len(rows)} pairs of duplicates: {count['across']} across splits, {count['within']} within a split, {count['reference']} of an image "
        f"and its own reference; alike from {found.threshold:.2f} on"
    )
    for r in [r for r in rows if not r["reference"] or r["across"]][:_SHOWN]:
        word = "the same file" if r["exact"] else f"alike {r['likeness']:.2f}"
        said(f"  {'ACROSS ' if r['across'] else ''}{r['first']} and {r['second']}: {word}")
    if found.crowded:
        said(f"note: {found.crowded} images have more look-alikes than were compared; only the nearest were")
    return not count["across"]


def show_leaks(files: list[Path], cache: Path | None, as_json: bool) -> bool:
    """Returns whether there are none. Raises SettingsError: as `leaks`."""
    if len(files) < 2:
        raise SettingsError("--across is given once for each split, at least twice")
    with bar() as progress:
        found = leaks(*files, cache=cache, progress=progress)
    if as_json:
        leak_rows = [{"first": x.first, "second": x.second, "why": x.why} for x in found.leaks]
        print(json.dumps({"leaks": leak_rows, "unread": found.unread}, ensure_ascii=False))
        return not found.leaks
    said(f"{len(found.leaks)} leaks between {', '.join(str(f) for f in files)}")
    for leak in found.leaks[:_SHOWN]:
        said(f"  {leak.first} and {leak.second}: {leak.why}")
    for one in found.unread:
        said(f"  not looked at: {one}")
    return not found.leaks


def check_set(folder: Path, name: str, out: Path, model: Path | None, recipe: Path | None, as_json: bool) -> int:
    """Returns how many suspects there are.

    Raises:
        SettingsError, ModelError: no such draft, or recipe or model are not usable.
    """
    counts: dict[str, int] = {}
    sheets: dict[str, list[str]] = {}
    with open_draft(folder, name) as draft, bar() as progress:
        order = list(KINDS)
        found = sorted(all_suspects(draft, model, recipe, progress), key=lambda s: order.index(s.kind))
        for kind in KINDS:
            for old in out.glob(f"{kind}-*.png"):
                old.unlink()
        for kind, group in groupby(found, key=lambda s: s.kind):
            members: list[Suspect] = list(group)
            counts[kind] = len(members)
            sheets[kind] = [str(p) for p in contact_sheets(draft, kind, members, out)]
    if as_json:
        rows = [{"kind": s.kind, "name": s.name, "why": s.why} for s in found]
        print(json.dumps({"counts": counts, "sheets": sheets, "suspects": rows}, ensure_ascii=False))
        return len(found)
    said(f"{name}: {len(found)} suspects" if found else f"{name}: nothing suspect")
    for kind, n in counts.items():
        said(f"  {n} {KINDS[kind]}: {', '.join(sheets[kind])}")
        for one in [s for s in found if s.kind == kind][:5]:
            said(f"    {one.name}: {one.why}")
    if model is None and recipe is None:
        said("  not asked: which OK images a model is sure are NG; give --model or --recipe")
    return len(found)


def export_set(folder: Path, name: str, out: Path, format_name: str, split: str) -> None:
    """Raises SettingsError: as `export`."""
    with counter("exporting") as step:
        count = export(lambda: rows_of(folder, name), folder, format_name, out, split, step)
    said(f"{count} images as {format_name} in {out}; what this format does not carry: {FORMATS[format_name].loses}")
