"""With keys a stranger can neither read nor inject: every kind of stranger at every socket of the bus, over tcp."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq

from edge.bus import Publisher, Subscriber, context, publisher, watch
from edge.commands import Command, CommandDesk, Reply, send_command
from edge.config import Keys, Station
from edge.errors import BusError, KeysError
from edge.keys import ROLES, Domain, Role, _desk, add, close_door, make, read_own, read_server, revoke, secure_client, secure_server
from edge.messages import Alarm, Heartbeat, Trigger
from edge.order_desk import OrderDesk
from edge.order_taker import OrderTaker
from edge.rig import own_ports
from tests.edge.test_bus import alarm

Socket = zmq.Socket[bytes]
DENIED_MS = 600  # what is let in is let in within some 10 ms


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    folder = tmp_path_factory.mktemp("with-keys") / "keys"
    make(folder)
    for role in ROLES:
        add(folder, f"a-{role}", role)
    yield Station(keys=Keys(folder=str(folder)))
    close_door()


@pytest.fixture
def config(keyed: Station) -> Station:
    return own_ports(keyed)


def folder_of(config: Station) -> Path:
    return Path(config.keys.folder)


def given(config: Station, name: str) -> dict[str, str]:
    return dict(json.loads((folder_of(config) / "give" / f"{name}.json").read_bytes()))


def pair(socket: Socket, public: str | bytes, secret: str | bytes, server: str | bytes) -> None:
    for option, key in ((zmq.CURVE_PUBLICKEY, public), (zmq.CURVE_SECRETKEY, secret), (zmq.CURVE_SERVERKEY, server)):
        socket.set(option, key.encode() if isinstance(key, str) else key)


def with_key(name: str) -> Callable[[Socket, Station], None]:
    def prepare(socket: Socket, config: Station) -> None:
        key = given(config, name)
        pair(socket, key["public"], key["secret"], key["server"])

    return prepare


def no_key(socket: Socket, config: Station) -> None:
    """NULL: as every ZeroMQ program does that knows nothing of keys."""


def plain(socket: Socket, config: Station) -> None:
    socket.set(zmq.PLAIN_USERNAME, b"admin")
    socket.set(zmq.PLAIN_PASSWORD, b"admin")


def unlisted(socket: Socket, config: Station) -> None:
    pair(socket, *zmq.curve_keypair(), read_server(folder_of(config)).public)


def wrong_server(socket: Socket, config: Station) -> None:
    key = given(config, "a-command")
    pair(socket, key["public"], key["secret"], zmq.curve_keypair()[0])


def stolen_public(socket: Socket, config: Station) -> None:
    """The public key of a listed client, without its secret: libzmq sends what does not fit together."""
    key = given(config, "a-command")
    pair(socket, key["public"], zmq.curve_keypair()[1], key["server"])


def as_a_server(socket: Socket, config: Station) -> None:
    public, secret = zmq.curve_keypair()
    socket.set(zmq.CURVE_SERVER, 1)
    socket.set(zmq.CURVE_PUBLICKEY, public)
    socket.set(zmq.CURVE_SECRETKEY, secret)


STRANGERS = [no_key, plain, unlisted, wrong_server, stolen_public, as_a_server]
WHO: dict[Domain, str] = {"watch": "a-watch", "orders": "a-reject", "commands": "a-command"}
TOO_SMALL: list[tuple[Domain, str]] = [("orders", "a-watch"), ("orders", "a-command"), ("commands", "a-watch"), ("commands", "a-reject")]
CASES: list[tuple[Domain, Callable[[Socket, Station], None]]] = [(d, s) for d in WHO for s in STRANGERS]
CASES += [(domain, with_key(name)) for domain, name in TOO_SMALL]
NAMES = [f"{d}-{s.__name__}" for d in WHO for s in STRANGERS] + [f"{d}-{name}" for d, name in TOO_SMALL]


@contextmanager
def server(config: Station, domain: Domain, kind: int) -> Iterator[tuple[Socket, str]]:
    with context().socket(kind) as socket:
        socket.set(zmq.LINGER, 0)
        secure_server(socket, config, domain)
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        yield socket, f"tcp://127.0.0.1:{port}"


@contextmanager
def client(config: Station, kind: int, endpoint: str, prepare: Callable[[Socket, Station], None]) -> Iterator[Socket]:
    with context().socket(kind) as socket:
        socket.set(zmq.LINGER, 0)
        prepare(socket, config)
        socket.connect(endpoint)
        if kind == zmq.SUB:
            socket.subscribe(b"")
        yield socket


def let_in(config: Station, domain: Domain, endpoint: str, at: Socket) -> None:
    """Who has the right key is let in, before and after."""
    with client(config, zmq.DEALER, endpoint, with_key(WHO[domain])) as friend:
        friend.send(b"hello")
        assert at.poll(10_000)
        frames = at.recv_multipart(copy=False)
        assert frames[-1].get("User-Id") == WHO[domain]
        at.send_multipart([frames[0].bytes, b"welcome"])
        assert friend.poll(10_000)
        assert friend.recv() == b"welcome"


@pytest.mark.parametrize(("domain", "stranger"), CASES, ids=NAMES)
def test_a_stranger_cannot_inject(config: Station, domain: Domain, stranger: Callable[[Socket, Station], None]) -> None:
    with server(config, domain, zmq.ROUTER) as (router, endpoint):
        let_in(config, domain, endpoint, router)
        with client(config, zmq.DEALER, endpoint, stranger) as dealer:
            dealer.send(b"let it pass")
            assert not router.poll(DENIED_MS)
        let_in(config, domain, endpoint, router)


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda s: s.__name__)
def test_a_stranger_cannot_read(config: Station, stranger: Callable[[Socket, Station], None]) -> None:
    with (
        server(config, "watch", zmq.PUB) as (pub, endpoint),
        client(config, zmq.SUB, endpoint, stranger) as reader,
        client(config, zmq.SUB, endpoint, with_key("a-watch")) as friend,
    ):
        end = time.monotonic() + 10
        while not friend.poll(10):
            assert time.monotonic() < end
            pub.send(b"secret")
        for _ in range(20):
            pub.send(b"secret")
        assert not reader.poll(DENIED_MS)


@pytest.mark.parametrize("impostor", [no_key, as_a_server], ids=lambda s: s.__name__)
def test_a_reader_takes_nothing_from_who_is_not_the_appliance(config: Station, impostor: Callable[[Socket, Station], None]) -> None:
    """Somebody else listens at the address: without our server's secret nobody reads him, and nobody asks him."""
    with context().socket(zmq.PUB) as pub, context().socket(zmq.ROUTER) as router:
        for socket in (pub, router):
            socket.set(zmq.LINGER, 0)
            impostor(socket, config)
        ports = [s.bind_to_random_port("tcp://127.0.0.1") for s in (pub, router)]
        at = [f"tcp://127.0.0.1:{port}" for port in ports]
        with closing(Subscriber([at[0]], [Alarm], replay={"station": at[1]}, keys=config)) as reader:
            end = time.monotonic() + DENIED_MS / 1000
            while time.monotonic() < end:
                pub.send_multipart([b"gutteil.alarm", b'{"type":"alarm"}'])
                assert reader.get(0.02) is None
            assert reader.refused == 0
            assert not router.poll(0)


def test_the_appliance_itself_gets_along(config: Station) -> None:
    """Publisher, replay, orders and commands with keys, as the processes make them."""
    with ExitStack() as stack:
        sender = stack.enter_context(closing(publisher(config, "station", simulated=True)))
        reader = stack.enter_context(closing(watch(config, [Alarm, Heartbeat])))
        sender.send(Alarm, **alarm(1))  # before anybody listens: it comes as state
        got: list[int] = []
        end = time.monotonic() + 15
        while not (reader.alive("station") and got):
            assert time.monotonic() < end
            sender.send(Heartbeat, state="ready", period_s=1)
            message = reader.get(0.05)
            got += [message.seq] if isinstance(message, Alarm) else []
        assert got == [1]

        desk = stack.enter_context(closing(OrderDesk(config.bus.orders, sender.epoch, config)))
        taker = stack.enter_context(closing(OrderTaker(config)))
        sender.send(Trigger, run_id="r", part_id="p", trigger_id=1, trigger_ns=1)
        desk.order(sender.last, time.monotonic_ns() + 10**10)
        taken = None
        while taken is None:
            assert time.monotonic() < end
            desk.service()
            taken = taker.get(0.02)
        assert isinstance(taken.message, Trigger)


class Rejector:
    """A command desk that somebody serves."""

    def __init__(self, config: Station) -> None:
        self.desk, self.keys = CommandDesk(config.bus.commands, config), list[str]()

    def obey(self, command: Command, key: str) -> Reply:
        self.keys.append(key)
        return Reply(True, "done")


def test_commands_carry_the_name_of_their_key_and_end_with_it(config: Station) -> None:
    rejector = Rejector(config)
    add(folder_of(config), "hmi", "command")
    with closing(rejector.desk), client(config, zmq.DEALER, config.bus.commands, with_key("hmi")) as hmi:

        def ask() -> dict[str, Any]:
            hmi.send(json.dumps({"op": "stop", "who": "me"}).encode())
            end = time.monotonic() + 10
            while not hmi.poll(5):
                assert time.monotonic() < end
                rejector.desk.service(rejector.obey)
            return dict(json.loads(hmi.recv()))

        assert ask()["accepted"]
        assert rejector.keys == ["hmi"]
        revoke(folder_of(config), "hmi")
        answer = ask()  # on the connection that is still open
        assert not answer["accepted"]
        assert "revoked" in answer["text"]
        assert rejector.keys == ["hmi"]


def test_our_own_command_line_is_let_in_and_an_old_folder_is_not(config: Station, tmp_path: Path) -> None:
    rejector = Rejector(config)
    make(tmp_path / "old")
    old = config.model_copy(update={"keys": Keys(folder=str(tmp_path / "old"))})
    with closing(rejector.desk):
        with pytest.raises(BusError, match=r"bus\.commands"):
            _command(rejector, old, 0.7)
        assert _command(rejector, config, 10).accepted
    assert rejector.keys == ["own-command"]


def _command(rejector: Rejector, config: Station, timeout_s: float) -> Reply:
    import threading

    stop = threading.Event()

    def serve() -> None:
        while not stop.wait(0.005):
            rejector.desk.service(rejector.obey)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        return send_command(config, Command("stop", who="me"), timeout_s)
    finally:
        stop.set()
        thread.join()


def test_a_revoked_key_gets_no_new_connection_and_no_replay(config: Station) -> None:
    add(folder_of(config), "guest", "watch")
    key = given(config, "guest")

    def guest(socket: Socket, _config: Station) -> None:
        pair(socket, key["public"], key["secret"], key["server"])

    with closing(publisher(config, "recorder", simulated=True)) as sender:
        assert sender.repeater is not None
        with client(config, zmq.DEALER, config.bus.recorder_replay, guest) as asking:
            asking.send(b'{"v":1,"ask":"state","id":1}')
            assert asking.poll(10_000)
            asking.recv_multipart()
            revoke(folder_of(config), "guest")
            asking.send(b'{"v":1,"ask":"state","id":2}')  # on the connection that is still open
            assert not asking.poll(DENIED_MS)
            assert sender.repeater.refused == 1
        with client(config, zmq.SUB, config.bus.recorder, guest) as reader:
            end = time.monotonic() + DENIED_MS / 1000
            while time.monotonic() < end:
                sender.send(Alarm, **alarm(0))
                assert not reader.poll(20)


def test_a_damaged_file_in_the_list_locks_out_only_its_own(config: Station) -> None:
    bad = folder_of(config) / "clients" / "bad.json"
    with server(config, "watch", zmq.ROUTER) as (router, endpoint):
        bad.write_text("{")
        bad.chmod(0o600)
        try:
            let_in(config, "watch", endpoint, router)
        finally:
            bad.unlink()


def test_without_a_porter_nobody_comes_in(config: Station) -> None:
    with server(config, "watch", zmq.ROUTER) as (router, endpoint):
        close_door()
        with client(config, zmq.DEALER, endpoint, with_key("a-watch")) as friend:
            friend.send(b"hello")
            assert not router.poll(DENIED_MS)
    with server(config, "watch", zmq.ROUTER) as (router, endpoint):
        let_in(config, "watch", endpoint, router)  # the next socket has one again


def test_a_check_that_fails_denies_and_does_not_end_the_porter(config: Station, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(config, "watch", zmq.ROUTER) as (router, endpoint):
        with monkeypatch.context() as broken:
            broken.setattr(_desk, "_places", {})
            with client(config, zmq.DEALER, endpoint, with_key("a-watch")) as friend:
                friend.send(b"hello")
                assert not router.poll(DENIED_MS)
        let_in(config, "watch", endpoint, router)


def test_keys_that_others_may_read_are_not_used(tmp_path: Path) -> None:
    make(tmp_path / "keys")
    config = own_ports(Station(keys=Keys(folder=str(tmp_path / "keys"))))
    (tmp_path / "keys" / "server.json").chmod(0o644)
    (tmp_path / "keys" / "own" / "watch.json").chmod(0o644)
    made: list[Callable[[], object]] = [
        lambda: publisher(config, "station", simulated=True),
        lambda: OrderDesk(config.bus.orders, 1, config),
        lambda: CommandDesk(config.bus.commands, config),
        lambda: watch(config, [Alarm]),
    ]
    for make_it in made:
        with pytest.raises(KeysError, match="chmod 600"):
            make_it()


def test_without_keys_nothing_is_secured() -> None:
    with context().socket(zmq.DEALER) as socket:
        for role in ROLES:
            secure_client(socket, Station(), role)
        secure_server(socket, Station(), "orders")
        assert socket.get(zmq.MECHANISM) == zmq.NULL


def test_a_publisher_with_keys_says_so_at_its_sockets(config: Station) -> None:
    with closing(Publisher("tcp://127.0.0.1:*", "S1", "station", simulated=True, keys=config)) as sender:
        assert sender._socket.get(zmq.MECHANISM) == zmq.CURVE
    own: Role = "watch"
    assert read_own(folder_of(config), own).server == read_server(folder_of(config)).public
