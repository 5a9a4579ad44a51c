"""Charts and pictures of the report as SVG: the same string stands in the page and in the PDF.

Drawn for black and white paper: what matters has a shape and a word, never a colour alone. All texts are escaped here.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Sequence
from html import escape
from typing import NamedTuple

FONT = "Source Sans Pro, Roboto, Arial, sans-serif"
INK, QUIET, RULE, FILL, ALERT = "#10161d", "#45525f", "#c3ccd5", "#2f5d8c", "#bf1428"
WIDTH = 720  # px; the page and the PDF scale it to the width of their text


class Bar(NamedTuple):
    """One class of the Pareto; `cumulative`: the share of this and all before it."""

    name: str
    parts: int
    cumulative: float


class Point(NamedTuple):
    """One subgroup of the control chart; None: no part was judged. `marks`: what is broken there, as short words."""

    label: str
    rate: float | None
    low: float
    high: float
    marks: tuple[str, ...]


def pareto(bars: Sequence[Bar], whole: Callable[[float], str], share: Callable[[float], str], title: str) -> str:
    """Bars, the most frequent first, with the cumulative line in per cent at the right."""
    height, left, right, top, bottom = 200, 52, 52, 18, 26
    wide, high = WIDTH - left - right, height - top - bottom
    largest = nice(max((b.parts for b in bars), default=1))
    step = wide / max(1, len(bars))
    drawn = [_axis(left, top, wide, high, [(i / 4, whole(largest * i / 4)) for i in range(5)])]
    drawn += [_text(WIDTH - right + 8, top + high * (1 - i / 4) + 4, share(i / 4), QUIET) for i in range(5)]
    line = []
    for n, bar in enumerate(bars):
        tall, x = high * bar.parts / largest, left + n * step
        drawn.append(
            f'<rect x="{x + step * 0.14:.1f}" y="{top + high - tall:.1f}" width="{step * 0.72:.1f}" height="{tall:.1f}" fill="{FILL}"/>'
        )
        drawn.append(_text(x + step / 2, max(top + 10, top + high - tall - 5), whole(bar.parts), INK, "middle", bold=True))
        drawn.append(_text(x + step / 2, top + high + 17, _cut(bar.name, step), INK, "middle"))
        line.append((x + step / 2, top + high * (1 - bar.cumulative)))
    if line:
        drawn.append(f'<polyline points="{_points(line)}" fill="none" stroke="{INK}" stroke-width="1.6"/>')
        drawn += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="#fff" stroke="{INK}" stroke-width="1.6"/>' for x, y in line]
    return _svg(height, drawn, title)


def control(points: Sequence[Point], centre: float, share: Callable[[float], str], title: str, centre_word: str, limit_word: str) -> str:
    """The p-chart: share of rejects by subgroup, centre line, limits that follow the size of each subgroup, marks where a rule is broken."""
    height, left, right, top, bottom = 215, 52, 92, 24, 26
    wide, high = WIDTH - left - right, height - top - bottom
    largest = max([centre, *(p.high for p in points), *(p.rate or 0 for p in points)]) * 1.1 or 0.01
    largest = nice(largest * 1000) / 1000
    step = wide / max(1, len(points))

    def y(value: float) -> float:
        return top + high * (1 - min(value, largest) / largest)

    drawn = [_axis(left, top, wide, high, [(i / 4, share(largest * i / 4)) for i in range(5)])]
    for bound in ("high", "low"):
        stairs = [(left + (n + side) * step, y(getattr(p, bound))) for n, p in enumerate(points) for side in (0, 1)]
        drawn.append(f'<polyline points="{_points(stairs)}" fill="none" stroke="{QUIET}" stroke-width="1.2" stroke-dasharray="5 4"/>')
    drawn.append(f'<line x1="{left}" x2="{left + wide}" y1="{y(centre):.1f}" y2="{y(centre):.1f}" stroke="{INK}" stroke-width="1.2"/>')
    drawn.append(_text(left + wide + 6, y(centre) + 4, f"{centre_word} {share(centre)}", INK))
    if points:
        drawn.append(_text(left + wide + 6, min(y(points[-1].high) + 4, y(centre) - 12), limit_word, QUIET))
    line: list[tuple[float, float]] = []
    for n, p in enumerate(points):
        x = left + (n + 0.5) * step
        if p.rate is None:
            drawn += _line(line)
            line = []
        else:
            line.append((x, y(p.rate)))
        every = max(1, math.ceil(len(points) * 46 / wide))
        if n % every == 0:
            drawn.append(_text(x, top + high + 17, p.label, QUIET, "middle"))
    drawn += _line(line)
    for n, p in enumerate(points):
        if p.rate is not None:
            drawn.append(_dot(left + (n + 0.5) * step, y(p.rate), p.marks))
    return _svg(height, drawn, title)


def picture(jpeg: bytes, width: int, height: int, boxes: Sequence[tuple[float, float, float, float]], title: str) -> str:
    """A picture with frames around its defects; boxes in px of the picture."""
    data = base64.b64encode(jpeg).decode()
    stroke = max(width, height) / 110
    frames = "".join(
        f'<rect x="{x1:.1f}" y="{y1:.1f}" width="{x2 - x1:.1f}" height="{y2 - y1:.1f}" fill="none" stroke="{colour}" stroke-width="{thick:.1f}"/>'
        for x1, y1, x2, y2 in boxes
        for colour, thick in (("#000", stroke * 1.9), ("#ffd400", stroke))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(title)}"><image width="{width}" height="{height}" xlink:href="data:image/jpeg;base64,{data}"/>{frames}</svg>'
    )


def nice(value: float) -> float:
    """The next larger number that is easy to read on an axis and can be cut in four."""
    if value <= 4:
        return 4
    size = 10 ** math.floor(math.log10(value))
    return next(float(size * step) for step in (1, 1.2, 1.6, 2, 2.4, 3.2, 4, 6, 8, 10) if value <= size * step + 1e-9)


def _dot(x: float, y: float, marks: tuple[str, ...]) -> str:
    if not marks:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{FILL}"/>'
    diamond = _points([(x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)])
    return f'<polygon points="{diamond}" fill="#fff" stroke="{ALERT}" stroke-width="2.4"/>' + _text(
        x, y - 11, " ".join(marks), ALERT, "middle", bold=True
    )


def _line(points: list[tuple[float, float]]) -> list[str]:
    return [f'<polyline points="{_points(points)}" fill="none" stroke="{FILL}" stroke-width="1.8"/>'] if len(points) > 1 else []


def _points(points: Sequence[tuple[float, float]]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _axis(left: float, top: float, wide: float, high: float, marks: Sequence[tuple[float, str]]) -> str:
    lines = []
    for at, text in marks:
        y = top + high * (1 - at)
        lines.append(
            f'<line x1="{left}" x2="{left + wide}" y1="{y:.1f}" y2="{y:.1f}" stroke="{RULE}" stroke-width="{1.2 if at == 0 else 0.6}"/>'
        )
        lines.append(_text(left - 8, y + 4, text, QUIET, "end"))
    return "".join(lines)


def _text(x: float, y: float, text: str, colour: str, anchor: str = "start", *, bold: bool = False) -> str:
    weight = ' font-weight="700"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" font-size="12.5" text-anchor="{anchor}"{weight}>{escape(text)}</text>'


def _cut(text: str, wide: float) -> str:
    most = max(4, int(wide / 6.6))
    return text if len(text) <= most else text[: most - 1] + "…"


def _svg(height: int, drawn: Sequence[str], title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="{FONT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(drawn)}</svg>"
    )
