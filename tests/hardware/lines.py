"""The simulated line in a thread of the test, on ports of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from hardware.belt import BeltSettings
from hardware.line import run_line


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Line:
    """A simulated line that may be started and stopped."""

    settings: dict[str, Any]
    control: str = field(default_factory=lambda: f"tcp://127.0.0.1:{free_port()}")
    wire: str = field(default_factory=lambda: f"127.0.0.1:{free_port(socket.SOCK_DGRAM)}")
    failed: list[BaseException] = field(default_factory=list)

    def start(self) -> None:
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            run_line(
                BeltSettings(**{"rate_hz": 50.0, "jitter": 0.0, "ejector_delay_s": 0.1} | self.settings),
                self.control,
                self.wire,
                self.stopping,
            )
        except BaseException as error:
            self.failed.append(error)

    def stop(self) -> None:
        self.stopping.set()
        self.thread.join(5)
        assert not self.thread.is_alive()


@contextlib.contextmanager
def a_line(**settings: Any) -> Iterator[Line]:
    line = Line(settings)
    line.start()
    try:
        yield line
    finally:
        line.stop()
        assert line.failed == []
