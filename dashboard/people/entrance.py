"""Who comes in by which secret: slowed, counted, and written down where guessing was stopped."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from dashboard.people.file import PeopleError
from dashboard.people.sessions import Method, Sessions
from dashboard.people.terminals import Terminals
from dashboard.people.tries import Tries, Try
from dashboard.people.users import People, Person
from dashboard.record import Record
from edge.errors import StoreError

_WORTH_NOTING_S = 60.0
P = ParamSpec("P")
T = TypeVar("T")


class Refused(PeopleError):
    """Nobody was let in.

    Attributes:
        code: `wrong`, `wait` or `line` (a PIN or badge from elsewhere).
        wait_s: how long the next try has to wait.
    """

    def __init__(self, code: str, wait_s: float = 0.0) -> None:
        super().__init__(f"{code}: try again in {wait_s:.0f} s" if wait_s else code)
        self.code, self.wait_s = code, wait_s


class Entrance:
    """Begins sessions. Its calls take as long as argon2 does: `wait_for` makes them where they hold up nobody else."""

    def __init__(self, people: People, sessions: Sessions, tries: Tries, terminals: Terminals, record: Record) -> None:
        self._people, self._sessions, self._tries, self._record = people, sessions, tries, record
        self.terminals = terminals
        self._one = ThreadPoolExecutor(1, "entrance")

    def close(self) -> None:
        self._one.shutdown(cancel_futures=True)

    async def wait_for(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Make a call whose caller nobody knows yet: one after the other in a thread of their own, so that a flood of them takes no
        thread from those who are logged in."""
        return await asyncio.get_running_loop().run_in_executor(self._one, partial(call, *args, **kwargs))

    def names(self, address: str) -> list[str]:
        """Whom a terminal at the line offers to choose from; elsewhere nobody is named."""
        return self._people.with_pin() if self.terminals.has(address) else []

    def enter(self, method: Method, name: str, secret: str, address: str, browser: str) -> tuple[Person, str]:
        """Who it is, and the token for their browser.

        Raises:
            Refused: the secret is wrong, or it is too early to try again.
        """
        at_line = self.terminals.has(address)
        if method != "password" and not at_line:
            raise Refused("line")
        tried = self._tries.begin(method, "" if method == "badge" else name, address, at_line=at_line)
        if tried.wait_s:
            raise Refused("wait", tried.wait_s)
        if method == "password":
            person = self._people.check(name, secret)
        elif method == "pin":
            person = self._people.check_pin(name, secret)
        else:
            person = self._people.check_badge(secret)
        if person is None:
            wait_s = self._tries.wait_s(tried)
            if wait_s >= _WORTH_NOTING_S:
                self._note("login-slowed", name.strip() or "?", f"{method} from {address}: next try in {wait_s:.0f} s", accepted=False)
            raise Refused("wrong", wait_s)
        self._tries.right(tried, person.name)
        self._note("login", person.name, f"by {method} from {address}")
        return person, self._sessions.begin(person, method, address, browser)

    def confirm(self, person: Person, password: str, address: str) -> None:
        """Ask somebody who is logged in for their password again, before they change what opens the door.

        Raises:
            Refused: as `enter`.
        """
        tried = self._tries.begin("password", person.name, address, at_line=self.terminals.has(address))
        if tried.wait_s:
            raise Refused("wait", tried.wait_s)
        if self._people.check(person.name, password) is None:
            raise Refused("wrong", self._tries.wait_s(tried))
        self._tries.right(tried, person.name)

    def slow(self, what: str, address: str) -> Try:
        """A try of something else than a person's secret.

        Raises:
            Refused: it is too early.
        """
        tried = self._tries.begin(what, "", address, at_line=self.terminals.has(address))
        if tried.wait_s:
            raise Refused("wait", tried.wait_s)
        return tried

    def through(self, tried: Try) -> None:
        """It was right."""
        self._tries.right(tried, "")

    def _note(self, op: str, who: str, text: str, *, accepted: bool = True) -> None:
        # changes nothing, so it goes on without: a full disk must keep nobody from acknowledging a stop
        with contextlib.suppress(StoreError):
            self._record.note_now(op, who[:60], text, accepted=accepted)
