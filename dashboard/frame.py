"""The frame around every page: name, navigation, person, language and light switch. A page is a function that fills it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.people.roles import Permission
from dashboard.people.users import PeopleError, Person, may
from dashboard.texts import Language, choose_language, texts_of
from dashboard.version import VERSION

LANGUAGE_COOKIE, THEME_COOKIE = "gutteil_language", "gutteil_theme"
FAVICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#12181f"/>'
    '<path d="M8 16.5l6 6 11-13" fill="none" stroke="#27c46b" stroke-width="4.5" stroke-linecap="round" stroke-linejoin="round"/></svg>'
)
_LOGO = (
    '<svg viewBox="0 0 32 32" aria-hidden="true"><rect x="1.5" y="1.5" width="29" height="29" rx="7" fill="none" stroke="currentColor" stroke-width="3"/>'
    '<path d="M9 16.5l5 5 9.5-11" fill="none" class="gt-tick" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>'
)
_HALF_MOON = (
    '<svg viewBox="0 0 24 24" aria-hidden="true"><circle cx="12" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="2.2"/>'
    '<path d="M12 3a9 9 0 0 1 0 18z" fill="currentColor"/></svg>'
)


@dataclass(frozen=True, slots=True)
class Page:
    """One page.

    Attributes:
        path: its address.
        name: key of its name among the texts.
        icon: name of a Material icon; empty: not in the navigation.
        needs: the permission to look at it; also the door's rule for the address.
        sheets: its own styles in `assets/`.
    """

    path: str
    name: str
    icon: str
    needs: Permission
    sheets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Visit:
    """Who looks, and how they want their pages.

    Attributes:
        person: as of when the page was drawn; what changes something asks `actor` instead.
    """

    desk: Desk
    language: Language
    dark: bool
    person: Person | None
    token: str | None
    texts: dict[str, str] = field(repr=False)

    def t(self, key: str, **values: object) -> str:
        """A text in this visitor's language, with its places filled in."""
        return self.texts[key].format(**values) if values else self.texts[key]

    def may(self, permission: Permission) -> bool:
        return may(self.person, permission)

    def actor(self, permission: Permission) -> Person:
        """The person who acts now: the session may have ended, or the role changed, since the page was drawn.

        Raises:
            PeopleError: nobody is logged in any more, or they may not.
        """
        person = self.desk.sessions.find(self.token)
        if person is None:
            raise PeopleError(self.t("frame.session_over"))
        if not person.may(permission):
            raise PeopleError(self.t("frame.not_allowed", name=person.name))
        return person


def visit(desk: Desk, request: Request) -> Visit:
    """Language and light of the visitor: the person's own choice, the browser's switches, what the browser asks for."""
    person: Person | None = request.state.person
    chosen = person.language if person is not None and person.language else request.cookies.get(LANGUAGE_COOKIE)
    language = choose_language(chosen, request.headers.get("accept-language"))
    request.state.language = language  # of the document, for screen readers
    theme = person.theme if person is not None and person.theme else request.cookies.get(THEME_COOKIE)
    return Visit(desk, language, theme != "light", person, request.state.token, texts_of(language))


def add_page(desk: Desk, page: Page, fill: Callable[[Visit, Request], Awaitable[None] | None]) -> None:
    """Register a page: `fill` builds its content inside the frame."""

    @ui.page(page.path, title=f"Gutteil · {desk.config.name}")
    async def show(request: Request) -> None:
        visited = visit(desk, request)
        with frame(visited, page):
            filled = fill(visited, request)
            if filled is not None:
                await filled


def script(name: str) -> None:
    """A script of `assets/` for the page that is being built."""
    ui.add_head_html(f'<script type="module" src="/assets/{name}?{VERSION}"></script>')


@contextmanager
def frame(visited: Visit, page: Page) -> Iterator[None]:
    """Draw the frame; what is built inside is the page's content. `assets/frame.js` works the switches."""
    ui.dark_mode(visited.dark)
    ui.add_head_html(
        "".join(f'<link rel="stylesheet" href="/assets/{sheet}?{VERSION}">' for sheet in ("gutteil.css", "kit.css", *page.sheets))
        + f'<script type="module" src="/assets/frame.js?{VERSION}"></script>'
    )
    ui.html(_header(visited), tag="header", sanitize=False).classes("gt-header")
    with ui.element("div").classes("gt-body"):
        rail = _rail(visited, page)
        if rail:
            ui.html(rail, tag="nav", sanitize=False).classes("gt-rail").props(f'aria-label="{escape(visited.t("frame.navigation"))}"')
        with ui.element("div").classes("gt-main").props('id="main" tabindex="-1"'):
            yield


def _rail(visited: Visit, page: Page) -> str:
    """The navigation: the pages this visitor may open; nothing where that is one page only."""
    pages = [p for p in visited.desk.pages if p.icon and visited.may(p.needs)]
    if len(pages) < 2:
        return ""
    return "".join(
        f'<a class="gt-tab" href="{p.path}"{" aria-current=page" if page.path == p.path or (p.path != "/" and page.path.startswith(p.path + "/")) else ""}>'
        f'<i class="q-icon material-icons" aria-hidden="true">{p.icon}</i><span>{escape(visited.t(p.name))}</span></a>'
        for p in pages
    )


def _header(visited: Visit) -> str:
    t = {key: escape(text) for key, text in visited.texts.items() if key.startswith(("frame.", "role."))}
    languages = "".join(
        f'<button type="button" lang="{code}" data-language="{code}" data-cookie="{LANGUAGE_COOKIE}={code}" aria-label="{name}" '
        f'aria-pressed="{"true" if code == visited.language else "false"}">{code.upper()}</button>'
        for code, name in (("de", "Deutsch"), ("en", "English"))
    )
    person = visited.person
    who = (
        f'<a class="gt-person" href="/me" title="{t["frame.me"]}"><b>{escape(person.name)}</b><small>{t[f"role.{person.role}"]}</small></a>'
        f'<button type="button" class="gt-door" data-logout aria-label="{t["frame.logout"]}" title="{t["frame.logout"]}"><i class="q-icon material-icons" aria-hidden="true">logout</i></button>'
        if person is not None
        else f'<a class="gt-door" href="/login" aria-label="{t["frame.login"]}" title="{t["frame.login"]}"><i class="q-icon material-icons" aria-hidden="true">login</i></a>'
    )
    return (
        f'<a class="gt-skip" href="#main">{t["frame.skip"]}</a>'
        f'<a class="gt-brand" href="/">{_LOGO}<b>Gutteil</b></a>'
        f'<span class="gt-station"><small>{t["frame.station"]}</small> <b>{escape(visited.desk.config.name)}</b></span>'
        '<div class="gt-header-slot" id="header-slot"></div>'  # a page puts here what belongs into the header
        f'<div class="gt-switch" role="group" aria-label="{t["frame.language"]}">{languages}</div>'
        f'<button type="button" class="gt-theme" data-theme-cookie="{THEME_COOKIE}" aria-label="{t["frame.theme"]}" title="{t["frame.theme"]}">{_HALF_MOON}</button>'
        f"{who}"
    )
