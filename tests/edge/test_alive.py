"""The watchdog's word and who hears it: said only by a loop that turns, to a path or an abstract name, and never waited for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge import alive
from edge.alive import Alive
from edge.notified import Notified

_STRANGER = "import socket, sys; socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'READY=1', '\\0' + sys.argv[1][1:])"


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(str(tmp_path / "notify"))
        ear.setblocking(False)
        yield ear


@pytest.fixture
def keeper(ear: socket.socket) -> Iterator[Alive]:
    keeper = Alive(ear.getsockname())
    yield keeper
    keeper.close()


@pytest.fixture
def notified() -> Iterator[Notified]:
    notified = Notified()
    notified.begin(os.getpid())
    yield notified
    notified.close()


@pytest.fixture
def child(notified: Notified) -> Iterator[Alive]:
    child = Alive(notified.address)
    yield child
    child.close()


def heard(ear: socket.socket) -> list[str]:
    words = []
    try:
        while True:
            words.append(ear.recv(4096).decode())
    except BlockingIOError:
        return words


def test_the_first_turn_makes_it_ready_and_each_later_one_is_a_sign_of_life(ear: socket.socket, keeper: Alive) -> None:
    assert heard(ear) == []
    keeper.progress()
    keeper.progress()
    assert heard(ear) == ["READY=1", "WATCHDOG=1"], "not at every turn: there may be a thousand in a second"
    time.sleep(alive.REPEAT_S + 0.01)
    keeper.progress("fault", "", "the camera\nhas gone")
    assert heard(ear) == ["WATCHDOG=1\nSTATUS=fault the camera has gone"]
    keeper.stopping()
    assert heard(ear) == ["STOPPING=1"]


def test_ready_before_the_first_turn_is_said_once(ear: socket.socket, keeper: Alive) -> None:
    keeper.ready()
    keeper.ready()
    keeper.progress("ready")
    assert heard(ear) == ["READY=1", "WATCHDOG=1\nSTATUS=ready"]


@pytest.mark.parametrize("address", [None, ""])
def test_without_anybody_who_listens_nothing_is_opened(address: str | None) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    keeper = Alive(address)
    keeper.ready()
    keeper.progress("ready")
    keeper.stopping()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_keeper_that_does_not_read_or_has_gone_holds_nobody_up(ear: socket.socket, keeper: Alive) -> None:
    begun = time.monotonic()
    for _ in range(1000):  # far more than the queue of a datagram socket takes
        keeper._say("WATCHDOG=1")
    ear.close()
    keeper.stopping()
    assert time.monotonic() - begun < 5
    nowhere = Alive("/nowhere/notify")
    nowhere.progress()
    nowhere.close()
    nowhere.close()
    nowhere.progress()


def test_what_was_not_taken_is_said_again(notified: Notified, child: Alive) -> None:
    for _ in range(2000):  # more than any queue of a datagram socket takes
        child._say("STATUS=full")
    child.ready()
    notified.listen()
    assert not notified.ready
    child.progress()
    notified.listen()
    assert notified.ready


def test_an_abstract_name_carries_readiness_progress_and_status(notified: Notified, child: Alive) -> None:
    assert notified.address.startswith("@")
    before = notified.heard_s
    notified.listen()
    assert (notified.ready, notified.heard_s, notified.status) == (False, before, "")
    child.progress("recording")
    notified.listen()
    assert notified.ready
    assert notified.heard_s > before
    assert notified.status == "recording"
    notified.begin(os.getpid())
    assert not notified.ready, "its successor has to say so for itself"


def test_only_the_process_itself_is_believed(notified: Notified) -> None:
    subprocess.run([sys.executable, "-c", _STRANGER, notified.address], check=True, timeout=60)
    notified.listen()
    assert not notified.ready
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.sendto(b"\xff\xfe\n=\nREADY\nWATCHDOG=1\nREADY=1", "\0" + notified.address[1:])
    notified.listen()
    assert notified.ready, "with whatever else stands beside it"
