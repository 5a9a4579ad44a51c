"""What tests of pages stand on: log in as somebody, look at a page, ask axe-core what is wrong with it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from dashboard.people.roles import ROLES, Role
from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People
from dashboard.texts import Language
from tests.dashboard.feed import Feed, Server

WAIT_MS = 20_000  # for what has no time of its own to keep; the machine may be busy
SIZES: Final = {"screen": (1920, 1080), "tablet": (1024, 768)}
PASSWORD: Final = "four plain words here"
LOCALES: Final = {"en": "en-US", "de": "de-DE"}


def make_people(folder: Path) -> None:
    """One person of every role, named as the role."""
    people = People(folder)
    with contextlib.closing(people):
        for role in ROLES:
            people.add(role, role, PASSWORD)


@dataclass
class Stage:
    """A line, its server and a browser."""

    browser: Browser
    feed: Feed
    server: Server

    @property
    def folder(self) -> Path:
        """The record's."""
        return self.feed.folder / "record"

    @contextlib.contextmanager
    def page(
        self, path: str, role: Role | None = None, *, language: Language = "en", size: str = "screen", dark: bool = True
    ) -> Iterator[Page]:
        """A page as somebody of a role sees it; errors of its scripts fail the test."""
        width, height = SIZES[size]
        with self.browser.new_context(viewport={"width": width, "height": height}, locale=LOCALES[language]) as context:
            cookies = [{"name": "gutteil_theme", "value": "dark" if dark else "light", "url": self.server.url}]
            if role is not None:
                people = People(self.folder)
                with contextlib.closing(people):
                    person = people.find(role)
                    assert person is not None
                    cookies.append({"name": COOKIE, "value": Sessions(people).begin(person), "url": self.server.url})
            context.add_cookies(cookies)  # type: ignore[arg-type]
            page = context.new_page()
            page.set_default_timeout(WAIT_MS)
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            answer = page.goto(self.server.url + path)
            assert answer is not None
            assert answer.status == 200, f"{path}: {answer.status}"
            yield page
            assert errors == [], errors


def check_accessible(page: Page) -> None:
    """No serious or critical finding of axe-core (rules of WCAG 2.2 A and AA)."""
    rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found: Any = Axe().run(page, options={"runOnly": {"type": "tag", "values": rules}}).response["violations"]
    serious = [
        f"{v['id']}: {v['help']} at {[n['target'] for n in v['nodes']][:5]}" for v in found if v["impact"] in ("serious", "critical")
    ]
    assert not serious, "\n".join(serious)
