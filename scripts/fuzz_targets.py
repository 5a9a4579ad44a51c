"""What is read from outside, each with the only errors that it may raise and a few good inputs to begin from."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec
import tomli_w
import zmq

from edge.card import Card, parse_card, with_card
from edge.config import Bus, Station, load
from edge.errors import ModelError, SettingsError
from edge.history import History
from edge.labelled import read_coco
from edge.messages import Heartbeat, Message, MessageError, Run, Trigger, Verdict, decode, encode
from edge.order_desk import OrderDesk
from edge.order_taker import OrderTaker
from edge.orders import ACK, ACK_KIND, HEAD, HELLO, HELLO_KIND, ORDER_KIND, RECIPE, RECIPE_KIND
from edge.pointer import Pointer, Statement, pointer_file, read_pointer, write_pointer
from edge.recipe import load_recipe
from edge.repeat import MAX_ANSWER_BYTES, MAX_ANSWER_COUNT, AskAgain, AskState, _questions
from edge.signing import SIGNERS, add_signer, check_model, read_pair, sign_model, signature_file
from hardware.belt import Belt, BeltSettings
from hardware.handshake import VisionSide
from hardware.handshake_plc import PlcSide
from hardware.journal import Journal
from hardware.line import Command, _Line
from hardware.plc import EjectorTiming, PlcEvent, Result
from hardware.wire import WireOut
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


def _pointer(data: bytes) -> object:
    """As the file that tells a station which model is active."""
    folder = Path(_folder.name)
    pointer_file(folder, "board").parent.mkdir(exist_ok=True)
    pointer_file(folder, "board").write_bytes(data)
    return read_pointer(folder, "board", "")


def _pointer_seed() -> bytes:
    folder = Path(_folder.name)
    pointer_file(folder, "board").parent.mkdir(exist_ok=True)
    said = [Statement(event="propose", product="board", sha256="a" * 64, who="Anna", wall_ns=_EPOCH)]
    write_pointer(folder, Pointer(product="board", sha256="a" * 64, previous="", statements=said))
    return pointer_file(folder, "board").read_bytes()


def _pair() -> Path:
    """A key that may sign; its list is beside it."""
    folder = Path(_folder.name) / "keys"
    return folder / "give" / "anna-sign.json" if (folder / SIGNERS).is_dir() else add_signer(folder, "anna")


def _signature(data: bytes) -> object:
    """As the signature that lies beside a model."""
    _pair()
    signature_file(_SIGNED).write_bytes(data)
    return check_model(_SIGNED, "a" * 64, _CARD, Path(_folder.name) / "keys" / SIGNERS)


def _signature_seed() -> bytes:
    return sign_model(_SIGNED, "a" * 64, _CARD, read_pair(_pair())).read_bytes()


class Refused(Exception):
    """A reader without an error of its own has counted the input as refused."""


@cache
def _line() -> _Line:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(zmq.ROUTER)
    socket.bind("inproc://fuzz-line")
    return _Line(Belt(BeltSettings(rate_hz=50.0)), socket, WireOut("127.0.0.1:9"), Journal(""))


def _command(data: bytes) -> object:
    """A command to the simulated line, with what it does to the belt that all the others have been given to."""
    try:
        command = msgspec.json.decode(data, type=Command)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Refused from error
    line = _line()
    line._obey(b"somebody", command)
    line._belt.advance(time.monotonic_ns())
    line._tell()
    return line._belt.next_due_ns(time.monotonic_ns())


@cache
def _taker() -> OrderTaker:
    return OrderTaker(_STATION)


def _order(data: bytes) -> object:
    """What the station says to the rejector: a head of 24 bytes and a message."""
    taker = _taker()
    refused = taker.refused
    taken = taker._take([ORDER_KIND, data[: HEAD.size], data[HEAD.size :]])
    if taker.refused > refused:
        raise Refused
    return taken


@cache
def _desk() -> OrderDesk:
    desk = OrderDesk("inproc://fuzz-orders", _EPOCH)
    for number in range(50):
        desk.order(encode(EXAMPLES[2]), time.monotonic_ns() + number * 10_000_000)
    return desk


def _receipt(data: bytes) -> object:
    """What the rejector says to the station: a byte that names the kind, and the rest."""
    desk = _desk()
    refused = desk.refused
    desk._hear([b"rejector", data[:1], data[1:]])
    desk.service()
    if desk.refused > refused:
        raise Refused
    return desk.waiting


@cache
def _history() -> History:
    history = History(100)
    for example in EXAMPLES:
        history.add(example, encode(example))
    return history


def _question(data: bytes) -> object:
    """What a reader asks for that has missed something, with what is looked up for it."""
    try:
        question = _questions.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Refused from error
    if isinstance(question, AskAgain):
        return _history().read(question.type, question.first, question.last, MAX_ANSWER_COUNT, MAX_ANSWER_BYTES)
    return _history().state()


def _registers(data: bytes) -> object:
    """Both blocks of the signal table, as they come over Modbus: the first byte says whose, an even one the PLC's."""
    block = [int.from_bytes(data[i : i + 2], "big") for i in range(1, len(data), 2)]
    vision, plc = _halves()
    if data[:1] and data[0] % 2:
        plc.heard(block)
        return plc.take(), plc.image()
    vision.heard(block, 0)
    return vision.take(), vision.image()


@cache
def _halves() -> tuple[VisionSide, PlcSide]:
    """Two that have talked, with something of every kind still to be acknowledged; each hears what comes after the other's words."""
    vision, plc = VisionSide(7), PlcSide()
    for _ in range(3):
        plc.heard(vision.image())
        vision.heard(plc.image(), 0)
    vision.answer(Result(1, 1))
    vision.ejector(EjectorTiming())
    for event in (PlcEvent("triggered", 1, 0), PlcEvent("ejected", 1, 0), PlcEvent("recipe", 0, 0, code=3)):
        plc.happened(event)
    return vision, plc


def _blocks() -> tuple[bytes, ...]:
    vision, plc = _halves()
    return tuple(
        kind + b"".join(register.to_bytes(2, "big") for register in image)
        for kind, image in ((b"\0", plc.image()), (b"\1", vision.image()))
    )


_EPOCH = 1_781_776_800_000_000_000
_STATION = Station(name="S1", bus=Bus(orders="tcp://127.0.0.1:9"))
_CARD = Card(name="board", classes=["open"], planes=["gray"], width_px=640, height_px=640, output="yolo_end2end", licence="Apache-2.0")
_SIGNED = Path(_folder.name) / "signed.onnx"
_COCO = {
    "categories": [{"id": 1, "name": "open"}],
    "images": [{"id": 1, "file_name": "a.png", "width": 64, "height": 64, "verdict": "NG", "reference": "b.png"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]}],
}
_COMMANDS = (
    Command("ejector", id=4000, delay_ms=400.0, lead_ms=12.0, pulse_ms=20.0, spacing_ms=5.0, confirm_ms=100.0),
    Command("announce", id=3, at_ns=5),
    Command("answer", id=3, code=1),
    Command("speed", share=0.5),
    Command("stop", reason="drill"),
    Command("ready", on=True, fault=1),
)
_QUESTIONS = (AskState(id=1), AskAgain(id=2, epoch=_EPOCH, type="verdict", first=1, last=9))
_NUMBERS: dict[type[Message], int] = {Run: 0, Trigger: 1, Verdict: 2, Heartbeat: 0}
_ORDERS = tuple(HEAD.pack(_EPOCH, _NUMBERS[type(e)], 10**15) + encode(e) for e in EXAMPLES if type(e) in _NUMBERS)
_RECEIPTS = (HELLO_KIND + HELLO.pack(7), ACK_KIND + ACK.pack(_EPOCH, 3), RECIPE_KIND + RECIPE.pack(2))
_SETTINGS = tomli_w.dumps(Station().model_dump(mode="json", exclude_none=True)).encode()

TARGETS = {
    "message": Target(decode, (MessageError,), tuple(encode(e) for e in EXAMPLES)),
    "recipe": Target(
        _from_file(load_recipe, ".toml"), (SettingsError,), tuple(p.read_bytes() for p in sorted((ROOT / "recipes").glob("*.toml")))
    ),
    "settings": Target(_from_file(load, ".toml"), (SettingsError,), (_SETTINGS,)),
    "card": Target(_card, (ModelError,), (msgspec.json.encode(_CARD),)),
    "model": Target(_model, (ModelError,), (with_card(b"\x08\x08", _CARD),)),
    "pointer": Target(_pointer, (ModelError,), (_pointer_seed(),)),
    "signature": Target(_signature, (ModelError,), (_signature_seed(),)),
    "coco": Target(_from_file(read_coco, ".json"), (SettingsError,), (json.dumps(_COCO).encode(),)),
    "command": Target(_command, (Refused,), tuple(msgspec.json.encode(c) for c in _COMMANDS)),
    "order": Target(_order, (Refused,), _ORDERS),
    "receipt": Target(_receipt, (Refused,), _RECEIPTS),
    "registers": Target(_registers, (ValueError,), _blocks()),
    "question": Target(_question, (Refused,), tuple(msgspec.json.encode(q) for q in _QUESTIONS)),
}
