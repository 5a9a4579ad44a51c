"""The report as page and PDF: every figure of the shift is in both, in both languages, and texts of the record stay texts."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import json
import re
from pathlib import Path

import msgspec
import pytest
from pypdf import PdfReader

from dashboard.numbers import Numbers
from dashboard.report import svg
from dashboard.report.blocks import Document, Drawing, Figure, Figures, Heading, Pictures, Table
from dashboard.report.build import document
from dashboard.report.html import html
from dashboard.report.pdf import pdf
from dashboard.report.thumbs import thumbs
from dashboard.texts import LANGUAGES, Language
from edge.shift_report import ShiftReport, shift_report
from edge.shifts import Calendar
from edge.store import FILE_NAME, open_store
from tests.dashboard.weeks import REVIEWER, SETTINGS, Weeks

CALENDAR = Calendar(SETTINGS)
UNTIL = CALENDAR.at(dt.date(2026, 11, 25))
SHIFT = CALENDAR.shifts_of(dt.date(2026, 11, 24))[1]
AT = dt.datetime(2026, 11, 24, 22, 2, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("weeks")
    Weeks(made, "S1", simulated=True).fill(UNTIL, 4, 160)
    return made


@pytest.fixture(scope="module")
def figures(folder: Path) -> ShiftReport:
    with open_store(folder / FILE_NAME, read_only=True) as store:
        return shift_report(store, "S1", CALENDAR, SHIFT, UNTIL)


@pytest.fixture(scope="module")
def pictures(folder: Path, figures: ShiftReport) -> dict[str, str]:
    with open_store(folder / FILE_NAME, read_only=True) as store:
        return thumbs(store, figures)


def _document(figures: ShiftReport, pictures: dict[str, str], language: Language) -> Document:
    return document(figures, Numbers(language, CALENDAR), pictures, UNTIL)


def _printed(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)


def _plain(text: str) -> str:
    """Without the blanks and hyphens that breaking lines brings and takes."""
    return re.sub(r"[\s\u00ad-]+", "", text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_page_and_paper_say_the_same(figures: ShiftReport, pictures: dict[str, str], language: Language) -> None:
    made = _document(figures, pictures, language)
    page, paper = html(made), _plain(_printed(pdf(made, AT)))
    for block in made.blocks:
        said: list[str] = []
        if isinstance(block, Heading):
            said = [block.text]
        elif isinstance(block, Figures):
            said = [text for f in block.items for text in (f.name, f.value, f.note)]
        elif isinstance(block, Table):
            said = [*block.head, *(cell for row in block.rows for cell in row)]
        for text in said:
            assert _plain(text) in paper, text
            assert text.replace("&", "&amp;") in page, text
    assert _plain(made.foot) in paper
    assert made.foot in page


def test_the_paper_has_counts_bounds_chart_pictures_signatures_and_page_numbers(figures: ShiftReport, pictures: dict[str, str]) -> None:
    data = pdf(_document(figures, pictures, "de"), AT)
    reader = PdfReader(io.BytesIO(data))
    text = _printed(data)
    assert "SIMULIERT" in text
    assert "Spätschicht" in text
    assert f"{figures.counts.parts} Trigger" in text
    assert "95-%-Grenzen" in text
    assert "zu wenige Prüfungen" in text or figures.quality.warnings == []
    assert "Das Band stand insgesamt" in text
    assert "Schichtleitung: Name, Datum, Unterschrift" in text
    for number, page in enumerate(reader.pages, 1):
        assert f"Seite {number} / {len(reader.pages)}" in page.extract_text()
        assert figures.sha256() in page.extract_text()
        assert [round(float(v)) for v in page.mediabox[2:]] == [595, 842], "A4"
    assert sum(len(page.images) for page in reader.pages) == len(pictures) > 0
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"], "tagged, so that a screen reader can read it"  # type: ignore[index]
    assert reader.trailer["/Root"]["/Lang"] == "de"  # type: ignore[index]
    assert reader.metadata is not None
    assert "Schichtbericht" in (reader.metadata.title or "")


def test_the_hash_is_that_of_the_figures_as_json(figures: ShiftReport, pictures: dict[str, str]) -> None:
    text = figures.encoded()
    assert hashlib.sha256(text).hexdigest() in _document(figures, pictures, "en").foot
    assert json.loads(text)["counts"]["parts"] == figures.counts.parts
    assert pdf(_document(figures, pictures, "en"), AT) == pdf(_document(figures, pictures, "en"), AT)


def test_no_person_is_named(figures: ShiftReport, pictures: dict[str, str]) -> None:
    assert REVIEWER not in figures.encoded().decode()
    for language in LANGUAGES:
        assert REVIEWER not in html(_document(figures, pictures, language))


HOSTILE = ['<script>alert("x")</script>', '#panic("x") $x^2$ *bold* _it_ @ref <label> [a] \\', "ł‰漢字 " * 30, "\u202eevil"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_printed_as_it_is(figures: ShiftReport, name: str) -> None:
    made_with = [msgspec.structs.replace(m, product=name, recipe=name, model=name) for m in figures.made_with]
    bars = [msgspec.structs.replace(b, kind=name) for b in figures.bars]
    alarms = [msgspec.structs.replace(a, code="strange", text=name) for a in figures.alarms]
    examples = [msgspec.structs.replace(e, kind=name, part_id=name) for e in figures.examples]
    evil = msgspec.structs.replace(figures, made_with=made_with, bars=bars, alarms=alarms, examples=examples)
    made = _document(evil, {}, "en")
    assert "<script>" not in html(made)
    plain = _plain(_printed(pdf(made, AT)))
    if name.isascii():
        assert _plain(name) in plain


def test_a_shift_without_parts_says_so(folder: Path) -> None:
    sunday = CALENDAR.shifts_of(dt.date(2026, 11, 22))[0]
    with open_store(folder / FILE_NAME, read_only=True) as store:
        report = shift_report(store, "S1", CALENDAR, sunday, UNTIL)
    text = _printed(pdf(document(report, Numbers("en", CALENDAR), {}, UNTIL), AT))
    assert "No part came in this shift" in text
    assert "A day off, say the settings" in text


def test_counts_that_do_not_close_stand_in_red_with_the_parts(figures: ShiftReport) -> None:
    books = msgspec.structs.replace(figures.books, misfit_count=2, messages_missed=3, triggers=figures.books.triggers + 1)
    made = _document(msgspec.structs.replace(figures, closes=False, books=books), {}, "en")
    assert "The counts do not close: 2 parts do not fit, 3 messages were missed, 1 parts without a verdict." in html(made)


def test_a_picture_that_is_gone_leaves_its_place(figures: ShiftReport) -> None:
    (shown,) = [b for b in _document(figures, {}, "en").blocks if isinstance(b, Pictures)]
    assert all(p.svg == "" for p in shown.items)
    assert "picture not kept" in html(_document(figures, {}, "en"))


def test_frames_lie_where_the_defects_are(folder: Path, figures: ShiftReport, pictures: dict[str, str]) -> None:
    example = figures.examples[0]
    with open_store(folder / FILE_NAME, read_only=True) as store:
        part = store.inspection(example.part_id)
    assert part is not None
    box = part.defects[0]
    assert f'<rect x="{box.x1:.1f}" y="{box.y1:.1f}" width="{box.x2 - box.x1:.1f}"' in pictures[example.part_id]


def test_charts_show_every_bar_and_mark() -> None:
    n = Numbers("en", CALENDAR)
    drawn = svg.pareto([svg.Bar("a<b", 3, 0.75), svg.Bar("c", 1, 1)], n.whole, n.share, "title")
    assert drawn.count("<rect") == 2
    assert "a&lt;b" in drawn
    points = [svg.Point(str(i), None if i == 1 else 0.1, 0, 0.3, ("N1", "N5") if i == 2 else ()) for i in range(4)]
    drawn = svg.control(points, 0.1, n.share, "title", "centre", "limits")
    assert drawn.count("<circle") == 2
    assert drawn.count("<polygon") == 1
    assert "N1 N5" in drawn
    assert svg.pareto([], n.whole, n.share, "empty").count("<rect") == 0


@pytest.mark.parametrize(("value", "axis"), [(1, 4), (4, 4), (5, 6), (17, 20), (21, 24), (101, 120), (999, 1000), (1001, 1200)])
def test_axes_end_at_numbers_that_can_be_read(value: int, axis: int) -> None:
    assert svg.nice(value) == axis


def test_figures_that_are_not_known_are_not_made_up(figures: ShiftReport) -> None:
    made = _document(figures, {}, "en")
    (noted,) = [b for b in made.blocks if isinstance(b, Figures) and any(f.note for f in b.items)]
    escape: Figure = next(f for f in noted.items if f.name.startswith("Escape"))
    few = {"no-sample", "small-sample"} & set(figures.quality.warnings)
    assert bool(few) == (escape.value == "not enough reviews to say")
    assert "95 % bounds" in escape.note
    assert "passed parts drawn at random" in escape.note
    assert [b for b in made.blocks if isinstance(b, Drawing)]
