"""From raw logits to the card's score: inside and rim of a part each by their own tail, then both together by the part's."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from training.good.goods import GoodImage
from training.good.tail import Tail, fit_tail, score_of


@dataclass(frozen=True, slots=True)
class Seen:
    """The worst raw logits of one image, inside and at its rim, under a network that was not trained on its part."""

    image: GoodImage
    inside: float
    rim: float


@dataclass(frozen=True, slots=True)
class Scale:
    """What brings raw logits onto the scale of `training.good.tail`.

    Without it the rim would decide alone: cut edges look different on every part, and the level that they force on the whole
    image hides a crack in the middle.
    """

    inside: Tail
    rim: Tail
    whole: Tail

    def logit(self, seen: Seen) -> float:
        """The card's logit of an image: its sigmoid is the score."""
        return self.whole.slope * _worse(seen, self.inside, self.rim) + self.whole.offset

    def steps(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Slopes and offsets for inside and rim, as the network applies them."""
        slopes = self.whole.slope / self.inside.scale, self.whole.slope / self.rim.scale
        return slopes, (self.whole.offset - slopes[0] * self.inside.start, self.whole.offset - slopes[1] * self.rim.start)


def _worse(seen: Seen, inside: Tail, rim: Tail) -> float:
    return max((seen.inside - inside.start) / inside.scale, (seen.rim - rim.start) / rim.scale)


def by_part(seen: Sequence[Seen], values: Sequence[float], *, good: bool) -> list[float]:
    """The largest value of each part over all its images."""
    worst: dict[str, float] = {}
    for s, value in zip(seen, values, strict=True):
        if s.image.good == good:
            worst[s.image.part] = max(value, worst.get(s.image.part, -math.inf))
    return list(worst.values())


def fit_scale(seen: Sequence[Seen]) -> tuple[Scale, list[float]]:
    """The scale of the good parts seen, and their worst values on which its last step rests, one each.

    Raises:
        SettingsError: as `training.good.tail.fit_tail`.
    """
    inside = fit_tail(by_part(seen, [s.inside for s in seen], good=True))
    rim = fit_tail(by_part(seen, [s.rim for s in seen], good=True))
    worst = by_part(seen, [_worse(s, inside, rim) for s in seen], good=True)
    return Scale(inside, rim, fit_tail(worst)), worst


def logit_of(share: float) -> float:
    """The card's logit that this share of good parts reaches."""
    score = score_of(share)
    return math.log(score / (1 - score))
