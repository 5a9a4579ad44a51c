"""Parts of the pages about people: a table, a dialog, a secret that is shown once."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

from dashboard.frame import Visit
from dashboard.kit import button


@contextmanager
def table(*headings: str) -> Iterator[None]:
    """A table under its headings; rows are made by `row`. It scrolls sideways by itself where it is too wide."""
    with ui.element("div").classes("gt-scroll"), ui.element("table").classes("gt-table"):
        with ui.element("thead"), ui.element("tr"):
            for heading in headings:
                with ui.element("th").props('scope="col"'):
                    ui.label(heading)
        with ui.element("tbody"):
            yield


@contextmanager
def row() -> Iterator[None]:
    with ui.element("tr"):
        yield


def cell(text: str, classes: str = "") -> None:
    """Text in a row of a table."""
    with ui.element("td").classes(classes):
        ui.label(text)


@contextmanager
def wide_cell() -> Iterator[None]:
    """A place for buttons at the end of a row."""
    with ui.element("td"), ui.element("div").classes("gt-row is-end"):
        yield


@contextmanager
def dialog(title: str) -> Iterator[ui.dialog]:
    """A dialog with a heading; open it when it is filled."""
    with ui.dialog() as made, ui.element("div").classes("gt-card gt-dialog").props('role="dialog" aria-modal="true"') as inside:
        inside.props["aria-label"] = title
        with ui.element("h2"):
            ui.label(title)
        yield made


async def show_secret(visited: Visit, title: str, hint: str, secret: str) -> None:
    """Show a secret this once; it is on the screen only while the dialog is open."""
    with dialog(title) as made:
        ui.label(hint)
        ui.label(secret).classes("gt-secret").props("data-secret")
        with ui.element("div").classes("gt-actions"):
            button(visited.t("people.written_down"), lambda: made.submit(True), tone="primary")
    made.props("persistent")
    await made
    made.delete()


async def ask_yes(visited: Visit, title: str, text: str, go: str) -> bool:
    """Whether somebody really means it."""
    with dialog(title) as made:
        ui.label(text)
        with ui.element("div").classes("gt-actions"):
            button(visited.t("frame.cancel"), lambda: made.submit(False), tone="quiet")
            button(go, lambda: made.submit(True), tone="danger")
    answer = await made
    made.delete()
    return bool(answer)


def moment(seconds: float) -> str:
    """A time of the day in the machine's local time, to the minute."""
    return datetime.datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
