"""What is refused at the door: forged, oversized, wrong in kind, too often; and what every answer carries."""

from __future__ import annotations

import re
import socket
import urllib.parse

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from dashboard.guard import require_safe
from dashboard.people.access import MAX_BODY
from dashboard.people.rates import LIMITS
from edge.config import Dashboard, Record, Station
from edge.errors import SettingsError
from tests.dashboard.people.conftest import House
from tests.dashboard.people.http import FORM, JSON, ask, cookie, form, token
from tests.dashboard.stage import PASSWORD, Stage

PAGES = ("/", "/login", "/me", "/people", "/audit")


def test_a_login_sets_a_cookie_that_no_script_reads_and_no_other_site_sends(stage: Stage) -> None:
    answer = ask(f"{stage.server.url}/api/session", "POST", form(name="viewer", password=PASSWORD, to="/me"), **FORM)
    assert (answer.status, answer.headers["location"]) == (303, "/me")
    said = answer.headers["set-cookie"]
    assert said.startswith("gutteil_session=")
    for word in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age="):
        assert word in said


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)", "/%0d%0aSet-Cookie: x", "x", "/a\r\nb"])  # fmt: skip
def test_a_login_leads_to_our_own_pages_only(stage: Stage, to: str) -> None:
    answer = ask(f"{stage.server.url}/api/session", "POST", form(name="viewer", password=PASSWORD, to=to), **FORM)
    place = urllib.parse.urlsplit(answer.headers["location"])
    assert (place.scheme, place.netloc) == ("", "")
    assert place.path.startswith("/")


@pytest.mark.parametrize("path", ["/api/session", "/api/session/end", "/api/me/taste", "/api/line/acknowledge"])
def test_another_sites_page_can_change_nothing(stage: Stage, path: str) -> None:
    who = cookie(stage, "operator")
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    assert ask(stage.server.url + path, "POST", b"x=1", Origin="http://evil.example", **kind, **who).status == 403
    assert ask(stage.server.url + path, "POST", b"x=1", Origin="null", X_Gutteil="1", **kind, **who).status == 403
    assert ask(stage.server.url + path, "POST", b"x=1", **kind, **who).status == 403, "neither origin nor header"


@pytest.mark.parametrize("path", ["/api/live/stream", "/_nicegui_ws/socket.io/?EIO=4&transport=websocket"])
@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1"])
def test_another_sites_page_gets_no_socket(stage: Stage, path: str, origin: str) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        connect(stage.server.url.replace("http", "ws") + path, origin=Origin(origin), additional_headers=cookie(stage, "admin"), proxy=None)


def test_a_body_may_not_be_long_whether_it_says_so_or_not(stage: Stage) -> None:
    address = f"{stage.server.url}/api/session"
    assert ask(address, "POST", b"x" * (MAX_BODY + 1), **FORM).status == 413
    parts = urllib.parse.urlsplit(stage.server.url)
    assert parts.port is not None
    with socket.create_connection(("127.0.0.1", parts.port), timeout=20) as raw:
        raw.sendall(
            b"POST /api/session HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Gutteil: 1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        )
        raw.sendall((b"1000\r\n" + b"x" * 0x1000 + b"\r\n") * (MAX_BODY // 0x1000 + 1))
        assert raw.recv(1000).split()[1] == b"413"


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "multipart/form-data; boundary=x", "application/xml", "image/svg+xml", "application/jsonx"]
)
def test_a_body_of_another_kind_is_not_read(stage: Stage, kind: str) -> None:
    headers = {"X_Gutteil": "1", **({"Content_Type": kind} if kind else {})}
    assert ask(f"{stage.server.url}/api/session", "POST", b"x=1", **headers).status == 415


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "LOCK"])
def test_an_unknown_method_gets_no_page(stage: Stage, method: str) -> None:
    answer = ask(f"{stage.server.url}/login", method)
    assert answer.status == 405
    assert b"<" not in answer.body


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_are_only_looked_at(stage: Stage, method: str, path: str) -> None:
    answer = ask(stage.server.url + path, method, b"{}", **JSON, **cookie(stage, "admin"))
    assert answer.status == 405
    assert b"<" not in answer.body


@pytest.mark.parametrize(
    ("path", "method"), [("/api/live", "DELETE"), ("/api/audit", "PUT"), ("/api/session", "GET"), ("/health/live", "POST")]
)
def test_a_wrong_method_is_said_in_json(stage: Stage, path: str, method: str) -> None:
    answer = ask(stage.server.url + path, method, b"", **JSON, **cookie(stage, "admin"))
    assert answer.status == 405
    assert answer.headers["content-type"] == "application/json"


def test_a_token_opens_the_api_within_its_scopes_and_nothing_else(stage: Stage) -> None:
    bearer = {"Authorization": f"Bearer {token(stage, 'quality', ['audit'])}"}
    url = stage.server.url
    assert ask(f"{url}/api/audit", **bearer).status in (200, 503)
    assert ask(f"{url}/api/audit").status == 401
    assert ask(f"{url}/api/audit", Authorization=f"Bearer {token(stage, 'quality', ['history'])}").status == 403
    assert ask(f"{url}/api/me/taste", "POST", b"theme=dark", **FORM, **bearer).status == 403
    assert ask(f"{url}/people", **bearer).status == 401
    for wrong in ("Bearer", "Bearer x", "Bearer gutteil_" + "x" * 43, "bearer " + "é" * 20):
        answer = ask(f"{url}/api/live", Authorization=wrong.encode("latin-1", "replace").decode("latin-1"))
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Bearer")
    # a token is no cookie, and a cookie's session is no token
    assert ask(f"{url}/api/audit", Authorization="Bearer " + cookie(stage, "quality")["Cookie"].partition("=")[2]).status == 401


def test_asking_too_often_is_answered_with_how_long_to_wait(stage: Stage) -> None:
    bearer = {"Authorization": f"Bearer {token(stage, 'quality', ['audit'])}"}
    other = {"Authorization": f"Bearer {token(stage, 'quality', ['audit'])}"}
    answers = [ask(f"{stage.server.url}/api/nothing", **bearer) for _ in range(int(LIMITS["api"][1] * 3))]
    refused = [a for a in answers if a.status == 429]
    assert refused
    assert int(refused[0].headers["retry-after"]) >= 1
    assert ask(f"{stage.server.url}/api/audit", **other).status != 429, "another token has a bucket of its own"


def test_what_every_answer_carries(stage: Stage) -> None:
    who = cookie(stage, "admin")
    for path in (*PAGES, "/api/live", "/assets/kit.css", "/nothing"):
        headers = ask(stage.server.url + path, **who).headers
        policy = headers["content-security-policy"]
        script = re.search(r"script-src ([^;]*);", policy)
        assert script is not None
        assert "unsafe-inline" not in script[1]
        for word in ("default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'self'", "script-src-attr 'none'"):
            assert word in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert "strict-transport-security" not in headers, "without TLS a browser must not be told to ask for it"


def test_each_answer_has_a_nonce_of_its_own_and_only_the_templates_scripts_carry_it(stage: Stage) -> None:
    nonces = set()
    for path in PAGES:
        answer = ask(stage.server.url + path, **cookie(stage, "admin"))
        found = re.search(r"'nonce-([^']+)'", answer.headers["content-security-policy"])
        assert found is not None
        nonces.add(found[1])
        html = answer.body.decode()
        inline = [attributes for attributes in re.findall(r"<script([^>]*)>", html) if "src=" not in attributes]
        assert inline
        assert all(f'nonce="{found[1]}"' in attributes for attributes in inline)
        assert re.search(r'<html[^>]* lang="(en|de)"', html)
    assert len(nonces) == len(PAGES)


def test_no_page_holds_a_secret(stage: Stage) -> None:
    who = cookie(stage, "admin")
    session = who["Cookie"].partition("=")[2]
    api = token(stage, "admin", ["audit"])
    for path in PAGES:
        html = ask(stage.server.url + path, **who).body.decode()
        for secret in (session, api, PASSWORD, "argon2id"):
            assert secret not in html, f"{path} holds a secret"


def test_who_sends_a_request_does_not_say_where_the_pages_lie(stage: Stage) -> None:
    html = ask(f"{stage.server.url}/login", X_Forwarded_Prefix="/evil", X_Forwarded_Proto="https", X_Forwarded_For="10.1.1.1").body.decode()
    assert "evil" not in html


@pytest.mark.parametrize("body", [b"", b"&&&", b"name=%ff&password=%00", b"a=1&" * 400, b"name=viewer&name=admin&password=x", b"\xff\xfe"])
def test_forms_that_are_none_fail_in_words(stage: Stage, body: bytes) -> None:
    answer = ask(f"{stage.server.url}/api/session", "POST", body, Accept="application/json", **FORM)
    assert answer.status in (400, 401, 429)
    assert answer.json["accepted"] is False
    assert answer.json["text"]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "8.8.8.8"])
def test_beyond_loopback_only_with_tls_and_a_user(house: House, host: str) -> None:
    def station(tls: str) -> Station:
        return Station(dashboard=Dashboard.model_validate({"host": host, "tls": tls}), record=Record(folder=str(house.folder)))

    with pytest.raises(SettingsError, match=r"dashboard\.host = .*dashboard\.tls = 'generated'.*127\.0\.0\.1"):
        require_safe(station("off"), house.people)
    with pytest.raises(SettingsError, match=r"dashboard\.host = .*no user yet.*gutteil people add"):
        require_safe(station("generated"), house.people)
    house.add("Eve", "admin")
    require_safe(station("generated"), house.people)
    with pytest.raises(SettingsError, match=r"dashboard\.tls"):
        require_safe(station("off"), house.people)


@pytest.mark.parametrize("host", ["example.org", "", "localhost.example.org", "2130706433", "127.1"])
def test_a_host_that_is_no_address_is_refused(house: House, host: str) -> None:
    with pytest.raises(SettingsError, match=r"dashboard\.host"):
        require_safe(Station.model_construct(dashboard=Dashboard.model_construct(host=host, tls="generated")), house.people)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_is_taken(house: House, host: str) -> None:
    require_safe(Station(dashboard=Dashboard(host=host)), house.people)
