"""Requests as somebody who writes them by hand."""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import urllib.parse
from dataclasses import dataclass
from typing import Any

from dashboard.people.sessions import COOKIE, Sessions
from dashboard.people.tokens import Tokens
from dashboard.people.users import People
from tests.dashboard.stage import Stage


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(url: str, method: str = "GET", body: bytes | None = None, context: ssl.SSLContext | None = None, /, **headers: str) -> Answer:
    """One request; `_` in a header's name stands for `-`. Redirects are not followed."""
    parts = urllib.parse.urlsplit(url)
    assert parts.hostname is not None
    connection = (
        http.client.HTTPSConnection(parts.hostname, parts.port, timeout=20, context=context)
        if parts.scheme == "https"
        else http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    )
    with contextlib.closing(connection):
        connection.request(
            method, parts.path + (f"?{parts.query}" if parts.query else ""), body, {k.replace("_", "-"): v for k, v in headers.items()}
        )
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, answer.read())


def form(**fields: str) -> bytes:
    return urllib.parse.urlencode(fields).encode()


FORM = {"Content_Type": "application/x-www-form-urlencoded", "X_Gutteil": "1"}
JSON = {"Content_Type": "application/json", "X_Gutteil": "1"}


def cookie(stage: Stage, name: str) -> dict[str, str]:
    """The header of a browser where somebody is logged in."""
    with contextlib.closing(People(stage.folder)) as people:
        person = people.find(name)
        assert person is not None
        return {"Cookie": f"{COOKIE}={Sessions(people).begin(person)}"}


def token(stage: Stage, name: str, scopes: list[str], days: int = 1) -> str:
    """A token for a program of somebody."""
    with contextlib.closing(People(stage.folder)) as people:
        person = people.find(name)
        assert person is not None
        return Tokens(people, lambda _op, _who, _text: None).make(person, "test", scopes, days)
