"""A recipe: everything about judging one product. One TOML file per product; its hash names its version."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator

from edge.errors import SettingsError
from edge.settings import Block, parse_toml, read_bytes, under

Box = tuple[int, int, int, int]
Score = Annotated[float, Field(ge=0, le=1)]


class RecipeModel(Block):
    """Which model judges."""

    file: str = Field(min_length=1, description="ONNX file, relative to the recipe")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="pins the very file; empty = any file whose own seal is intact")


class Reference(Block):
    """The golden reference: a defect-free image of the product that the model compares with, where it takes one."""

    file: str = Field("", description="image, relative to the recipe; empty = each image brings its own (labelled sets)")
    max_shift_px: int = Field(
        8, ge=0, le=64, description="how far a part may lie off the reference; beyond it is UNDECIDED; 0 = no registration"
    )


class Region(Block):
    """Where to look, in px of the camera image."""

    roi: Box | None = Field(None, description="x1, y1, x2, y2: only this part of the image is judged; absent = all of it")
    ignore: list[Box] = Field(
        default_factory=list, max_length=200, description="zones x1, y1, x2, y2; a defect whose centre lies in one is not counted"
    )
    mm_per_px: float = Field(0, ge=0, le=100, description="scale; needed for sizes in mm; 0 = unknown")

    @model_validator(mode="after")
    def _ordered(self) -> Region:
        for x1, y1, x2, y2 in [*([self.roi] if self.roi else []), *self.ignore]:
            if not (0 <= x1 < x2 and 0 <= y1 < y2):
                raise ValueError(f"box [{x1}, {y1}, {x2}, {y2}] must have 0 <= x1 < x2 and 0 <= y1 < y2")
        return self


class Rule(Block):
    """What a class of defect does to a part."""

    ng_score: Score = Field(0.5, description="a defect of at least this score makes the part NG")
    undecided_score: Score = Field(0.3, description="a defect of at least this score, but below ng_score, makes it UNDECIDED")
    min_size_px: float = Field(0, ge=0, le=100_000, description="smaller defects (longer side) are not counted")
    min_size_mm: float = Field(0, ge=0, le=10_000, description="the same in mm; needs region.mm_per_px")
    allowed: int = Field(0, ge=0, le=1_000, description="so many defects of the class are tolerated on one part")

    @model_validator(mode="after")
    def _band(self) -> Rule:
        if self.undecided_score > self.ng_score:
            raise ValueError(
                f"undecided_score {self.undecided_score} is above ng_score {self.ng_score}; lower it or set both alike for no band"
            )
        return self


class Ejector(Block):
    """When the part passes the ejector."""

    delay_ms: float = Field(400, ge=1, le=600_000, description="ms from trigger to ejector at constant belt speed")
    delay_counts: int = Field(0, ge=0, le=2**31 - 1, description="encoder counts from trigger to ejector; when set it goes before delay_ms")
    lead_ms: float = Field(0, ge=0, le=5_000, description="ms that valve and cylinder take; the shot is fired so much earlier")
    pulse_ms: float = Field(30, ge=1, le=5_000, description="ms that the valve is held for one part")
    spacing_ms: float = Field(
        0, ge=0, le=5_000, description="ms that the valve needs between two shots; for parts closer than that it stays held"
    )
    confirm_ms: float = Field(
        200,
        ge=1,
        le=60_000,
        description="ms after the ejector within which the confirmation sensor must see the part; shorter than the time between two rejects, or one may confirm the other",
    )

    @model_validator(mode="after")
    def _in_time(self) -> Ejector:
        if not self.delay_counts and self.lead_ms >= self.delay_ms:
            raise ValueError(
                f"lead_ms {self.lead_ms:g} is not below delay_ms {self.delay_ms:g}; the shot would be due before the part is seen"
            )
        return self


class Recipe(Block):
    """One product's recipe."""

    product: str = Field(pattern=r"^[\w .-]{1,64}$", description="the product's name")
    model: RecipeModel
    reference: Reference = Field(default_factory=Reference)
    region: Region = Field(default_factory=Region)
    default: Rule = Field(default_factory=Rule, description="rule of every class that has none of its own")
    classes: dict[str, Rule] = Field(default_factory=dict, description="rules by class name")
    ejector: Ejector = Field(default_factory=Ejector)

    @model_validator(mode="after")
    def _scaled(self) -> Recipe:
        for name, rule in [("default", self.default), *self.classes.items()]:
            if rule.min_size_mm and not self.region.mm_per_px:
                raise ValueError(f"min_size_mm {rule.min_size_mm} of {name} needs region.mm_per_px; set the scale or use min_size_px")
        return self

    def rule(self, kind: str) -> Rule:
        """The rule for a class."""
        return self.classes.get(kind, self.default)

    def min_size_px(self, kind: str) -> float:
        """The smallest counted size of a class in px, whichever unit it was given in."""
        rule = self.rule(kind)
        return max(rule.min_size_px, rule.min_size_mm / self.region.mm_per_px if rule.min_size_mm else 0.0)

    def check_classes(self, names: list[str]) -> None:
        """Every rule must belong to a class of the model.

        Raises:
            SettingsError: a rule for a class that the model does not know.
        """
        for name in self.classes:
            if name not in names:
                raise SettingsError(f"classes.{name}: the model has no such class; it has: {', '.join(names)}")


@dataclass(frozen=True, slots=True)
class LoadedRecipe:
    """A recipe with its name, the hash of its text and absolute paths (None where there is none).

    Attributes:
        reference_sha256: of the reference's file as it was when the recipe was loaded; '' where there is none.
        path: the recipe's file as the settings name it; None where there is none.
    """

    recipe: Recipe
    name: str
    hash: str
    model_file: Path
    reference_file: Path | None
    reference_sha256: str = ""
    path: Path | None = None


def check_products(recipes: Iterable[LoadedRecipe]) -> None:
    """A released model judges every recipe of its product, so these must be made for the same model.

    Raises:
        SettingsError: two recipes of one product name different models.
    """
    seen: dict[str, LoadedRecipe] = {}
    for one in recipes:
        other = seen.setdefault(one.recipe.product, one)
        if other.model_file != one.model_file:
            raise SettingsError(
                f"recipes {other.name!r} and {one.name!r} are both of product {one.recipe.product!r}, but name different models "
                f"({other.recipe.model.file}, {one.recipe.model.file}); a released model would judge both: give one of them a product of its own"
            )


def load_recipe(path: Path) -> LoadedRecipe:
    """Read a recipe.

    Raises:
        SettingsError: as `edge.settings.read_toml`.
    """
    return parse_recipe(read_bytes(path), path)


def parse_recipe(data: bytes, path: Path, origin: str = "") -> LoadedRecipe:
    """A recipe's text as if it stood in the file at `path`; `origin` names it in errors.

    Raises:
        SettingsError: as `load_recipe`.
    """
    recipe = parse_toml(data, Recipe, origin or str(path))
    base = path.resolve().parent
    return LoadedRecipe(
        recipe,
        path.stem,
        hashlib.sha256(data).hexdigest(),
        under(base, recipe.model.file),
        (reference := under(base, recipe.reference.file) if recipe.reference.file else None),
        file_sha256(reference) if reference is not None else "",
        path,
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hex; '' where it cannot be read, which whoever opens it says better."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
