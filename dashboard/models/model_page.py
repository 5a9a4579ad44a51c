"""One model: its card, its figures, and what became of it."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import card, content
from dashboard.models.parts import evaluation_cells, mark, moment, number
from dashboard.models.shelf import Shelf, details
from edge.errors import GutteilError

PAGE = Page("/models/{model}", "models.field.name", "", "history", ("models.css",))
_CARD = (("hash", "sha256"), ("licence", "licence"), ("data", "data_hash"), ("code", "code"), ("by", "who"))


def add(desk: Desk) -> None:
    """Register the page."""
    shelf = Shelf(desk)

    async def fill(visited: Visit, request: Request) -> None:
        t = visited.t
        try:
            found = await shelf.read(
                lambda registry: details(registry, request.path_params["model"][:64]), request.query_params.get("product", "")[:200]
            )
        except GutteilError as error:
            with content(t("models.title")):
                ui.label(str(error)).classes("gt-wrong").props('role="alert"')
            return
        with content(found["name"], found["product"]):
            with ui.element("div").classes("gt-row"):
                ui.link(t("models.back"), "/models").classes("gt-link")
                ui.link(t("models.see_differ"), f"/models/{found['sha256']}/differences").classes("gt-link")
            with ui.element("div").classes("gt-grid"):
                _figures(visited, found)
                _card(visited, found)
            _history(visited, found)

    add_page(desk, PAGE, fill)


def _figures(visited: Visit, found: dict[str, Any]) -> None:
    t, documents = visited.t, found["documents"]
    with card(t("models.documents")):
        if found["state"]:
            with ui.element("div").classes("gt-model-name"):
                mark(found["state"])
                ui.label(t(f"models.state.{found['state']}"))
        rows = evaluation_cells(visited, documents["evaluation"]) or [(t("models.gate.evaluation"), t("models.no_figures"))]
        parity = documents["parity"] or {}
        flips = len(parity.get("flips") or ())
        word = (
            t("models.parity_passed", images=parity.get("images", "?"), flips=flips)
            if parity.get("passed") is True
            else t("models.parity_failed", flips=flips)
        )
        rows.append((t("models.parity"), word))
        rows += [(t("models.field.latency"), f"{number(visited, ms)} ({device})") for device, ms in (documents["latency"] or {}).items()]
        shadow = found["shadow"]
        rows.append(
            (t("models.shadow"), f"{shadow['judged']} · " + t("models.skipped", count=shadow["busy"] + shadow["gone"] + shadow["missed"]))
        )
        _table(rows)
        ui.label(t("models.bounds_hint")).classes("gt-hint")


def _card(visited: Visit, found: dict[str, Any]) -> None:
    t, said = visited.t, found["card"]
    with card(t("models.card")):
        rows = [(t(f"models.field.{key}"), str(found[name])) for key, name in _CARD]
        rows.append((t("models.field.size"), f"{number(visited, found['bytes'] / 1e6)} MB"))
        rows.append((t("models.field.classes"), ", ".join(map(str, said.get("classes", ())))))
        rows.append((t("models.field.input"), " × ".join(str(said[k]) for k in ("width", "height", "channels") if k in said)))
        rows += [(t("models.field.remarks"), str(note)) for note in said.get("notes", ())]
        _table([(name, value) for name, value in rows if value])


def _history(visited: Visit, found: dict[str, Any]) -> None:
    t = visited.t
    with (
        card(t("models.history")),
        ui.element("div").classes("gt-scroll").props('tabindex="0"'),
        ui.element("table").classes("gt-table gt-timeline"),
    ):
        with ui.element("thead"), ui.element("tr"):
            for key in ("when", "event", "by", "why"):
                with ui.element("th").props('scope="col"'):
                    ui.label(t(f"models.field.{key}"))
        with ui.element("tbody"):
            for row in reversed(found["history"]):
                with ui.element("tr"):
                    for text in (moment(visited, row["changed_at"]), t(f"models.event.{row['event']}"), row["who"], row["reason"]):
                        with ui.element("td"):
                            ui.label(text)


def _table(rows: list[tuple[str, str]]) -> None:
    with ui.element("table").classes("gt-table"), ui.element("tbody"):
        for name, value in rows:
            with ui.element("tr"):
                with ui.element("th").props('scope="row"'):
                    ui.label(name)
                with ui.element("td").style("overflow-wrap: anywhere"):
                    ui.label(value)
