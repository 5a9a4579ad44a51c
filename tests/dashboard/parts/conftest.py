"""One server over one record for the tests of this folder's modules."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.dashboard.feed import Feed, Server, free_ports
from tests.dashboard.parts.ground import Ground, lay
from tests.dashboard.stage import WAIT_MS, Stage, make_people


@pytest.fixture(scope="package")
def laid(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stage, Ground]]:
    expect.set_options(timeout=WAIT_MS)
    feed = Feed(tmp_path_factory.mktemp("history"), free_ports(3))
    try:
        ground = lay(feed.folder)
        make_people(ground.folder)
        with Server(feed, free_ports(1)[0]) as server:
            yield Stage(browser, feed, server), ground
            assert server.stop() == "", "the server is to be quiet"
    finally:
        feed.close()


@pytest.fixture
def stage(laid: tuple[Stage, Ground]) -> Stage:
    return laid[0]


@pytest.fixture
def ground(laid: tuple[Stage, Ground]) -> Ground:
    return laid[1]
