"""HTML: what a reader would see, with headings and tables. No script runs, nothing is fetched, no entity is expanded but characters."""

from __future__ import annotations

from html.parser import HTMLParser

from dashboard.assistant.reading.plain import decode
from dashboard.assistant.reading.writer import Writer

_SKIPPED = {"script", "style", "noscript", "template", "svg", "head"}
_BREAKS = {"p", "div", "li", "ul", "ol", "section", "article", "blockquote", "dd", "dt", "pre", "header", "footer", "form", "figure"}


class _Reader(HTMLParser):
    def __init__(self, out: Writer) -> None:
        super().__init__(convert_charrefs=True)
        self._out = out
        self._skipped: list[str] = []
        self._text: list[str] = []
        self._rows: list[list[str]] = []
        self._cell: list[str] | None = None
        self._tables = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._skipped or tag in _SKIPPED:
            if tag in _SKIPPED:
                self._skipped.append(tag)
            elif tag == "body":
                self._skipped.clear()  # a head that was never closed
            return
        if tag == "table":
            self._tables += 1
            if self._tables == 1:
                self._end()
        elif tag == "tr" and self._tables == 1:
            self._close_cell()
            self._rows.append([])
        elif tag in ("td", "th") and self._tables == 1:
            self._close_cell()
            if not self._rows:
                self._rows.append([])
            self._cell = []
        elif tag == "br":
            self._add("\n")
        elif tag in _BREAKS:
            self._add("\n\n")
        elif tag in ("h1", "h2", "h3", "h4", "h5", "h6") and not self._tables:
            self._end()

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag == self._skipped[-1]:
                self._skipped.pop()
            return
        if tag == "table" and self._tables:
            self._tables -= 1
            if not self._tables:
                self._close_cell()
                if self._rows:
                    self._out.table([row for row in self._rows if row] or [[""]])
                self._rows = []
        elif tag in ("td", "th", "tr") and self._tables == 1:
            self._close_cell()
        elif tag in ("h1", "h2", "h3", "h4", "h5", "h6") and not self._tables:
            words, self._text = "".join(self._text), []
            self._out.heading(int(tag[1]), words)
        elif tag in _BREAKS:
            self._add("\n\n")
        elif tag in ("td", "th"):
            self._add(" ")

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self._add(data)

    def _add(self, text: str) -> None:
        if self._tables and self._cell is None:
            if text.strip():
                self._text.append(text + "\n\n")  # a caption, or what stands astray in a table
        else:
            (self._cell if self._cell is not None else self._text).append(text)

    def _close_cell(self) -> None:
        if self._cell is not None:
            self._rows[-1].append("".join(self._cell))
        self._cell = None

    def _end(self) -> None:
        words, self._text = "".join(self._text), []
        self._out.text(words)

    def finish(self) -> None:
        self.close()
        self._close_cell()
        if self._rows:
            self._out.table([row for row in self._rows if row] or [[""]])
        self._end()


def read_html(data: bytes, out: Writer) -> None:
    """Everything visible."""
    reader = _Reader(out)
    reader.feed(decode(data))
    reader.finish()
