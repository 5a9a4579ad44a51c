"""The audit log: who did what, from what to what; whether the chain holds; and whether figures are shown per person."""

from __future__ import annotations

import urllib.parse

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.kit import button, card, content, shown_to_person
from dashboard.people.audit_export import filter_of
from dashboard.people.parts import cell, moment, row, table
from dashboard.people.persons_card import persons_card
from edge.audit import AuditRow
from edge.audit_search import AuditFilter, search
from edge.store import Store

PAGE = Page("/audit", "audit.title", "history_edu", "audit", ("people.css",))
_PAGE = 100
_MOST = 500  # on the page at once; older ones push out the newest


def add(desk: Desk) -> None:
    """Register the page."""

    async def fill(visited: Visit, _request: Request) -> None:
        with content(visited.t("audit.title"), visited.t("audit.hint")):
            with ui.element("div").classes("gt-grid"):
                _chain(visited)
                with card(visited.t("persons.title")):
                    await persons_card(visited)
            with card(visited.t("audit.rows")):
                await _Log(visited).begin()

    add_page(desk, PAGE, fill)


def _chain(visited: Visit) -> None:
    """A check of the whole chain, by hand: it reads every row."""
    t = visited.t
    with card(t("audit.chain")):
        ui.label(t("audit.chain_hint")).classes("gt-hint")
        noted = ui.input(t("audit.noted")).props('outlined maxlength="64" autocomplete="off" spellcheck="false"').classes("gt-wide")
        place = ui.element("div").props('role="status"')

        async def verify() -> None:
            visited.actor("audit")
            expect = (noted.value or "").strip().lower()
            place.clear()
            with place:
                ui.label(t("audit.checking")).classes("gt-hint")
            check = await visited.desk.record.ask(lambda store: store.verify_audit(expect))
            place.clear()
            with place, ui.element("div").classes("gt-verdict" if check.holds else "gt-verdict is-bad"):
                ui.icon("verified_user" if check.holds else "gpp_bad").props('aria-hidden="true"')
                with ui.element("div"):
                    ui.label(t("audit.holds", rows=check.rows) if check.holds else t("audit.broken", why=check.why)).classes(
                        "gt-verdict-word"
                    )
                    if check.broken is not None:
                        ui.label(t("audit.first_broken", number=check.broken, rows=check.rows))
                    ui.label(t("audit.head")).classes("gt-hint")
                    ui.label(check.head).classes("gt-hash")

        with ui.element("div").classes("gt-actions"):
            button(t("audit.verify"), verify, tone="primary", icon="verified_user")


class _Log:
    """The list under its filter."""

    def __init__(self, visited: Visit) -> None:
        self._visited, self._filter = visited, AuditFilter()
        self._fields: dict[str, ui.input] = {}
        self._rows: list[AuditRow] = []

    async def begin(self) -> None:
        t = self._visited.t
        with ui.element("div").classes("gt-filter"):
            for key, kind in (("who", "text"), ("op", "text"), ("since", "date"), ("until", "date")):
                field = ui.input(t(f"audit.{key}")).props(f'outlined maxlength="60" autocomplete="off" type="{kind}"')
                if kind == "date":
                    field.props("stack-label")
                field.on("keydown.enter", self._search)
                self._fields[key] = field
            button(t("audit.search"), self._search, tone="primary", icon="search")
        self._place = ui.element("div").style("margin-top: 16px")
        with ui.element("div").classes("gt-actions"):
            self._links = ui.element("div").classes("gt-row")
            button(t("audit.older"), self._older, icon="expand_more")
        await self._search()

    async def _search(self) -> None:
        with shown_to_person():
            self._filter = filter_of({key: field.value or "" for key, field in self._fields.items()})
            self._rows = []
            await self._older()

    async def _older(self) -> None:
        self._visited.actor("audit")
        before, wanted = self._rows[-1].number if self._rows else None, self._filter

        def ask(store: Store) -> list[AuditRow]:
            with store.reading() as db:
                return search(db, wanted, before, _PAGE)

        record = self._visited.desk.record
        found = await record.ask(ask) if record.path.is_file() else []  # nothing has happened yet
        self._rows = [*self._rows, *found][-_MOST:]
        self._draw()

    def _draw(self) -> None:
        t = self._visited.t
        self._place.clear()
        with self._place:
            if not self._rows:
                ui.label(t("audit.none")).classes("gt-hint")
            else:
                with table(*(t(f"audit.{key}") for key in ("number", "at", "who", "op", "key", "text", "accepted"))):
                    for one in self._rows:
                        with row():
                            cell(str(one.number), "is-number")
                            cell(moment(one.wall_ns / 1e9))
                            cell(one.who, "gt-name")
                            cell(one.op)
                            cell(one.key)
                            cell(one.text)
                            cell(t("audit.yes" if one.accepted else "audit.no"), "" if one.accepted else "is-off")
        query = urllib.parse.urlencode({key: field.value for key, field in self._fields.items() if field.value})
        self._links.clear()
        with self._links:
            for kind in ("csv", "json"):
                link = ui.element("a").classes("gt-button is-plain").props(f'href="/api/audit.{kind}?{query}" download')
                with link:
                    ui.icon("download").props('aria-hidden="true"')
                    ui.label(t(f"audit.{kind}"))
