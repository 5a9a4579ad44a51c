"""docs/people.md says what the code says."""

from __future__ import annotations

import re
from pathlib import Path

from dashboard.people.rates import LIMITS
from dashboard.people.roles import GRANTS, PERMISSIONS, ROLES

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "people.md").read_text("utf-8")


def test_the_table_of_roles_is_the_codes() -> None:
    heading = re.search(r"^\| right \| (.*) \| meaning \|$", PAGE, re.MULTILINE)
    assert heading is not None
    assert tuple(heading[1].split(" | ")) == ROLES
    rows = {m[1]: m[2].split(" | ") for m in re.finditer(r"^\| `(\w+)` \| ((?:[✓–] \| ){5})", PAGE, re.MULTILINE)}
    assert set(rows) == set(PERMISSIONS)
    for permission in PERMISSIONS:
        marks = [mark.strip(" |") for mark in rows[permission]][: len(ROLES)]
        assert marks == ["✓" if permission in GRANTS[role] else "–" for role in ROLES], permission


def test_the_table_of_rates_is_the_codes() -> None:
    rows = re.findall(r"^\| [\w ]+ \| (\d+) \| (\d+) \| (?:token|address)", PAGE, re.MULTILINE)
    assert sorted((float(a), float(b)) for a, b in rows) == sorted(LIMITS.values())
