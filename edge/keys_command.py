"""`gutteil keys`: make, list, add and revoke, in words. Prints where a secret lies, never the secret."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Literal

from rich.console import Console

from edge.errors import KeysError
from edge.keys import OWN, Role, add, listed, make, read_server, revoke
from edge.signing import SIGNERS, Signer, add_signer, revoke_signer, signers


def keys_command(
    folder: Path, name: str, role: Role | Literal["sign"] | None, public: str, revoked: str, show: bool, console: Console
) -> list[dict[str, Any]]:
    """Do what is asked for and return the list of clients and signers.

    Raises:
        KeysError: the options do not go together, or as `edge.keys`.
    """
    say = partial(console.print, markup=False, highlight=False, soft_wrap=True)
    if sum(map(bool, (name, revoked, show))) > 1:
        raise KeysError("--add, --revoke and --list each go alone")
    if bool(name) != (role is not None) or (public and not name):
        raise KeysError("--add NAME goes with --role watch, reject, command or sign; --public only with --add")
    people = _signers(folder)
    if name and role == "sign":
        path = add_signer(folder, name, public)
        if not public:
            say(f"{name} may sign models. Carry {path} to their machine, then delete it here: the secret is in it.")
        say(f'Copy {folder / SIGNERS} to every appliance and set in its settings file: [keys] signers = "{SIGNERS}"')
    elif revoked in people:
        revoke_signer(folder, revoked)
        say(f"{revoked} may not sign any more: copy {folder / SIGNERS} to every appliance. A station that has loaded a model keeps it.")
    elif name and role is not None and role != "sign":
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
    people = _signers(folder)
    clients = listed(folder) if (folder / "clients").is_dir() or not people else []
    found = [{"name": c.name, "role": c.role, "public": c.public, "own": c.name.startswith(OWN)} for c in clients]
    return [*found, *({"name": s.name, "role": "sign", "public": s.public, "own": False} for s in people.values())]


def _signers(folder: Path) -> dict[str, Signer]:
    return signers(folder / SIGNERS) if (folder / SIGNERS).is_dir() else {}
