"""Passwords, PINs and badges: which are good enough, and what is kept of them, which is argon2id hashes only."""

from __future__ import annotations

import secrets
import threading
from functools import cached_property
from itertools import pairwise
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from argon2.low_level import Type, hash_secret_raw

from dashboard.people.file import PeopleError

MIN_PASSWORD: Final = 10
MAX_PASSWORD: Final = 200
MIN_PIN: Final = 4
MAX_PIN: Final = 12
MIN_BADGE: Final = 6
MAX_BADGE: Final = 200
MEMORY_KIB: Final = 65_536
_CONSONANTS, _VOWELS = "bdfgklmnprstvz", "aeiou"
_STEPS = {(1,), (-1,), (0,)}


class Hasher:
    """argon2id (RFC 9106, its second recommended setting: 64 MiB, 3 passes). One hash at a time, as each takes that memory."""

    def __init__(self, memory_kib: int = MEMORY_KIB) -> None:
        self._hasher, self._memory_kib = PasswordHasher(time_cost=3, memory_cost=memory_kib, parallelism=4), memory_kib
        self._one = threading.Lock()

    @cached_property
    def _nobody(self) -> str:
        return self._hasher.hash("nobody")

    def hash(self, secret: str) -> str:
        with self._one:
            return self._hasher.hash(secret)

    def fits(self, hashed: str | None, secret: str) -> bool:
        """Whether it is the secret; where there is none, the answer no takes as long."""
        with self._one:
            try:
                self._hasher.verify(hashed or self._nobody, secret[:MAX_PASSWORD])
            except (Argon2Error, InvalidHashError):
                return False
        return hashed is not None

    def badge(self, text: str, salt: bytes) -> bytes:
        """A badge's hash: the same salt for every badge of one appliance, as a badge alone must say whose it is."""
        with self._one:
            return hash_secret_raw(text.encode(), salt, time_cost=3, memory_cost=self._memory_kib, parallelism=4, hash_len=32, type=Type.ID)


def checked_password(password: str, name: str = "") -> str:
    """A password that is long enough and not absurdly long.

    Raises:
        PeopleError: it is not, or it is the name.
    """
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise PeopleError(
            f"password: {MIN_PASSWORD} to {MAX_PASSWORD} characters are needed; a few words are easier to keep than one odd one",
            "people.error.password_length",
            least=MIN_PASSWORD,
            most=MAX_PASSWORD,
        )
    if len(set(password)) < 5 or (name and password.casefold().strip() == name.casefold()):
        raise PeopleError(
            "password: it is the name, or has fewer than 5 different characters; take a few words", "people.error.password_weak"
        )
    return password


def checked_pin(pin: str) -> str:
    """A PIN of enough digits that is not the first one tried.

    Raises:
        PeopleError: it is not.
    """
    if not (MIN_PIN <= len(pin) <= MAX_PIN and pin.isascii() and pin.isdigit()):
        raise PeopleError(f"PIN: {MIN_PIN} to {MAX_PIN} digits are needed", "people.error.pin_length", least=MIN_PIN, most=MAX_PIN)
    if tuple({int(b) - int(a) for a, b in pairwise(pin)}) in _STEPS:
        raise PeopleError(
            "PIN: digits that are all the same or count up or down are the first to be tried; take others", "people.error.pin_weak"
        )
    return pin


def checked_badge(text: str) -> str:
    """The text that a scanner types for a badge.

    Raises:
        PeopleError: too short, too long, or not printable.
    """
    text = text.strip()
    if not (MIN_BADGE <= len(text) <= MAX_BADGE and text.isprintable()):
        raise PeopleError(
            f"badge: {MIN_BADGE} to {MAX_BADGE} printable characters are needed; scan it again",
            "people.error.badge",
            least=MIN_BADGE,
            most=MAX_BADGE,
        )
    return text


def made_password(syllables: int = 8) -> str:
    """A random password that can be read out: 6.1 bits a syllable."""
    said = [secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS) for _ in range(syllables)]
    return "-".join("".join(said[i : i + 2]) for i in range(0, syllables, 2))


def made_pin(digits: int = MIN_PIN) -> str:
    """A random PIN that is good enough."""
    while True:
        pin = "".join(secrets.choice("0123456789") for _ in range(digits))
        try:
            return checked_pin(pin)
        except PeopleError:
            continue
