"""What tests of the review page do again and again."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from playwright.sync_api import Page, expect

from dashboard.people.roles import Role
from edge.reviews import Review
from edge.store import FILE_NAME, open_store
from tests.dashboard.stage import Stage


def said(stage: Stage, part_id: str) -> list[Review]:
    with open_store(stage.folder / FILE_NAME, read_only=True) as store:
        return store.reviews(part_id)


def until(check: Callable[[], Any], timeout_s: float = 15) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.05)
    raise AssertionError("did not come to be in time")


def card(page: Page, part_id: str) -> Any:
    return page.locator(f'[data-part="{part_id}"]')


@contextlib.contextmanager
def review(stage: Stage, role: Role = "engineer", path: str = "/review", **how: Any) -> Iterator[Page]:
    with stage.page(path, role, **how) as page:
        expect(page.locator(".gt-rv")).to_be_visible()
        yield page


def press(page: Page, key: str) -> None:
    """As a person does: slower than a scanner."""
    page.wait_for_timeout(90)
    page.keyboard.press(key)
    page.wait_for_timeout(150)
