"""The candidates of a race: which networks at which input size may be the one, and their untrained files, whose speed tells."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from edge.card import Card, Plane, with_card
from edge.errors import SettingsError
from edge.labelled import LabelledImage, read_image
from training.geometry import PAD_VALUE, Geometry, geometry_for

Family = Literal["pair", "yolo"]
Precision = Literal["fp32", "fp16"]
FAMILIES: tuple[Family, ...] = ("pair", "yolo")
PAIR_WIDTHS = {"8": (8, 16, 24, 32, 48), "12": (12, 24, 40, 56, 80), "16": (16, 32, 48, 64, 96), "24": (24, 48, 72, 96, 128)}
YOLO_WIDTHS = {"p": 0.125, "n": 0.25, "s": 0.5}
SCALES = (1.0, 0.5)
DEPTHS = (1, 2)
LEAST_SIDE_PX = 64


class Candidate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One network at one input size; its name says all of it.

    Attributes:
        width: key of PAIR_WIDTHS or YOLO_WIDTHS.
        planes: as in the model's card.
        precision: of the exported file; training does not know it.
    """

    family: Family
    width: str
    planes: tuple[Plane, ...]
    classes: tuple[str, ...]
    width_px: int
    height_px: int
    resize: Literal["pad", "letterbox"]
    precision: Precision = "fp32"

    @property
    def network(self) -> str:
        """The name without the precision: candidates that differ in nothing else are trained once."""
        return f"{self.family}-{self.width}-{self.width_px}x{self.height_px}-{'+'.join(self.planes)}"

    @property
    def name(self) -> str:
        return self.network if self.precision == "fp32" else f"{self.network}-{self.precision}"

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.width_px, self.height_px, self.resize)

    def card(self, **more: object) -> Card:
        """The card of this candidate's files; `more`: further fields of it."""
        fields: dict[str, object] = {
            "name": self.name, "classes": list(self.classes), "planes": list(self.planes), "width_px": self.width_px, "height_px": self.height_px,
            "resize": self.resize, "pad_value": PAD_VALUE, "precision": self.precision,
            "output": "yolo_raw" if self.family == "pair" else "yolo_end2end",
            "licence": "Apache-2.0" if self.family == "pair" else "AGPL-3.0",
        }  # fmt: skip
        return msgspec.convert(fields | more, Card)


class Facts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What candidates depend on: classes, all image sizes (width, height) in px, whether images are coloured,
    and have references; `ng_images` to train on, which says whether the set is small."""

    classes: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    colour: bool
    references: bool
    ng_images: int


def facts_of(classes: list[str], train: list[LabelledImage], val: list[LabelledImage]) -> Facts:
    """Read every image once: size, colour, and that it can be read at all.

    Raises:
        SettingsError: an image cannot be read, or some have a reference and some do not.
    """
    images = [*train, *val]
    sizes, colour = set(), False
    for entry in images:
        image = read_image(entry.file)
        sizes.add((image.shape[1], image.shape[0]))
        colour = colour or (image.ndim == 3 and bool((image[:, :, 0] != image[:, :, 2]).any()))
    lone = [e.name for e in images if e.reference is None]
    if lone and len(lone) < len(images):
        raise SettingsError(f"image {lone[0]!r} and {len(lone) - 1} more have no reference, others have one; give all of them one, or none")
    bad = sum(len(e.kinds) > 0 or e.expected == "NG" for e in train)
    return Facts(classes=tuple(classes), sizes=tuple(sorted(sizes)), colour=colour, references=not lone, ng_images=bad)


def table(facts: Facts, families: tuple[Family, ...], precisions: tuple[Precision, ...]) -> list[Candidate]:
    """All candidates for a set, in a fixed order: small networks first."""
    found = []
    for family in families:
        widths = PAIR_WIDTHS if family == "pair" else YOLO_WIDTHS
        if family == "pair":
            kinds: list[tuple[Plane, ...]] = [("gray", "reference"), ("gray",)] if facts.references else [("gray",)]
        else:
            kinds = [("gray",), ("rgb",)] if facts.colour else [("gray",)]
        for scale in reversed(SCALES):
            geometry = geometry_for(facts.sizes, scale)
            if min(geometry.width_px, geometry.height_px) < LEAST_SIDE_PX and scale != 1.0:
                continue
            for width in widths:
                for planes in kinds:
                    for precision in precisions:
                        found.append(
                            Candidate(
                                family=family, width=width, planes=planes, classes=facts.classes, width_px=geometry.width_px,
                                height_px=geometry.height_px, resize=geometry.resize, precision=precision,
                            )
                        )  # fmt: skip
    return found


def write_untrained(candidate: Candidate, folder: Path) -> Path:
    """The candidate's file with random weights, FOLDER/NAME.onnx; left as it is if it is there."""
    target = folder / f"{candidate.name}.onnx"
    if target.exists():
        return target
    if candidate.family == "pair":
        from training import pair_family

        plain = pair_family.untrained(candidate)
    else:
        from training import yolo

        plain = yolo.untrained(candidate, folder)
    write(candidate, plain, target)
    return target


def write(candidate: Candidate, plain: bytes, target: Path, **more: object) -> Card:
    """Put a card on an ONNX file, in the candidate's precision; whole or not at all."""
    if candidate.precision == "fp16":
        plain = half(plain)
    card = candidate.card(**more)
    new = target.with_suffix(".new")
    new.write_bytes(with_card(plain, card))
    os.replace(new, target)
    return card


def half(plain: bytes) -> bytes:
    """The same network in half precision, input and output too."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = convert_float_to_float16(onnx.load_model_from_string(plain), keep_io_types=False)
    return bytes(model.SerializeToString())
