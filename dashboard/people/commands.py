"""`gutteil people …`: users from the terminal. Works without the dashboard, for rescue; every change is written to the audit chain."""

from __future__ import annotations

import contextlib
import getpass
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from dashboard.people.file import FILE_NAME, PeopleError
from dashboard.people.setup_code import end_code, make_code
from dashboard.people.staff import Staff
from dashboard.people.users import People
from dashboard.record import Record
from edge.config import load

app = typer.Typer(
    help="Who may log in to the dashboard, and as what. Works without the dashboard; run it as the appliance's user.",
    no_args_is_help=True,
    add_completion=False,
)
Config = Annotated[Path, typer.Option("--config", help="settings of the station (TOML); docs/settings.md lists every key")]
Name = Annotated[str, typer.Argument(help="the user's name")]
Who = Annotated[str, typer.Option(help="your name, for the record")]
Role = Annotated[str, typer.Option(help="viewer, operator, engineer, quality or admin: docs/people.md says what each may do")]
OneTime = Annotated[
    bool, typer.Option("--one-time", help="print a random password, to be changed within three days, instead of asking for one")
]


@contextlib.contextmanager
def _open(config: Path) -> Iterator[tuple[People, Staff]]:
    settings = load(config)
    folder = Path(settings.record.folder)
    _as_owner(folder)
    people, record = People(folder), Record(settings.record.folder, settings.name)

    def note(op: str, who: str, text: str) -> None:
        record.note_now(op, who, text, key="command line")

    try:
        yield people, Staff(people, note)
    finally:
        people.close()
        record.close()


def _as_owner(folder: Path) -> None:
    """What another user's process writes there, the appliance could not write any more."""
    for path in (folder / FILE_NAME, folder):
        if path.exists():
            owner = path.stat().st_uid
            if hasattr(os, "geteuid") and os.geteuid() != owner:
                raise PeopleError(
                    f"{path} belongs to another user (number {owner}); run this as that user: sudo -u '#{owner}' gutteil people …"
                )
            return


def _password() -> str:
    """Asked for twice at a terminal; otherwise the first line of standard input."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise PeopleError("the two passwords differ; nothing was changed")
    return password


def _say(text: str) -> None:
    Console().print(escape(text), highlight=False, soft_wrap=True)


@app.command()
def add(name: Name, role: Role, who: Who, config: Config, one_time: OneTime = False) -> None:
    """Let somebody in. Asks for the password; with --one-time it makes one."""
    with _open(config) as (people, staff):
        password = staff.add(who, name, role, None if one_time else _password())
        end_code(people.path.parent)
    _say(
        f"{name.strip()} may log in as {role}" + (f", with this password, to be changed within three days: {password}" if one_time else "")
    )


@app.command("list")
def list_users(config: Config) -> None:
    """Everybody there is."""
    with _open(config) as (people, _):
        users = people.all_users()
    table = Table("name", "role", "PIN", "badge", "state")
    for user in users:
        state = "disabled" if user.disabled else "one-time password" if user.one_time else "demo" if user.demo else "may log in"
        table.add_row(escape(user.name), user.role, "yes" if user.has_pin else "", "yes" if user.has_badge else "", state)
    Console().print(table if users else "No user yet: gutteil people add NAME --role admin --who NAME --config FILE")


@app.command()
def disable(name: Name, who: Who, config: Config) -> None:
    """Shut somebody out, and end their sessions."""
    with _open(config) as (_, staff):
        staff.set_disabled(who, name, True)
    _say(f"{name} may not log in any more")


@app.command()
def enable(name: Name, who: Who, config: Config) -> None:
    """Let somebody in again."""
    with _open(config) as (_, staff):
        staff.set_disabled(who, name, False)
    _say(f"{name} may log in again")


@app.command()
def remove(name: Name, who: Who, config: Config) -> None:
    """Erase somebody who has left. Their name stays in the record, where it is evidence."""
    with _open(config) as (_, staff):
        staff.remove(who, name)
    _say(f"{name} is erased")


@app.command()
def password(name: Name, who: Who, config: Config, one_time: OneTime = False) -> None:
    """Give somebody another password, end their sessions and the waits after wrong tries."""
    with _open(config) as (_, staff):
        if one_time:
            made = staff.reset_password(who, name)
            _say(f"{name} logs in with this password, to be changed within three days: {made}")
        else:
            staff.set_password(who, name, _password())
            _say(f"{name} has a new password")


@app.command()
def role(name: Name, role: Annotated[str, typer.Argument(help="the new role")], who: Who, config: Config) -> None:
    """Give somebody another role, and end their sessions."""
    with _open(config) as (_, staff):
        staff.set_role(who, name, role)
    _say(f"{name} is {role} now")


@app.command("setup-code")
def setup_code(config: Config) -> None:
    """The one-time code with which the browser makes the first admin, at /setup."""
    with _open(config) as (people, _):
        if people.anybody():
            raise PeopleError("there are users already; an admin makes further ones, or: gutteil people add")
        made = make_code(people.path.parent)
    _say(f"{made.code}   (good for {max(1, round((made.until_s - time.time()) / 60))} min)")
