"""Every number, unit, tolerance and umlaut survives, in every kind, whatever stands around it."""

from __future__ import annotations

import re
from decimal import Decimal

import docx
import pytest
from docx.oxml import parse_xml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from dashboard.assistant.documents import Piece
from dashboard.assistant.reading.kinds import read
from dashboard.assistant.reading.sheet import plain
from dashboard.assistant.reading.writer import Writer
from tests.dashboard.assistant.paper import grid, pdf, sheet, word

digits = st.integers(0, 10**9).map(str)
grouped = st.integers(1000, 10**9).map(lambda n: f"{n:,}".replace(",", "."))
decimals = st.tuples(digits, st.text("0123456789", min_size=1, max_size=4)).map(lambda p: f"{p[0]},{p[1]}")
points = st.tuples(digits, st.text("0123456789", min_size=1, max_size=4)).map(lambda p: f"{p[0]}.{p[1]}")
figure = st.one_of(
    digits,
    grouped,
    decimals,
    points,
    decimals.map(lambda d: f"±{d}"),
    decimals.map(lambda d: f"-{d}"),
    st.tuples(decimals, st.sampled_from(["mm", "µm", "Nm", "N/mm²", "°C", "%", "€", "kg", "Ω"])).map(" ".join),
    st.sampled_from(["M8x20", "DIN EN 10025-2", "4711-A/03", "Ø12 H7", "12.03.2024", "10^-6", "1:50", "2.500", "§ 4", "07:30 Uhr", "0,02"]),
)
word_ = st.sampled_from(
    ["Maß", "Prüfmittel", "Öl", "größer als", "Straße", "Nr.", "ca.", "zul.", "Toleranz", "Das Teil wird geprüft.", "Über"]
)
sentence = st.lists(st.one_of(figure, word_), min_size=1, max_size=60).map(" ".join)
cell = st.one_of(figure, word_)
table = st.integers(2, 5).flatmap(lambda n: st.lists(st.lists(cell, min_size=n, max_size=n), min_size=2, max_size=30))


def pieces(kind: str, data: bytes) -> list[Piece]:
    writer = Writer()
    read(kind, data, writer, lambda page, of: None, lambda page, picture: pytest.fail("no picture here"))
    return writer.pieces()


def joined(found: list[Piece]) -> str:
    return " ".join(" ".join(piece.text.split()) for piece in found)


def normal(text: str) -> str:
    return " ".join(text.split())


@given(st.lists(sentence, min_size=1, max_size=12))
def test_text(paragraphs: list[str]) -> None:
    assert joined(pieces("text", "\n\n".join(paragraphs).encode())) == normal(" ".join(paragraphs))


@given(sentence)
def test_text_in_the_code_page_of_windows(text: str) -> None:
    assume("Ω" not in text)
    assert joined(pieces("text", f"Größe {text}".encode("cp1252"))) == normal(f"Größe {text}")
    assert joined(pieces("text", text.encode("utf-16"))) == normal(text)


@given(st.lists(sentence, min_size=1, max_size=8))
def test_markdown_and_html_and_mail(paragraphs: list[str]) -> None:
    assert joined(pieces("markdown", "\n\n".join(paragraphs).encode())) == normal(" ".join(paragraphs))
    html = "".join(f"<p>{p.replace('&', '&amp;').replace('<', '&lt;')}</p>" for p in paragraphs)
    assert joined(pieces("html", html.encode())) == normal(" ".join(paragraphs))
    mail = "From: a@example.com\nSubject: x\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n" + "\n\n".join(
        paragraphs
    )
    assert normal(" ".join(paragraphs)) in joined(pieces("eml", mail.encode()))


@settings(max_examples=10)
@given(table)
def test_tables_keep_every_cell_in_its_row(rows: list[list[str]]) -> None:
    """Through DOCX, HTML, Markdown, CSV and XLSX text cells: each row is one line with each cell between tabs."""
    document = docx.Document()
    made = document.add_table(len(rows), len(rows[0]))
    for r, row in enumerate(rows):
        for c, text in enumerate(row):
            made.cell(r, c).text = text
    html = "<table>" + "".join("<tr>" + "".join(f"<td>{c}</td>" for c in row) + "</tr>" for row in rows) + "</table>"
    markdown = "\n".join("| " + " | ".join(row) + " |" for row in [rows[0], ["---"] * len(rows[0]), *rows[1:]])
    files = {
        "docx": word(document),
        "html": html.encode(),
        "markdown": markdown.encode(),
        "csv": "\n".join(";".join(row) for row in rows).encode(),
        "xlsx": sheet(rows),
    }
    for kind, data in files.items():
        lines = [line for piece in pieces(kind, data) if piece.kind == "table" for line in piece.text.split("\n")]
        header = "\t".join(rows[0])
        assert [line for line in lines if line != header] == [line for row in rows if (line := "\t".join(row)) != header], kind
        for piece in pieces(kind, data):
            if piece.kind == "table":
                own = piece.text.split("\n")
                assert own[0] == header  # every passage of a table begins with the header
                at = piece.row - 1
                begin = 1 if piece.row > 1 else 0
                assert own[begin] == "\t".join(rows[at])


# 15 digits are what Excel keeps
@settings(max_examples=20)
@given(
    st.lists(st.one_of(st.integers(-(10**15), 10**15), st.floats(-1e12, 1e12).map(lambda x: float(f"{x:.15g}"))), min_size=1, max_size=20)
)
def test_numbers_of_excel(values: list[float]) -> None:
    lines = "\n".join(piece.text for piece in pieces("xlsx", sheet([["Wert"], *([v] for v in values)]))[1:]).split("\n")
    read_back = [Decimal(line) for line in lines if line not in ("Wert", "")]
    assert read_back == [Decimal(repr(v)) for v in values]
    assert all(re.fullmatch(r"-?\d+(\.\d+)?", plain(Decimal(repr(v)))) for v in values)


@settings(max_examples=30)
@given(st.lists(st.lists(figure, min_size=1, max_size=8).map(" ".join), min_size=1, max_size=20))
def test_pdf_text(lines: list[str]) -> None:
    lines = [line.replace("Ω", "V") for line in lines]
    data = pdf([[(40, 800 - 20 * k, line) for k, line in enumerate(lines)] + [(40, 20, "Seite eins von zwei")]])
    assert normal(" ".join(lines)) in joined(pieces("pdf", data))


@settings(max_examples=30)
@given(st.lists(st.lists(figure, min_size=3, max_size=3), min_size=2, max_size=12))
def test_ruled_tables_of_a_pdf(rows: list[list[str]]) -> None:
    rows = [[c.replace("Ω", "V") for c in row] for row in rows]
    x, y = [40, 200, 360, 520], [780 - 20 * k for k in range(len(rows) + 1)]
    lines = [(x[c] + 4, y[r] - 14, text) for r, row in enumerate(rows) for c, text in enumerate(row)]
    found = pieces("pdf", pdf([[(40, 810, "Tabelle der Toleranzen"), *lines]], grid(x, y)))
    assert [p.text for p in found if p.kind == "table"] == ["\n".join("\t".join(row) for row in rows)]
    assert found[0].text == "Tabelle der Toleranzen"


@given(st.lists(sentence, min_size=1, max_size=3), st.integers(1, 40))
def test_no_number_is_cut_from_its_unit(texts: list[str], times: int) -> None:
    """However long a text without a full stop is."""
    long = " ".join(["und"] * 50 + ["10 000", "±", "0,02", "mm", "12 Nm"] * times + texts)
    found = pieces("text", long.encode())
    assert joined(found) == normal(long)
    assert all(not piece.text.startswith(("000 ", "mm ", "Nm ", "0,02")) for piece in found)


def test_inserted_deleted_and_boxed_text_of_word() -> None:
    """What was inserted with changes tracked counts, what was deleted does not, and a text box is read once."""
    document = docx.Document()
    paragraph = document.add_paragraph("Drehmoment ")
    w = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    for xml in (
        f'<w:ins {w} w:id="1" w:author="a"><w:r><w:t>12 Nm</w:t></w:r></w:ins>',
        f'<w:del {w} w:id="2" w:author="a"><w:r><w:delText>10 Nm</w:delText></w:r></w:del>',
        f"<w:r {w}><w:noBreakHyphen/><w:t>A</w:t></w:r>",
        f'<w:r {w}><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice Requires="wps"><w:txbxContent><w:p><w:r><w:t>Kasten 7,5</w:t></w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback><w:txbxContent><w:p><w:r><w:t>Kasten 7,5</w:t></w:r></w:p></w:txbxContent></mc:Fallback></mc:AlternateContent></w:r>',
    ):
        paragraph._p.append(parse_xml(xml))
    document.sections[0].footer.paragraphs[0].text = "Ausgabe 3"
    text = joined(pieces("docx", word(document)))
    assert text == "Drehmoment 12 Nm-A Kasten 7,5 Ausgabe 3"


def test_formulas_and_percent_and_dates() -> None:
    import datetime
    import io

    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(sheet([["x", datetime.date(2024, 3, 15), "=1+1", True], [0.07, "2.500", None, 1e-7]])))
    book.worksheets[0]["A2"].number_format = "0.0%"
    out = io.BytesIO()
    book.save(out)
    assert pieces("xlsx", out.getvalue())[-1].text == "x\t2024-03-15\t=1+1\tWAHR\n7 %\t2.500\t\t0.0000001"


def test_where_a_passage_stands() -> None:
    found = pieces("markdown", b"# Handbuch\n\n## 4 Messmittel\n\nText\n\n# Anhang\n\nMehr")
    assert [(p.heading, p.text) for p in found] == [
        ("Handbuch", "Handbuch"),
        ("Handbuch › 4 Messmittel", "4 Messmittel\nText"),
        ("Anhang", "Anhang\nMehr"),
    ]
    data = pdf(
        [[(40, 800, "4.2 Lagerung der Teile"), (40, 780, "Trocken lagern.")], [(40, 800, "Noch mehr Text")]],
        titles=["Kapitel A", "Kapitel B"],
    )
    assert [(p.page, p.heading) for p in pieces("pdf", data)] == [
        (1, "Kapitel A"),
        (1, "Kapitel A › 4.2 Lagerung der Teile"),
        (2, "Kapitel B"),
    ]
