"""The example client of docs/keys.md and docs/messages.md, as a program of its own: keys, holes, restart, and what is gone for good."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from edge.bus import Publisher, publisher
from edge.config import Bus, Keys, Station
from edge.errors import BusError
from edge.keys import add, close_door, make, revoke
from edge.messages import Heartbeat, Message, Verdict
from edge.rig import own_ports
from scripts.examples import EXAMPLES
from tests.edge.way import Lossy

WATCHER = Path(__file__).resolve().parents[1] / "docs" / "watcher.py"
VERDICT = next(e for e in EXAMPLES if isinstance(e, Verdict))
OWN = {f: getattr(VERDICT, f) for f in Verdict.__struct_fields__ if f not in Message.__struct_fields__}


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Station]:
    make(tmp_path / "keys")
    config = own_ports(Station(keys=Keys(folder=str(tmp_path / "keys")), bus=Bus(history=100)))
    yield config.model_copy(update={"bus": config.bus.model_copy(update={"history": 100})})
    close_door()


@contextmanager
def watcher(config: Station, log: Path, *key: Path) -> Iterator[None]:
    """Only Python, pyzmq and the file."""
    command = [sys.executable, "-I", str(WATCHER), config.bus.station, config.bus.station_replay, *map(str, key)]
    with log.open("wb") as out, subprocess.Popen(command, cwd=log.parent, stdout=out, stderr=out) as process:
        try:
            wait(log, lambda text: "listening" in text)
            yield
        finally:
            process.kill()


def wait(log: Path, done: Callable[[str], bool], each: Callable[[], Any] = lambda: None) -> None:
    end = time.monotonic() + 30
    while not done(log.read_text()):
        assert time.monotonic() < end, log.read_text()
        each()
        time.sleep(0.02)


def sender_for(config: Station) -> tuple[Publisher, Lossy]:
    end = time.monotonic() + 10
    while True:
        try:
            sender = publisher(config, "station", simulated=True)
        except BusError:  # the one before has not quite let go
            assert time.monotonic() < end
            time.sleep(0.02)
            continue
        lossy = Lossy(sender._socket)
        sender._socket = lossy  # type: ignore[assignment]
        return sender, lossy


def say(sender: Publisher, count: int) -> None:
    for _ in range(count):
        sender.send(Verdict, **OWN | {"part_id": f"P{sender.epoch}-{sender.count(Verdict) + 1}"})


def beat(sender: Publisher) -> None:
    sender.send(Heartbeat, state="ready", period_s=0.5)


def test_it_reads_recovers_and_names_what_is_gone(config: Station, tmp_path: Path) -> None:
    log = tmp_path / "said"
    key = add(Path(config.keys.folder), "hmi", "watch")
    sender, lossy = sender_for(config)
    with closing(sender), watcher(config, log, key):

        def one() -> None:
            say(sender, 1)

        wait(log, lambda text: "part P" in text, one)
        assert "MISSED" not in log.read_text()
        assert "said again" not in log.read_text()
        lossy.lose = True
        say(sender, 3)
        lossy.lose = False
        beat(sender)  # they were the newest: only the heartbeat tells
        wait(log, lambda text: text.count("(said again)") == 3)
        first = sender.count(Verdict) + 1
        lossy.lose = True
        say(sender, 150)  # 50 more than are kept
        lossy.lose = False
        one()
        last = sender.count(Verdict)
        wait(log, lambda text: f"P{sender.epoch}-{last}:" in text)
        text = log.read_text()
        assert re.findall("MISSED.*", text) == [f"MISSED verdict {first} to {last - 100}: the station has them no more"]
        shown = [int(n) for n in re.findall(r"^part P\d+-(\d+):", text, re.MULTILINE)]
        assert sorted(shown) == [*range(min(shown), first), *range(last - 99, last + 1)]
        sender.close()
        again, _ = sender_for(config)
        with closing(again):
            say(again, 2)  # before it is connected again

            def more() -> None:
                say(again, 1)
                beat(again)

            wait(log, lambda text: f"P{again.epoch}-1: " in text and f"P{again.epoch}-2: " in text, more)


def test_without_its_key_it_reads_nothing(config: Station, tmp_path: Path) -> None:
    key = add(Path(config.keys.folder), "hmi", "watch")
    copy = tmp_path / "kept.json"
    copy.write_bytes(key.read_bytes())
    revoke(Path(config.keys.folder), "hmi")
    sender, _ = sender_for(config)
    with closing(sender):
        for name, keys in (("none", ()), ("revoked", (copy,))):
            with watcher(config, tmp_path / name, *keys):
                for _ in range(40):
                    say(sender, 1)
                    time.sleep(0.02)
                assert (tmp_path / name).read_text() == "listening\n"


def test_it_needs_nothing_of_ours() -> None:
    text = WATCHER.read_text("utf-8")
    assert set(re.findall(r"^(?:import|from) (\w+)", text, re.MULTILINE)) == {"json", "sys", "typing", "zmq"}
    assert text.count("\n") <= 80
