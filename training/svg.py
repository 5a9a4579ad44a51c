"""Two plain charts as SVG that stands inside a page: no script, no font, nothing to load."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

WIDE, HIGH = 720, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 30, 44
BINS = 40
_MARK = Markup('<text x="{:.1f}" y="{:.1f}" class="{}" text-anchor="{}">{}</text>')
_LINE = Markup('<line x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}" class="{}"/>')
_RECT = Markup('<rect x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}" class="{}"/>')
_PATH = Markup('<path d="{}" class="{}"/>')


def _across(score: float) -> float:
    return LEFT + score * (WIDE - LEFT - RIGHT)


def _frame(title: str, inside: Sequence[Markup], axis: str) -> Markup:
    ticks = [s / 5 for s in range(6)]
    marks = [_MARK.format(_across(t), HIGH - BOTTOM + 22, "tick", "middle", f"{t:.1f}") for t in ticks]
    marks.append(_MARK.format(_across(0.5), HIGH - 4, "tick", "middle", axis))
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDE, HIGH, title, Markup("").join([*inside, *marks])
    )


def score_chart(
    bad: NDArray[np.float64], good: NDArray[np.float64], limits: Sequence[tuple[float, str]], words: tuple[str, str, str, str]
) -> Markup:
    """How many parts have which score: OK parts upward, NG parts downward (root scale, so that one part among many is seen).

    Args:
        limits: thresholds with their class in CSS.
        words: title, name of the axis, of the OK parts, of the NG parts.
    """
    edges = np.linspace(0, 1, BINS + 1)
    up, down = (np.histogram(np.clip(s, 0, 1), edges)[0] for s in (good, bad))
    middle = (TOP + HIGH - BOTTOM) / 2
    unit = (middle - TOP) / math.sqrt(max(1, up.max(), down.max()))
    wide = (WIDE - LEFT - RIGHT) / BINS
    inside = []
    for i in range(BINS):
        for count, css, way in ((up[i], "good", -1), (down[i], "bad", 1)):
            tall = math.sqrt(count) * unit
            if count:
                inside.append(_RECT.format(_across(edges[i]) + 0.5, middle - tall if way < 0 else middle, wide - 1, tall, css))
    inside.append(_LINE.format(LEFT, middle, WIDE - RIGHT, middle, "axis"))
    inside += [_LINE.format(_across(at), TOP, _across(at), HIGH - BOTTOM, css) for at, css in limits]
    for most, way in ((int(up.max()), -1), (int(down.max()), 1)):
        inside.append(_MARK.format(LEFT - 6, middle + way * math.sqrt(most) * unit + 5, "tick", "end", most))
    inside.append(_MARK.format(LEFT + 6, TOP - 8, "name", "start", f"↑ {words[2]}"))
    inside.append(_MARK.format(WIDE - RIGHT, TOP - 8, "name", "end", f"↓ {words[3]}"))
    return _frame(words[0], inside, words[1])


def cost_chart(
    score: Sequence[float], lines: Sequence[tuple[Sequence[float], str, str]], band: tuple[float, float], title: str, axis: str
) -> Markup:
    """Cost over the score on a logarithmic scale.

    Args:
        lines: cost at each score, class in CSS, name.
        band: the chosen undecided_score and ng_score.
    """
    all_costs = np.concatenate([np.asarray(costs, np.float64) for costs, _, _ in lines])
    high = math.ceil(math.log10(max(float(all_costs.max()), 1e-6)))
    low = max(math.floor(math.log10(max(float(all_costs.min()), 1e-6))), high - 6)

    def up(cost: float) -> float:
        share = (math.log10(max(cost, 10.0**low)) - low) / max(high - low, 1)
        return HIGH - BOTTOM - share * (HIGH - BOTTOM - TOP)

    inside = [_RECT.format(_across(band[0]), TOP, max(_across(band[1]) - _across(band[0]), 1), HIGH - BOTTOM - TOP, "band")]
    for power in range(low, high + 1):
        inside.append(_LINE.format(LEFT, up(10.0**power), WIDE - RIGHT, up(10.0**power), "grid"))
        inside.append(
            _MARK.format(LEFT - 6, up(10.0**power) + 5, "tick", "end", f"{10.0 ** (power - 3):g}k" if power >= 3 else f"{10.0**power:g}")
        )
    names = iter((0.0, 0.38, 0.76))
    for costs, css, name in lines:
        path = " ".join(f"{'L' if i else 'M'}{_across(s):.1f},{up(c):.1f}" for i, (s, c) in enumerate(zip(score, costs, strict=True)))
        inside.append(_PATH.format(path, css))
        at = _across(next(names))
        inside.append(_LINE.format(at, TOP - 14, at + 22, TOP - 14, css))
        inside.append(_MARK.format(at + 28, TOP - 9, "name", "start", name))
    inside += [_LINE.format(_across(at), TOP, _across(at), HIGH - BOTTOM, css) for at, css in zip(band, ("undecided", "ng"), strict=True)]
    return _frame(title, inside, axis)
