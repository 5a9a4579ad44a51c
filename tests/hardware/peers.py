"""Things for cameras to look at: a trigger line on a free port, sets of images, a video, an HTTP camera."""

from __future__ import annotations

import functools
import json
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.wire import Edge, WireOut


def free_wire() -> str:
    """A loopback UDP address that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


class TriggerLine:
    """The part sensor: numbered edges, one per `fire`."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._out = WireOut(address)
        self._count = 0

    def fire(self, item: int | None = None) -> Edge:
        self._count += 1
        edge = Edge(self._count, time.monotonic_ns(), 1000 + 10 * self._count, self._count - 1 if item is None else item)
        self._out.send(edge)
        return edge

    def close(self) -> None:
        self._out.close()


def picture(number: int, width: int = 64, height: int = 48) -> NDArray[np.uint8]:
    """A gray picture whose gray level tells its number (up to 19, then again from 0)."""
    image = np.full((height, width), 10 * (number % 20) + 20, np.uint8)
    image[:4] += np.arange(width, dtype=np.uint8)[None] % 5
    return image


def number_of(image: NDArray[np.uint8]) -> int:
    return round((float(np.median(image)) - 20) / 10)


def image_folder(folder: Path, count: int = 5) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        cv2.imwrite(str(folder / f"part{i}.png"), picture(i))
    return folder


def coco_file(folder: Path, count: int = 5) -> Path:
    """A labelled set: even pictures are OK, odd ones NG with one defect; all have a reference."""
    image_folder(folder / "images", count)
    cv2.imwrite(str(folder / "images" / "golden.png"), picture(9))
    document = {
        "images": [
            {"id": 10 + i, "file_name": f"images/part{i}.png", "reference": "images/golden.png", "verdict": "NG" if i % 2 else "OK"}
            for i in range(count)
        ],
        "annotations": [{"id": i, "image_id": 10 + i, "category_id": 3, "bbox": [5, 6, 10, 12]} for i in range(1, count, 2)],
        "categories": [{"id": 3, "name": "spur"}],
    }
    path = folder / "set.json"
    path.write_text(json.dumps(document))
    return path


def video_file(path: Path, count: int = 20, fps: float = 50.0) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
    assert writer.isOpened()
    for i in range(count):
        writer.write(cv2.cvtColor(picture(i), cv2.COLOR_GRAY2BGR))
    writer.release()
    return path


class HttpCamera:
    """A network camera (MJPEG over HTTP). `stall()` keeps the connection and sends nothing more, as a hung camera does."""

    def __init__(self, rate_hz: float = 50.0) -> None:
        self._period_s = 1 / rate_hz
        self._flowing = threading.Event()
        self._flowing.set()
        self._closing = False
        self.sent = 0
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    while not peer._closing:
                        peer._flowing.wait(0.1)
                        if peer._flowing.is_set():
                            peer.sent += 1
                            data = cv2.imencode(".jpg", picture(peer.sent % 10))[1].tobytes()
                            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(data), data))
                            time.sleep(peer._period_s)
                except OSError:
                    return

            def log_message(self, format: str, *args: object) -> None:
                """Quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/video.mjpg"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stall(self) -> None:
        self._flowing.clear()

    def go_on(self) -> None:
        self._flowing.set()

    def close(self) -> None:
        self._closing = True
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def http_camera() -> Iterator[HttpCamera]:
    peer = HttpCamera()
    try:
        yield peer
    finally:
        peer.close()


_SYSTEM_PYTHON = "/usr/bin/python3"
_RTSP_PEER = Path(__file__).with_name("rtsp_peer.py")


@functools.cache
def rtsp_available() -> bool:
    """Whether GStreamer's RTSP server is installed for the system's Python."""
    if not Path(_SYSTEM_PYTHON).exists():
        return False
    return subprocess.run([_SYSTEM_PYTHON, str(_RTSP_PEER), "--check"], capture_output=True, check=False, timeout=30).returncode == 0


class RtspCamera:
    """A network camera (H.264 over RTSP) in a process of its own. `stall()` stops it as a hung camera stops: connected and silent."""

    def __init__(self) -> None:
        self._process = subprocess.Popen([_SYSTEM_PYTHON, str(_RTSP_PEER)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        self.url = f"rtsp://127.0.0.1:{int(self._process.stdout.readline())}/cam"

    def stall(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
