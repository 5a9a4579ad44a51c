"""Texts of login and people."""

from __future__ import annotations

from dashboard.text import Text

TEXTS: dict[str, Text] = {
    "login.title": Text("Log in", "Anmelden"),
    "login.name": Text("Name", "Name"),
    "login.password": Text("Password", "Passwort"),
    "login.go": Text("Log in", "Anmelden"),
    "login.wrong": Text("Name or password is wrong", "Name oder Passwort ist falsch"),
}
