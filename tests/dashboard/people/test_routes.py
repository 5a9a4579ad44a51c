"""Every address of the app, with everybody and nobody, against a table written by hand. A new address needs a row here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from nicegui import core
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from dashboard.app import make_app
from dashboard.people.access import BY_DOOR
from dashboard.people.closed import NAME as CLOSED
from dashboard.people.closed import flat
from dashboard.people.roles import ROLES
from edge.config import Record, Station
from tests.dashboard.people.http import FORM, ask, cookie
from tests.dashboard.stage import Stage

LOGGED_IN: Final[set[str]] = {*ROLES}
EVERYBODY: Final[set[str]] = {"nobody", *LOGGED_IN}
# address and method → who gets past the door
TABLE: Final[dict[tuple[str, str], set[str]]] = {
    ("/", "GET"): EVERYBODY,
    ("/api/audit", "GET"): {"quality", "admin"},
    ("/api/audit.csv", "GET"): {"quality", "admin"},
    ("/api/audit.json", "GET"): {"quality", "admin"},
    ("/api/line/acknowledge", "POST"): {"operator", "engineer", "quality", "admin"},
    ("/api/live", "GET"): EVERYBODY,
    ("/api/live/pictures/{key}", "GET"): EVERYBODY,
    ("/api/live/stream", "WEBSOCKET"): EVERYBODY,
    ("/api/me/taste", "POST"): LOGGED_IN,
    ("/api/session", "POST"): EVERYBODY,
    ("/api/session/end", "POST"): EVERYBODY,
    ("/api/setup", "POST"): set(),  # as there are users
    ("/assets", "GET"): EVERYBODY,
    ("/audit", "GET"): {"quality", "admin"},
    ("/health/live", "GET"): EVERYBODY,
    ("/health/ready", "GET"): EVERYBODY,
    ("/login", "GET"): EVERYBODY,
    ("/me", "GET"): LOGGED_IN,
    ("/people", "GET"): {"admin"},
    ("/setup", "GET"): set(),
    ("/api/export/plan/{kind}", "GET"): {"engineer", "quality"},
    ("/api/export/progress/{token}", "GET"): {"engineer", "quality"},
    ("/api/export/{kind}", "GET"): {"engineer", "quality"},
    ("/api/inspections", "GET"): LOGGED_IN,
    ("/api/inspections/choices", "GET"): LOGGED_IN,
    ("/api/inspections/count", "GET"): LOGGED_IN,
    ("/api/inspections/timeline", "GET"): LOGGED_IN,
    ("/api/line/eject-next", "POST"): {"engineer", "admin"},
    ("/api/line/seen", "POST"): {"quality", "engineer", "admin", "operator"},
    ("/api/models", "GET"): LOGGED_IN,
    ("/api/models/rollback", "POST"): {"quality", "engineer", "operator"},
    ("/api/models/{model}", "GET"): LOGGED_IN,
    ("/api/models/{model}/differences", "GET"): LOGGED_IN,
    ("/api/models/{model}/differences/{part_id:path}/picture", "GET"): LOGGED_IN,
    ("/api/models/{model}/{step}", "POST"): {"quality", "engineer", "operator"},
    ("/api/openapi.json", "GET"): EVERYBODY,
    ("/api/parts/{part_id:path}", "GET"): LOGGED_IN,
    ("/api/parts/{part_id:path}/golden", "GET"): LOGGED_IN,
    ("/api/parts/{part_id:path}/hold", "POST"): LOGGED_IN,
    ("/api/parts/{part_id:path}/picture", "GET"): LOGGED_IN,
    ("/api/parts/{part_id:path}/rejudge", "POST"): LOGGED_IN,
    ("/api/parts/{part_id:path}/release", "POST"): LOGGED_IN,
    ("/api/plc/signals", "GET"): {"engineer", "admin"},
    ("/api/reports/figures", "GET"): LOGGED_IN,
    ("/api/reports/files/{name}", "GET"): LOGGED_IN,
    ("/api/reports/pdf", "GET"): LOGGED_IN,
    ("/api/review/find", "GET"): {"quality", "engineer", "operator"},
    ("/api/review/parts/{part_id:path}", "GET"): {"quality", "engineer", "operator"},
    ("/api/review/parts/{part_id:path}/close", "POST"): {"quality", "engineer", "operator"},
    ("/api/review/parts/{part_id:path}/open", "POST"): {"quality", "engineer", "operator"},
    ("/api/review/parts/{part_id:path}/say", "POST"): {"quality", "engineer", "operator"},
    ("/api/review/passed", "GET"): {"quality", "engineer", "operator"},
    ("/api/review/queue", "GET"): {"quality", "engineer", "operator"},
    ("/api/review/undo", "POST"): {"quality", "engineer", "operator"},
    ("/api/selftest", "GET"): LOGGED_IN,
    ("/api/selftest", "POST"): {"quality", "engineer", "operator"},
    ("/api/selftest/end", "POST"): {"quality", "engineer", "operator"},
    ("/api/selftest/part", "POST"): {"quality", "engineer", "operator"},
    ("/api/selftests", "GET"): LOGGED_IN,
    ("/commission", "GET"): {"engineer", "admin"},
    ("/history", "GET"): LOGGED_IN,
    ("/metrics", "GET"): EVERYBODY,
    ("/models", "GET"): LOGGED_IN,
    ("/models/{model}", "GET"): LOGGED_IN,
    ("/models/{model}/differences", "GET"): LOGGED_IN,
    ("/parts/{part_id:path}", "GET"): LOGGED_IN,
    ("/recipes", "GET"): LOGGED_IN,
    ("/recipes/edit", "GET"): {"engineer"},
    ("/recipes/version", "GET"): LOGGED_IN,
    ("/review", "GET"): {"quality", "engineer", "operator"},
    ("/selftest", "GET"): LOGGED_IN,
    ("/statistics", "GET"): LOGGED_IN,
    ("/statistics/report", "GET"): LOGGED_IN,
    ("/statistics/shifts", "GET"): LOGGED_IN,
}
# what NiceGUI brings along: files without a secret, and the events of a page, each of which asks for its actor again
NICEGUI: Final[dict[tuple[str, str], set[str]]] = {
    ("/_nicegui", "GET"): EVERYBODY,
    ("/_nicegui", "POST"): LOGGED_IN,
    ("/_nicegui_ws", "GET"): EVERYBODY,
}


def walk(routes: list[BaseRoute], under: str = "") -> Iterator[tuple[str, str]]:
    for route in flat(routes):
        if getattr(route, "name", "") == CLOSED:
            continue
        if isinstance(route, Mount):
            inner: Any = getattr(route.app, "routes", None)
            if inner:
                yield from walk(list(inner), under + route.path)
            else:
                yield under + route.path, "GET"
        elif isinstance(route, WebSocketRoute):
            yield under + route.path, "WEBSOCKET"
        elif isinstance(route, Route):
            yield from ((under + route.path, method) for method in (route.methods or {"GET"}) - {"HEAD"})
        else:
            path: Any = getattr(route, "path", None)
            assert path is not None, f"{route!r}: a kind of route that this test does not know"
            yield under + path, "WEBSOCKET" if "websocket" in type(route).__name__.lower() else "GET"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str]]:
    folder: Path = tmp_path_factory.mktemp("app")
    before = list(core.app.routes)
    app = make_app(Station(record=Record(folder=str(folder))))
    addresses = set(walk(list(app.routes)))
    core.app.router.routes[:] = before
    assert len(addresses) > 20
    return addresses


def test_every_address_has_its_row(found: set[tuple[str, str]]) -> None:
    own = {(path, method) for path, method in found if not path.startswith(("/_nicegui", "/favicon"))}
    assert own == set(TABLE)


def test_what_nicegui_brings_along_is_known(found: set[tuple[str, str]]) -> None:
    assert {(path, method) for path, method in found if path.startswith("/_nicegui")} >= {("/_nicegui_ws", "GET")}
    for path, method in found:
        if path.startswith("/_nicegui"):
            assert method in ("GET", "POST"), f"{method} {path}"


@pytest.mark.parametrize("who", ["nobody", *ROLES])
def test_the_door_lets_in_whom_the_table_names(stage: Stage, who: str) -> None:
    wrong = []
    for (path, method), allowed in (TABLE | NICEGUI).items():
        headers = {} if who == "nobody" else cookie(stage, who)  # one of their own: logging out ends it
        address = stage.server.url + re.sub(r"\{[^}]+\}", "x", path)
        if method == "WEBSOCKET":
            inside = opens(address, headers)
        else:
            changes = method not in ("GET", "HEAD", "OPTIONS")
            kind = {"Content_Type": "multipart/form-data; boundary=x"} if path == "/_nicegui" else {}
            answer = ask(address, method, b"x=1" if changes else None, **headers, **(FORM | kind if changes else {}))
            inside = BY_DOOR.lower() not in answer.headers
            assert answer.status != 429
            if not inside and path not in ("/setup", "/api/setup"):
                assert answer.status == (401 if who == "nobody" else 403)
        if inside != (who in allowed):
            wrong.append(f"{method} {path}: {'let in' if inside else 'kept out'}")
    assert not wrong


def opens(address: str, headers: dict[str, str]) -> bool:
    try:
        with connect(address.replace("http", "ws"), additional_headers=headers, proxy=None):
            return True
    except InvalidStatus:
        return False


@pytest.mark.parametrize("path", ["/nothing", "/api", "/api/nothing", "/peoples", "//people", "/people;x", "/.env", "/docs", "/openapi.json", "/_nicegui2"])  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_in_the_table_is_closed(stage: Stage, path: str, method: str) -> None:
    answer = ask(stage.server.url + path, method, b"", **FORM, **cookie(stage, "admin"))
    assert answer.status == 404
    assert b"Traceback" not in answer.body


@pytest.mark.parametrize("path", ["/assets/../people", "/assets/%2e%2e/people", "/assets/..%2fpeople/texts.py", "/assets/%2e%2e%2f%2e%2e%2fpyproject.toml", "/_nicegui/../people", "/assets/....//app.py", "/assets/%00"])  # fmt: skip
def test_nobody_gets_past_the_door_by_dots(stage: Stage, path: str) -> None:
    answer = ask(stage.server.url + path)
    assert answer.status in (400, 401, 404)
    assert b"def " not in answer.body
    assert b"[project]" not in answer.body
