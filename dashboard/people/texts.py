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
    "login.more": Text(
        "This needs your password; PIN and badge open an operator's pages only",
        "Hierfür ist das Passwort nötig; PIN und Ausweis öffnen nur die Seiten für Bediener",
    ),
    "setup.title": Text("First start", "Erster Start"),
    "setup.hint": Text(
        "Make the first admin. The code stands in the dashboard's output, and on the appliance: gutteil people setup-code",
        "Hier entsteht der erste Administrator. Der Code steht in der Ausgabe der Anzeige, und am Gerät: gutteil people setup-code",
    ),
    "setup.code": Text("One-time code", "Einmal-Code"),
    "setup.name": Text("Your name", "Ihr Name"),
    "setup.again": Text("Password again", "Passwort noch einmal"),
    "setup.password_rule": Text(
        "At least {least} characters; a few words are easy to keep", "Mindestens {least} Zeichen; ein paar Wörter merkt man sich leicht"
    ),
    "setup.go": Text("Make the first admin", "Administrator anlegen"),
    "people.error.password_length": Text(
        "The password needs {least} to {most} characters; a few words are easy to keep",
        "Das Passwort braucht {least} bis {most} Zeichen; ein paar Wörter merkt man sich leicht",
    ),
    "people.error.password_weak": Text(
        "This password is too easy: it is the name, or nearly one character only",
        "Dieses Passwort ist zu leicht: es ist der Name oder fast nur ein Zeichen",
    ),
    "people.error.pin_length": Text("The PIN needs {least} to {most} digits", "Die PIN braucht {least} bis {most} Ziffern"),
    "people.error.pin_weak": Text(
        "This PIN is too easy: all the same, or counting up or down",
        "Diese PIN ist zu leicht: lauter gleiche Ziffern, oder auf- oder absteigend",
    ),
    "people.error.badge": Text(
        "The badge needs {least} to {most} printable characters; scan it again",
        "Der Ausweis braucht {least} bis {most} druckbare Zeichen; noch einmal scannen",
    ),
    "people.error.badge_taken": Text("This badge is somebody else's", "Dieser Ausweis gehört schon jemandem"),
    "people.error.name": Text(
        "The name needs 1 to {most} letters, digits, blanks or . @ ' -, and begins with a letter or digit",
        "Der Name braucht 1 bis {most} Buchstaben, Ziffern, Leerzeichen oder . @ ' - und beginnt mit Buchstabe oder Ziffer",
    ),
    "people.error.taken": Text("There is a {name} already; choose another name", "{name} gibt es schon; anderen Namen wählen"),
    "people.error.unknown": Text("{name} does not exist any more", "{name} gibt es nicht mehr"),
    "people.error.last_admin": Text(
        "{name} is the last admin; make another one first", "{name} ist der letzte Administrator; erst einen weiteren anlegen"
    ),
    "people.error.not_first": Text(
        "There are users already; an admin makes further ones", "Es gibt schon Benutzer; weitere legt ein Administrator an"
    ),
    "people.error.same_password": Text("This is the old password; take another", "Das ist das alte Passwort; ein anderes nehmen"),
    "people.error.own_password": Text("Your password is wrong", "Ihr Passwort ist falsch"),
    "people.error.differ": Text("The two passwords differ", "Die beiden Passwörter sind verschieden"),
    "people.error.code": Text(
        "This is not the code, or its hour is over; the appliance prints a new one: gutteil people setup-code",
        "Das ist nicht der Code, oder seine Stunde ist um; das Gerät zeigt einen neuen: gutteil people setup-code",
    ),
    "people.error.label": Text(
        "The token needs a name of 1 to 40 letters, digits, blanks or . @ : -",
        "Das Token braucht einen Namen aus 1 bis 40 Buchstaben, Ziffern, Leerzeichen oder . @ : -",
    ),
    "people.error.days": Text("1 to {most} days are possible", "1 bis {most} Tage sind möglich"),
    "people.error.scopes": Text(
        "Choose at least one right, and only such as you have", "Mindestens ein Recht wählen, und nur solche, die Sie haben"
    ),
    "people.error.tokens": Text("You have {most} tokens; revoke those that are not used", "Sie haben {most} Token; ungenutzte widerrufen"),
    "people.error.not_yours": Text(
        "This token is somebody else's; ask an admin", "Dieses Token gehört jemand anderem; bitte Administrator fragen"
    ),
    "people.error.reason": Text(
        "The reason needs {least} to {most} characters that say why", "Die Begründung braucht {least} bis {most} Zeichen"
    ),
}
