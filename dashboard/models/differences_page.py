"""The parts on which a model differs from the one that judges, with pictures and the boxes of both."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import quote

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import content
from dashboard.models.parts import moment
from dashboard.models.shelf import MAX_LISTED, Shelf, details, differing
from edge.errors import GutteilError
from edge.messages import Defect
from edge.shadow_results import Disagreement

PAGE = Page("/models/{model}/differences", "models.differ_title", "", "history", ("models.css",))


def add(desk: Desk) -> None:
    """Register the page."""
    shelf = Shelf(desk)

    async def fill(visited: Visit, request: Request) -> None:
        t, model = visited.t, request.path_params["model"][:64]
        product = request.query_params.get("product", "")[:200]
        try:
            about = await shelf.read(lambda registry: details(registry, model), product)
            found, score = await shelf.read(lambda registry: differing(registry, model), product)
        except GutteilError as error:
            with content(t("models.title")):
                ui.label(str(error)).classes("gt-wrong").props('role="alert"')
            return
        with content(t("models.differ_title", name=about["name"]), t("models.differ_hint", most=MAX_LISTED)):
            ui.link(t("models.back"), "/models").classes("gt-link")
            ui.label(
                t("models.differ", count=score.differ)
                + ". "
                + t("models.right", right=score.candidate, wrong=score.active, open=score.open)
            )
            if not found:
                ui.label(t("models.differ_none")).classes("gt-hint")
            with ui.element("div").classes("gt-differ"):
                for part in found:
                    _figure(visited, about["sha256"], part)

    add_page(desk, PAGE, fill)


def _figure(visited: Visit, sha256: str, part: Disagreement) -> None:
    t, r = visited.t, part.result
    with ui.element("figure").classes("gt-card"):
        if part.image_path:
            address = f"/api/models/{sha256}/differences/{quote(r.part_id, safe='')}/picture"
            picture = ui.element("img").props('loading="lazy" alt=""')
            picture.props["src"] = address
        else:
            with ui.element("div").classes("gt-no-picture"):
                ui.label(t("models.no_picture"))
        with ui.element("figcaption"):
            ui.label(f"{r.part_id} · {moment(visited, part.triggered_at or '')}").classes("gt-hash")
            for who, word, defects in (("active", r.active_verdict, r.active_defects), ("shadow", r.verdict, r.defects)):
                with ui.element("div").classes(f"gt-says is-{who}"):
                    with ui.element("b"):
                        ui.label(t(f"models.says_{who}"))
                    ui.label(f"{t(f'word.{word}')}{_kinds(visited, defects)}")
            ui.label(t(f"models.truth.{part.truth}") if part.truth in ("good", "bad", "unsure") else t("models.not_reviewed"))


def _kinds(visited: Visit, defects: Iterable[Defect]) -> str:
    named = [f"{visited.texts.get(f'kind.{d.kind}', d.kind)} {d.score:.2f}" for d in list(defects)[:5]]
    return f": {', '.join(named)}" if named else ""
