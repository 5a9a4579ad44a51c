"""The model's document: whole in both languages, honest about what is not known, and deaf to markup in names."""

from __future__ import annotations

import dataclasses
import re
import string
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.bounds import share
from edge.lifecycle import EVENTS, STATES
from training.document.facts import Change, Facts, Keeping
from training.document.words import LANGUAGES, WORDS, Language, word
from training.document.write import markdown, page

CARD: dict[str, Any] = {
    "name": "tiles", "classes": ["crack", "fray"], "planes": ["gray"], "width_px": 640, "height_px": 640, "licence": "Apache-2.0",
    "data_hash": "ab" * 32, "scores": {"map_50": 0.9512}, "scored_on": "tiles/val.json", "precision": "int8",
    "trainer": "gutteil train", "command": "gutteil train --data x", "created": "2026-11-20",
}  # fmt: skip
BARE = Facts(product="tile", sha256="cd" * 32, card={**CARD, "scores": {}, "data_hash": "", "trainer": "", "command": "", "created": ""}, state="candidate", registered_by="Anna",
             registered_at="2026-11-24T10:00:00Z", code="0.1.0", made_at="2026-11-24 11:00")  # fmt: skip
FULL = dataclasses.replace(
    BARE, card=CARD, state="active", purpose="Final check before packing", limits="Not for glazed tiles",
    evaluation={
        "data": "test.json", "parts": 239, "images": 400, "warnings": ["warn.trained"], "undecided": 3, "escape": share(1, 139).as_dict(),
        "overkill": share(2, 100).as_dict(), "classes": [{"class": "crack", "escape": share(0, 20).as_dict()}, {"class": "fray", "escape": share(1, 119).as_dict()}],
    },
    parity={"passed": True, "failures": [], "images": 400, "flipped": 0, "max_box_px": 0.01, "max_score": 0.0001},
    latency={"Jetson Orin, tensorrt": 4.25}, rules={"default": (0.65, 0.4)}, recipe="tile.toml",
    snapshot={"images": 900, "splits": {"train": {"images": 900, "verdict OK": 500, "verdict NG": 400}}, "split_by": "part", "sources": {"record": 900}, "who": {"Anna": 700}, "corrected": 12},
    shadow={"parts": 5000, "skipped": 12, "disagreements": 9, "reviewed": 9, "right": 8, "escapes": 0},
    changes=[Change("propose", "shadow", "Anna", "better on frays", "2026-11-23T08:00:00Z", "anna"), Change("release", "active", "Ben", "ok", "2026-11-24T08:00:00Z", "ben")],
    system={"onnxruntime": "1.31.1"}, keeping=Keeping(90, 40.5, 1412, "", "ef" * 32), before="old (12ab)",
)  # fmt: skip


@pytest.mark.parametrize("key", WORDS)
def test_both_languages_say_the_same_things(key: str) -> None:
    english, german = WORDS[key]
    assert [sorted(f for _, f, _, _ in string.Formatter().parse(t) if f) for t in (english, german)][0:2] == [
        sorted(f for _, f, _, _ in string.Formatter().parse(english) if f)
    ] * 2
    assert english.strip()
    assert german.strip()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_is_in_it(language: Language) -> None:
    text = markdown(FULL, language).replace("\N{NO-BREAK SPACE}", " ")
    for fact in ("cd" * 32, "ab" * 32, "Final check before packing", "Not for glazed tiles", "Anna", "Ben", "better on frays", "old (12ab)", "1.31.1", "Jetson Orin"):  # fmt: skip
        assert fact in text, fact
    sign = "," if language == "de" else "."
    assert f"0{sign}72 %" in text  # one of 139
    assert f"4{sign}2 ms" in text or f"4{sign}3 ms" in text
    assert word("open", language) not in text
    assert word("limit.few", language, name="crack", of=20, high=f"16{sign}8 %") in text  # 1 - 0.025^(1/20)
    assert word("limit.trained", language) in text
    assert page(FULL, language).count("<h2>") == 13


def test_german_is_german_in_states_steps_and_figures() -> None:
    """Every state and step of the registry; what is quoted (versions, names) is left out of the search for decimal points."""
    changes = [Change(e, s, "Anna", "Grund", "2026-11-23T08:00:00.123Z", "none") for e in EVENTS for s in STATES]
    parity = {"passed": True, "failures": [], "images": 400, "flipped": 0, "max_box_px": 0.0, "max_score": 0.00012345}
    for state in STATES:
        text = markdown(dataclasses.replace(FULL, state=state, changes=changes, parity=parity, system={}, code="x", recipe="tile"), "de")
        assert re.findall(r"\d\.(?!\d{3}\b)\d+", text.replace(CARD["licence"], "")) == []
        known = text.split("## Wer entschieden hat")[1].split("## ")[0] + next(line for line in text.splitlines() if "**Zustand**" in line)
        assert set(re.findall(r"[a-z]+", known.lower())) & {*STATES, *EVENTS, "default", "days", "rows"} == set()
    assert "train: Bilder 900, OK 500, NG 400" in text
    assert "0,00 px" in text
    assert "0,0001" in text
    assert "0,65 | 0,40" in text
    assert "alle anderen Klassen" in text
    assert "90 Tage, höchstens 40,5 GB" in text
    assert "1.412 Zeilen" in text
    assert "23 08:00:00 |" in text


@pytest.mark.parametrize("code", [f"state.{s}" for s in STATES] + [f"event.{e}" for e in EVENTS])
def test_every_state_and_step_has_its_words(code: str) -> None:
    assert code in WORDS


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_nobody_recorded_is_open_and_nothing_is_claimed(language: Language) -> None:
    text = markdown(BARE, language)
    assert text.count(word("open", language)) >= 8
    assert word("limit.none", language) in text
    assert word("passed", language) not in text
    assert word("annex.yours", language) in text


class _Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.hrefs: list[Any] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.hrefs += [v for k, v in attrs if k in ("href", "src", "onerror", "onclick")]


PLAIN = _Tags(page(FULL, "en")).tags
HOSTILE = ["<script>x</script>", "a|b|c", "[x](javascript:1)", "![p](http://x/y.png)", "# head", "a\n\n## b", "`c` **d** _e_ ~~f~~", "<img src=x>", "1. a", "- x", "http://a.b/c", "\\| \\<b>"]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(HOSTILE) | st.text(min_size=1, max_size=30).filter(lambda t: t.split()))
def test_names_never_become_markup(text: str) -> None:
    card = {**CARD, "name": text, "trainer": text, "command": text, "classes": [text, "fray"]}
    changes = [dataclasses.replace(c, who=text, reason=text) for c in FULL.changes]
    facts = dataclasses.replace(FULL, card=card, changes=changes, purpose=text, product=text)
    seen = _Tags(page(facts, "en"))
    assert seen.tags == PLAIN
    assert seen.hrefs == []
