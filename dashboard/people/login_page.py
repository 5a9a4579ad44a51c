"""The login page: a plain form, so that it works before anything else does."""

from __future__ import annotations

from html import escape

from fastapi import Request
from nicegui import ui

from dashboard.desk import Desk
from dashboard.frame import Page, Visit, add_page
from dashboard.people.login import own

PAGE = Page("/login", "login.title", "", "look", ("login.css",))


def add(desk: Desk) -> None:
    """Register the page."""

    def fill(visited: Visit, request: Request) -> None:
        t = {key: escape(text) for key, text in visited.texts.items() if key.startswith("login.")}
        wrong = f'<p class="gt-wrong" role="alert">{t["login.wrong"]}</p>' if request.query_params.get("wrong") else ""
        ui.html(
            f'<h1>{t["login.title"]}</h1>{wrong}<form method="post" action="/api/session" class="gt-form">'
            f'<input type="hidden" name="to" value="{escape(own(request.query_params.get("to", "/")))}">'
            f'<label>{t["login.name"]}<input name="name" autocomplete="username" required maxlength="60" autofocus></label>'
            f'<label>{t["login.password"]}<input name="password" type="password" autocomplete="current-password" required maxlength="200"></label>'
            f'<button class="gt-button is-primary">{t["login.go"]}</button></form>',
            sanitize=False,
        ).classes("gt-login gt-card")

    add_page(desk, PAGE, fill)
