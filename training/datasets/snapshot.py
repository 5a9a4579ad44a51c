"""A snapshot: a set that never changes again, named by what is in it.

snapshots/NAME/ID/manifest.json    what it is: counts, parent, hashes
snapshots/NAME/ID/images.jsonl     one line per image: entry with its lineage, and its split
snapshots/NAME/ID/train.json …     COCO files for `gutteil train`, `evaluate`, `replay`
snapshots/NAME/ID/images/          links to the stored images, under their names
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from edge.errors import SettingsError, reason
from training.datasets.draft import SPLITS, Draft, Row, check_name, stored
from training.datasets.entry import Entry
from training.datasets.folder import place_image
from training.datasets.formats.coco import Writer
from training.datasets.split import labels_of

MANIFEST, ROWS = "manifest.json", "images.jsonl"
_ID_SIGNS = 12


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot is.

    Attributes:
        id: SHA-256 over names, contents and splits.
        content: SHA-256 over images and labels alone, whatever their order, names and splits.
        parent: id of the snapshot that the draft gave before.
        splits: by split how many images, groups of each class and verdict.
        sources: by format and file how many images came from there; `who`: by name how many a person labelled.
        corrected: how many images have boxes or a verdict that a person changed from the model's.
    """

    format: int = 1
    name: str
    id: str
    content: str
    parent: str
    made_at: str
    split_by: str
    images: int
    classes: list[str]
    splits: dict[str, dict[str, int]]
    sources: dict[str, int]
    who: dict[str, int]
    corrected: int


class _Line(msgspec.Struct, frozen=True):
    split: str
    entry: Entry


def identity(rows: Iterator[Row]) -> tuple[str, str]:
    """Id and content hash of rows in the order of their names."""
    whole, said = hashlib.sha256(), []
    for row in rows:
        digest = row.entry.said
        said.append(bytes.fromhex(digest))
        whole.update(msgspec.json.encode([row.entry.name, row.entry.reference, digest, row.split]))
    return whole.hexdigest(), hashlib.sha256(b"".join(sorted(said))).hexdigest()


def make_snapshot(draft: Draft, progress: Callable[[str], None] = lambda name: None) -> tuple[Manifest, bool]:
    """Fix a draft. Returns the manifest and whether it is new; the same content and splits give the same snapshot.

    Raises:
        SettingsError: no images, some without a split while others have one, or a stored image is gone or damaged.
        OSError: no room.
    """
    ident, content = identity(draft.rows())
    place = draft.folder / "snapshots" / draft.name
    target = place / ident[:_ID_SIGNS]
    if target.is_dir():
        return read_manifest(target), False
    classes, splits = set[str](), set[str]()
    for row in draft.rows():
        classes |= {b.kind for b in row.entry.labels}
        splits.add(row.split)
    if not splits:
        raise SettingsError(f"{draft.name}: has no images; put some in: gutteil data import")
    if "" in splits and len(splits) > 1:
        raise SettingsError(f"{draft.name}: some images have no split; divide it anew: gutteil data split {draft.name} --by …")
    making = place / f".making-{os.getpid()}"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    try:
        manifest = _write(draft, making, ident, content, sorted(classes), splits, progress)
        for file in making.iterdir():
            if file.is_file():
                file.chmod(0o444)
        making.rename(target)
    except BaseException:
        shutil.rmtree(making, ignore_errors=True)
        raise
    draft.note("parent", ident)
    return manifest, True


def _write(
    draft: Draft, folder: Path, ident: str, content: str, classes: list[str], splits: set[str], progress: Callable[[str], None]
) -> Manifest:
    writers = {s: Writer(folder, classes, f"{s or 'all'}.json", images=False) for s in sorted(splits)}
    counts: dict[str, Counter[str]] = {s: Counter() for s in splits}
    sources, who = Counter[str](), Counter[str]()
    corrected = 0
    sound: set[str] = set()
    with ExitStack() as stack:
        lines = stack.enter_context((folder / ROWS).open("wb"))
        for writer in writers.values():
            stack.callback(writer.close)
        for row in draft.rows():
            entry = row.entry
            progress(entry.name)
            _place(draft, entry.sha256, folder / "images" / entry.name, sound)
            if entry.reference:
                _place(draft, entry.reference_sha256, folder / "images" / entry.reference, sound)
            writers[row.split].add(entry, folder)
            lines.write(msgspec.json.encode(_Line(row.split, entry)) + b"\n")
            counts[row.split].update(["images", *labels_of(entry)])
            lineage = entry.lineage
            file = lineage.source if lineage.format in ("coco", "cvat", "labelstudio") else ""  # elsewhere each image has its own
            sources[f"{lineage.format} {file}".strip()] += 1
            who[lineage.who or "unknown"] += 1
            change = lineage.corrections
            corrected += change is not None and (change.moved + change.renamed + change.added + change.removed > 0)
    manifest = Manifest(
        name=draft.name,
        id=ident,
        content=content,
        parent=draft.fact("parent"),
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        split_by=draft.fact("split_by"),
        images=sum(c["images"] for c in counts.values()),
        classes=classes,
        splits={s or "all": dict(sorted(counts[s].items())) for s in sorted(splits, key=lambda s: SPLITS.index(s) if s else 0)},
        sources=dict(sources.most_common(1000)),
        who=dict(who.most_common(1000)),
        corrected=corrected,
    )
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
    return manifest


def _place(draft: Draft, sha256: str, target: Path, sound: set[str]) -> None:
    image = draft.image(sha256)
    if sha256 not in sound:
        if hashlib.sha256(image.read_bytes()).hexdigest() != sha256:
            raise SettingsError(f"{image}: has changed since it was stored; delete it and import its source again")
        sound.add(sha256)
    if target.exists() and not target.samefile(image) and hashlib.sha256(target.read_bytes()).hexdigest() != sha256:
        raise SettingsError(f"{target.name}: an entry and a reference of this name are different images; import one with --prefix")
    place_image(image, target)


def read_manifest(folder: Path) -> Manifest:
    """Raises SettingsError: no snapshot."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(f"{folder}: is no snapshot: {reason(error)}; make one: gutteil data snapshot NAME") from error


def snapshot_rows(folder: Path) -> Iterator[Row]:
    """Every entry by name. Raises SettingsError: damaged."""
    try:
        with (folder / ROWS).open("rb") as lines:
            for line in lines:
                found = msgspec.json.decode(line, type=_Line)
                yield Row(found.entry, found.split)
    except (OSError, msgspec.MsgspecError) as error:
        raise SettingsError(
            f"{folder / ROWS}: cannot be read: {reason(error)}; make the snapshot again: gutteil data snapshot NAME"
        ) from error


def verify(folder: Path, shelf: Path) -> None:
    """Whether rows and images are still those that the manifest says.

    Raises:
        SettingsError: they are not; names what has changed.
    """
    manifest = read_manifest(folder)
    if identity(snapshot_rows(folder)) != (manifest.id, manifest.content):
        raise SettingsError(f"{folder / ROWS}: is not what the manifest says; restore it from a backup, or make the snapshot anew")
    for row in snapshot_rows(folder):
        for name, sha256 in ((row.entry.name, row.entry.sha256), (row.entry.reference, row.entry.reference_sha256)):
            if name and hashlib.sha256((folder / "images" / name).read_bytes()).hexdigest() != sha256:
                raise SettingsError(f"{folder / 'images' / name}: has changed; restore {stored(shelf, sha256).name} from a backup")


def find_snapshot(folder: Path, name: str) -> Path:
    """`NAME` is the newest snapshot of a set, `NAME@ID` that one; the first signs of the id are enough.

    Raises:
        SettingsError: there is none, or several begin so.
    """
    name, _, ident = name.partition("@")
    check_name(name)
    place = folder / "snapshots" / name
    found = [p for p in place.glob(f"{ident[:_ID_SIGNS]}*") if (p / MANIFEST).is_file()] if not ident or ident.isalnum() else []
    if not found:
        raise SettingsError(f"{folder}: there is no snapshot {name}{'@' + ident if ident else ''}; make one: gutteil data snapshot {name}")
    if ident and len(found) > 1:
        raise SettingsError(f"{name}@{ident}: {len(found)} snapshots begin so; give more of the id")
    return max(found, key=lambda p: (p / MANIFEST).stat().st_mtime_ns)
