"""A real line whose processes are killed and frozen: the page says so in time, and finds back without being loaded anew."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People
from edge.rig import Rig, rig
from tests.dashboard.stage import PASSWORD
from tests.edge.registry_line import settings

SAID_MS = 2_000
PATIENCE_S = 60.0
WORD = "() => document.querySelector('.gt-state h1').textContent"
LINK = "() => document.querySelector('.gt-live').className.match(/link-(\\w+)/)[1]"
RECORDER = "() => [...document.querySelectorAll('.gt-chip')].find((c) => c.textContent.includes('Recorder'))?.className.includes('is-ok')"
PARTS = "() => Number(document.querySelector('.gt-number.is-parts b').textContent.replace(/\\D/g, ''))"
PART = "() => document.querySelector('.gt-shot [data-part]')?.dataset.part"


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("recovery")
    config = settings(folder).model_copy(update={"name": f"R{os.getpid()}"})
    with rig(config, folder, ["station", "rejector", "recorder", "dashboard"]) as appliance:
        appliance.line.hold(False)
        yield appliance


@pytest.fixture(scope="module")
def page(line: Rig, browser: Browser) -> Iterator[Page]:
    """One page for all that happens, of somebody who may acknowledge; it is never loaded anew."""
    folder = Path(line.config.record.folder)
    url = f"http://127.0.0.1:{line.config.dashboard.port}"
    with contextlib.closing(People(folder)) as people, browser.new_context(viewport={"width": 1920, "height": 1080}) as context:
        person = people.add("M. Weber", "operator", PASSWORD)
        context.add_cookies([{"name": COOKIE, "value": Sessions(people).begin(person), "url": url}])
        made = context.new_page()
        wait(line, lambda: answers(url), made)
        made.goto(url)
        made.evaluate("window.mark = 1")
        wait(line, lambda: made.evaluate(LINK) == "live" and made.evaluate(WORD) in ("OK", "NG"), made)
        yield made


def wait(line: Rig, done: Callable[[], object], page: Page, *, restart: bool = True) -> float:
    """ms until it is so; meanwhile dead processes are restarted, as at any line, unless that would come before what is waited for."""
    begin = time.monotonic()
    while not done():
        if time.monotonic() - begin > PATIENCE_S:
            raise AssertionError(f"not seen within {PATIENCE_S} s: {page.inner_text('body')[:500]}")
        if restart:
            line.next(0.02)
        else:
            page.wait_for_timeout(20)
    return (time.monotonic() - begin) * 1000


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def runs_again(line: Rig, page: Page) -> None:
    """The person acknowledges on the page until the line has taken it, and parts come."""
    known, clicked = page.evaluate(PART), 0.0

    def running() -> bool:
        nonlocal clicked
        if time.monotonic() - clicked > 1:
            clicked = time.monotonic()
            page.evaluate("document.querySelector('button.gt-ack-go:not(:disabled)')?.click()")  # it may go at any moment
        return page.evaluate(WORD) in ("OK", "NG") and page.evaluate(PART) != known

    wait(line, running, page)


def signal_to(line: Rig, name: str, number: int) -> None:
    os.kill(line.processes.child(name).pid, number)


def test_a_killed_recorder(line: Rig, page: Page) -> None:
    signal_to(line, "recorder", signal.SIGKILL)
    took = wait(line, lambda: page.evaluate(RECORDER) is False, page, restart=False)
    assert took <= SAID_MS
    wait(line, lambda: "Nothing is being recorded" in page.inner_text(".gt-live"), page, restart=False)
    wait(line, lambda: page.evaluate(RECORDER) and "Nothing is being recorded" not in page.inner_text(".gt-live"), page)
    assert page.evaluate(WORD) in ("OK", "NG"), "nobody waits for the recorder"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_station_that_is_killed_or_frozen(line: Rig, page: Page, number: signal.Signals) -> None:
    """What the page shows then is grey, and cannot be taken for a live picture."""
    runs_again(line, page)
    signal_to(line, "station", number)
    took = wait(line, lambda: page.evaluate(WORD) == "STOPPED", page, restart=False)
    assert took <= SAID_MS
    assert page.locator(".gt-shot.is-past").count() == 1
    if number == signal.SIGSTOP:
        signal_to(line, "station", signal.SIGCONT)
    runs_again(line, page)
    wait(line, lambda: "M. Weber" in page.inner_text(".gt-rejects"), page)
    assert page.locator(".gt-shot.is-past").count() == 0


def test_a_killed_dashboard(line: Rig, page: Page) -> None:
    runs_again(line, page)
    known, before = page.evaluate(PART), page.evaluate(PARTS)
    signal_to(line, "dashboard", signal.SIGKILL)
    took = wait(line, lambda: page.evaluate(LINK) == "lost", page, restart=False)
    assert took <= SAID_MS
    wait(line, lambda: page.evaluate("getComputedStyle(document.querySelector('.gt-veil')).opacity") == "1", page, restart=False)
    wait(line, lambda: page.evaluate(LINK) == "live" and page.evaluate(PART) != known, page)
    # counts of before the restart are there again, from the record
    wait(line, lambda: page.evaluate(PARTS) >= before, page)
    assert page.evaluate("window.mark") == 1, "the page was loaded anew"
