"""Guessing is slowed: each wrong try of a name, of an address and of the two together doubles the wait for the next.

Counted in the file, so that a restart forgets nothing. Nobody can be locked out for good: waits end after 15 minutes, at the line after
half a minute; whoever has lately logged in from an address waits there only for tries from that address, not for those of others; and
`gutteil people password` sets a name free (after "device cookies", OWASP).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

import msgspec

from dashboard.people.terminals import counted_as
from dashboard.people.users import MAX_NAME, People

MAX_WAIT_S: Final = 900.0
AT_LINE_S: Final = 30.0  # at most at a terminal of the line: somebody must be able to acknowledge a stop
_FORGET_S = 24 * 3600.0
_CALM_S = 600.0  # of calm take one wrong try back
_KNOWN_S = 30 * 24 * 3600.0
_MOST = 10_000


class _Counter(msgspec.Struct, frozen=True):
    key: str
    free: int  # tries without a wait
    most_s: float
    binds: bool = True  # else it is only counted


class Try(msgspec.Struct, frozen=True):
    """One try to log in.

    Attributes:
        wait_s: it is refused unchecked for so long; 0: go on and check.
    """

    what: str
    name: str
    address: str
    wait_s: float = 0.0


class Tries:
    """Counts tries. May be called from any thread."""

    def __init__(self, people: People, now: Callable[[], float] = time.time) -> None:
        self._people, self._now = people, now

    def begin(self, what: str, name: str, address: str, *, at_line: bool) -> Try:
        """Before a secret is looked at; counts as a wrong try until `right` says otherwise, so that many at once are many.

        Args:
            what: kind of secret; PINs guessed at do not slow the password.
            name: empty where the secret itself says whose it is.
        """
        name, address, now = name.strip().casefold()[:MAX_NAME], counted_as(address), self._now()
        with self._people.database() as db:
            known = db.execute("SELECT 1 FROM known WHERE name = ? AND address = ? AND seen_s > ?", (name, address, now - _KNOWN_S))
            counters = self._counters(what, name, address, at_line, known.fetchone() is not None)
            found = {
                key: (wrong, until_s, last_s)
                for c in counters
                for key, wrong, until_s, last_s in db.execute("SELECT * FROM tries WHERE key = ?", (c.key,))
            }
            wait = max((found[c.key][1] - now for c in counters if c.binds and c.key in found), default=0.0)
            if wait > 0:
                return Try(what, name, address, wait)
            for c in counters:
                wrong, _, last_s = found.get(c.key, (0, 0.0, now))
                wrong = max(0, wrong - int((now - last_s) / _CALM_S)) + 1
                pause = min(2.0 ** min(wrong - c.free, 20), c.most_s) if wrong >= c.free else 0.0
                db.execute("INSERT OR REPLACE INTO tries VALUES (?, ?, ?, ?)", (c.key, wrong, now + pause, now))
            db.execute("DELETE FROM tries WHERE last_s < ?", (now - _FORGET_S,))
            db.execute("DELETE FROM tries WHERE key IN (SELECT key FROM tries ORDER BY last_s DESC LIMIT -1 OFFSET ?)", (_MOST,))
        return Try(what, name, address)

    def right(self, tried: Try, name: str) -> None:
        """The secret was right: the name starts anew, the address is forgiven a few, and is known from now on."""
        name = name.casefold()
        with self._people.database() as db:
            db.execute(
                "DELETE FROM tries WHERE key IN (?, ?, ?)",
                (f"{tried.what} name {name}", f"{tried.what} line {name}", f"{tried.what} pair {name} {tried.address}"),
            )
            db.execute("UPDATE tries SET wrong = max(0, wrong - 4), until_s = 0 WHERE key = ?", (f"{tried.what} address {tried.address}",))
            db.execute("INSERT OR REPLACE INTO known SELECT name, ?, ? FROM users WHERE name = ?", (tried.address, self._now(), name))

    def wait_s(self, tried: Try) -> float:
        """How long the next try of the same name from there will have to wait; for what the page says."""
        keys = (f"{tried.what} pair {tried.name} {tried.address}", f"{tried.what} address {tried.address}")
        row = self._people.reading().execute("SELECT max(until_s) FROM tries WHERE key IN (?, ?)", keys).fetchone()
        return max(0.0, (row[0] or 0.0) - self._now())

    def _counters(self, what: str, name: str, address: str, at_line: bool, known: bool) -> list[_Counter]:
        most = AT_LINE_S if at_line else MAX_WAIT_S
        counters = [_Counter(f"{what} address {address}", 12, most)]
        if name:
            counters += [
                # apart from the line's, so that those who guess elsewhere do not hold up the line
                _Counter(f"{what} {'line' if at_line else 'name'} {name}", 6, most, binds=not known),
                _Counter(f"{what} pair {name} {address}", 4, most),
            ]
        return counters


def set_free(people: People, name: str) -> None:
    """Forget the wrong tries of a name."""
    name = name.casefold()
    with people.database() as db:
        for key, *_ in db.execute("SELECT key FROM tries").fetchall():
            _what, kind, rest = key.split(" ", 2)
            if (kind in ("name", "line") and rest == name) or (kind == "pair" and rest.rpartition(" ")[0] == name):
                db.execute("DELETE FROM tries WHERE key = ?", (key,))
