"""The models of a product: which one judges, which one is in shadow and how far it is from the gate, and what can be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import ask_reason, button, card, content, say, shown_to_person
from dashboard.models.parts import evaluation_cells, mark, moment, number
from dashboard.models.shelf import CONDITIONS, Candidate, Shelf, as_person, overview
from dashboard.people.roles import Permission
from edge.activation import Registry
from edge.errors import GutteilError

PAGE = Page("/models", "models.title", "model_training", "history", ("models.css",))


def add(desk: Desk) -> None:
    """Register the page."""
    shelf = Shelf(desk)

    async def fill(visited: Visit, request: Request) -> None:
        product = request.query_params.get("product", "")[:200]
        with content(visited.t("models.title")):
            try:
                found = await shelf.read(overview, product)
            except GutteilError as error:
                ui.label(str(error)).classes("gt-wrong").props('role="alert"')
                return
            await _Models(shelf, visited, product or found[0]["product"]).draw(*found)

    add_page(desk, PAGE, fill)


class _Models:
    """One drawing of the page; after each order it is drawn anew."""

    def __init__(self, shelf: Shelf, visited: Visit, product: str) -> None:
        self._shelf, self._visited, self._product = shelf, visited, product
        self._t = visited.t
        self._place: ui.element | None = None

    async def draw(self, document: dict[str, Any], candidate: Candidate | None, evaluations: dict[str, Any]) -> None:
        products = self._shelf.products()
        if len(products) > 1:
            ui.select(
                products,
                value=self._product,
                label=self._t("models.product"),
                on_change=lambda e: ui.navigate.to(f"/models?product={e.value}"),
            ).props("outlined").classes("gt-product-choice")
        if self._shelf.signing:
            ui.label(self._t("models.signing")).classes("gt-note")
        self._place = ui.element("div").classes("gt-models")
        self._fill(document, candidate, evaluations)

    async def _again(self) -> None:
        found = await self._shelf.read(overview, self._product)
        assert self._place is not None
        self._place.clear()
        self._fill(*found)

    def _fill(self, document: dict[str, Any], candidate: Candidate | None, evaluations: dict[str, Any]) -> None:
        assert self._place is not None
        names = {m["sha256"]: m["name"] for m in document["models"]}
        with self._place:
            if document["wrong"]:
                ui.label(f"{self._t('models.wrong')}: {document['wrong']}").classes("gt-wrong").props('role="alert"')
            with ui.element("div").classes("gt-grid"):
                self._active(document, names, evaluations)
                self._shadow(candidate)
            self._table(document, evaluations)

    def _active(self, document: dict[str, Any], names: dict[str, str], evaluations: dict[str, Any]) -> None:
        own, active, before = self._t("models.own"), document["active"], document["before"]
        with card(self._t("models.active")):
            with ui.element("div").classes("gt-model-name"):
                mark("active")
                ui.label(names.get(active, active[:12]) if active else own)
            if active:
                ui.label(active[:16]).classes("gt-hash")
                for name, value in evaluation_cells(self._visited, evaluations.get(active)):
                    ui.label(f"{name}: {value}")
            else:
                ui.label(self._t("models.own_hint")).classes("gt-hint")
            if before is not None:
                back = names.get(before, before[:12]) if before else own
                ui.label(self._t("models.before", name=back)).classes("gt-hint")
                if self._visited.may("models") or self._visited.may("release"):
                    with ui.element("div").classes("gt-row"):
                        button(self._t("models.rollback"), lambda: self._rollback(back), tone="danger", icon="undo")

    def _shadow(self, candidate: Candidate | None) -> None:
        with card(self._t("models.shadow")):
            if candidate is None:
                ui.label(self._t("models.shadow_none")).classes("gt-hint")
                return
            c = candidate
            with ui.element("div").classes("gt-model-name"):
                mark("shadow")
                ui.label(c.name)
            ui.label(self._t("models.differ", count=c.differ))
            ui.label(self._t("models.right", right=c.right, wrong=c.wrong, open=c.unreviewed)).classes("gt-hint")
            ui.label(self._t("models.skipped", count=c.skipped)).classes("gt-hint")
            if c.new_escapes:
                ui.label(self._t("models.new_escapes", parts=", ".join(c.new_escapes[:5]))).classes("gt-wrong")
            if c.new_catches:
                ui.label(self._t("models.new_catches", parts=", ".join(c.new_catches[:5])))
            with ui.element("ul").classes("gt-gate").props(f'aria-label="{self._t("models.gate")}"'):
                for condition in CONDITIONS:
                    self._condition(condition, c)
            with ui.element("div").classes("gt-row"):
                ui.link(self._t("models.see_differ"), f"/models/{c.sha256}/differences").classes("gt-button is-plain gt-link-button")
                if self._visited.may("models"):
                    if not c.proposer:
                        button(self._t("models.propose"), lambda: self._propose(c), tone="primary")
                    button(self._t("models.retire"), lambda: self._move(c.sha256, c.name, "retire", "retired"))
                if self._visited.may("release") and c.proposer:
                    button(self._t("models.release"), lambda: self._release(c), tone="primary")
            if c.proposer:
                ui.label(self._t("models.proposed_by", name=c.proposer)).classes("gt-hint")

    def _condition(self, condition: str, c: Candidate) -> None:
        met = condition not in c.missing
        with ui.element("li").classes("is-met" if met else "is-unmet"):
            mark("met" if met else "unmet")
            with ui.element("span"):
                ui.label(self._t(f"models.gate.{condition}", parts=c.parts, least=c.min_parts))
                if not met:
                    todo = self._t(
                        f"models.todo.{condition}", done=c.reviewed, needed=c.to_review, proposer=c.proposer or self._t("models.nobody")
                    )
                    ui.label(todo).classes("gt-hint").tooltip(c.missing[condition])
            ui.label(self._t("models.met" if met else "models.unmet")).classes("gt-gate-word")

    def _table(self, document: dict[str, Any], evaluations: dict[str, Any]) -> None:
        with card(self._t("models.all")):
            if not document["models"]:
                ui.label(self._t("models.none")).classes("gt-hint")
                return
            ui.label(self._t("models.bounds_hint")).classes("gt-hint")
            with ui.element("div").classes("gt-scroll").props('tabindex="0"'), ui.element("table").classes("gt-table"):
                with ui.element("thead"), ui.element("tr"):
                    for name in ("name", "state", "escape", "overkill", "latency", "registered", "by"):
                        with ui.element("th").props('scope="col"'):
                            ui.label(self._t(f"models.field.{name}"))
                    ui.element("td")
                with ui.element("tbody"):
                    shadow = any(m["state"] == "shadow" for m in document["models"])
                    for m in sorted(document["models"], key=lambda m: m["registered_at"], reverse=True):
                        self._row(m, evaluations.get(m["sha256"]), shadow)

    def _row(self, m: dict[str, Any], evaluation: dict[str, Any] | None, shadow: bool) -> None:
        cells = evaluation_cells(self._visited, evaluation) or [("", self._t("models.no_figures")), ("", "–")]
        latency = ", ".join(f"{number(self._visited, ms)} ({device})" for device, ms in m["latency_ms"].items()) or "–"
        with ui.element("tr"):
            with ui.element("th").props('scope="row"'):
                ui.link(m["name"], f"/models/{m['sha256']}").classes("gt-link")
            with ui.element("td"), ui.element("span").classes("gt-state-word"):
                mark(m["state"])
                ui.label(self._t(f"models.state.{m['state']}"))
            for text in (cells[0][1], cells[1][1], latency, moment(self._visited, m["registered_at"]), m["by"]):
                with ui.element("td"):
                    ui.label(text)
            with ui.element("td"), ui.element("div").classes("gt-row"):
                if self._visited.may("models") and m["state"] == "candidate":
                    if not shadow:
                        button(self._t("models.to_shadow"), lambda: self._move(m["sha256"], m["name"], "shadow", "shadow"), tone="primary")
                    button(self._t("models.retire"), lambda: self._move(m["sha256"], m["name"], "retire", "retired"))

    async def _order(self, permission: Permission, title: str, go: str, order: Callable[[Registry, str, str], Any], done: str) -> None:
        """Ask why, do it as the person who is logged in now, say so, and draw the page anew."""
        reason = await ask_reason(self._visited, title, go, self._t("models.reason"))
        if reason is None:
            return
        with shown_to_person():
            name = self._visited.actor(permission).name
            await self._shelf.change(lambda registry: order(registry, name, reason), self._product)
            say(done)
        await self._again()

    def _move(self, sha256: str, name: str, event: Literal["shadow", "retire"], state: str) -> Awaitable[None]:
        title = self._t("models.to_shadow" if event == "shadow" else "models.retire")
        return self._step(
            "models", event, sha256, f"{title}: {name}", title, self._t("models.done", name=name, state=self._t(f"models.state.{state}"))
        )

    def _propose(self, c: Candidate) -> Awaitable[None]:
        title = self._t("models.propose")
        return self._step("models", "propose", c.sha256, f"{title}: {c.name}", title, self._t("models.proposed", name=c.name))

    def _release(self, c: Candidate) -> Awaitable[None]:
        title = self._t("models.release")
        return self._step("release", "release", c.sha256, f"{title}: {c.name}", title, self._t("models.released", name=c.name))

    def _step(self, permission: Permission, event: str, sha256: str, title: str, go: str, done: str) -> Awaitable[None]:
        """One of the registry's steps that name a model."""

        def order(registry: Registry, who: str, reason: str) -> Any:
            return getattr(registry, event)(sha256, as_person(who), reason)

        return self._order(permission, title, go, order, done)

    def _rollback(self, back: str) -> Awaitable[None]:
        return self._order(
            "models" if self._visited.may("models") else "release",
            self._t("models.rollback_ask", name=back),
            self._t("models.rollback"),
            lambda registry, who, reason: registry.rollback(as_person(who), reason),
            self._t("models.rolled_back"),
        )
