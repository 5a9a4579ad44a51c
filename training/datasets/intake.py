"""The intake: every image of a source is looked at and taken whole, or refused with its name and a reason."""

from __future__ import annotations

import contextlib
import itertools
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import msgspec

from training.datasets.draft import Draft, is_stored, store
from training.datasets.entry import Entry, make_label
from training.datasets.found import Found, Item, Refused
from training.datasets.look import Look, look_at
from training.datasets.looks import Known
from training.datasets.picture import read_picture

Empty = Literal["unknown", "ok", "refuse"]
_BATCH = 64  # entries per transaction; a kill loses no more than these, and they are taken again


@dataclass(slots=True)
class Report:
    """What became of a source: how many images were new, had other labels before, or were there already, and which were refused."""

    added: int = 0
    changed: int = 0
    there: int = 0
    refused: list[Refused] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Rules:
    """How strictly.

    Attributes:
        empty: what an image without labels and verdict is: unknown, good ('ok'), or refused.
        classes: the only classes that are taken; empty: all.
        who: who labelled, where the source does not say.
        split: the split all images are put into; '' leaves it to the source, then to `data split`.
        replace: an image that is there with other labels gets the new ones; otherwise it is refused.
    """

    empty: Empty = "unknown"
    classes: tuple[str, ...] = ()
    who: str = ""
    split: str = ""
    replace: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """An image file, looked at; look None where it was known already."""

    known: Known
    look: Look | None


def take(
    draft: Draft, items: Iterable[Item], source: str, rules: Rules, *, workers: int = 2, progress: Callable[[str], None] = lambda name: None
) -> Report:
    """Take every image of a source into a draft.

    Each is stored before its entry is written, and entries are written whole: a kill leaves no half image, and the same
    import again goes on where it was.

    Raises:
        SettingsError: the source as a whole is not usable. OSError: no room.
    """
    report = Report()
    names: set[str] = set()
    with ThreadPoolExecutor(workers) as pool:
        ahead = _Ahead(draft, pool, 8 * workers)
        try:
            for batch in _batches(ahead.look(items)):
                with draft.transaction():
                    for item, image, reference in batch:
                        progress(item.name)
                        try:
                            if isinstance(item, Refused):
                                raise ValueError(item.reason)
                            if item.name in names:
                                raise ValueError("a second image of this name in the source")
                            names.add(item.name)
                            seen = _result(image, draft, item.file)
                            compared = _result(reference, draft, item.reference[1]) if item.reference and reference else None
                            _put(draft, _entry(item, seen, compared, rules), rules.split or item.split, rules, report)
                        except ValueError as error:
                            report.refused.append(Refused(item.name, str(error)))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    draft.refuse(source, report.refused)
    return report


_Looked = tuple[Item, "Future[_Seen] | None", "Future[_Seen] | None"]


class _Ahead:
    """Images are read, decoded and stored by threads, a few ahead of the one that is entered: memory is that of these few."""

    def __init__(self, draft: Draft, pool: ThreadPoolExecutor, depth: int) -> None:
        self._draft, self._pool, self._depth = draft, pool, depth
        self._lately: OrderedDict[Path, Future[_Seen]] = OrderedDict()  # the reference of one is often the next image

    def look(self, items: Iterable[Item]) -> Iterator[_Looked]:
        waiting: deque[_Looked] = deque()
        for item in items:
            if isinstance(item, Refused):
                waiting.append((item, None, None))
            else:
                reference = self._submit(item.reference[1], item.root) if item.reference else None
                waiting.append((item, self._submit(item.file, item.root), reference))
            if len(waiting) > self._depth:
                yield waiting.popleft()
        yield from waiting

    def _submit(self, file: Path, root: Path) -> Future[_Seen]:
        if file in self._lately:
            return self._lately[file]
        known = None
        with contextlib.suppress(OSError, RuntimeError):  # said by who reads it
            if not file.is_symlink():
                known = self._draft.looks.known(file)
        if known is not None and is_stored(self._draft.folder, known.sha256):
            future: Future[_Seen] = Future()
            future.set_result(_Seen(known, None))
        else:
            future = self._pool.submit(_look, file, root, self._draft.folder)
        self._lately[file] = future
        if len(self._lately) > self._depth:
            self._lately.popitem(last=False)
        return future


def _look(file: Path, root: Path, folder: Path) -> _Seen:
    """In a thread: read, decode, store. Raises ValueError: refused; OSError: the store takes nothing."""
    picture = read_picture(file, root)
    if not cv2.haveImageReader(str(file)):
        raise ValueError(f"{file.name} is of a kind that the line cannot read")
    store(folder, picture.sha256, file.suffix, picture.data)
    look = look_at(picture.gray)
    return _Seen(Known(picture.sha256, picture.width, picture.height, look.phash), look)


def _result(future: Future[_Seen] | None, draft: Draft, file: Path) -> Known:
    assert future is not None
    seen = future.result()
    if seen.look is not None:
        draft.looks.remember(file, seen.known.sha256, seen.known.width, seen.known.height, seen.look)
    return seen.known


def _batches(looked: Iterator[_Looked]) -> Iterator[list[_Looked]]:
    while batch := list(itertools.islice(looked, _BATCH)):
        yield batch


def _entry(found: Found, image: Known, reference: Known | None, rules: Rules) -> Entry:
    if found.size is not None and found.size != (image.width, image.height):
        raise ValueError(f"the labels are of an image of {found.size[0]}x{found.size[1]} px, and this one has {image.width}x{image.height}")
    if reference is not None and (reference.width, reference.height) != (image.width, image.height):
        raise ValueError(f"its reference has {reference.width}x{reference.height} px, the image {image.width}x{image.height}")
    labels = found.labels
    if found.in_shares:
        w, h = image.width, image.height
        labels = tuple(make_label(b.kind, b.x1 * w, b.y1 * h, b.x2 * w, b.y2 * h) for b in labels)
    unknown = {b.kind for b in labels} | ({found.tag} if found.tag else set())
    unknown -= set(rules.classes) if rules.classes else unknown
    if unknown:
        raise ValueError(f"class {', '.join(sorted(unknown))} is not one of those that are taken: {', '.join(rules.classes)}")
    verdict = found.verdict or ("NG" if labels or found.tag else "")
    if not verdict and rules.empty == "refuse":
        raise ValueError("has neither labels nor a verdict")
    lineage = found.lineage if found.lineage.who or not rules.who else msgspec.structs.replace(found.lineage, who=rules.who)
    return Entry(
        name=found.name,
        sha256=image.sha256,
        width=image.width,
        height=image.height,
        verdict=verdict or ("OK" if rules.empty == "ok" else ""),
        labels=tuple(sorted(labels)),
        tag=found.tag,
        **{k: v for k, v in found.keys.items() if v},
        reference=found.reference[0] if found.reference and reference else "",
        reference_sha256=reference.sha256 if reference else "",
        lineage=lineage,
    )


def _put(draft: Draft, entry: Entry, split: str, rules: Rules, report: Report) -> None:
    before = draft.said(entry.name)
    if before is None:
        report.added += 1
    elif before == (entry.sha256, entry.said):
        report.there += 1
        split = split or draft.get(entry.name).split
    elif before[0] != entry.sha256:
        raise ValueError("another image of this name is in the draft; tell the sources apart with --prefix")
    elif not rules.replace:
        raise ValueError("is in the draft with other labels; --replace takes the new ones")
    else:
        report.changed += 1
        split = split or draft.get(entry.name).split
    draft.put(entry, split)
