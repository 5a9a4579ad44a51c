"""Logged-in browsers. A browser holds a random token; the file holds its SHA-256, so a stolen file logs nobody in.

Sessions outlive a restart of the dashboard: an update must not throw people out in the middle of a review.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable
from typing import Final

from dashboard.people.users import People, Person

COOKIE: Final = "gutteil_session"
IDLE_S: Final = 8 * 3600.0
WHOLE_S: Final = 16 * 3600.0
_NOTE_S = 60.0  # how often it is written down that somebody is there


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


class Sessions:
    """Begins, finds and ends sessions. May be called from any thread."""

    def __init__(self, people: People, now: Callable[[], float] = time.time) -> None:
        self._people, self._now = people, now

    def begin(self, person: Person) -> str:
        """Log somebody in; returns the token for their browser."""
        token, now = secrets.token_urlsafe(32), self._now()
        with self._people.database() as db:
            db.execute("DELETE FROM sessions WHERE seen_s < ? OR begun_s < ?", (now - IDLE_S, now - WHOLE_S))
            db.execute("INSERT INTO sessions VALUES (?, ?, ?, ?)", (_hashed(token), person.name, now, now))
        return token

    def find(self, token: str | None) -> Person | None:
        """Who this browser is, or None: never logged in, logged out, idle too long, or no longer a user."""
        if not token or len(token) > 100:
            return None
        hashed, now = _hashed(token), self._now()
        with self._people.database() as db:
            row = db.execute(
                "SELECT u.name, u.role, u.language, s.begun_s, s.seen_s FROM sessions s JOIN users u ON u.name = s.name WHERE s.token = ? AND u.disabled = 0",
                (hashed,),
            ).fetchone()
            if row is None or now - row[4] > IDLE_S or now - row[3] > WHOLE_S:
                return None
            if now - row[4] > _NOTE_S:
                db.execute("UPDATE sessions SET seen_s = ? WHERE token = ?", (now, hashed))
        return Person(*row[:3])

    def end(self, token: str) -> None:
        """Log a browser out."""
        with self._people.database() as db:
            db.execute("DELETE FROM sessions WHERE token = ?", (_hashed(token),))

    def end_all(self, name: str) -> None:
        """Log somebody out everywhere: their password or role has changed."""
        with self._people.database() as db:
            db.execute("DELETE FROM sessions WHERE name = ?", (name,))
