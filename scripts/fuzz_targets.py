"""What is read from outside, each with the only errors that it may raise and a few good inputs to begin from."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import tomli_w

from edge.card import Card, parse_card, with_card
from edge.config import Station, load
from edge.errors import ModelError, SettingsError
from edge.labelled import read_coco
from edge.messages import MessageError, decode, encode
from edge.recipe import load_recipe
from hardware.belt import Belt, BeltSettings
from hardware.line import Command
from hardware.plc import EjectorTiming
from scripts.examples import EXAMPLES

ROOT = Path(__file__).resolve().parents[1]
BOUND_S = 5.0  # for one input; all of them are done in milliseconds, and this also holds on a busy machine
_folder = tempfile.TemporaryDirectory(prefix="gutteil-fuzz-")


@dataclass(frozen=True)
class Target:
    """One reader: `read` may return or raise one of `errors`, and nothing else, within BOUND_S."""

    read: Callable[[bytes], object]
    errors: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]

    def check(self, data: bytes) -> bool:
        """Whether the reader took the input; whatever else than its own errors it raises comes through.

        Raises:
            AssertionError: it took too long.
        """
        begun = time.monotonic()
        try:
            self.read(data)
        except self.errors:
            return False
        finally:
            took_s = time.monotonic() - begun
            assert took_s < BOUND_S, f"an input of {len(data)} bytes took {took_s:.1f} s"
        return True


def _from_file(read: Callable[[Path], object], suffix: str) -> Callable[[bytes], object]:
    path = Path(_folder.name) / f"input{suffix}"

    def from_file(data: bytes) -> object:
        path.write_bytes(data)
        return read(path)

    return from_file


def _card(data: bytes) -> object:
    """As the text that a model brings, and as the bytes of a model that gets a card."""
    card = parse_card(data.decode("utf-8", "replace"), Path("model.onnx"))
    return with_card(with_card(data, card), card)


def _model(data: bytes) -> object:
    return with_card(data, _CARD)


def _command(data: bytes) -> object:
    """A command to the simulated line, with what it does to the belt."""
    command = msgspec.json.decode(data, type=Command)
    belt = Belt(BeltSettings(rate_hz=50.0))
    now_ns = 1_000_000_000
    belt.ready(True, now_ns)
    belt.advance(now_ns)
    times = {name: getattr(command, name) for name in ("delay_ms", "lead_ms", "pulse_ms", "spacing_ms", "confirm_ms")}
    belt.aim(EjectorTiming(delay_counts=command.id, **times))
    belt.answer(command.id, command.code, now_ns)
    belt.announce(command.id, now_ns, min(command.at_ns, now_ns) or now_ns)
    belt.request_recipe(command.id, now_ns)
    belt.stop(command.reason, now_ns)
    belt.reset(now_ns)
    belt.speed = command.share
    return [belt.advance(now_ns + step * 20_000_000) for step in range(20)]


_CARD = Card(name="board", classes=["open"], planes=["gray"], width_px=640, height_px=640, output="yolo_end2end", licence="Apache-2.0")
_COCO = {
    "categories": [{"id": 1, "name": "open"}],
    "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64, "verdict": "NG", "reference": "b.png"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
}
_COMMANDS = (
    Command("ejector", delay_ms=400.0, id=4000),
    Command("announce", id=3, at_ns=5),
    Command("stop", reason="drill"),
    Command("ready", on=True, code=1),
)
_SETTINGS = tomli_w.dumps(Station().model_dump(mode="json", exclude_none=True)).encode()

TARGETS = {
    "message": Target(decode, (MessageError,), tuple(encode(e) for e in EXAMPLES)),
    "recipe": Target(
        _from_file(load_recipe, ".toml"), (SettingsError,), tuple(p.read_bytes() for p in sorted((ROOT / "recipes").glob("*.toml")))
    ),
    "settings": Target(_from_file(load, ".toml"), (SettingsError,), (_SETTINGS,)),
    "card": Target(_card, (ModelError,), (msgspec.json.encode(_CARD),)),
    "model": Target(_model, (ModelError,), (with_card(b"\x08\x08", _CARD),)),
    "coco": Target(_from_file(read_coco, ".json"), (SettingsError,), (json.dumps(_COCO).encode(),)),
    "command": Target(_command, (msgspec.MsgspecError, ValueError), tuple(msgspec.json.encode(c) for c in _COMMANDS)),
}
