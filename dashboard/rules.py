"""The rules of control charts in words: both schools share their texts, the marks on the charts tell them apart."""

from __future__ import annotations

from typing import Final

_WORDS: Final = {
    "nelson-1": "beyond-3",
    "nelson-2": "same-side",
    "nelson-3": "steady",
    "nelson-4": "alternating",
    "nelson-5": "two-of-three",
    "nelson-6": "four-of-five",
    "nelson-7": "hugging",
    "nelson-8": "both-sides",
    "western-electric-1": "beyond-3",
    "western-electric-2": "two-of-three",
    "western-electric-3": "four-of-five",
    "western-electric-4": "same-side",
}


def mark(rule: str) -> str:
    """What stands at the point: N1 to N8, or W1 to W4."""
    school, _, number = rule.rpartition("-")
    return school[0].upper() + number


def words(texts: dict[str, str], rule: str) -> tuple[str, str]:
    """What is to be seen, and what to look at."""
    name = _WORDS[rule]
    return texts["rule." + name], texts["look." + name]
