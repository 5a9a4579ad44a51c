"""Which language a question is asked in: only German and English are told apart, by their commonest words."""

from __future__ import annotations

import re
from typing import Literal

Language = Literal["de", "en"]
_WORD = re.compile(r"[^\W\d_]+")
_GERMAN = frozenset(
    _WORD.findall(
        "der die das den dem des ein eine einen einem einer und oder ist sind war waren wird werden wurde wurden hat haben hatte nicht mit von"
        " zu zum zur im in am auf für bei aus nach über unter wie was wer wo wann warum wieso welche welcher welches welchen wem wen viele"
        " viel gibt es ich wir sie man darf muss soll kann wofür womit worin woher wohin als auch durch gegen"
    )
)
_ENGLISH = frozenset(  # without "a" and "i", which are letters of part numbers
    _WORD.findall(
        "the an and or is are was were be been will would has have had not with of to in on at for from by after over under how what who"
        " where when why which whose whom many much does did do there it we they must may should can than as also through against between"
    )
)


def language_of(question: str) -> Language:
    """German where the words say so or say nothing: the line's language."""
    words = [word.lower() for word in _WORD.findall(question)]
    german = sum(word in _GERMAN for word in words) + 2 * sum(not word.isascii() and bool(set(word) & set("äöüß")) for word in words)
    english = sum(word in _ENGLISH for word in words)
    return "en" if english > german else "de"
