"""Label Studio's JSON export: a list of tasks; boxes in percent. Predictions of a model are no labels and are left out."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from edge.errors import SettingsError, reason
from training.datasets.entry import MAX_LABELS, Entry, Label, Lineage, Verdict, make_label, make_name, text
from training.datasets.folder import place_image, shown
from training.datasets.formats.coco import load_json
from training.datasets.found import Found, Item, Refused, Source


def read(source: Source) -> Iterator[Item]:
    """The tasks; images are looked for by name in `images/` beside the file, or in the folder that was given."""
    tasks = load_json(source.path)
    if not isinstance(tasks, list):
        raise SettingsError(f"{source.path}: not Label Studio's JSON: it is no list of tasks; export as 'JSON', not 'JSON-MIN'")
    beside = source.path.parent / "images"
    root = source.images or (beside if beside.is_dir() else source.path.parent)
    for n, task in enumerate(tasks):
        tasks[n] = None
        try:
            yield _found(task, root, source)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, IndexError) as error:
            missing = reason(error)
            yield Refused(_name_of(task, n), missing)


def _name_of(task: Any, n: int) -> str:
    try:
        return shown(task["data"]["image"])
    except (KeyError, TypeError):
        return f"task {n}"


def _found(task: Any, root: Path, source: Source) -> Found:
    written = task["data"]["image"]
    if not isinstance(written, str):
        raise ValueError("data.image is no text")
    relative = _path(written)
    candidates = [relative, *([PurePosixPath(relative).name] if "/" in relative else [])]
    name = next((c for c in candidates if (root / make_name(c)).is_file()), None)
    if name is None:
        raise ValueError(f"there is no image {PurePosixPath(relative).name!r} in {root.name}/; give its folder with --images")
    done = [a for a in task.get("annotations") or [] if not a.get("was_cancelled")]
    if not done:
        raise ValueError("nobody has labelled this task yet")
    readings = [_reading(a["result"]) for a in done]
    if any(r != readings[0] for r in readings):
        raise ValueError(f"{len(done)} people labelled it and do not agree; leave one annotation")
    labels, verdict, tag, size = readings[0]
    by = done[-1].get("completed_by")
    who = by.get("email", by.get("id")) if isinstance(by, dict) else by
    return Found(
        make_name(name, prefix=source.prefix),
        root / name,
        root,
        labels,
        verdict,
        tag,
        size,
        lineage=Lineage(
            format="labelstudio",
            source=source.path.name,
            who=text(who, "completed_by"),
            labelled_at=text(done[-1].get("updated_at") or done[-1].get("created_at"), "updated_at"),
        ),
    )


def _path(written: str) -> str:
    """The image's path: uploads, local files (`?d=…`) and plain names; addresses of other machines are not fetched."""
    address = urlsplit(written)
    if address.scheme or address.netloc:
        raise ValueError(f"{shown(written)} lies elsewhere, and nothing is fetched; export it together with its images")
    local = parse_qs(address.query).get("d")
    path = local[0] if local else unquote(address.path)
    for start in ("/data/upload/", "/data/local-files/"):
        path = path.removeprefix(start)
    return path


def _reading(results: Any) -> tuple[tuple[Label, ...], Verdict, str, tuple[int, int] | None]:
    """Labels, verdict, the image's class, and the size the labels were drawn on."""
    labels: list[Label] = []
    choices: list[str] = []
    size = None
    if len(results) > MAX_LABELS:
        raise ValueError(f"{len(results)} labels; at most {MAX_LABELS}")
    for result in results:
        kind = result["type"]
        value = result["value"]
        if kind == "choices":
            choices += [text(c, "choice") for c in value["choices"]]
            continue
        if kind not in ("rectanglelabels", "polygonlabels"):
            raise ValueError(f"a result of type {text(kind, 'type')!r} is not known; rectanglelabels, polygonlabels and choices are")
        if result.get("image_rotation"):
            raise ValueError("the image was turned while it was labelled; turn it back, and label again")
        width, height = int(result["original_width"]), int(result["original_height"])
        size = (width, height)
        if len(value[kind]) != 1:
            raise ValueError(f"a box with {len(value[kind])} classes; one is taken")
        x1, y1, x2, y2 = _rectangle(value, width, height) if kind == "rectanglelabels" else _around(value["points"], width, height)
        labels.append(make_label(value[kind][0], x1, y1, x2, y2))
    verdicts: list[Verdict] = [c for c in choices if c in ("OK", "NG")]  # type: ignore[misc]
    others = [c for c in choices if c not in verdicts]
    if len(verdicts) > 1 or len(others) > 1:
        raise ValueError(f"choices {', '.join(choices)}: one verdict and one class are taken of an image")
    return tuple(sorted(labels)), verdicts[0] if verdicts else "", others[0] if others else "", size


def _rectangle(value: Any, width: int, height: int) -> tuple[float, float, float, float]:
    """In px; a turned rectangle (about its upper left corner) becomes the upright one around it."""
    x, y = float(value["x"]) * width / 100, float(value["y"]) * height / 100
    w, h = float(value["width"]) * width / 100, float(value["height"]) * height / 100
    angle = math.radians(float(value.get("rotation") or 0))
    if not angle:
        return x, y, x + w, y + h
    corners = [
        (x + dx * math.cos(angle) - dy * math.sin(angle), y + dx * math.sin(angle) + dy * math.cos(angle)) for dx in (0, w) for dy in (0, h)
    ]
    return min(c[0] for c in corners), min(c[1] for c in corners), max(c[0] for c in corners), max(c[1] for c in corners)


def _around(points: Any, width: int, height: int) -> tuple[float, float, float, float]:
    xs, ys = [float(p[0]) * width / 100 for p in points], [float(p[1]) * height / 100 for p in points]
    if not all(map(math.isfinite, xs + ys)):
        raise ValueError("an outline with points that are no numbers")
    return min(xs), min(ys), max(xs), max(ys)


class Writer:
    """tasks.json beside `images/`. Carries boxes, verdict, the image's class and who labelled."""

    def __init__(self, folder: Path, classes: list[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self._count = folder, 0
        self._file = (folder / "tasks.json").open("w", encoding="utf-8")
        self._file.write("[")

    def add(self, entry: Entry, image: Path) -> None:
        """Raises OSError: cannot be written."""
        place_image(image, self.folder / "images" / entry.name)
        common = {
            "from_name": "label",
            "to_name": "image",
            "original_width": entry.width,
            "original_height": entry.height,
            "image_rotation": 0,
        }
        w, h = entry.width / 100, entry.height / 100
        results: list[dict[str, Any]] = [
            {
                **common,
                "type": "rectanglelabels",
                "value": {
                    "x": b.x1 / w, "y": b.y1 / h, "width": (b.x2 - b.x1) / w, "height": (b.y2 - b.y1) / h, "rotation": 0,
                    "rectanglelabels": [b.kind],
                },
            }
            for b in entry.labels
        ]  # fmt: skip
        choices = [c for c in (entry.verdict, entry.tag) if c]
        if choices:
            results.append({"from_name": "verdict", "to_name": "image", "type": "choices", "value": {"choices": choices}})
        by = {"completed_by": {"email": entry.lineage.who}} if entry.lineage.who else {}
        task = {"id": self._count, "data": {"image": entry.name}, "annotations": [{"result": results, "was_cancelled": False, **by}]}
        self._file.write(f"{',' if self._count else ''}\n{json.dumps(task, ensure_ascii=False)}")
        self._count += 1

    def close(self) -> None:
        self._file.write("\n]\n")
        self._file.close()
