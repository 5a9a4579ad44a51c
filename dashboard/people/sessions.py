"""Logged-in browsers. A browser holds a random token; the file holds its SHA-256, so a stolen file logs nobody in.

Sessions outlive a restart of the dashboard: an update must not throw people out in the middle of a review.
"""

from __future__ import annotations

import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable
from typing import Final, Literal

import msgspec

from dashboard.people.roles import QUICK
from dashboard.people.users import People, Person
from edge.config import Dashboard

COOKIE: Final = "gutteil_session"
SAFE_COOKIE: Final = "__Host-gutteil_session"  # under TLS: a browser takes it from this very host only, and over TLS only
Method = Literal["password", "pin", "badge"]
_NOTE_S = 60.0  # how often it is written down that somebody is there
_MOST = 50  # of one person; the oldest go


class Session(msgspec.Struct, frozen=True):
    """A session as its owner sees it; `key` names it and logs nobody in. Times are Unix time, s."""

    key: str
    method: Method
    address: str
    browser: str
    begun_s: float
    seen_s: float


def cookie_name(scheme: str) -> str:
    """The cookie's name over http or https."""
    return SAFE_COOKIE if scheme in ("https", "wss") else COOKIE


def hashed(token: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Sessions:
    """Begins, finds and ends sessions. May be called from any thread."""

    def __init__(self, people: People, settings: Dashboard | None = None, now: Callable[[], float] = time.time) -> None:
        settings = settings or Dashboard()
        self._people, self._now = people, now
        self._bounds = {  # idle and whole, s
            "password": (settings.session_idle_min * 60.0, settings.session_h * 3600.0),
            "pin": (settings.pin_idle_min * 60.0, settings.pin_h * 3600.0),
            "badge": (settings.pin_idle_min * 60.0, settings.pin_h * 3600.0),
        }

    def whole_s(self, method: Method) -> int:
        """How long a session lasts at most."""
        return int(self._bounds[method][1])

    def begin(self, person: Person, method: Method = "password", address: str = "", browser: str = "") -> str:
        """Log somebody in; returns the token for their browser."""
        token, now = secrets.token_urlsafe(32), self._now()
        with self._people.database() as db:
            for kind, (idle, whole) in self._bounds.items():
                db.execute("DELETE FROM sessions WHERE method = ? AND (seen_s < ? OR begun_s < ?)", (kind, now - idle, now - whole))
            db.execute(
                "DELETE FROM sessions WHERE name = ? AND token NOT IN (SELECT token FROM sessions WHERE name = ? ORDER BY seen_s DESC LIMIT ?)",
                (person.name, person.name, _MOST - 1),
            )
            row = (hashed(token), person.name, method, address[:60], browser[:300], now, now)
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        return token

    def find(self, token: str | None) -> Person | None:
        """Who this browser is, or None: never logged in, logged out, idle too long, or no longer a user."""
        if not token or len(token) > 100:
            return None
        key, now = hashed(token), self._now()
        row = self._people.reading().execute("SELECT name, method, begun_s, seen_s FROM sessions WHERE token = ?", (key,)).fetchone()
        if row is None or self._over(row[1], row[2], row[3], now):
            return None
        person = self._people.find(row[0])
        if person is not None and now - row[3] > _NOTE_S:
            with self._people.database() as db:
                db.execute("UPDATE sessions SET seen_s = ? WHERE token = ?", (now, key))
        if person is not None and row[1] != "password":
            return msgspec.structs.replace(person, only=QUICK if person.only is None else QUICK & person.only)
        return person

    def _over(self, method: str, begun_s: float, seen_s: float, now: float) -> bool:
        idle, whole = self._bounds[method]
        return now - seen_s > idle or now - begun_s > whole

    def of(self, name: str) -> list[Session]:
        """The sessions that somebody has, newest first."""
        rows = self._people.reading().execute(
            "SELECT token, method, address, browser, begun_s, seen_s FROM sessions WHERE name = ? ORDER BY seen_s DESC", (name,)
        )
        now = self._now()
        return [Session(*row) for row in rows if not self._over(row[1], row[4], row[5], now)]

    def end(self, token: str) -> None:
        """Log a browser out."""
        with self._people.database() as db:
            db.execute("DELETE FROM sessions WHERE token = ?", (hashed(token),))

    def end_one(self, name: str, key: str) -> None:
        """End one of somebody's own sessions."""
        with self._people.database() as db:
            db.execute("DELETE FROM sessions WHERE name = ? AND token = ?", (name, key))

    def end_all(self, name: str) -> None:
        """Log somebody out everywhere."""
        with self._people.database() as db:
            end_sessions(db, name)


def end_sessions(db: sqlite3.Connection, name: str, but: str | None = None) -> None:
    """Log somebody out everywhere, in the transaction that changes password or role; `but`: a token that stays."""
    db.execute("DELETE FROM sessions WHERE name = ? AND token != ?", (name, hashed(but) if but else ""))
