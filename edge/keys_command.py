"""`gutteil keys`: make, list, add and revoke, in words. Prints where a secret lies, never the secret."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from edge.errors import KeysError
from edge.keys import OWN, Role, add, listed, make, read_server, revoke


def keys_command(
    folder: Path, name: str, role: Role | None, public: str, revoked: str, show: bool, console: Console
) -> list[dict[str, Any]]:
    """Do what is asked for and return the list of clients.

    Raises:
        KeysError: the options do not go together, or as `edge.keys`.
    """
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    if sum(map(bool, (name, revoked, show))) > 1:
        raise KeysError("--add, --revoke and --list each go alone")
    if bool(name) != (role is not None) or (public and not name):
        raise KeysError("--add NAME goes with --role watch, reject or command; --public only with --add")
    if name and role is not None:
        path = add(folder, name, role, public)
        if public:
            say(f"{name} is listed as {role}. It needs the appliance's public key: {read_server(folder).public}")
        else:
            say(f"{name} is listed as {role}. Carry {path} to its machine, then delete it here: its secret is in it.")
    elif revoked:
        revoke(folder, revoked)
        say(f"{revoked} is revoked: it cannot connect again. To end what it reads now, start station, rejector and recorder anew.")
    elif not show:
        make(folder)
        say(f'The appliance has its keys in {folder}. Set in the settings file: [keys] folder = "{folder}"')
    return [{"name": c.name, "role": c.role, "public": c.public, "own": c.name.startswith(OWN)} for c in listed(folder)]
