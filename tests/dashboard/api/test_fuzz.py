"""The API under schemathesis: whatever is sent to whatever address as whoever may most, nothing fails inside (no 5xx)."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from playwright.sync_api import Browser
from schemathesis.core.result import Ok

from dashboard.people.roles import ROLES
from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People
from edge.commands import Command, CommandDesk, Reply
from edge.store import FILE_NAME, open_store
from tests.dashboard.feed import Feed, Server, free_ports
from tests.dashboard.stage import Stage, make_people

EXAMPLES = 12
ENDS_THE_SESSION = ("/api/session/end",)


@pytest.fixture(scope="module")
def fuzzed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A stage of its own, with a record and a line that takes orders: what is fuzzed may change everything."""
    feed, over = Feed(tmp_path_factory.mktemp("fuzz"), free_ports(3)), threading.Event()
    open_store(feed.folder / "record" / FILE_NAME).close()
    desk = CommandDesk(feed.commands)

    def obey(_command: Command, _key: str) -> Reply:
        return Reply(True, "")

    def serve() -> None:
        while not over.wait(0.02):
            desk.service(obey)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with Server(feed, free_ports(1)[0]) as server:
            make_people(feed.folder / "record")
            yield Stage(browser, feed, server)
    finally:
        over.set()
        thread.join()
        desk.close()
        feed.close()


@pytest.mark.parametrize("role", [None, *ROLES])
def test_nothing_that_is_sent_makes_the_api_fail(fuzzed: Stage, role: str | None) -> None:
    headers = {"X-Gutteil": "1"}
    if role is not None:
        with contextlib.closing(People(fuzzed.folder)) as people:
            person = people.find(role)
            assert person is not None
            headers["Cookie"] = f"{COOKIE}={Sessions(people).begin(person)}"
    schema = schemathesis.openapi.from_url(f"{fuzzed.server.url}/api/openapi.json", headers=headers)
    walked, failed = 0, []
    for found in schema.get_all_operations():
        assert isinstance(found, Ok), found
        operation = found.ok()
        if operation.path in ENDS_THE_SESSION:
            continue
        walked += 1

        @given(case=operation.as_strategy())
        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def send(case: schemathesis.Case[Any]) -> None:
            answer = case.call(headers=headers, timeout=20)
            if answer.status_code >= 500:
                failed.append(f"{case.method} {case.formatted_path} {case.query} {case.body!r}: {answer.status_code} {answer.text[:200]}")

        send()
    assert walked >= 10
    assert not failed, "\n".join(failed[:10])
