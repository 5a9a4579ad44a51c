"""The frame around every page: name, navigation, language and light switch. A page is a function that fills it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from pathlib import Path

from fastapi import Request
from nicegui import ui

from dashboard.texts import Language, choose_language, texts_of

LANGUAGE_COOKIE, THEME_COOKIE = "gutteil_language", "gutteil_theme"
ASSETS = Path(__file__).parent / "assets"
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
    """One entry of the navigation: its address and the key of its name."""

    path: str
    name: str


PAGES: tuple[Page, ...] = (Page("/", "page.line"),)  # the navigation shows once there is more than one


@dataclass(frozen=True, slots=True)
class Visit:
    """How this browser wants its pages."""

    language: Language
    dark: bool
    texts: dict[str, str]


def visit(request: Request) -> Visit:
    """Language and light of the browser: its own switches first."""
    language = choose_language(request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language"))
    return Visit(language, request.cookies.get(THEME_COOKIE) != "light", texts_of(language))


def _version() -> str:
    return hashlib.sha256(b"".join(p.read_bytes() for p in sorted(ASSETS.iterdir()) if p.is_file())).hexdigest()[:12]


_VERSION = _version()


@contextmanager
def frame(visited: Visit, station: str, current: str, sheets: tuple[str, ...] = ()) -> Iterator[None]:
    """Draw the frame; what is built inside is the page's content, `sheets` are its own styles. `assets/frame.js` works the switches."""
    ui.dark_mode(visited.dark)
    ui.add_head_html(
        "".join(f'<link rel="stylesheet" href="/assets/{sheet}?{_VERSION}">' for sheet in ("gutteil.css", *sheets))
        + f'<script type="module" src="/assets/frame.js?{_VERSION}"></script><script>document.documentElement.lang = "{visited.language}"</script>'
    )
    ui.html(_header(visited, station, current), tag="header", sanitize=False).classes("gt-header")
    with ui.element("main").classes("gt-main").props('id="main" tabindex="-1"'):
        yield


def _header(visited: Visit, station: str, current: str) -> str:
    t = {key: escape(text) for key, text in visited.texts.items() if key.startswith(("frame.", "page."))}
    links = "".join(
        f'<a class="gt-tab" href="{page.path}"{" aria-current=page" if page.path == current else ""}>{t[page.name]}</a>'
        for page in PAGES
        if len(PAGES) > 1
    )
    languages = "".join(
        f'<button type="button" lang="{code}" data-cookie="{LANGUAGE_COOKIE}={code}" aria-label="{name}" '
        f'aria-pressed="{"true" if code == visited.language else "false"}">{code.upper()}</button>'
        for code, name in (("de", "Deutsch"), ("en", "English"))
    )
    return (
        f'<a class="gt-skip" href="#main">{t["frame.skip"]}</a>'
        f'<span class="gt-brand">{_LOGO}<b>Gutteil</b></span>'
        f'<span class="gt-station"><small>{t["frame.station"]}</small> <b>{escape(station)}</b></span>'
        f"<nav>{links}</nav>"
        '<div class="gt-header-slot" id="header-slot"></div>'  # a page puts here what belongs into the header
        f'<div class="gt-switch" role="group" aria-label="{t["frame.language"]}">{languages}</div>'
        f'<button type="button" class="gt-theme" data-theme-cookie="{THEME_COOKIE}" aria-label="{t["frame.theme"]}" title="{t["frame.theme"]}">{_HALF_MOON}</button>'
    )
