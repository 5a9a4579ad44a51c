"""The model's card: what a model file says about itself, inside the file, so that nothing is guessed.

The card is one JSON text under `gutteil.card` in the ONNX file's metadata. Its `seal` is the SHA-256 of the whole file
with the seal's own 64 characters taken as zeros: a file that was altered or cut short anywhere does not match it.
(A seal is no signature: it finds damage and mix-ups, not an attacker.)
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge.errors import ModelError

KEY = "gutteil.card"
BLANK_SEAL = "0" * 64
MAX_MODEL_BYTES = 2_000_000_000
Plane = Literal["gray", "rgb", "reference"]


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a model is, takes and gives.

    Attributes:
        planes: input channels in order: `gray` (1), `rgb` (3), `reference` (1: the part's defect-free image).
        width_px, height_px: input size.
        scale, offset: network value = pixel * scale + offset.
        resize: how an image gets to the input size: `pad` (native scale, padded right and below),
            `letterbox` (scaled evenly, padded around), `stretch`.
        pad_value: gray level of the padding.
        output: `yolo_end2end`: (1, n, 6) rows x1, y1, x2, y2, score, class (YOLO26);
            `yolo_raw`: (1, 4 + classes, cells) columns cx, cy, w, h, scores (YOLOv8, 11), suppressed here.
        nms_iou: boxes of one class that overlap more are one defect (`yolo_raw`).
        data_hash: what it was trained on: SHA-256 of the label file.
        scores: figures on the data named in `scored_on`.
        command: the command that made it.
        remarks: what else one must know of how it was made, in sentences.
        seal: see the module's text.
    """

    format: Literal[1] = 1
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    classes: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=1000)]
    planes: Annotated[list[Plane], Meta(min_length=1, max_length=2)]
    width_px: Annotated[int, Meta(ge=16, le=8192)]
    height_px: Annotated[int, Meta(ge=16, le=8192)]
    scale: float = 1 / 255
    offset: float = 0.0
    resize: Literal["pad", "letterbox", "stretch"] = "pad"
    pad_value: Annotated[int, Meta(ge=0, le=255)] = 114
    output: Literal["yolo_end2end", "yolo_raw"]
    nms_iou: Annotated[float, Meta(gt=0, le=1)] = 0.5
    precision: Literal["fp32", "fp16", "int8"] = "fp32"
    licence: str
    data_hash: str = ""
    scores: dict[str, float] = {}
    scored_on: str = ""
    trainer: str = ""
    command: str = ""
    created: str = ""
    remarks: Annotated[list[Annotated[str, Meta(max_length=2000)]], Meta(max_length=100)] = []
    seal: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] = BLANK_SEAL

    @property
    def channels(self) -> int:
        return sum(3 if p == "rgb" else 1 for p in self.planes)

    @property
    def wants_reference(self) -> bool:
        return "reference" in self.planes


def parse_card(text: str | None, path: Path) -> Card:
    """The card of a model file from its metadata.

    Raises:
        ModelError: no card, or one that is not understood.
    """
    if not text:
        raise ModelError(f"{path}: has no card, so nobody knows its classes and scaling; add one with: gutteil card {path.name} ...")
    try:
        card = msgspec.json.decode(text, type=Card)
    except (msgspec.MsgspecError, ValueError) as error:  # damaged UTF-8 comes as a bare UnicodeDecodeError
        raise ModelError(f"{path}: its card is not understood: {error}; add a new one with: gutteil card {path.name} ...") from error
    if card.planes.count("reference") > 1 or card.planes[0] == "reference":
        raise ModelError(f"{path}: card planes = {card.planes}: gray or rgb first, then at most one reference")
    return card


def file_seal(data: bytes) -> str:
    """The seal a file should carry; `data` is the whole file, sealed or not."""
    return hashlib.sha256(_SEAL.sub(rb"\g<1>" + BLANK_SEAL.encode(), data)).hexdigest()


_SEAL = re.compile(rb'("seal":")[0-9a-f]{64}')


def check_seal(card: Card, data: bytes, path: Path) -> None:
    """Refuse a file that is not what its card sealed.

    Raises:
        ModelError: the seal does not match.
    """
    if file_seal(data) != card.seal:
        raise ModelError(
            f"{path}: hash mismatch: the file was altered or cut short after its card was sealed; copy it again from its source"
        )


def with_card(data: bytes, card: Card) -> bytes:
    """An ONNX file's bytes with a sealed card.

    A protobuf message may be continued at its end, so the card is appended as one more `metadata_props` entry
    (field 14 of ModelProto, a StringStringEntryProto) and no ONNX library is needed. A file that has a card already gets
    a new one by replacing the last entry, which is the one that counts.
    """
    start = data.rfind(b"\n\x0c" + KEY.encode())
    if start >= 0:
        data = data[: _entry_start(data, start)]
    text = msgspec.json.encode(msgspec.structs.replace(card, seal=BLANK_SEAL))
    data += metadata_entry(KEY, text)
    return data.replace(b'"seal":"' + BLANK_SEAL.encode(), b'"seal":"' + file_seal(data).encode())


def metadata_entry(key: str, value: bytes) -> bytes:
    """One `metadata_props` entry of an ONNX file, to be appended to its bytes."""
    entry = b"\x0a" + _varint(len(key)) + key.encode() + b"\x12" + _varint(len(value)) + value
    return b"\x72" + _varint(len(entry)) + entry


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _entry_start(data: bytes, key_at: int) -> int:
    """Where the appended metadata entry begins whose key starts at `key_at`: before its tag and length."""
    for width in range(1, 6):
        at = key_at - width
        if data[at - 1 : at] == b"\x72" and data[at:key_at] == _varint(len(data) - key_at):
            return at - 1
    raise ModelError("the file's card is not the last entry of the file; export the model again and add the card to that")
