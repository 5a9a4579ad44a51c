"""Pages without a browser: what the live page does on the network, so that a bench can open many of them.

Each reads the stream of snapshots, loads the newest part's picture (one at a time, the newest wins) and the small picture of every
reject that it has not seen, as the page with its cache does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
import urllib.parse
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import msgspec
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

PATIENCE_S = 30.0
_RETRY_S = 0.3


class _Part(msgspec.Struct):
    key: str
    wall_ms: int
    total_ms: float
    picture: str
    thumb: str


class _State(msgspec.Struct):
    part: _Part | None
    rejects: list[_Part]


@dataclass
class Seen:
    """What the pages of one process have come by.

    Attributes:
        late_ms: of every part that a page was told of, ms from the verdict's leaving the station to its arrival at the page.
        pictured_ms: the same until its picture had come.
        lost: connections that broke, and pictures that were not there any more.
    """

    late_ms: list[float] = field(default_factory=list)
    pictured_ms: list[float] = field(default_factory=list)
    snapshots: int = 0
    pictures: int = 0
    bytes: int = 0
    lost: int = 0


def open_pages(url: str, count: int, idle: bool, pipe: Connection) -> None:
    """The process: on 'on' opens the pages, on 'off' closes them and hands over what was `Seen`, on 'stop' ends.

    Args:
        idle: run only where nothing else wants the machine: pages that are real run on other machines.
    """
    if idle:
        os.nice(19)
        with contextlib.suppress(AttributeError, OSError):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    asyncio.run(_obey(url, count, pipe))


async def _obey(url: str, count: int, pipe: Connection) -> None:
    pipe.send("ready")
    while (word := await asyncio.to_thread(pipe.recv)) == "on":
        seen, opened = Seen(), asyncio.Semaphore(0)
        pages = [asyncio.create_task(_page(url, seen, opened)) for _ in range(count)]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                for _ in pages:
                    await opened.acquire()
        seen.late_ms.clear()  # what was known before they came
        pipe.send("open")
        word = await asyncio.to_thread(pipe.recv)
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
        pipe.send(seen)
        if word == "stop":
            return


async def _page(url: str, seen: Seen, opened: asyncio.Semaphore) -> None:
    address = urllib.parse.urlsplit(url)
    decoder = msgspec.json.Decoder(_State)
    while True:
        loader = _Loader(address.hostname or "", address.port or 80, seen)
        task = asyncio.create_task(loader.run())
        try:
            async with connect(f"ws://{address.netloc}/api/live/stream", proxy=None) as socket:
                known = ""
                async for data in socket:
                    now_ms = time.time_ns() / 1e6
                    state = decoder.decode(data)
                    seen.snapshots += 1
                    if not known:
                        opened.release()
                        known = "-"
                    if state.part is not None and state.part.key != known:
                        known = state.part.key
                        seen.late_ms.append(now_ms - state.part.wall_ms - state.part.total_ms)
                    loader.take(state)
        except (OSError, WebSocketException, msgspec.MsgspecError):
            pass
        finally:
            task.cancel()
        seen.lost += 1
        await asyncio.sleep(_RETRY_S)


class _Loader:
    """Loads pictures over one connection, which it keeps."""

    def __init__(self, host: str, port: int, seen: Seen) -> None:
        self._host, self._port, self._seen = host, port, seen
        self._newest: _Part | None = None
        self._thumbs: dict[str, None] = {}  # in the browser's cache, or wanted
        self._wanted: list[str] = []
        self._news = asyncio.Event()

    def take(self, state: _State) -> None:
        """What is on the page now."""
        if state.part is not None and (self._newest is None or state.part.key != self._newest.key):
            self._newest = state.part
            self._news.set()
        for part in state.rejects:
            if part.thumb and part.thumb not in self._thumbs:
                self._thumbs[part.thumb] = None
                self._wanted.append(part.thumb)
                self._news.set()
        while len(self._thumbs) > 1_000:
            del self._thumbs[next(iter(self._thumbs))]

    async def run(self) -> None:
        shown = ""
        while True:
            try:
                reader, writer = await asyncio.open_connection(self._host, self._port)
            except OSError:
                await asyncio.sleep(_RETRY_S)
                continue
            try:
                while True:
                    await self._news.wait()
                    self._news.clear()
                    newest = self._newest
                    if newest is not None and newest.picture and newest.key != shown:
                        shown = newest.key
                        if await self._get(newest.picture, reader, writer):
                            self._seen.pictured_ms.append(time.time_ns() / 1e6 - newest.wall_ms - newest.total_ms)
                    while self._wanted:
                        await self._get(self._wanted.pop(0), reader, writer)
            except (OSError, asyncio.IncompleteReadError, ValueError):
                self._seen.lost += 1
            finally:
                writer.close()

    async def _get(self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self._host}:{self._port}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        await reader.readexactly(size)
        done = head.startswith(b"http/1.1 200")
        self._seen.pictures += done
        self._seen.bytes += size
        self._seen.lost += not done
        return done
