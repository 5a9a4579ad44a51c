"""Drills on an appliance with keys: strangers without one, with a wrong one, with one for something else; and a key that is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import zmq

from edge.bus import context
from edge.commands import Command
from edge.config import Station
from edge.drill import Drill
from edge.drills.ground import Ground
from edge.keys import ClientPair, add, make
from edge.orders import HELLO, HELLO_KIND
from edge.repeat import AskState

TRY_S = 4.0
_KNOWN = {"watcher": "watch", "taker": "reject"}


def _folder(folder: Path) -> Path:
    return folder / "keys"


@contextlib.contextmanager
def _keys(_config: Station, folder: Path) -> Iterator[None]:
    make(_folder(folder))
    add(_folder(folder), "watcher", "watch")
    add(_folder(folder), "taker", "reject")
    yield


def _with_keys(config: Station, folder: Path) -> Station:
    return config.model_copy(update={"keys": config.keys.model_copy(update={"folder": str(_folder(folder))})})


def _given(folder: Path, name: str) -> ClientPair:
    return msgspec.json.decode((_folder(folder) / "give" / f"{name}.json").read_bytes(), type=ClientPair)


class _Stranger:
    """Somebody who tries everything that his key does not allow, and notes what he got all the same."""

    def __init__(self, ground: Ground, who: str, stack: contextlib.ExitStack) -> None:
        self.who, self.got = who, list[str]()
        self._stack, self._sockets = stack, list[tuple[str, Any]]()
        bus, role = ground.rig.config.bus, _KNOWN.get(who, "")
        server = _given(ground.folder, "watcher").server
        public, secret = zmq.curve_keypair()
        pair = _given(ground.folder, who) if role else ClientPair(
            name="stranger", role="watch", public=public.decode(), secret=secret.decode(), server=server
        )  # fmt: skip
        keyed = pair if who != "nobody" else None
        if not role:
            for endpoint in (bus.station, bus.rejector, bus.recorder):
                self._open(zmq.SUB, endpoint, keyed, [])
            for endpoint in (bus.station_replay, bus.rejector_replay, bus.recorder_replay):
                self._open(zmq.DEALER, endpoint, keyed, [msgspec.json.encode(AskState(id=1))])
        if role != "reject":
            self._open(zmq.DEALER, bus.orders, keyed, [HELLO_KIND, HELLO.pack(1)])
        self._open(zmq.DEALER, bus.commands, keyed, [msgspec.json.encode(Command("stop", who="stranger"))])

    def _open(self, kind: int, endpoint: str, pair: ClientPair | None, words: list[bytes]) -> None:
        socket: Any = self._stack.enter_context(closing(context().socket(kind)))
        socket.set(zmq.LINGER, 0)
        if pair is not None:
            socket.set(zmq.CURVE_SERVERKEY, pair.server.encode())
            socket.set(zmq.CURVE_PUBLICKEY, pair.public.encode())
            socket.set(zmq.CURVE_SECRETKEY, pair.secret.encode())
        if kind == zmq.SUB:
            socket.subscribe(b"")
        socket.connect(endpoint)
        if words:
            socket.send_multipart(words, zmq.NOBLOCK)
        self._sockets.append((endpoint, socket))

    def look(self) -> None:
        """Whatever he can read is a hole."""
        for endpoint, socket in self._sockets:
            with contextlib.suppress(zmq.Again):
                frames = socket.recv_multipart(zmq.NOBLOCK)
                self.got.append(f"{self.who} got {len(frames)} frames at {endpoint}")


def _strangers(ground: Ground) -> None:
    with contextlib.ExitStack() as stack:
        strangers = [_Stranger(ground, who, stack) for who in ("nobody", "stranger", *_KNOWN)]
        stood_ns = len(ground.witness.stands)
        until = 0.0
        while until < TRY_S:
            ground.let(0.2)
            until += 0.2
            for stranger in strangers:
                stranger.look()
        for stranger in strangers:
            ground.wrong.extend(stranger.got[:3])
        if len(ground.witness.stands) != stood_ns:
            ground.wrong.append("the belt stopped while strangers tried to stop it")


def _key_gone(ground: Ground) -> None:
    """The rejector starts again and finds no key: it must not run without. The line stands until the key is back."""
    key = _folder(ground.folder) / "own" / "reject.json"
    hidden = key.with_suffix(".hidden")
    key.rename(hidden)
    ground.may_fail.add("rejector")
    ground.kill("rejector")
    ground.let(TRY_S)
    if ground.witness.running:
        ground.wrong.append("the line ran although the rejector had no key")
    hidden.rename(key)


def key_drills() -> list[Drill]:
    strange = "without a key, with an unknown key, and with a key for something else, strangers try to read and to command"
    gone = f"the rejector is killed, and its key is gone for {TRY_S:g} s"
    return [
        Drill("strangers", strange, _strangers, settings=_with_keys, around=_keys),
        Drill("key-gone", gone, _key_gone, settings=_with_keys, around=_keys),
    ]
