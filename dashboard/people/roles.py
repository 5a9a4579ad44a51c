"""Who may do what. One table: a page and an action name a permission, a role is a set of permissions."""

from __future__ import annotations

from typing import Final, Literal, get_args

Role = Literal["viewer", "operator", "engineer", "quality", "admin"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

Permission = Literal[
    "look",  # at the line's page; anybody in front of the screen has it
    "history",  # search parts, see a part
    "statistics",
    "acknowledge",  # alarms and stops of the line
    "review",  # say what a part really was
    "label",  # draw and correct boxes, choose what trains the next model
    "export",  # take pictures and tables out
    "recipes",  # write a recipe and propose it
    "models",  # register, shadow and propose a model
    "release",  # as the second person: recipes and models
    "setup",  # camera, trigger, ejector, self-test
    "people",  # users, roles, tokens
    "audit",  # read and verify the audit log
    "persons",  # switch on figures per person, with a reason and for a while
    "self",  # one's own password, PIN, language, sessions; everybody who is logged in
]
PERMISSIONS: Final[tuple[Permission, ...]] = get_args(Permission)

ANYBODY: Final[frozenset[Permission]] = frozenset({"look"})
_VIEWER: Final[frozenset[Permission]] = frozenset({*ANYBODY, "self", "history", "statistics"})
_OPERATOR: Final[frozenset[Permission]] = frozenset({*_VIEWER, "acknowledge", "review"})
GRANTS: Final[dict[Role, frozenset[Permission]]] = {
    "viewer": _VIEWER,
    "operator": _OPERATOR,
    "engineer": frozenset({*_OPERATOR, "label", "export", "recipes", "models", "setup"}),
    "quality": frozenset({*_OPERATOR, "label", "export", "release", "audit", "persons"}),
    # an admin looks after people and machine, and neither judges parts nor releases: whoever can make users must not be both persons
    "admin": frozenset({*_VIEWER, "acknowledge", "setup", "people", "audit", "persons"}),
}
# whoever comes by PIN or badge does an operator's work at the line, whatever their role: four digits release no model
QUICK: Final[frozenset[Permission]] = _OPERATOR
# whoever got their password from somebody else first chooses their own
FIRST_STEP: Final[frozenset[Permission]] = frozenset({*ANYBODY, "self"})
