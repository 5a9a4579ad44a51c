"""Orders about versions, with a reason asked for: release, decline, activate, roll back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from dashboard.desk import Desk
from dashboard.frame import Visit
from dashboard.kit import ask_reason, say
from edge.recipe_library import Hand, Library
from edge.recipe_versions import Version

Order = Literal["release", "decline", "activate", "rollback"]
_GIVE: Final[dict[Order, Callable[[Library, str, str, Hand, str], Version]]] = {
    "release": Library.release,
    "decline": Library.decline,
    "activate": Library.activate,
    "rollback": lambda library, name, _version, hand, reason: library.rollback(name, hand, reason),
}
# title of the question, button, what is said afterwards
WORDS: Final[dict[Order, tuple[str, str, str]]] = {
    "release": ("recipes.release_title", "recipes.release", "recipes.released"),
    "decline": ("recipes.decline_title", "recipes.decline", "recipes.declined"),
    "activate": ("recipes.activate_title", "recipes.activate", "recipes.activated"),
    "rollback": ("recipes.rollback_title", "recipes.rollback", "recipes.rolled_back"),
}


async def order(visited: Visit, desk: Desk, what: Order, name: str, version: int) -> bool:
    """Ask for a reason and give an order about a version; whether it was given.

    Raises:
        RecipeError, StoreError, PeopleError: it was refused.
    """
    t, (title, go, done) = visited.t, WORDS[what]
    reason = await ask_reason(visited, t(title, n=version), t(go, n=version), t("recipes.reason"))
    if reason is None:
        return False
    # what was released by two may be taken and taken back by either of them
    person = visited.actor("release" if what == "release" or not visited.may("recipes") else "recipes")
    hand = Hand(person.name, "dashboard")
    await desk.record.change(lambda store: _GIVE[what](Library(store, desk.config), name, str(version), hand, reason))
    say(t(done, n=version))
    return True
