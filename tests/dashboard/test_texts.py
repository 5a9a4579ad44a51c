"""No text is missing in a language, none is used that does not exist, none is kept that nobody uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dashboard.texts import LANGUAGES, TEXTS, choose_language, texts_of
from edge.supervisor import REMEDIES

ROOT = Path(__file__).resolve().parents[2]
SOURCES = [*sorted((ROOT / "dashboard").rglob("*.py")), *sorted((ROOT / "dashboard" / "assets").glob("*.js"))]
PLACES = sorted({key.split(".")[0] for key in TEXTS})


def _written() -> tuple[set[str], set[str]]:
    """Keys written out in the sources, and beginnings of keys that are put together there."""
    whole: set[str] = set()
    begun: set[str] = set()
    for source in SOURCES:
        if source.name in ("texts.py", "text.py"):
            continue
        for key, closing in re.findall(rf"[\"'`]((?:{'|'.join(PLACES)})\.[A-Za-z_.-]*)([\"'`${{])", source.read_text("utf-8")):
            if key.endswith((".css", ".js", ".db")):
                continue
            (begun if key.endswith(".") or closing in "${" else whole).add(key)
    return whole, begun


@pytest.mark.parametrize("key", sorted(TEXTS))
def test_text_is_there_in_every_language(key: str) -> None:
    for language in LANGUAGES:
        text = getattr(TEXTS[key], language)
        assert text.strip() == text, f"{key} in {language} begins or ends with a blank"
        assert text, f"{key} is empty in {language}"
    places = [set(re.findall(r"\{(\w+)\}", getattr(TEXTS[key], language))) for language in LANGUAGES]
    assert places[0] == places[1], f"{key}: the languages fill in different names"


def test_every_text_that_is_used_exists() -> None:
    whole, begun = _written()
    assert len(whole) > 30, "the search for used texts finds next to nothing: it is broken"
    assert not sorted(key for key in whole if key not in TEXTS)
    assert not sorted(start for start in begun if not any(key.startswith(start) for key in TEXTS))


def test_every_text_is_used() -> None:
    whole, begun = _written()
    assert not sorted(key for key in TEXTS if key not in whole and not any(key.startswith(start) for start in begun))


def test_every_alarm_of_the_line_is_translated() -> None:
    codes: set[str] = set()
    for source in sorted((ROOT / "edge").glob("*.py")):
        codes |= set(re.findall(r"(?:[Aa]larms?\.set|_fault|_notice)\(\s*\"([a-z][a-z-]+)\"", source.read_text("utf-8")))
    assert {"camera-gone", "plc-gone", "line-stopped", "record-not-kept"} <= codes, "the search for alarms is broken"
    codes |= set(REMEDIES)  # the stops
    assert not sorted(code for code in codes if f"reason.{code}" not in TEXTS or f"remedy.{code}" not in TEXTS)


def test_every_reason_and_note_of_the_dashboard_is_translated() -> None:
    source = (ROOT / "dashboard" / "standing.py").read_text("utf-8") + (ROOT / "dashboard" / "live.py").read_text("utf-8")
    reasons = set(re.findall(r'Reason\("([a-z-]+)"', source))
    notes = set(re.findall(r'HealthView\([^,]+, "[a-z]+", "([a-z-]+)"', source)) | set(re.findall(r'return "[a-z]+", "([a-z-]+)"', source))
    assert len(reasons) >= 8
    assert len(notes) >= 8
    assert not sorted(r for r in reasons if f"reason.{r}" not in TEXTS or f"remedy.{r}" not in TEXTS)
    assert not sorted(n for n in notes if f"note.{n}" not in TEXTS)


@pytest.mark.parametrize(
    ("cookie", "accept", "language"),
    [
        (None, None, "en"),
        (None, "de-DE,de;q=0.9,en;q=0.8", "de"),
        (None, "en-US,en;q=0.9,de;q=0.8", "en"),
        (None, "fr, de;q=0.4, en;q=0.7", "en"),
        (None, "fr-FR", "en"),
        (None, "de;q=nonsense", "en"),
        (None, "de;q=0", "en"),
        ("de", "en-US", "de"),
        ("en", "de-DE", "en"),
        ("<script>", "de", "de"),
    ],
)
def test_the_switch_wins_over_the_browser_and_the_browser_over_english(cookie: str | None, accept: str | None, language: str) -> None:
    assert choose_language(cookie, accept) == language


def test_all_texts_of_a_language() -> None:
    assert texts_of("de")["word.UNDECIDED"] == "UNKLAR"
    assert texts_of("en")["word.UNDECIDED"] == "UNDECIDED"
