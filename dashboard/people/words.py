"""What could not be done, in the visitor's language, as far as it is one of the people's own errors."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager

from dashboard.frame import Visit
from dashboard.people.entrance import Refused
from dashboard.people.file import PeopleError


def in_words(visited: Visit, error: PeopleError) -> str:
    """The error for this visitor."""
    if isinstance(error, Refused):
        if error.code == "wait":
            return visited.t("login.wait", seconds=math.ceil(error.wait_s))
        return visited.t("people.error.own_password" if error.code == "wrong" else "login.line_only")
    return visited.t(error.key, **error.values) if error.key else str(error)


@contextmanager
def in_their_words(visited: Visit) -> Iterator[None]:
    """Errors of people that are raised inside speak the visitor's language from here on."""
    try:
        yield
    except PeopleError as error:
        raise PeopleError(in_words(visited, error)) from error
