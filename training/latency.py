"""How long candidates take on a device: measured by running them through production's own code, or read from a profile made there."""

from __future__ import annotations

import platform
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
import onnxruntime as ort
from msgspec import Meta
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge.card import Card
from edge.errors import ModelError, SettingsError, reason
from edge.inspect import recipe_for
from edge.judge import Judge
from edge.model import PROVIDERS, RuntimeOptions

MAX_BYTES = 10_000_000
BURST = 4  # runs of one candidate in a row, of which the first is not counted: the others' data lies in the caches
Image = NDArray[np.uint8]
Ms = Annotated[float, Meta(gt=0, le=1e7)]


class Latency(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Prepare + infer + decode + decide of one candidate, in ms, and what it was: a figure of another network counts for nothing."""

    p50_ms: Ms
    p99_ms: Ms
    runs: Annotated[int, Meta(ge=1)]
    classes: int
    planes: list[str]
    width_px: int
    height_px: int

    def fits(self, card: Card) -> bool:
        """Whether it was measured on a network of this shape."""
        return (self.classes, self.planes, self.width_px, self.height_px) == (
            len(card.classes), list(card.planes), card.width_px, card.height_px,
        )  # fmt: skip


class Profile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Latencies of candidates on one device.

    Attributes:
        device: in words; provider: one of edge's names; threads: CPU threads, 0 = all.
        candidates: by the name in the candidate's card.
    """

    format: Literal[1] = 1
    device: Annotated[str, Meta(min_length=1, max_length=200)]
    provider: Annotated[str, Meta(min_length=1, max_length=40)]
    threads: Annotated[int, Meta(ge=0, le=1024)]
    onnxruntime: str
    made: str
    candidates: Annotated[dict[str, Latency], Meta(min_length=1, max_length=10_000)]


def read_profile(path: Path) -> Profile:
    """A profile's file.

    Raises:
        SettingsError: it cannot be read or is not understood.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB; that is no profile")
        return msgspec.json.decode(path.read_bytes(), type=Profile)
    except OSError as error:
        raise SettingsError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise SettingsError(
            f"{path}: not a profile: {reason(error)}; make one on the device with: gutteil profile CANDIDATES --out FILE"
        ) from error


def check_provider(provider: str, model: Path, threads: int = 0) -> None:
    """Refuse a provider that does not run here.

    Raises:
        SettingsError: it is unknown, or does not start on this machine; says which do.
    """
    if provider not in PROVIDERS:
        raise SettingsError(f"--on {provider}: no such provider; there are: {', '.join(PROVIDERS)}")
    try:
        Judge(recipe_for(None, model), RuntimeOptions((provider,), threads))
    except ModelError as error:
        built_in = [name for name, full in PROVIDERS.items() if full in ort.get_available_providers()]
        raise SettingsError(
            f"--on {provider} does not run on this machine; its ONNX Runtime was built with {', '.join(built_in)}; measure on the device itself "
            f"(gutteil profile) and give its figures with --profile. In its own words: {error}"
        ) from error


def measure(
    files: Sequence[Path], images: Sequence[tuple[Image, Image | None]], provider: str, threads: int, rounds: int, console: Console
) -> Profile:
    """Run every candidate on the images, in rotation: what disturbs the machine meanwhile hits all of them alike.

    Args:
        files: model files with cards.
        images: camera images with their references, if there are any; of random noise where a candidate wants what is not given.
        rounds: turns; each gives BURST - 1 figures per candidate.

    Raises:
        SettingsError: the provider is not there, or an image does not fit.
        ModelError: a file is not a usable model.
    """
    check_provider(provider, files[0], threads)
    judges = {}
    for file in files:
        judge = Judge(recipe_for(None, file), RuntimeOptions((provider,), threads))
        if judge.model.card.name in judges:
            raise SettingsError(f"{file}: a second candidate of the name {judge.model.card.name!r}; keep one of them")
        judges[judge.model.card.name] = judge
    times: dict[str, list[float]] = {name: [] for name in judges}
    for turn in track(range(rounds), "measuring", console=console):
        for name, judge in judges.items():
            image, reference = _shown(judge.model.card, images, turn)
            for run in range(BURST):
                taken = judge.judge(image, reference).timings
                if run:
                    times[name].append((taken.prepare_us + taken.infer_us + taken.decode_us + taken.decide_us) / 1e3)
    found = {}
    for name, values in times.items():
        card = judges[name].model.card
        found[name] = Latency(
            p50_ms=round(float(np.percentile(values, 50)), 3), p99_ms=round(float(np.percentile(values, 99)), 3), runs=len(values),
            classes=len(card.classes), planes=list(card.planes), width_px=card.width_px, height_px=card.height_px,
        )  # fmt: skip
    return Profile(
        device=f"{platform.node()} ({platform.machine()})", provider=provider, threads=threads, onnxruntime=ort.__version__,
        made=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), candidates=found,
    )  # fmt: skip


def _shown(card: Card, images: Sequence[tuple[Image, Image | None]], turn: int) -> tuple[Image, Image | None]:
    image, reference = images[turn % len(images)] if images else (None, None)
    if image is None:
        shape = (card.height_px, card.width_px, 3) if "rgb" in card.planes else (card.height_px, card.width_px)
        image = np.random.default_rng(turn).integers(0, 256, shape, np.uint8)
    if card.wants_reference and reference is None:
        reference = image if image.ndim == 2 else np.ascontiguousarray(image[:, :, 1])
    return image, reference if card.wants_reference else None


def candidate_files(folder: Path) -> list[Path]:
    """The model files of a folder, in order of their names.

    Raises:
        SettingsError: there are none.
    """
    files = sorted(folder.glob("*.onnx"))
    if not files:
        raise SettingsError(
            f"{folder}: holds no candidates (*.onnx); write them with: gutteil train --data … --budget-ms … --only-candidates, and copy the folder here"
        )
    return files


def write_profile(profile: Profile, path: Path) -> None:
    """As JSON.

    Raises:
        SettingsError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(profile)) + b"\n")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror}); check the path and its rights") from error
