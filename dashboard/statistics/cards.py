"""The cards of the statistics page: each asks the record for its figures in a thread and shows them."""

from __future__ import annotations

import statistics as middle
import urllib.parse
from collections.abc import Callable, Coroutine
from html import escape
from typing import Any

import msgspec
from nicegui import ui

from dashboard import kit
from dashboard.frame import Visit
from dashboard.numbers import Numbers
from dashboard.report.estimated import bounds_text, escape_figure, overkill_figure
from dashboard.rules import mark, words
from dashboard.statistics.asked import Asked
from dashboard.statistics.charts import Table, chart
from dashboard.statistics.look import Look
from dashboard.statistics.slots import labels
from edge import statistics as figures
from edge.estimates import bounds
from edge.estimates import quality as quality_of
from edge.shifts import Slot
from edge.spc import Chart, p_chart
from edge.tallies import STAGES
from edge.tally_sums import Counts, counts_of, kind_per_slot, per_slot, uncounted

ALL_PARTS = 2**53  # that could be made: those of a span are a sample of them
_SHOWN_KINDS = 12


Card = Callable[[Look], Coroutine[Any, Any, None]]


async def headline(look: Look) -> None:
    """The figures that come first."""
    visited, n, asked = look.visited, look.numbers, look.asked
    span, scope = asked.span, asked.scope
    cells, latency, due = await look.ask(
        lambda db: (per_slot(db, [span], scope)[0], figures.latency(db, span, scope), uncounted(db, span)),
    )
    counts, quality = counts_of(cells), quality_of(cells)
    t = visited.texts
    if due:
        ui.label(visited.t("stats.uncounted", n=n.whole(due))).classes("gt-note is-warning")
    with ui.element("div").classes("gt-figures"):
        verdicts = visited.t("stats.verdicts", ok=n.whole(counts.ok), ng=n.whole(counts.ng), undecided=n.whole(counts.undecided))
        kit.figure(n.whole(counts.parts), t["stats.parts"], verdicts if counts.parts else t["stats.nothing"])
        _share(t, n, "stats.yield", counts.first_pass, counts.parts)
        _share(t, n, "stats.reject_rate", counts.rejects, counts.judged)
        for figure in (escape_figure(t, n, quality), overkill_figure(t, n, quality)):
            kit.figure(figure.value, figure.name, figure.note)
        total = latency.get("total_us")
        note = visited.t("stats.latency_note", p99=n.ms(total.p99)) if total else ""
        kit.figure(n.ms(total.p50) if total else t["report.none"], t["stats.latency"], note)
        ejections = counts.ejected + counts.missed
        kit.figure(n.whole(counts.missed), t["stats.unconfirmed"], visited.t("stats.unconfirmed_note", n=n.whole(ejections)))


def _share(t: dict[str, str], n: Numbers, name: str, count: int, of: int) -> None:
    share = bounds(count, of, ALL_PARTS)
    if share.value is None:
        kit.figure(t["report.none"], t[name])
        return
    rests = t["report.of_parts"].format(n=n.whole(count), of=n.whole(of))
    kit.figure(n.share(share.value), t[name], f"{bounds_text(t, n, share)}; {rests}")


async def pareto(look: Look) -> None:
    """Classes of defect, with pictures of the most frequent."""
    visited, n, asked = look.visited, look.numbers, look.asked
    bars = (await look.ask(lambda db: figures.pareto(db, asked.span, asked.scope)))[:_SHOWN_KINDS]
    if not bars:
        ui.label(visited.t("stats.no_defects")).classes("gt-hint")
        return
    names = [kind_name(visited, b.kind) for b in bars]
    table = Table(
        [visited.t("stats.col." + c) for c in ("class", "parts", "defects", "share", "cumulated", "bad", "good")],
        [[name, n.whole(b.parts), n.whole(b.defects), n.share(b.share, 1), n.share(b.cumulated, 1), n.whole(b.bad), n.whole(b.good)] for name, b in zip(names, bars, strict=True)],
        [[name, b.parts, b.defects, b.share, b.cumulated, b.bad, b.good] for name, b in zip(names, bars, strict=True)],
        [asked.history(kind=b.kind) for b in bars],
    )  # fmt: skip
    notes = [[f"{visited.t('stats.col.parts')}: {row[1]}", f"{visited.t('stats.col.cumulated')}: {row[4]}"] for row in table.shown]
    data = {"labels": names, "parts": [b.parts for b in bars], "cumulated": [b.cumulated for b in bars], "notes": notes}
    alt = visited.t("stats.pareto_alt", first=names[0], n=n.whole(bars[0].parts))
    chart(visited, "pareto", data, table, title=visited.t("stats.pareto"), alt=alt, file="pareto", words=("parts", "cumulated"))
    with ui.element("div").classes("gt-examples"):
        for name, bar in list(zip(names, bars, strict=True))[:4]:
            _examples(visited, name, bar.examples)


def _examples(visited: Visit, name: str, parts: list[str]) -> None:
    links = []
    for part in parts:
        quoted = urllib.parse.quote(part, safe="")
        alt = escape(visited.t("stats.example", part=part, kind=name))
        links.append(
            f'<a href="/parts/{quoted}"><img loading="lazy" src="/api/parts/{quoted}/picture?size=thumb" alt="{alt}" title="{alt}"></a>'
        )
    if links:
        ui.html(f"<h3>{escape(visited.t('stats.examples', kind=name))}</h3><div>{''.join(links)}</div>", sanitize=False)


async def control(look: Look) -> None:
    """The p-chart with what it says in words."""
    visited, n, asked = look.visited, look.numbers, look.asked
    points = await look.points()
    slots, counts = [p.slot for p in points], [p.counts.rejects for p in points]
    if asked.kind:
        counts = await look.ask(lambda db: kind_per_slot(db, [(s.since_ns, s.until_ns) for s in slots], asked.kind, asked.scope))
    judged = [p.counts.judged for p in points]
    found = p_chart(list(zip(counts, judged, strict=True)), rules=asked.rules, laney=asked.laney)
    if found.centre is None:
        ui.label(visited.t("stats.nothing")).classes("gt-hint")
        return
    t = visited.texts
    centre = found.centre
    slots, found = without_ends(slots, found)
    names = labels(slots, asked.by, n, t)
    marks = [" ".join(mark(s.rule) for s in found.signals if s.points[-1] == place) for place in range(len(slots))]
    columns = ("time", "rejects", "judged", "share", "low", "high", "rules")
    table = Table(
        [t["stats.col." + c] for c in columns],
        [
            [name, n.whole(p.count), n.whole(p.of), *(_share_or_none(n, v) for v in (p.share, p.low, p.high)), broken or "–"]
            for name, p, broken in zip(names, found.points, marks, strict=True)
        ],
        [[name, p.count, p.of, p.share, p.low, p.high, broken] for name, p, broken in zip(names, found.points, marks, strict=True)],
        [asked.history((s.since_ns, s.until_ns), kind=asked.kind) for s in slots],
    )  # fmt: skip
    data = {
        "labels": names,
        "rates": [p.share for p in found.points],
        "low": [p.low for p in found.points],
        "high": [p.high for p in found.points],
        "marks": marks,
        "centre": centre,
        "notes": [[f"{head}: {value}" for head, value in zip(table.head[1:], row[1:], strict=True)] for row in table.shown],
    }
    alt = visited.t("stats.control_alt", by=t["stats.by." + asked.by], centre=n.share(centre), n=len(found.signals))
    title = control_title(visited, asked)
    chart(visited, "control", data, table, title=title, alt=alt, file="p-chart", words=("rate", "limits", "broken", "centre"))
    _signals(visited, asked, slots, names, found)


def trend_title(visited: Visit, asked: Asked) -> str:
    by = visited.t("stats.by." + asked.by)
    return visited.t("stats.trend_kind", by=by, kind=kind_name(visited, asked.kind)) if asked.kind else visited.t("stats.trend", by=by)


def without_ends(slots: list[Slot], found: Chart) -> tuple[list[Slot], Chart]:
    """Without the points before the first and after the last with parts: time before the record and time to come."""
    known = [i for i, p in enumerate(found.points) if p.of]
    first, last = known[0], known[-1] + 1
    signals = [msgspec.structs.replace(s, points=tuple(p - first for p in s.points)) for s in found.signals]
    return slots[first:last], msgspec.structs.replace(found, points=found.points[first:last], signals=signals)


def control_title(visited: Visit, asked: Asked) -> str:
    return visited.t("stats.control_kind", kind=kind_name(visited, asked.kind)) if asked.kind else visited.t("stats.control")


def _signals(visited: Visit, asked: Asked, slots: list[Slot], names: list[str], found: Chart) -> None:
    """Every broken rule: symbol, when, what is to be seen, what to look at, and the way to the parts."""
    with ui.element("h3"):
        ui.label(visited.t("stats.signals"))
    if len(slots) < 8:
        ui.label(visited.t("stats.few_points")).classes("gt-hint")
    if not found.signals:
        ui.label(visited.t("stats.no_signal")).classes("gt-note is-good")
    t = visited.texts
    items = []
    for signal in found.signals[::-1][:8]:
        seen, look = words(t, signal.rule)
        side = "" if signal.above is None else f", {t['report.above' if signal.above else 'report.below']}"
        first, last = signal.points[0], signal.points[-1]
        when = names[first] if first == last else f"{names[first]} – {names[last]}"
        link = asked.history((slots[first].since_ns, slots[last].until_ns), kind=asked.kind)
        items.append(
            f'<li><span class="gt-rule" aria-hidden="true">{escape(mark(signal.rule))}</span><div><b>{escape(visited.t("stats.signal", when=when, what=seen + side))}</b>'
            f'<p>{escape(visited.t("stats.look_at", what=look))}</p><a href="{escape(link)}">{escape(t["stats.rejects_then"])}</a></div></li>'
        )
    if items:
        ui.html(f'<ul class="gt-signals">{"".join(items)}</ul>', sanitize=False)


async def trend(look: Look) -> None:
    """Reject rate and parts over time, with the usual band."""
    visited, n, asked = look.visited, look.numbers, look.asked
    points = await look.points()
    band = await look.ask(lambda db: figures.usual(db, n.calendar, asked.since_ns, asked.scope))
    t = visited.texts
    known = [i for i, p in enumerate(points) if p.counts.parts]
    if not known:
        ui.label(t["stats.nothing"]).classes("gt-hint")
        return
    points = points[known[0] : known[-1] + 1]
    counts = [p.counts for p in points]
    if asked.kind:
        with_kind = await look.ask(
            lambda db: kind_per_slot(db, [(p.slot.since_ns, p.slot.until_ns) for p in points], asked.kind, asked.scope)
        )
        counts = [msgspec.structs.replace(c, ok=c.judged - k, ng=k, undecided=0) for c, k in zip(counts, with_kind, strict=True)]
    names = labels([p.slot for p in points], asked.by, n, t)
    links = [asked.address(span=(p.slot.since_ns, p.slot.until_ns)) for p in points]
    usual_parts = [p.counts.judged for p in points if p.counts.judged]
    limits = band.limits(round(middle.median(usual_parts))) if usual_parts and not asked.kind else None  # known of all rejects alone
    alt = visited.t("stats.trend_alt", by=t["stats.by." + asked.by])
    _rates(visited, n, names, counts, links, alt, "trend", {"band": limits})
    if limits is not None:
        low, high = (n.share(v) for v in limits)
        ui.label(visited.t("stats.usual_band", low=low, high=high, n=n.whole(band.parts))).classes("gt-hint")
    moved = figures.trend([(c.rejects, c.judged) for c in counts])
    if moved is not None:
        change, errors = moved
        key = "stats.level" if abs(errors) < 3 else "stats.rising" if change > 0 else "stats.falling"
        ui.label(visited.t(key, change=n.share(abs(change))) if key != "stats.level" else t[key]).classes("gt-hint")


async def recipes(look: Look) -> None:
    """The same by recipe."""
    visited, n, asked = look.visited, look.numbers, look.asked
    groups = (await look.ask(lambda db: figures.by_group(db, "recipe", asked.span, asked.scope)))[:_SHOWN_KINDS]
    if not groups:
        ui.label(visited.t("stats.nothing")).classes("gt-hint")
        return
    names = [g.name or visited.t("stats.no_recipe") for g in groups]
    links = [asked.address(recipe=g.name) if g.name else "" for g in groups]
    _rates(visited, n, names, [g.counts for g in groups], links, visited.t("stats.by_recipe_alt"), "groups", {})


def _rates(
    visited: Visit, n: Numbers, names: list[str], counts: list[Counts], links: list[str], alt: str, kind: str, more: dict[str, Any]
) -> None:
    t = visited.texts
    first = "time" if kind == "trend" else "recipe"
    rates = [[c.reject_rate, c.first_pass_yield] for c in counts]
    table = Table(
        [t["stats.col." + column] for column in (first, "parts", "rejects", "rate", "yield")],
        [
            [name, n.whole(c.parts), n.whole(c.rejects), *(_share_or_none(n, v) for v in of)]
            for name, c, of in zip(names, counts, rates, strict=True)
        ],
        [[name, c.parts, c.rejects, *of] for name, c, of in zip(names, counts, rates, strict=True)],
        links,
    )
    notes = [[f"{head}: {value}" for head, value in zip(table.head[1:], row[1:], strict=True)] for row in table.shown]
    data = {"labels": names, "rates": [c.reject_rate for c in counts], "parts": [c.parts for c in counts], "notes": notes, **more}
    chart(visited, kind, data, table, title=alt, alt=alt, file=kind, words=("rate", "parts"))


def _share_or_none(n: Numbers, value: float | None) -> str:
    return n.share(value) if value is not None else "–"


async def latencies(look: Look) -> None:
    """How long each stage takes."""
    visited, n, asked = look.visited, look.numbers, look.asked
    found = await look.ask(lambda db: figures.latency(db, asked.span, asked.scope))
    if not found:
        ui.label(visited.t("stats.nothing")).classes("gt-hint")
        return
    stages = [stage for stage in STAGES if stage in found]
    names = [visited.t("stats.stage." + stage) for stage in stages]
    columns = ("p50", "p95", "p99")
    ms = [[getattr(found[stage], c) / 1000 for c in columns] for stage in stages]
    table = Table(
        [visited.t("stats.col." + c) for c in ("stage", *columns, "parts")],
        [[name, *(n.decimal(v, 2) for v in row), n.whole(found[stage].parts)] for name, row, stage in zip(names, ms, stages, strict=True)],
        [[name, *(round(v, 4) for v in row), found[stage].parts] for name, row, stage in zip(names, ms, stages, strict=True)],
        [""] * len(stages),
    )
    notes = [[f"{head}: {value}" for head, value in zip(table.head[1:], row[1:], strict=True)] for row in table.shown]
    data = {"labels": names, **{c: [row[i] for row in ms] for i, c in enumerate(columns)}, "notes": notes}
    alt = visited.t("stats.latencies_alt")
    chart(visited, "latency", data, table, title=visited.t("stats.latencies"), alt=alt, file="latency", words=columns)


def kind_name(visited: Visit, kind: str) -> str:
    return visited.texts.get("kind." + kind, kind)
