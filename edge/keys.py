"""CURVE keys of the bus: who may read, who may take orders, who may command. Made by `gutteil keys`, see docs/keys.md.

In the folder, which is nobody else's to read:

    server.json          the appliance's own pair: every socket that is bound proves with it that it is ours
    own/ROLE.json        the pairs of the appliance's own processes, one per role
    clients/NAME.json    who is listed: name, role and public key, no secret
    give/NAME.json       what a client needs, its secret among it: to be carried to its machine and then deleted here
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import threading
from pathlib import Path
from typing import Annotated, Final, Literal, TypeVar, get_args

import msgspec
import zmq
from msgspec import Meta

from edge.config import Station
from edge.errors import KeysError
from edge.keyfile import in_words, none_of_ours, private, read, write
from edge.porter import Porter

Role = Literal["watch", "reject", "command"]
Domain = Literal["watch", "orders", "commands"]
ROLES: Final[dict[Role, frozenset[Domain]]] = {
    "watch": frozenset({"watch"}),
    "reject": frozenset({"watch", "orders"}),
    "command": frozenset({"watch", "commands"}),
}
MAX_CLIENTS = 200
OWN = "own-"  # how the names of the appliance's own keys begin
_NAME = re.compile(r"[A-Za-z0-9_-]{1,32}")
_Z85 = re.compile(r"[0-9a-zA-Z.\-:+=^!/*?&<>()\[\]{}@%$#]{40}")

KeyText = Annotated[str, Meta(min_length=40, max_length=40)]


class Listed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A client that is known: what the appliance keeps of it."""

    v: Literal[1] = 1
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    role: Role
    public: KeyText


class ServerPair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The appliance's own pair."""

    v: Literal[1] = 1
    public: KeyText
    secret: KeyText

    def __repr__(self) -> str:
        return f"ServerPair(public={self.public!r})"


class ClientPair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client connects with: its own pair, and the public key by which it knows the appliance."""

    v: Literal[1] = 1
    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
    role: Role
    public: KeyText
    secret: KeyText
    server: KeyText

    def __repr__(self) -> str:
        return f"ClientPair(name={self.name!r}, role={self.role!r}, public={self.public!r})"


_T = TypeVar("_T", Listed, ServerPair, ClientPair)


def make(folder: Path) -> None:
    """Make the appliance's own keys where they are missing; what is there stays.

    Raises:
        KeysError: the folder cannot be written, or is readable by others.
    """
    with in_words(folder):
        for place in (folder, folder / "own", folder / "clients", folder / "give"):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            private(place)
        if not (folder / "server.json").exists():
            public, secret = _pair()
            write(folder / "server.json", ServerPair(public=public, secret=secret))
        server = read_server(folder)
        for role in get_args(Role):
            if not (folder / "own" / f"{role}.json").exists():
                public, secret = _pair()
                write(folder / "clients" / f"{OWN}{role}.json", Listed(name=OWN + role, role=role, public=public))
                pair = ClientPair(name=OWN + role, role=role, public=public, secret=secret, server=server.public)
                write(folder / "own" / f"{role}.json", pair)


def add(folder: Path, name: str, role: Role, public: str = "") -> Path:
    """List a client; returns the file to carry to it. With `public` the client has made its pair itself and keeps its secret;
    the file is then the one in the list.

    Raises:
        KeysError: the name is taken or impossible, the key is none, the folder is not that of an appliance.
    """
    if not _NAME.fullmatch(name) or name.startswith(OWN):
        raise KeysError(f'the name {name!r} cannot be given: up to 32 of A-Z a-z 0-9 _ -, and not beginning with "{OWN}"')
    if public and not _is_key(public):
        raise KeysError(f"the public key of {name} is none: it has 40 characters (Z85), as `zmq.curve_keypair()` makes them")
    server = read_server(folder)
    known = listed(folder)
    if any(c.name == name for c in known):
        raise KeysError(f"{name} is listed already; revoke it first (gutteil keys --folder {folder} --revoke {name}) or take another name")
    if public and any(c.public == public for c in known):
        raise KeysError(f"the public key given for {name} is listed already, under another name")
    if len(known) >= MAX_CLIENTS:
        raise KeysError(f"{MAX_CLIENTS} clients are listed, that is the most; revoke those that are no longer used")
    with in_words(folder):
        if public:
            write(folder / "clients" / f"{name}.json", Listed(name=name, role=role, public=public))
            return folder / "clients" / f"{name}.json"
        public, secret = _pair()
        pair = ClientPair(name=name, role=role, public=public, secret=secret, server=server.public)
        write(folder / "give" / f"{name}.json", pair)
        write(folder / "clients" / f"{name}.json", Listed(name=name, role=role, public=public))
        return folder / "give" / f"{name}.json"


def revoke(folder: Path, name: str) -> None:
    """Take a client off the list. It cannot connect again, and its commands are refused from now on; a connection on which it
    only reads lives until it breaks or the process at its other end starts anew.

    Raises:
        KeysError: no such client, or one of the appliance's own.
    """
    if name.startswith(OWN):
        raise KeysError(f"{name} is one of the appliance's own keys; to replace them all make a new folder and set keys.folder to it")
    names = [c.name for c in listed(folder)]
    if name not in names:
        raise KeysError(f"{name} is not listed; listed are: {', '.join(names)}")
    with in_words(folder):
        (folder / "clients" / f"{name}.json").unlink()
        (folder / "give" / f"{name}.json").unlink(missing_ok=True)


def listed(folder: Path) -> list[Listed]:
    """The clients that are known, by name; at most `MAX_CLIENTS`.

    Raises:
        KeysError: the list cannot be read, or a file in it is none of ours.
    """
    with in_words(folder):
        private(folder)
        private(folder / "clients")
        names = sorted(n for n in os.listdir(folder / "clients") if n.endswith(".json"))
    found = [_read(folder / "clients" / n, Listed) for n in names[:MAX_CLIENTS]]
    for name, client in zip(names, found, strict=False):
        if name != f"{client.name}.json":
            raise KeysError(f"{folder / 'clients' / name}: holds the key of {client.name!r}; a file is named as its client")
    return found


def read_server(folder: Path) -> ServerPair:
    """The appliance's own pair.

    Raises:
        KeysError: missing, damaged, or readable by others; the text holds no secret.
    """
    private(folder)
    return _read(folder / "server.json", ServerPair)


def read_own(folder: Path, role: Role) -> ClientPair:
    """The pair of the appliance's own processes for a role.

    Raises:
        KeysError: as `read_server`.
    """
    private(folder)
    return _read(folder / "own" / f"{role}.json", ClientPair)


def check(folder: Path) -> None:
    """Whether an appliance can run with these keys.

    Raises:
        KeysError: something is missing, damaged, or readable by others; says what to do.
    """
    server = read_server(folder)
    known = {c.name: c for c in listed(folder)}
    for role in get_args(Role):
        own = read_own(folder, role)
        entry = known.get(own.name)
        if own.server != server.public or own.role != role or entry is None or (entry.public, entry.role) != (own.public, role):
            raise KeysError(
                f"{folder / 'own' / f'{role}.json'}: does not belong to the other keys; delete it and run: gutteil keys --folder {folder}"
            )


def secure_server(socket: zmq.Socket[bytes], config: Station, domain: Domain) -> None:
    """Before `bind`: let in only listed keys whose role may do this. Does nothing without keys.

    Who sent a message is then `frame.get("User-Id")`, of frames received with `copy=False`.

    Raises:
        KeysError: the keys are missing, damaged, or readable by others.
    """
    if not config.keys.folder:
        return
    folder = Path(config.keys.folder)
    pair = read_server(folder)
    listed(folder)  # a list that cannot be read is said now, not by everybody being refused
    socket.set(zmq.CURVE_SERVER, 1)
    socket.set(zmq.CURVE_PUBLICKEY, pair.public.encode())
    socket.set(zmq.CURVE_SECRETKEY, pair.secret.encode())
    socket.set(zmq.ZAP_ENFORCE_DOMAIN, 1)
    socket.set(zmq.ZAP_DOMAIN, _desk.open(folder, domain).encode())


def secure_client(socket: zmq.Socket[bytes], config: Station, role: Role) -> None:
    """Before `connect`: prove who we are, and talk to nobody but our own appliance. Does nothing without keys.

    Raises:
        KeysError: as `secure_server`.
    """
    if not config.keys.folder:
        return
    pair = read_own(Path(config.keys.folder), role)
    socket.set(zmq.CURVE_SERVERKEY, pair.server.encode())
    socket.set(zmq.CURVE_PUBLICKEY, pair.public.encode())
    socket.set(zmq.CURVE_SECRETKEY, pair.secret.encode())


def admitted(config: Station, name: str, domain: Domain) -> bool:
    """Whether the key of this name may still do this: for what is asked for on a connection that is already open.
    True without keys."""
    if not config.keys.folder:
        return True
    try:
        client = _read(Path(config.keys.folder) / "clients" / f"{name}.json", Listed) if _NAME.fullmatch(name) else None
    except KeysError:
        return False
    return client is not None and client.name == name and domain in ROLES[client.role]


class _Desk:
    """The porter of this process, and what its sockets' domains stand for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._porter: Porter | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] | None = None
        self._places: dict[str, tuple[Path, Domain]] = {}

    def open(self, folder: Path, domain: Domain) -> str:
        """The ZAP domain for a folder and a domain; starts the porter if there is none."""
        with self._lock:
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
            if self._porter is None or self._porter.closed or self._context is not context:
                self._porter, self._context = Porter(context, self._admit), context
            for known, place in self._places.items():
                if place == (folder, domain):
                    return known
            made = f"{domain}@{len(self._places)}"
            self._places[made] = (folder, domain)
            return made

    def _admit(self, domain: str, public: str) -> str | None:
        folder, what = self._places[domain]
        private(folder)
        for name in sorted(n for n in os.listdir(folder / "clients") if n.endswith(".json"))[:MAX_CLIENTS]:
            with contextlib.suppress(KeysError):  # one damaged file does not lock out the others
                client = _read(folder / "clients" / name, Listed)
                if client.public == public and name == f"{client.name}.json":
                    return client.name if what in ROLES[client.role] else None
        return None

    def close(self) -> None:
        with self._lock:
            if self._porter is not None:
                self._porter.close()
            self._porter = None


_desk = _Desk()
atexit.register(_desk.close)


def close_door() -> None:
    """End this process's porter; with its sockets still open nobody comes in any more."""
    _desk.close()


def _pair() -> tuple[str, str]:
    public, secret = zmq.curve_keypair()
    return public.decode("ascii"), secret.decode("ascii")


def _is_key(text: str) -> bool:
    return _Z85.fullmatch(text) is not None


def _read(path: Path, kind: type[_T]) -> _T:
    found = read(path, kind)
    if not all(_is_key(getattr(found, f)) for f in ("public", "secret", "server") if hasattr(found, f)):
        raise KeysError(none_of_ours(path))
    return found
