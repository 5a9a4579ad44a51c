"""The figures of a shift in the words of one language: what the report says, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from dashboard.numbers import Numbers
from dashboard.report import svg
from dashboard.report.blocks import Block, Document, Drawing, Figure, Figures, Heading, Picture, Pictures, Said, Signatures, Table
from dashboard.report.estimated import bounds_text, escape_figure, overkill_figure
from dashboard.rules import mark, words
from dashboard.texts import texts_of
from edge.estimates import Bounded
from edge.shift_events import PartAt
from edge.shift_report import ShiftReport
from edge.shifts import Shift

MAX_BARS = 8


def shift_name(texts: dict[str, str], shift: Shift) -> str:
    """As the settings call it; the usual names are translated."""
    return texts.get("shift." + shift.name, shift.name)


def document(report: ShiftReport, numbers: Numbers, pictures: Mapping[str, str], made_ns: int) -> Document:
    """The report.

    Args:
        pictures: SVG by part id, of those examples of the report that there are.
        made_ns: UTC, when it was made; not part of the hash.
    """
    b = _Builder(report, numbers, pictures)
    t, shift = b.t, report.shift
    clocks = f"{numbers.clock(shift.since_ns)}–{numbers.clock(shift.until_ns)}"
    day = numbers.day(date.fromisoformat(shift.day))
    facts = [
        (t["report.station"], report.station),
        (t["report.shift"], f"{day}, {shift_name(t, shift)} ({shift.number})"),
        (t["report.time"], f"{clocks} {report.zone}".strip()),
        (t["report.product"], _listed([m.product for m in report.made_with], t["report.none"])),
        (t["report.recipe"], _listed([f"{m.recipe} ({m.recipe_hash[:12]})" for m in report.made_with], t["report.none"])),
        (t["report.model"], _listed([f"{m.model} ({m.model_hash[:12]})" for m in report.made_with], t["report.none"])),
        (t["report.printed"], numbers.moment(made_ns)),
    ]
    return Document(
        language=numbers.language,
        title=t["report.title"],
        subtitle=f"{day} · {shift_name(t, shift)} · {clocks}",
        warning=t["report.simulated"] if report.simulated else "",
        facts=facts,
        blocks=b.blocks(),
        foot=t["report.foot"].format(station=report.station, hash=report.sha256()),
        page=t["report.page"],
    )


def _listed(names: list[str], none: str) -> str:
    """Each once, at most three; the table of changes has them all."""
    once = list(dict.fromkeys(names))
    return ", ".join(once[:3]) + (" …" if len(once) > 3 else "") or none


class _Builder:
    def __init__(self, report: ShiftReport, numbers: Numbers, pictures: Mapping[str, str]) -> None:
        self.r, self.n, self.pictures = report, numbers, pictures
        self.t = texts_of(numbers.language)

    def blocks(self) -> list[Block]:
        t, r = self.t, self.r
        first: list[Block] = []
        if not r.over:
            first.append(Said(t["report.so_far"], "warning"))
        if r.uncounted:
            first.append(Said(t["report.uncounted"].format(n=r.uncounted), "warning"))
        if r.shift.off:
            first.append(Said(t["report.off"]))
        if not r.counts.parts:
            first.append(Said(t["report.no_parts"], "warning"))
        parts = [self._counts(), self._quality(), self._defects(), self._control()] if r.counts.parts else []
        rest = [self._stops(), self._unconfirmed(), self._reviews(), self._changes()]
        return [
            *first,
            *(block for some in [*parts, *rest] for block in some),
            Signatures([t["report.shift_lead"], t["report.quality_lead"]]),
        ]

    def _counts(self) -> list[Block]:
        t, c, books = self.t, self.r.counts, self.r.books
        whole = self.n.whole
        if self.r.closes:
            said = Said(t["report.closes"].format(n=whole(books.triggers)), "good")
        else:
            judged = sum(books.verdicts.values())
            why = [
                t["report.why." + name].format(n=whole(n))
                for name, n in (
                    ("misfits", books.misfit_count),
                    ("missed", books.messages_missed),
                    ("unjudged", books.triggers - judged),
                    ("waiting", books.no_outcome),
                )
                if n > 0
            ]
            said = Said(t["report.open_books"].format(why=", ".join(why)), "bad")
        figures = [
            Figure(t["report.triggers"], whole(books.triggers)),
            Figure(t["report.ok"], whole(c.ok)),
            Figure(t["report.ng"], whole(c.ng)),
            Figure(t["report.undecided"], whole(c.undecided)),
            Figure(t["report.passed"], whole(c.passed)),
            Figure(t["report.ejected"], whole(c.ejected)),
            Figure(t["report.missed"], whole(c.missed)),
            Figure(t["report.pictures_lost"], whole(books.evidence_lost)),
        ]
        found: list[Block] = [Heading(t["report.counts"]), said, Figures(figures)]
        if books.misfits:
            rows = [[m.part_id, t.get("misfit." + m.why, m.why)] for m in books.misfits]
            found.append(Table([t["report.misfit_part"], t["report.misfit_why"]], rows, []))
        return found

    def _quality(self) -> list[Block]:
        t, r, c = self.t, self.r, self.r.counts
        total = r.latency.get("total_us")
        figures = [
            self._bounded("report.yield", r.yielded, c.first_pass, c.parts),
            self._bounded("report.reject_rate", r.rejected, c.rejects, c.judged),
            escape_figure(t, self.n, r.quality),
            overkill_figure(t, self.n, r.quality),
            Figure(
                t["report.latency"],
                self.n.ms(total.p50) if total else t["report.none"],
                t["report.latency_note"].format(p99=self.n.ms(total.p99)) if total else "",
            ),
        ]
        return [Heading(t["report.quality"]), Figures(figures)]

    def _bounded(self, name: str, share: Bounded, count: int, of: int) -> Figure:
        t = self.t
        if share.value is None:
            return Figure(t[name], t["report.none"])
        note = f"{t['report.of_parts'].format(n=self.n.whole(count), of=self.n.whole(of))}; {bounds_text(t, self.n, share)}"
        return Figure(t[name], self.n.share(share.value), note)

    def _defects(self) -> list[Block]:
        t, whole = self.t, self.n.whole
        bars = self.r.bars
        if not bars:
            return [Heading(t["report.defects"]), Said(t["report.no_defects"])]
        drawn = [svg.Bar(self._kind(b.kind), b.parts, b.cumulated) for b in bars[:MAX_BARS]]
        rows = [
            [self._kind(b.kind), whole(b.parts), whole(b.defects), self.n.share(b.share, 1), self.n.share(b.cumulated, 1), f"{whole(b.bad)} / {whole(b.good)}"]
            for b in bars
        ]  # fmt: skip
        names = ("class", "parts", "defects_count", "share", "cumulated", "reviewed")
        title = t["report.pareto"]
        shown = [
            Picture(self.pictures.get(e.part_id, ""), self._kind(e.kind), f"{self.n.clock(e.wall_ns)} · {e.part_id}")
            for e in self.r.examples
        ]
        found: list[Block] = [
            Heading(t["report.defects"]),
            Drawing(svg.pareto(drawn, whole, lambda v: self.n.share(v, 0), title), title),
            Table([t["report." + name] for name in names], rows, [1, 2, 3, 4, 5]),
        ]
        return [*found, Pictures(shown, t["report.no_picture"])] if shown else found

    def _control(self) -> list[Block]:
        t, control = self.t, self.r.control
        chart = control.chart
        if chart.centre is None:
            return []
        marks: list[list[str]] = [[] for _ in chart.points]
        for signal in chart.signals:
            marks[signal.points[-1]].append(mark(signal.rule))
        points = [
            svg.Point(self.n.clock(slot[0]), p.share, p.low or 0.0, p.high or 0.0, tuple(at))
            for slot, p, at in zip(control.slots, chart.points, marks, strict=True)
        ]
        alt = t["report.control_alt"].format(n=len(chart.signals))
        base = t["report.base"].format(n=self.n.whole(control.base_parts)) if control.base_parts else t["report.base_own"]
        found: list[Block] = [
            Heading(t["report.control"]),
            Drawing(svg.control(points, chart.centre, self.n.share, alt, t["report.centre"], t["report.limits"]), alt),
            Said(base),
        ]
        if not chart.signals:
            return [*found, Said(t["report.no_signal"], "good")]
        rows = []
        for signal in chart.signals:
            seen, look = words(t, signal.rule)
            side = "" if signal.above is None else f", {t['report.above' if signal.above else 'report.below']}"
            when = f"{self.n.clock(control.slots[signal.points[0]][0])}–{self.n.clock(control.slots[signal.points[-1]][1])}"
            rows.append([when, mark(signal.rule), seen + side, look])
        return [*found, Table([t["report.signal." + n] for n in ("when", "mark", "what", "look")], rows, [1])]

    def _stops(self) -> list[Block]:
        t, alarms = self.t, self.r.alarms
        if not alarms:
            return [Heading(t["report.stops"]), Said(t["report.no_stops"])]
        rows = [
            [
                t.get("reason." + a.code, a.text),
                t.get("alarms.severity." + a.severity, a.severity),
                self.n.whole(a.times),
                self.n.duration(a.lasted_ns) + ("" if a.ended else f" ({t['report.still']})"),
                self.n.clock(a.first_ns) if a.first_ns >= self.r.shift.since_ns else self.n.moment(a.first_ns),
            ]
            for a in alarms
        ]
        head = [t["report." + name] for name in ("alarm", "severity", "times", "lasted", "first")]
        said = t["report.stopped"].format(time=self.n.duration(self.r.stopped_ns))
        return [Heading(t["report.stops"]), Said(said), Table(head, rows, [2, 3, 4])]

    def _unconfirmed(self) -> list[Block]:
        t, parts = self.t, self.r.unconfirmed
        if not parts:
            return [Heading(t["report.unconfirmed"]), Said(t["report.no_unconfirmed"])]
        return [Heading(t["report.unconfirmed"]), self._parts(parts)]

    def _reviews(self) -> list[Block]:
        t, c, r = self.t, self.r.counts, self.r
        whole = self.n.whole
        reviewed = c.good + c.bad + c.unsure
        found: list[Block] = [
            Heading(t["report.reviews"]),
            Said(t["report.reviews_said"].format(n=whole(reviewed), bad=whole(c.bad), good=whole(c.good), unsure=whole(c.unsure))),
        ]
        if r.escapes:
            found += [Said(t["report.escapes_some"].format(n=len(r.escapes)), "bad"), self._parts(r.escapes)]
        else:
            found.append(Said(t["report.escapes_none"]))
        if r.escapes_found:
            found += [Said(t["report.escapes_found"].format(n=len(r.escapes_found)), "bad"), self._parts(r.escapes_found)]
        return found

    def _changes(self) -> list[Block]:
        t, made = self.t, self.r.made_with
        found: list[Block] = [Heading(t["report.changes"])]
        if len(made) < 2:
            return [*found, Said(t["report.no_changes"])]
        rows = [
            [self.n.clock(m.since_ns), m.product, f"{m.recipe} ({m.recipe_hash[:12]})", f"{m.model} ({m.model_hash[:12]})"] for m in made
        ]
        return [*found, Table([t["report." + n] for n in ("since", "product", "recipe", "model")], rows, [])]

    def _parts(self, parts: list[PartAt]) -> Table:
        return Table([self.t["report.signal.when"], self.t["report.part"]], [[self.n.moment(p.wall_ns), p.part_id] for p in parts], [])

    def _kind(self, kind: str) -> str:
        return self.t.get("kind." + kind, kind)
