"""What differs between two versions of a recipe, key by key and in words. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from edge.recipe import Recipe
from edge.settings import Block


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that differs.

    Attributes:
        place: the block: `region`, `ejector`, `default`, `class NAME`; empty for the top of the file.
        key: the field there; `ignore` comes once per zone.
        before, after: values; None: there was or is none.
    """

    place: str
    key: str
    before: Any
    after: Any

    def words(self) -> str:
        """As a line: `class short: ng_score 0.5 → 0.42`."""
        return f"{self.place + ': ' if self.place else ''}{self.key} {shown(self.before)} → {shown(self.after)}"


def shown(value: Any) -> str:
    """A value for people."""
    if value is None or value == "":
        return "none"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(map(str, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def differences(before: Recipe, after: Recipe) -> list[Difference]:
    """What differs in effect: a class without a rule of its own counts with the default's values."""
    found = [Difference("", "product", before.product, after.product)] if before.product != after.product else []
    for place in ("model", "reference"):
        found += _fields(place, getattr(before, place), getattr(after, place))
    found += _fields("region", before.region, after.region, leave=("ignore",))
    old, new = list(before.region.ignore), list(after.region.ignore)
    found += [Difference("region", "ignore", zone, None) for zone in old if zone not in new]
    found += [Difference("region", "ignore", None, zone) for zone in new if zone not in old]
    found += _fields("default", before.default, after.default)
    for kind in sorted({*before.classes, *after.classes}):
        found += _fields(f"class {kind}", before.rule(kind), after.rule(kind))
    return found + _fields("ejector", before.ejector, after.ejector)


def _fields(place: str, before: Block, after: Block, leave: tuple[str, ...] = ()) -> list[Difference]:
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in type(before).model_fields if name not in leave)
    return [Difference(place, name, a, b) for name, a, b in pairs if a != b]
