"""ultralytics' networks as candidates, trained from scratch. The only file that imports ultralytics, which is AGPL-3.0.

Nothing is fetched and nothing is sent: no weights, no fonts, no telemetry. Its settings live in the race's own folder.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import Progress

from edge.errors import ModelError, SettingsError, reason
from edge.labelled import LabelledImage, read_coco, read_image
from training.candidates import YOLO_WIDTHS, Candidate, write
from training.jobs import Job

NATIVE_CROP_PX = 640
CROPS_PER_IMAGE = 3
DEPTH = 0.5
MAX_CHANNELS = 1024


class _Reached(Exception):
    """Thrown out of ultralytics' loop where a rung ends: its own end would strip the checkpoint of what going on needs."""


def _quiet(folder: Path) -> None:
    """Before ultralytics is imported: offline, silent, its settings in a folder of the race and not in the user's."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ |= {"YOLO_OFFLINE": "true", "YOLO_VERBOSE": "false", "YOLO_AUTOINSTALL": "false"}
    os.environ.setdefault("YOLO_CONFIG_DIR", str(folder))
    try:
        import ultralytics
    except ImportError as error:
        raise SettingsError(
            f"the family yolo needs {error.name}, which is not installed; install it with: .venv/bin/pip install -e '.[training]', "
            "or race with --families pair"
        ) from error
    from ultralytics.data import utils as data_utils

    ultralytics.settings.update({"sync": False} | {k: False for k in ultralytics.settings if isinstance(ultralytics.settings[k], bool)})
    vars(data_utils)["check_font"] = lambda *_: None  # it fetches a font for pictures that nobody asked for
    logging.getLogger("ultralytics").setLevel(logging.ERROR)


def _network_file(candidate: Candidate, folder: Path) -> Path:
    """ultralytics' description of YOLO26 at this candidate's width; the `n` in its name selects the one scale that stands in it."""
    from ultralytics.utils import YAML
    from ultralytics.utils.checks import check_yaml

    description = YAML.load(check_yaml("yolo26.yaml"))
    description["scales"] = {"n": [DEPTH, YOLO_WIDTHS[candidate.width], MAX_CHANNELS]}
    description["nc"] = len(candidate.classes)
    file = folder / "yolo26n.yaml"
    YAML.save(file, description)
    return file


def untrained(candidate: Candidate, folder: Path) -> bytes:
    """ONNX with random weights, for its speed."""
    _quiet(folder / "ultralytics")
    place = folder / f"{candidate.name}.work"
    place.mkdir(exist_ok=True)
    try:
        import torch
        from ultralytics.nn.tasks import DetectionModel

        torch.manual_seed(0)
        net = DetectionModel(
            str(_network_file(candidate, place)), ch=1 if candidate.planes == ("gray",) else 3, nc=len(candidate.classes), verbose=False
        )
        torch.save({"ema": None, "model": net, "train_args": {"task": "detect"}, "epoch": -1}, place / "untrained.pt")
        return _export(candidate, place / "untrained.pt", place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def load_network(weights: Path, *, end2end: bool) -> Any:
    """The trained network in a checkpoint, with the head that gives final rows or (`end2end` false) the raw columns. It is unpickled, which runs what is in it: only for files that were trained here.

    Raises:
        SettingsError: ultralytics is not installed.
        ModelError: no checkpoint of it.
    """
    import torch

    with tempfile.TemporaryDirectory(prefix="gutteil-yolo-") as folder:
        _quiet(Path(folder))
        from ultralytics.models import YOLO

        try:
            network = YOLO(str(weights), task="detect").model
        except Exception as error:  # whatever unpickling raises
            raise ModelError(f"{weights}: neither a checkpoint of `gutteil train` nor one of ultralytics: {reason(error)}") from error
    if not isinstance(network, torch.nn.Module):
        raise ModelError(f"{weights}: holds no network; give the trainer's .pt file")
    if hasattr(network, "end2end"):
        network.end2end = end2end  # a checkpoint holds both heads, and loads with the one it was trained with last
    return network


def _export(candidate: Candidate, weights: Path, place: Path) -> bytes:
    """ultralytics' own export of a checkpoint to the layout `yolo_end2end`."""
    from ultralytics.models import YOLO

    copy = place / "exported.pt"
    shutil.copyfile(weights, copy)  # it writes beside what it exports
    yolo = YOLO(str(copy), task="detect")
    made = Path(
        yolo.export(format="onnx", imgsz=[candidate.height_px, candidate.width_px], simplify=True, nms=False, device="cpu", verbose=False)
    )
    data = made.read_bytes()
    for file in (copy, made):
        file.unlink()
    return _without_notes(data)


def _without_notes(data: bytes) -> bytes:
    """The file without the exporter's metadata, for the card must be the last entry."""
    import onnx

    model = onnx.load_model_from_string(data)
    del model.metadata_props[:]
    return bytes(model.SerializeToString())


def train_to(job: Job, console: Console) -> Path:
    """Train to the epoch that the job's step lies in and write the best weights so far as a model file.

    Raises:
        SettingsError, ModelError: the data is not usable, or ultralytics gives nothing.
    """
    candidate, folder = job.candidate, Path(job.folder)
    _quiet(folder / "ultralytics")
    from ultralytics.models.yolo.detect import DetectionTrainer

    data = _dataset(job, folder / "set")
    images = len(list((folder / "set" / "train" / "images").iterdir()))
    per_epoch = math.ceil(images / job.batch)
    epochs, until = max(1, round(job.total_steps / per_epoch)), max(1, round(job.steps / per_epoch))
    safe = folder / "safe.pt"
    before = _epochs_done(safe)
    if before < until:
        overrides: dict[str, Any] = {
            "model": str(_network_file(candidate, folder)), "data": str(data), "epochs": epochs, "imgsz": _train_px(candidate), "batch": job.batch,
            "seed": job.seed, "deterministic": True, "pretrained": False, "amp": False, "plots": False, "patience": 0, "workers": 0,
            "verbose": False, "project": str(folder), "name": "run", "exist_ok": True, "optimizer": "AdamW", "lr0": 0.001,
        }  # fmt: skip
        if job.small_data:
            overrides |= {"mixup": 0.1, "degrees": 10.0, "flipud": 0.5, "hsv_v": 0.5}
        if before:
            overrides["resume"] = str(safe)
        with Progress(console=console) as bar:
            task = bar.add_task(candidate.name, total=until * per_epoch, completed=before * per_epoch)
            trainer = DetectionTrainer(overrides=overrides)
            trainer.add_callback("on_train_batch_end", lambda _: bar.advance(task))
            trainer.add_callback("on_model_save", lambda t: _kept(t, safe, folder / "best.pt", until))
            try:
                trainer.train()
            except _Reached:
                pass
            else:
                raise ModelError(f"{candidate.name}: ultralytics stopped before epoch {until}; see {folder / 'run'}")
    place = folder / "export"
    place.mkdir(exist_ok=True)
    target = folder / "model.onnx"
    write(candidate, _export(candidate, folder / "best.pt", place), target)
    shutil.rmtree(place)
    return target


def _kept(trainer: Any, safe: Path, best: Path, until: int) -> None:
    """Keep each epoch's checkpoint whole, for ultralytics writes over its own; and leave where the rung ends."""
    for source, target in ((trainer.best, best), (trainer.last, safe)):
        if source.exists():
            new = target.with_suffix(".new")
            shutil.copyfile(source, new)
            os.replace(new, target)
    if trainer.epoch + 1 >= until:
        raise _Reached


def _epochs_done(checkpoint: Path) -> int:
    if not checkpoint.exists():
        return 0
    import torch

    # ultralytics' checkpoints hold whole objects; this one was written by this trainer into this race's folder
    return int(torch.load(checkpoint, map_location="cpu", weights_only=False)["epoch"]) + 1


def _train_px(candidate: Candidate) -> int:
    """Side of the square that training shows: the whole image, or a crop of it where images are large."""
    longest = max(candidate.width_px, candidate.height_px)
    return NATIVE_CROP_PX if _cropped(candidate) else longest


def _cropped(candidate: Candidate) -> bool:
    return candidate.resize == "pad" and max(candidate.width_px, candidate.height_px) > 2 * NATIVE_CROP_PX


def _dataset(job: Job, place: Path) -> Path:
    """A COCO set as ultralytics wants it: text labels, images linked, not copied; cut into crops at native scale where they are large."""
    done = place / "set.json"
    made_of = [hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in (job.data, job.val)]
    if not done.exists() or json.loads(done.read_text()) != made_of:
        shutil.rmtree(place, ignore_errors=True)
        for name, file in (("train", job.data), ("val", job.val)):
            for kind in ("images", "labels"):
                (place / name / kind).mkdir(parents=True)
            labelled = read_coco(Path(file))
            rng = np.random.default_rng(job.seed)
            for i, entry in enumerate(labelled.images):
                if _cropped(job.candidate):
                    _write_crops(entry, labelled.classes, place / name, i, rng)
                else:
                    os.symlink(entry.file, place / name / "images" / f"{i:06}{entry.file.suffix.lower()}")
                    image = read_image(entry.file)
                    _write_labels(
                        place / name / "labels" / f"{i:06}.txt", entry, labelled.classes, (0, 0), (image.shape[1], image.shape[0])
                    )
        done.write_text(json.dumps(made_of))
    yaml = place / "data.yaml"
    names = "".join(f"  {i}: {json.dumps(n)}\n" for i, n in enumerate(job.candidate.classes))
    channels = 1 if job.candidate.planes == ("gray",) else 3
    yaml.write_text(f"path: {json.dumps(str(place))}\ntrain: train/images\nval: val/images\nchannels: {channels}\nnames:\n{names}", "utf-8")
    return yaml


def _write_labels(target: Path, entry: LabelledImage, classes: list[str], corner: tuple[int, int], size: tuple[int, int]) -> None:
    """The boxes of an image that lie at least half in the window, as class, centre and size in shares of it."""
    lines = []
    window = np.array(size * 2, np.float32)
    for box, kind in zip(entry.boxes - np.array(corner * 2, np.float32), entry.kinds, strict=True):
        inside = np.clip(box, 0, window)
        area = float((inside[2:] - inside[:2]).prod())
        if area <= 0 or area < 0.5 * float((box[2:] - box[:2]).prod()):
            continue
        x1, y1, x2, y2 = (inside / window).tolist()
        lines.append(f"{classes.index(kind)} {(x1 + x2) / 2:.6f} {(y1 + y2) / 2:.6f} {x2 - x1:.6f} {y2 - y1:.6f}\n")
    target.write_text("".join(lines))


def _write_crops(entry: LabelledImage, classes: list[str], place: Path, number: int, rng: np.random.Generator) -> None:
    image = read_image(entry.file)
    height, width = image.shape[:2]
    for crop in range(CROPS_PER_IMAGE):
        middle = rng.uniform(0, (width, height))
        if len(entry.boxes):
            x1, y1, x2, y2 = entry.boxes[crop % len(entry.boxes)]
            middle = np.array([(x1 + x2) / 2, (y1 + y2) / 2]) + rng.uniform(-0.3, 0.3, 2) * NATIVE_CROP_PX
        left, top = (
            int(np.clip(m - NATIVE_CROP_PX / 2, 0, max(0, side - NATIVE_CROP_PX))) for m, side in zip(middle, (width, height), strict=True)
        )
        part = image[top : top + NATIVE_CROP_PX, left : left + NATIVE_CROP_PX]
        name = f"{number:06}-{crop}"
        cv2.imwrite(str(place / "images" / f"{name}.png"), part)
        _write_labels(place / "labels" / f"{name}.txt", entry, classes, (left, top), (part.shape[1], part.shape[0]))
