"""XLSX: each sheet a table, each number as the file holds it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import zip_longest
from typing import Any

import openpyxl

from dashboard.assistant.errors import Refused
from dashboard.assistant.reading.limits import MAX_COLUMNS, MAX_ROWS
from dashboard.assistant.reading.package import check_package
from dashboard.assistant.reading.writer import Writer


def read_xlsx(data: bytes, out: Writer) -> int:
    """Every sheet, also a hidden one; returns their number.

    A formula stands with the value that was last calculated, or as itself where none was.

    Raises:
        Refused
    """
    check_package(data, "xl/workbook.xml")
    try:
        values = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True, keep_links=False)
        formulas = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        for number, name in enumerate(values.sheetnames, 1):
            if not hasattr(values[name], "iter_rows"):
                continue  # a sheet that is a chart
            out.page = number
            out.heading(1, name)
            rows = list(_rows(values[name], formulas[name]))
            if rows:
                out.table([cells for _, cells in rows], rows[0][0])
        return len(values.sheetnames)
    except Refused:
        raise
    except Exception as error:  # the library raises what it stumbles over
        raise Refused("damaged: its parts do not belong together; save it anew with Excel or LibreOffice") from error


def _rows(values: Any, formulas: Any) -> Iterator[tuple[int, list[str]]]:
    """From the first row that holds something; empty rows in between stay, so that a row's number is the sheet's."""
    begun, empty = False, 0
    pairs = zip_longest(values.iter_rows(max_row=MAX_ROWS, max_col=MAX_COLUMNS), formulas.iter_rows(max_row=MAX_ROWS, max_col=MAX_COLUMNS), fillvalue=())  # fmt: skip
    for number, (row, own) in enumerate(pairs, 1):
        cells = [_cell(cell) or _cell(source) for cell, source in zip_longest(row, own)]
        if any(cells):
            if begun:
                yield from ((number - k, []) for k in range(empty, 0, -1))
            begun, empty = True, 0
            yield number, cells
        else:
            empty += 1


def _cell(cell: Any) -> str:
    value = getattr(cell, "value", None)
    match value:
        case None:
            return ""
        case bool():
            return "WAHR" if value else "FALSCH"
        case float() | int() if "%" in str(cell.number_format):
            return f"{plain(Decimal(repr(value)) * 100)} %"
        case float():
            return plain(Decimal(repr(value)))
        case datetime():
            return value.strftime("%Y-%m-%d") if not (value.hour or value.minute or value.second) else value.strftime("%Y-%m-%d %H:%M:%S")
        case date() | time() | timedelta():
            return str(value)
    return str(value)


def plain(number: Decimal) -> str:
    """Every digit that the number has, none more, no exponent."""
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
