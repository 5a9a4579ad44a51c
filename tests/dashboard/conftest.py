"""A browser for all tests of the pages, and one stage: a line, its record, a server, and one person of every role."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.dashboard.feed import Feed, Server, free_ports
from tests.dashboard.stage import Stage, make_people

ARGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--disable-gpu",
]


@pytest.fixture(scope="package")  # of this folder: Playwright's loop would be in the way of other tests that have one
def browser() -> Iterator[Browser]:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.fail("no Chromium here; install one: apt-get install chromium (Debian), or apt-get install chromium-browser (Ubuntu)")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=found, args=ARGS)
        yield made
        made.close()


@pytest.fixture(scope="module")
def stage(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """For tests of a module together: they leave server and line alive."""
    feed = Feed(tmp_path_factory.mktemp("stage"), free_ports(3))
    try:
        with Server(feed, free_ports(1)[0]) as server:
            make_people(feed.folder / "record")
            yield Stage(browser, feed, server)
    finally:
        feed.close()
