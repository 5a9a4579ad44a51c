"""Which part is before the simulated camera, and where: a pure function of the settings and the item's number."""

from __future__ import annotations

import random
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

from hardware.cameras.parts import Part, Product, cutout_px, make_part

_TURNOVER = 4096  # items after which a place of the carousel gets a newly drawn part, so that a long run does not repeat
_PITCH = 1.5  # distance of parts on the belt of a free-running camera, in widths of the picture


@dataclass(frozen=True, slots=True)
class View:
    """The settings that say what there is to see; docs/cameras.md explains them."""

    product: Product
    layout: int
    seed: int
    ng_share: float
    width_px: int
    height_px: int
    blur_px: float
    shift_px: int
    speed_px: float
    spacing_jitter: float
    carousel: int


@dataclass(frozen=True, slots=True)
class Sight:
    """What is in the picture: parts with the place of their cut-outs, how far the belt has come, and the label of the one in the middle."""

    item: int
    belt_px: int
    parts: tuple[tuple[Part, int, int], ...]
    label: dict[str, Any]


class Conveyor:
    """Parts by number. Drawn parts are kept in a carousel of bounded size and shared by many items."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._side = cutout_px(view.product, view.width_px, view.height_px)
        self._good_places = max(2, view.carousel // 4)
        self._carousel: OrderedDict[tuple[bool, int], tuple[int, Part]] = OrderedDict()
        for place in range(view.carousel):
            is_ng = place >= self._good_places
            self._drawn(is_ng, place - self._good_places if is_ng else place, 0)

    def stopped(self, item: int) -> Sight:
        """The view at the moment the part sensor sees this item: the part near the middle."""
        view = self._view
        part, chance = self._part(item)
        left = (view.width_px - self._side) // 2 + chance.randint(-view.shift_px, view.shift_px)
        top = (view.height_px - self._side) // 2 + chance.randint(-view.shift_px, view.shift_px)
        belt_px = int(item * _PITCH * view.width_px)
        return Sight(item, belt_px, ((part, left, top),), part.label(left, top))

    def centre_px(self, item: int) -> float:
        """Where on the belt an item's middle is, in px; item 0 comes into view first."""
        pitch = _PITCH * self._view.width_px
        jitter = random.Random(f"{self._view.seed}:{item}:place").uniform(-1, 1) * self._view.spacing_jitter * self._view.width_px
        return (item + 1.5) * pitch + jitter

    def passing(self, moment: int) -> Sight:
        """The view of a free-running camera at its frame number `moment`: parts come in at the right and leave at the left."""
        view = self._view
        belt_px = int(moment * view.speed_px)
        pitch = _PITCH * view.width_px
        first = max(0, int(belt_px / pitch) - 3)
        parts = []
        label: dict[str, Any] = {}
        nearest, nearest_px = -1, view.width_px / 2
        for item in range(first, first + 6):
            centre = self.centre_px(item) - belt_px
            if not -self._side < centre < view.width_px + self._side:
                continue
            part, chance = self._part(item)
            left = round(centre - self._side / 2)
            top = (view.height_px - self._side) // 2 + chance.randint(-view.shift_px, view.shift_px)
            parts.append((part, left, top))
            if abs(centre - view.width_px / 2) < nearest_px:
                nearest, nearest_px = item, abs(centre - view.width_px / 2)
                label = part.label(left, top)
        return Sight(max(nearest, 0), belt_px, tuple(parts), label)

    def _part(self, item: int) -> tuple[Part, random.Random]:
        chance = random.Random(f"{self._view.seed}:{item}")
        is_ng = chance.random() < self._view.ng_share
        places = self._view.carousel - self._good_places if is_ng else self._good_places
        place = chance.randrange(places)
        return self._drawn(is_ng, place, (item + place * _TURNOVER // places) // _TURNOVER), chance

    def _drawn(self, is_ng: bool, place: int, turn: int) -> Part:
        """The part at a place of the carousel in its n-th turn; drawn when it is not the one that hangs there."""
        view = self._view
        hanging = self._carousel.get((is_ng, place))
        if hanging is None or hanging[0] != turn:
            seed = (view.seed, int(is_ng), place, turn)
            part = make_part(view.product, view.layout, seed, is_ng=is_ng, side=self._side, blur_px=view.blur_px)
            hanging = (turn, part)
            self._carousel[is_ng, place] = hanging
        return hanging[1]
