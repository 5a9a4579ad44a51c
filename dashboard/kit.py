"""Parts that the pages are built of, so that they look and act alike: headings, cards, buttons, dialogs, notes."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from nicegui import ui

from dashboard.frame import Visit
from edge.errors import GutteilError

Tone = Literal["", "primary", "danger", "quiet"]


@contextmanager
def content(title: str, hint: str = "") -> Iterator[None]:
    """The content of a page under its one heading."""
    with ui.element("div").classes("gt-content"):
        with ui.element("div").classes("gt-title"):
            with ui.element("h1"):
                ui.label(title)
            if hint:
                ui.label(hint).classes("gt-hint")
        yield


@contextmanager
def card(title: str = "") -> Iterator[ui.element]:
    """A card, with a heading of its own if it has a title."""
    with ui.element("section").classes("gt-card") as made:
        if title:
            with ui.element("h2"):
                ui.label(title)
        yield made


def button(text: str, act: Callable[[], Awaitable[None] | None], *, tone: Tone = "", icon: str = "") -> ui.button:
    """A button for gloves. What `act` raises of ours is shown to the person in its own words."""

    async def go() -> None:
        with shown_to_person():
            done = act()
            if inspect.isawaitable(done):
                await done

    made = ui.button(text, on_click=go, icon=icon or None, color=None).props("no-caps unelevated")
    return made.classes(f"gt-button is-{tone or 'plain'}")


@contextmanager
def shown_to_person() -> Iterator[None]:
    """Errors of ours become a note on the screen, in their own words; anything else is a fault and goes to the log."""
    try:
        yield
    except GutteilError as error:
        say(str(error), bad=True)


def say(text: str, *, bad: bool = False) -> None:
    """A note at the edge of the screen; a bad one stays until it is closed."""
    ui.notify(
        text,
        type="negative" if bad else "positive",
        timeout=0 if bad else 4_000,
        close_button="×" if bad else False,
        multi_line=True,
        position="bottom",
    )


def figure(value: str, name: str, note: str = "") -> None:
    """One number with its name."""
    with ui.element("div").classes("gt-figure"):
        ui.label(name).classes("gt-figure-name")
        ui.label(value).classes("gt-figure-value")
        if note:
            ui.label(note).classes("gt-figure-note")


async def ask_reason(visited: Visit, title: str, go: str, label: str, *, required: bool = True) -> str | None:
    """Ask for a reason before something is done; None: the person changed their mind."""
    with ui.dialog() as dialog, ui.element("div").classes("gt-card gt-dialog").props('role="dialog" aria-modal="true"'):
        with ui.element("h2"):
            ui.label(title)
        reason = ui.input(label).props('outlined maxlength="200" autofocus').classes("gt-wide")

        def done() -> None:
            if reason.value.strip() or not required:
                dialog.submit(reason.value.strip())
            else:
                reason.props("error")

        with ui.element("div").classes("gt-actions"):
            button(visited.t("frame.cancel"), lambda: dialog.submit(None), tone="quiet")
            button(go, done, tone="primary")
    answer: str | None = await dialog
    dialog.delete()
    return answer
