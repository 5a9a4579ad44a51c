"""Reviewed parts as a COCO archive, for training: `edge.labelled` reads its `annotations.json`, and so does `gutteil data import`.

A label is what a person said. `good` parts carry no box, `bad` ones the boxes that the reviewer drew; a bad part of which nobody drew
the defects is left out, unless the station's own NG boxes are asked for. What the station had said stands beside it, for comparison.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Final

from edge.places import file_name, png_size
from edge.takeout import Taken
from edge.takeout_zip import Archive, Request

_SPOOL: Final = 4_000_000
Box = tuple[str, float, float, float, float]
Golden = Callable[[str], bytes | None]


def coco(
    taken: Iterable[Taken], folder: Path, request: Request, *, golden: Golden = lambda _run: None, station_boxes: bool = False
) -> Iterator[bytes]:
    """The archive, in pieces.

    Args:
        folder: the record's.
        golden: the golden reference that was kept of a run, for parts that brought none of their own; None: none was.
    """
    archive, classes, references = Archive(), dict[str, int](), References(golden)
    with tempfile.SpooledTemporaryFile(_SPOOL) as entries, tempfile.SpooledTemporaryFile(_SPOOL) as marks:
        number = marked = 0
        for one in taken:
            boxes = _boxes(one, station_boxes=station_boxes)
            if isinstance(boxes, str):
                archive.leave_out(one.part.part_id, boxes)
                continue
            entry = _pictures(one, folder, archive, references)
            yield archive.sink.take()
            if entry is None:
                continue
            number += 1
            _line(entries, {"id": number, **entry, **_said(one)})
            for kind, x1, y1, x2, y2 in boxes:
                marked += 1
                mark = {"id": marked, "image_id": number, "category_id": classes.setdefault(kind, len(classes) + 1), "iscrowd": 0}
                _line(marks, {**mark, "bbox": [x1, y1, x2 - x1, y2 - y1], "area": (x2 - x1) * (y2 - y1)})
        with tempfile.SpooledTemporaryFile(_SPOOL) as whole:
            _join(whole, entries, marks, classes)
            yield from archive.put_file("annotations.json", whole)
    yield from archive.finish(request)


def _boxes(taken: Taken, *, station_boxes: bool) -> list[Box] | str:
    """The labels, or why there are none to learn from."""
    review, part = taken.review, taken.part
    if review is None or review.truth not in ("good", "bad"):
        return "nobody has said whether it is good or bad"
    if review.truth == "good":
        return []
    if review.boxes is not None:
        return [(b.kind, b.x1, b.y1, b.x2, b.y2) for b in review.boxes]
    found: list[Box] = [(d.kind, d.x1, d.y1, d.x2, d.y2) for d in part.defects if d.verdict == "NG"]
    return found if station_boxes and found else "it is bad, and nobody drew its defects"


class References:
    """The references of an archive, each put in once."""

    def __init__(self, golden: Golden) -> None:
        self._golden = lru_cache(8)(golden)
        self._there: set[str] = set()

    def name_for(self, taken: Taken, folder: Path, archive: Archive) -> str:
        """Put a part's reference in, if it has one; its name there, empty without."""
        part = taken.part
        if part.reference_path and part.reference_sha256:
            name = f"references/{part.reference_sha256}.png"
            if name not in self._there and not archive.picture(folder, part.reference_path, part.reference_sha256, name, part.part_id):
                return ""
            self._there.add(name)
            return name
        data = self._golden(part.run_id or "")
        if data is None or png_size(data[:24]) == (0, 0):
            return ""
        name = f"references/{hashlib.sha256(data).hexdigest()}.png"
        if name not in self._there:
            archive.put(name, data)
            self._there.add(name)
        return name


def _pictures(taken: Taken, folder: Path, archive: Archive, references: References) -> dict[str, Any] | None:
    """Put the picture in, and its reference once; the beginning of the image's entry."""
    part = taken.part
    name = f"images/{file_name(part.part_id)}.png"
    data = archive.picture(folder, part.image_path, part.image_sha256, name, part.part_id)
    if not data:
        return None
    width, height = png_size(data[:24])
    entry: dict[str, Any] = {"file_name": name, "width": width, "height": height}
    if reference := references.name_for(taken, folder, archive):
        entry["reference"] = reference
    return entry


def _said(taken: Taken) -> dict[str, Any]:
    part, review = taken.part, taken.review
    assert review is not None
    return {
        "verdict": "OK" if review.truth == "good" else "NG",
        "part": part.part_id,
        "review": {"truth": review.truth, "who": review.who, "at": review.reviewed_at, "note": review.note, "how": review.how},
        "station": {
            "verdict": part.verdict,
            "reasons": part.reasons,
            "recipe_sha256": part.recipe_hash,
            "model_sha256": part.model_hash,
            "triggered_at": part.triggered_at,
            "defects": [{"kind": d.kind, "score": d.score, "box": [d.x1, d.y1, d.x2, d.y2], "verdict": d.verdict} for d in part.defects],
        },
    }


def _line(file: IO[bytes], document: dict[str, Any]) -> None:
    file.write((",\n" if file.tell() else "").encode() + json.dumps(document, ensure_ascii=True, allow_nan=False).encode())


def _join(whole: IO[bytes], entries: IO[bytes], marks: IO[bytes], classes: dict[str, int]) -> None:
    categories = json.dumps([{"id": number, "name": kind} for kind, number in classes.items()])
    whole.write(b'{"categories": ' + categories.encode())
    for name, file in (("images", entries), ("annotations", marks)):
        whole.write(f',\n"{name}": [\n'.encode())
        file.seek(0)
        while block := file.read(1_000_000):
            whole.write(block)
        whole.write(b"]")
    whole.write(b"}\n")
