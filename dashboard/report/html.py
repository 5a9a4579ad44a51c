"""A report as HTML for the page: the same blocks as the PDF. Every text is escaped; the drawings come from `svg` alone."""

from __future__ import annotations

from html import escape

from dashboard.report.blocks import Block, Document, Drawing, Figures, Heading, Pictures, Said, Signatures, Table

LONG = ' class="is-long"'


def html(document: Document) -> str:
    """The report as one element."""
    d = document
    warning = f'<p class="gt-paper-warning">{escape(d.warning)}</p>' if d.warning else ""
    facts = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in d.facts)
    return (
        f'<article class="gt-paper" lang="{escape(d.language)}">{warning}<header><h1>{escape(d.title)}</h1><p>{escape(d.subtitle)}</p></header>'
        f'<dl class="gt-paper-facts">{facts}</dl>{"".join(_block(b) for b in d.blocks)}<footer>{escape(d.foot)}</footer></article>'
    )


def _block(block: Block) -> str:
    match block:
        case Heading(text):
            return f"<h2>{escape(text)}</h2>"
        case Said(text, tone):
            return f'<p class="{f"gt-paper-box is-{tone}" if tone else ""}">{escape(text)}</p>'
        case Figures(items):
            shape = " is-noted" if any(f.note for f in items) else ""
            return f'<div class="gt-paper-figures{shape}">' + "".join(
                f"<div><small>{escape(f.name)}</small><b{LONG if len(f.value) > 14 else ''}>{escape(f.value)}</b><small>{escape(f.note)}</small></div>" for f in items
            ) + "</div>"  # fmt: skip
        case Table():
            return _table(block)
        case Drawing(svg):
            return f"<figure>{svg}</figure>"
        case Pictures(items, missing):
            return '<div class="gt-paper-pictures">' + "".join(
                f"<figure>{p.svg or f'<span>{escape(missing)}</span>'}<figcaption><b>{escape(p.name)}</b> {escape(p.note)}</figcaption></figure>" for p in items
            ) + "</div>"  # fmt: skip
        case Signatures(labels):
            return '<div class="gt-paper-signatures">' + "".join(f"<span>{escape(label)}</span>" for label in labels) + "</div>"


def _table(table: Table) -> str:
    at_right = dict.fromkeys(table.numbers, ' class="is-number"')
    head = "".join(f'<th scope="col"{at_right.get(n, "")}>{escape(cell)}</th>' for n, cell in enumerate(table.head))
    rows = "".join(
        "<tr>" + "".join(f"<td{at_right.get(n, '')}>{escape(cell)}</td>" for n, cell in enumerate(row)) + "</tr>" for row in table.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
