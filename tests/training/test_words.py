"""The reports' texts: the same values in both languages, numbers as each writes them."""

from __future__ import annotations

import re
from pathlib import Path
from string import Formatter

import pytest

import training
from training.words import TEXTS, Words

ROOM = Path(training.__path__[0])


@pytest.mark.parametrize("key", TEXTS)
def test_both_languages_say_the_same_values(key: str) -> None:
    en, de = ({field for _, field, _, _ in Formatter().parse(text) if field} for text in TEXTS[key])
    assert en == de
    assert all(text.strip() for text in TEXTS[key])


def test_every_text_is_used_and_every_used_one_is_there() -> None:
    source = "".join(p.read_text("utf-8") for p in [*ROOM.rglob("*.py"), *ROOM.rglob("*.html")] if p.name != "words.py")
    source += (ROOM / "words.py").read_text("utf-8").partition("class Words")[2]
    unused = {key for key in TEXTS if not re.search(rf"['\"]{re.escape(key)}['\"]", source)}
    assert unused == set()
    asked = set(re.findall(r"\bt\('([a-z_.]+)'", source))
    assert asked <= set(TEXTS)


def test_numbers_by_hand() -> None:
    en, de = Words("en"), Words("de")
    assert [w.number(1234.5, 1) for w in (en, de)] == ["1,234.5", "1.234,5"]
    assert [en.amount(v) for v in (0, 8, 0.0412, 12.34, 1234.4)] == ["0", "8", "0.04", "12.3", "1,234"]
    assert [w.percent(0.0198) for w in (en, de)] == ["1.98\u00a0%", "1,98\u00a0%"]
    assert [w.score(0.5) for w in (en, de)] == ["0.50", "0,50"]
    assert [en.score(v) for v in (0.0123, 0.45678, 1.0, 0.3)] == ["0.0123", "0.4568", "1.00", "0.30"]
    assert en.percent(0.339) == "33.9\u00a0%"
    assert [w.chance(p) for w, p in ((en, 0.0412), (de, 1e-9))] == ["p = 0.0412", "p < 0,0001"]
    assert de.share({"count": 3, "of": 1500}) == "3 von 1.500"
    assert en.place("/a/b/c/val.json") == "c/val.json"
