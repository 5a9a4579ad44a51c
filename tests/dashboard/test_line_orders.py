"""Who may acknowledge and who has seen an alarm: by session, audited, the same for every viewer, and gone when it comes anew."""

from __future__ import annotations

import contextlib
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

from dashboard.history import said_before
from dashboard.people.roles import Role
from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.users import People
from dashboard.texts import Language, texts_of
from edge.messages import Alarm, Audit, Heartbeat
from edge.rows import Batch
from edge.store import FILE_NAME, open_store
from tests.dashboard.stage import PASSWORD, Stage, check_accessible


def cookie(stage: Stage, role: Role) -> str:
    with contextlib.closing(People(stage.folder)) as people:
        person = people.find(role)
        assert person is not None
        return f"{COOKIE}={Sessions(people).begin(person)}"


def post(stage: Stage, path: str, body: bytes, role: Role | None = None, **headers: str) -> tuple[int, dict[str, Any]]:
    headers = {"Content-Type": "application/json", "X-Gutteil": "1", **headers} | ({"Cookie": cookie(stage, role)} if role else {})
    request = urllib.request.Request(stage.server.url + path, body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def live(stage: Stage) -> dict[str, Any]:
    with urllib.request.urlopen(f"{stage.server.url}/api/live", timeout=10) as answer:
        state: dict[str, Any] = json.load(answer)
    return state


def until(check: Callable[[], Any], timeout_s: float = 15) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.05)
    raise AssertionError("did not come to be in time")


def alarm(stage: Stage, code: str) -> dict[str, Any]:
    """The alarm as the state has it, once it has."""
    found: dict[str, Any] = until(lambda: next((a for a in live(stage)["alarms"] if a["code"] == code), None))
    return found


@pytest.mark.parametrize(
    ("role", "body", "status"),
    [
        (None, b"{}", 401),
        ("viewer", b"{}", 403),
        ("operator", b"", 400),
        ("operator", b'{"who":"somebody else"}', 400),  # the name is the session's
        ("operator", b'{"reason":7}', 400),
        ("operator", b'{"reason":"' + b"x" * 201 + b'"}', 400),
        ("operator", b'{"reason":"' + b"x" * 5000 + b'"}', 400),
        ("operator", b"{}", 503),  # nobody is there who could obey
    ],
)
def test_an_acknowledgement_is_checked(stage: Stage, role: Role | None, body: bytes, status: int) -> None:
    code, said = post(stage, "/api/line/acknowledge", body, role)
    assert (code, said["accepted"]) == (status, False)
    assert said["text"]


def test_a_form_of_another_site_gives_no_order(stage: Stage) -> None:
    assert post(stage, "/api/line/acknowledge", b"{}", "operator", **{"X-Gutteil": ""})[0] == 403
    assert post(stage, "/api/line/seen", b"{}", "operator", Origin="http://attacker.example")[0] == 403


def test_who_has_seen_an_alarm_is_audited_and_gone_when_it_comes_anew(stage: Stage) -> None:
    stage.feed.alarm("camera-gone", True, "the cable is out", sender="station")
    begun = alarm(stage, "camera-gone")
    assert (begun["seen"], begun["stop"]) == (None, False)
    body = json.dumps({"alarm": begun["key"]}).encode()
    assert post(stage, "/api/line/seen", body)[0] == 401
    assert post(stage, "/api/line/seen", body, "viewer")[0] == 403
    assert post(stage, "/api/line/seen", body, "operator") == (200, {"accepted": True, "text": ""})
    assert post(stage, "/api/line/seen", body, "engineer")[0] == 200  # who was first stays
    assert alarm(stage, "camera-gone")["seen"]["who"] == "operator"
    with open_store(stage.folder / FILE_NAME, read_only=True) as store:
        rows = [row for row in store.audit(50) if row.op == "alarm seen"]
        assert [(r.who, r.text) for r in rows] == [("operator", "station camera-gone (fault): the cable is out")]
        assert store.verify_audit().holds
    stage.feed.alarm("camera-gone", False, sender="station")
    until(lambda: not live(stage)["alarms"])
    assert post(stage, "/api/line/seen", body, "operator")[0] == 409
    stage.feed.alarm("camera-gone", True, "the cable is out", sender="station")
    assert alarm(stage, "camera-gone")["seen"] is None
    stage.feed.alarm("camera-gone", False, sender="station")


@pytest.mark.parametrize("key", ["", "x", "-1", "x" * 61, "0-0"])
def test_alarms_that_are_none(stage: Stage, key: str) -> None:
    assert post(stage, "/api/line/seen", json.dumps({"alarm": key}).encode(), "operator")[0] in (400, 409)


def test_an_alarm_that_gets_worse_has_not_been_seen(stage: Stage) -> None:
    stage.feed.alarm("camera-blind", True, sender="station", severity="warning")
    post(stage, "/api/line/seen", json.dumps({"alarm": alarm(stage, "camera-blind")["key"]}).encode(), "operator")
    assert alarm(stage, "camera-blind")["seen"]
    stage.feed.alarm("camera-blind", True, sender="station", severity="fault")
    until(lambda: alarm(stage, "camera-blind")["seen"] is None)
    stage.feed.alarm("camera-blind", False, sender="station")


@pytest.mark.parametrize(("language", "size"), [("en", "screen"), ("de", "tablet")])
def test_one_sees_it_and_all_know(stage: Stage, language: Language, size: str) -> None:
    t = texts_of(language)
    stage.feed.part("OK")
    stage.feed.alarm("model-refused", True, "the file has changed", sender="station")
    with stage.page("/", language=language, size=size) as kiosk, stage.page("/", "operator", language=language, size=size) as page:
        row = kiosk.locator(".gt-alarm")
        expect(row.get_by_role("link", name=t["alarms.login"])).to_have_attribute("href", "/login?to=%2F")
        button = page.locator(".gt-alarm").get_by_role("button", name=t["alarms.see"])
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 48
        check_accessible(page)
        button.focus()
        page.keyboard.press("Enter")
        for looked in (page, kiosk):
            expect(looked.locator(".gt-alarm.is-seen")).to_contain_text("operator")
            expect(looked.locator(".gt-see")).to_have_count(0)
        check_accessible(kiosk)
        assert page.evaluate("document.documentElement.scrollHeight <= innerHeight && document.documentElement.scrollWidth <= innerWidth")
    stage.feed.alarm("model-refused", False, sender="station")
    until(lambda: not live(stage)["alarms"])


def test_somebody_logs_in_at_the_stop_and_comes_back(stage: Stage) -> None:
    """And who may not acknowledge is told so."""
    t = texts_of("en")
    stage.feed.part("OK")
    stage.feed.alarm("bin-full", True, "full")
    stage.feed.alarm("line-stopped", True, "the bin is full")
    with stage.page("/", "viewer") as page:
        expect(page.locator(".gt-ack")).to_contain_text(t["ack.may_not"].replace("{name}", "viewer"))
        expect(page.locator(".gt-ack input")).to_have_count(0)
    with stage.page("/?kiosk=1") as page:
        expect(page.locator(".gt-door")).to_be_hidden()
        page.get_by_role("link", name=t["ack.login"]).click()
        page.get_by_label(t["login.name"]).fill("operator")
        page.get_by_label(t["login.password"]).fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url("**/?kiosk=1")
        expect(page.locator(".gt-ack")).to_contain_text(t["ack.as"].replace("{name}", "operator"))
        expect(page.locator(".gt-person")).to_be_hidden()
        check_accessible(page)
        page.get_by_role("button", name=t["ack.other"]).click()  # nobody acknowledges in the name of who was here before
        page.wait_for_url(re.compile("/login"))
        page.goto(stage.server.url)
        expect(page.get_by_role("link", name=t["ack.login"])).to_be_visible()
    stage.feed.alarm("bin-full", False)
    stage.feed.alarm("line-stopped", False)


def test_what_people_said_outlives_the_dashboard(tmp_path: Any) -> None:
    """Unless the alarm has ended, or its process has started anew, since it was seen."""
    hour = 3_600 * 10**9
    told: list[Any] = [
        Alarm(station="S", sender="station", epoch=1, seq=1, wall_ns=hour, code="camera-gone", severity="fault", active=True, text=""),
        Alarm(station="S", sender="station", epoch=1, seq=2, wall_ns=hour, code="camera-blind", severity="fault", active=True, text=""),
        Alarm(station="S", sender="recorder", epoch=1, seq=1, wall_ns=hour, code="evidence-lost", severity="warning", active=True, text=""),
        *(Audit(station="S", sender="rejector", epoch=1, seq=n, wall_ns=2 * hour, op="alarm seen", who=f"W{n}", key="", accepted=True, text=t)
          for n, t in enumerate(("station camera-gone (fault): x", "station camera-blind (fault): ", "recorder evidence-lost (warning): y"), 1)),
        Audit(station="S", sender="rejector", epoch=1, seq=4, wall_ns=3 * hour, op="acknowledge", who="A", key="", accepted=True, text="why"),
        Audit(station="S", sender="rejector", epoch=1, seq=5, wall_ns=4 * hour, op="acknowledge", who="B", key="", accepted=False, text="no"),
        Alarm(station="S", sender="station", epoch=1, seq=3, wall_ns=3 * hour, code="camera-blind", severity="fault", active=False, text=""),
        Heartbeat(station="S", sender="recorder", epoch=5 * hour, seq=1, wall_ns=5 * hour, state="ready", period_s=1),
    ]  # fmt: skip
    with open_store(tmp_path / FILE_NAME) as store:
        store.write(Batch(messages=told))
    seen, last = said_before(str(tmp_path), 6 * hour)
    assert {key: said.who for key, said in seen.items()} == {("station", "camera-gone"): "W1"}
    assert last is not None
    assert (last.who, last.text) == ("A", "why")
    assert said_before(str(tmp_path / "none"), 0) == ({}, None)
