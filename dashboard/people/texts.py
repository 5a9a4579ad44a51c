"""Texts of login and people."""

from __future__ import annotations

from dashboard.text import Text

TEXTS: dict[str, Text] = {
    "login.title": Text("Log in", "Anmelden"),
    "login.name": Text("Name", "Name"),
    "login.password": Text("Password", "Passwort"),
    "login.go": Text("Log in", "Anmelden"),
    "login.wrong": Text(
        "Not recognised: name, password, PIN or badge is wrong", "Nicht erkannt: Name, Passwort, PIN oder Ausweis ist falsch"
    ),
    "login.wait": Text("Try again in {seconds} s", "In {seconds} s noch einmal versuchen"),
    "login.wait_a_moment": Text("Too many tries; wait a moment", "Zu viele Versuche; einen Moment warten"),
    "login.line_only": Text("PIN and badge work at the line's own terminals only", "PIN und Ausweis gelten nur an den Terminals der Linie"),
    "login.with_password": Text("With your password", "Mit Passwort"),
    "login.who": Text("Who are you?", "Wer sind Sie?"),
    "login.badge": Text("Or scan your badge", "Oder Ausweis scannen"),
    "login.others": Text("All names", "Alle Namen"),
    "login.pin": Text("PIN", "PIN"),
    "login.delete": Text("Delete a digit", "Ziffer löschen"),
}
