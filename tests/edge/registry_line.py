"""Around the registry: models that fit the demo's recipe, their documents, and a real line with a real shadow process."""

from __future__ import annotations

import contextlib
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from edge.activation import Person, Registry
from edge.appliance import DEMO_RECIPE
from edge.card import Card, parse_card, with_card
from edge.config import Camera, Line, Record, Station
from edge.messages import AnyMessage, Heartbeat
from edge.model import Model
from edge.recipe import load_recipe
from edge.rig import Rig, own_ports, rig
from edge.store import FILE_NAME, Store, open_store
from tests.edge.tiny_models import constant_onnx, tiny_card

ANNA, BEN = Person("Anna"), Person("Ben")
OWN_MODEL = load_recipe(DEMO_RECIPE).model_file
PATIENCE_S = 40.0


def board_card() -> Card:
    card = Model(OWN_MODEL).card
    return parse_card(msgspec.json.encode(card).decode(), OWN_MODEL)


def twin(folder: Path, name: str) -> Path:
    """The shipped network under another name: another file, the same verdicts."""
    path = folder / f"{name}.onnx"
    path.write_bytes(with_card(OWN_MODEL.read_bytes(), msgspec.structs.replace(board_card(), name=name)))
    return path


def finds_always(folder: Path, score: float = 0.9) -> Path:
    """A model that sees one defect wherever it looks (of score 0: none)."""
    card = tiny_card(name=f"always-{score:g}", classes=["dent"], output="yolo_end2end", resize="stretch")
    path = folder / f"{card.name}.onnx"
    path.write_bytes(with_card(constant_onnx(card, np.array([[[4.0, 4.0, 30.0, 20.0, score, 0.0]]], np.float32)), card))
    return path


def sha_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def documents(model: Path, **parity: Any) -> dict[Any, Path]:
    """Parity and evaluation of a model, as the workbench writes them."""
    written: dict[Any, Path] = {}
    about = {"model_sha256": sha_of(model)}
    for kind, fields in (
        ("parity", {"passed": True, "against": "the trained network", "images": 20, "flips": []} | parity),
        ("evaluation", {"data": "held back", "images": 20, "escape": {"count": 0, "of": 10}}),
    ):
        written[kind] = model.with_suffix(f".{kind}.json")
        written[kind].write_text(json.dumps(about | fields))
    return written


def settings(folder: Path, **fields: Any) -> Station:
    """Of a demo line with its own ports; `fields`: of [registry]."""
    return own_ports(
        Station.model_validate(
            {
                "name": "S1",
                "recipe": str(DEMO_RECIPE),
                "camera": Camera(backend="simulator", settings={"carousel": 8}),
                "line": Line(rate_hz=8),
                "record": Record(folder=str(folder / "data"), ring_mb=40, ok_share=0.0, batch_s=0.1),
                "registry": {"min_shadow_parts": 5, "min_reviews": 2} | fields,
            }
        )
    )


@contextlib.contextmanager
def registry_in(config: Station) -> Iterator[Registry]:
    """Beside whoever else writes; the record is made if it is not there."""
    path = Path(config.record.folder) / FILE_NAME
    if not path.is_file():
        open_store(path).close()
    with open_store(path, beside=True) as store:
        yield Registry(store, config)


@contextlib.contextmanager
def running_line(folder: Path, **fields: Any) -> Iterator[Rig]:
    config = settings(folder, **fields)
    with rig(config, folder, ["station", "rejector", "recorder", "shadow"]) as appliance:
        appliance.line.hold(False)
        yield appliance


def until(appliance: Rig, done: Callable[[AnyMessage | None], object], seconds: float = PATIENCE_S) -> list[AnyMessage]:
    """Everything that is said until `done` of it; the recorder's rows are asked for between messages."""
    seen: list[AnyMessage] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        message = appliance.next(0.05)
        if message is not None:
            seen.append(message)
        if done(message):
            return seen
    raise AssertionError(f"not seen within {seconds} s; logs: {[c.last_words() for c in appliance.processes.children]}")


def ready_again(appliance: Rig) -> None:
    """Acknowledge until the line is ready: a stop may come after an acknowledgement, as silence is only known after a while."""
    deadline, said = time.monotonic() + PATIENCE_S, 0.0
    while time.monotonic() < deadline:
        if time.monotonic() - said > 3:
            appliance.acknowledge()
            said = time.monotonic()
        message = appliance.next(0.05)
        if isinstance(message, Heartbeat) and message.sender == "rejector" and message.state == "ready" and time.monotonic() - said > 2:
            return
    raise AssertionError(f"not ready within {PATIENCE_S} s: {appliance.beats['rejector']}")


def ask(config: Station, question: Callable[[Store], Any]) -> Any:
    with open_store(Path(config.record.folder) / FILE_NAME, read_only=True) as store:
        return question(store)
