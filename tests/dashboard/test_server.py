"""The server without a browser: addresses, guards, pictures, and what it reads from the record."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from dashboard.history import last_rejects
from dashboard.line import Part
from dashboard.pictures import CACHE_BYTES, Pictures, to_jpeg
from edge.messages import CODES, Defect, ImageRef, Timings, Verdict
from edge.ring import RingWriter
from edge.rows import Batch, Evidence, StoredFile
from edge.store import FILE_NAME, open_store
from tests.dashboard.feed import SIDE_PX, Feed, Server, free_ports


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Feed]:
    made = Feed(tmp_path_factory.mktemp("line"), free_ports(3), simulated=False)
    yield made
    made.close()


@pytest.fixture(scope="module")
def server(feed: Feed) -> Iterator[Server]:
    with Server(feed, free_ports(1)[0]) as made:
        yield made
        assert made.stop() == "", "the server is to be quiet"


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def get(url: str, **headers: str) -> tuple[int, bytes, dict[str, str]]:
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read(), _lower(answer.headers.items())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), _lower(error.headers.items())


def live(server: Server) -> dict[str, Any]:
    state: dict[str, Any] = json.loads(get(f"{server.url}/api/live")[1])
    return state


def until(check: Callable[[], Any], timeout_s: float = 10) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if value := check():
            return value
        time.sleep(0.05)
    raise AssertionError("did not come to be in time")


def test_a_taken_port_is_named(feed: Feed, server: Server) -> None:
    second = Server(feed, int(server.url.rsplit(":", 1)[1]))
    try:
        assert "dashboard.port" in second.process.communicate(timeout=60)[1]
    finally:
        second.kill()


def test_state_and_picture(feed: Feed, server: Server) -> None:
    until(lambda: live(server)["word"] != "STOPPED")
    part_id = feed.part("NG")
    state = until(lambda: (s := live(server))["part"] and s["part"]["part_id"] == part_id and s)
    assert (state["word"], state["simulated"], state["counts"]["ng"]) == ("NG", False, 1)
    assert state["part"]["defects"] == [{"kind": "short", "score": 0.93, "box": [80.0, 60.0, 200.0, 120.0], "verdict": "NG"}]
    status, data, headers = get(server.url + state["part"]["picture"])
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert image.shape == (SIDE_PX, SIDE_PX)
    assert int(image[90, 140]) > 220
    feed.ejection(part_id, "ejected")
    until(lambda: live(server)["rejects"][0]["outcome"] == "ejected")


@pytest.mark.parametrize("key", ["x", "x-1", "..%2f..%2fetc%2fpasswd", "-", "9" * 400, "%00"])
def test_pictures_that_are_none(server: Server, key: str) -> None:
    assert get(f"{server.url}/api/live/pictures/{key}")[0] == 404
    name = live(server)["server"]
    assert get(f"{server.url}/api/live/pictures/{name}-999999")[0] == 404
    assert get(f"{server.url}/api/live/pictures/{name}-{'9' * 400}")[0] == 404


def test_health(server: Server) -> None:
    assert get(f"{server.url}/health/live")[:2] == (200, b'{"status":"alive"}')
    assert get(f"{server.url}/health/ready")[:2] == (200, b'{"status":"ready"}')


def test_every_answer_forbids_other_machines(server: Server) -> None:
    for path in ("/", "/api/live", "/assets/live.css", "/nothing"):
        headers = get(server.url + path)[2]
        assert headers["content-security-policy"].startswith("default-src 'self'"), path
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/api/live", "/health/live"])
def test_a_foreign_host_name_is_refused(server: Server, path: str) -> None:
    assert get(server.url + path, Host="attacker.example")[0] == 400


def test_a_page_of_another_site_gets_no_stream(server: Server) -> None:
    address = server.url.replace("http", "ws") + "/api/live/stream"
    with pytest.raises(InvalidStatus, match="403"):
        connect(address, origin=Origin("http://attacker.example"), proxy=None)
    with connect(address, origin=Origin(server.url), proxy=None) as socket:
        assert json.loads(socket.recv(timeout=5))["v"] == 1


def test_the_stream_repeats_itself_and_the_newest_wins(feed: Feed, server: Server) -> None:
    with connect(server.url.replace("http", "ws") + "/api/live/stream", proxy=None) as socket:
        begun = time.monotonic()
        numbers = [json.loads(socket.recv(timeout=5))["number"] for _ in range(6)]
        assert time.monotonic() - begun < 4
        assert numbers == sorted(set(numbers))
        ids = [feed.part("OK") for _ in range(200)]
        received: list[str] = []
        while not received or received[-1] != ids[-1]:
            received.append(json.loads(socket.recv(timeout=5))["part"]["part_id"])
        assert len(received) < 60, "two hundred parts at once must not become two hundred messages"


def test_it_steps_back_behind_the_station(server: Server) -> None:
    assert psutil.Process(server.process.pid).nice() >= min(19, psutil.Process().nice() + 10)


def _part(number: int, ref: ImageRef | None, file: str = "") -> Part:
    return Part(number, f"p{number}", "r", "NG", [], [], 0, 0, 0, False, 1, ref, file)


def test_a_picture_comes_from_the_ring_then_from_the_cache_then_from_the_record(tmp_path: Path) -> None:
    ring = RingWriter(str(tmp_path), "S1", 1, 640_000, 8)
    image = np.full((600, 1000), 200, np.uint8)
    ref = ring.reserve(image, keep=False)
    ring.fill(ref, image)
    pictures = Pictures(str(tmp_path), str(tmp_path / "record"))
    thumb = pictures.get(_part(1, ref), True)
    assert thumb is not None
    small = cv2.imdecode(np.frombuffer(thumb, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert small is not None
    assert small.shape == (192, 320)
    for _ in range(ring.slots):  # the slot is used again
        again = ring.reserve(image, keep=False)
        ring.fill(again, image)
    assert pictures.get(_part(1, ref), True) == thumb
    assert pictures.get(_part(1, ref), False) is None
    (tmp_path / "record").mkdir()
    cv2.imwrite(str(tmp_path / "record" / "a.png"), image)
    assert pictures.get(_part(2, ref, "a.png"), False) is not None
    ring.close()


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "missing.png", "text.png", "."])
def test_no_file_beside_the_record_is_served(tmp_path: Path, name: str) -> None:
    record = tmp_path / "record"
    record.mkdir()
    cv2.imwrite(str(tmp_path / "secret.png"), np.zeros((9, 9), np.uint8))
    (record / "text.png").write_text("no picture")
    assert Pictures(str(tmp_path), str(record)).get(_part(1, None, name), False) is None


@pytest.mark.parametrize(
    "ref",
    [
        ImageRef("gutteil-../x", 0, 2, (4, 4), False),
        ImageRef("gutteil-x", 0, 2, (2**40, 2**40), False),
        ImageRef("gutteil-x", 0, 2, (), False),
    ],
)
def test_a_hostile_reference_gives_no_picture(tmp_path: Path, ref: ImageRef) -> None:
    assert Pictures(str(tmp_path), str(tmp_path)).get(_part(1, ref), False) is None


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1280, 1280), np.uint8)
    cv2.imwrite(str(tmp_path / "n.png"), noise)
    one = to_jpeg(noise, 1280)
    assert one is not None
    pictures = Pictures(str(tmp_path), str(tmp_path))
    count = CACHE_BYTES // len(one) + 3
    for number in range(count):
        assert pictures.get(_part(number, None, "n.png"), False)
    (tmp_path / "n.png").unlink()
    assert pictures.get(_part(count - 1, None, "n.png"), False), "the newest is kept"
    assert pictures.get(_part(0, None, "n.png"), False) is None, "the oldest is let go"


def test_the_record_fills_the_strip_at_start(tmp_path: Path) -> None:
    assert last_rejects(str(tmp_path)) == []
    words: list[Any] = ["OK", "NG", "UNDECIDED"]
    messages: list[Any] = [
        Verdict(
            station="S1", epoch=1, seq=n + 1, run_id="r", part_id=f"p{n}", trigger_id=n, trigger_ns=n, trigger_wall_ns=n * 1000, verdict=words[n % 3],
            code=CODES[words[n % 3]], reasons=[], defects=[Defect("short", 0.9, (1, 2, 3, 4), "NG")] if n % 3 == 1 else [], timings=Timings(),
            recipe="r", recipe_hash="h", model_hash="m", image=ImageRef("gutteil-x", 0, 2, (9, 9), True),
        )
        for n in range(60)
    ]  # fmt: skip
    with open_store(tmp_path / FILE_NAME) as store:
        store.write(Batch(messages=messages, evidence={f"p{n}": Evidence(StoredFile(f"images/p{n}.png", "0" * 64)) for n in range(60)}))
    parts = last_rejects(str(tmp_path))
    assert [p.part_id for p in parts] == ["p59", "p58", "p56", "p55", "p53", "p52", "p50", "p49", "p47", "p46", "p44", "p43"]
    assert parts[1].file == "images/p58.png"
    assert [d.kind for d in parts[1].defects] == ["short"]


def test_a_damaged_record_does_not_keep_the_page_away(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"no database" * 1000)
    assert last_rejects(str(tmp_path)) == []
