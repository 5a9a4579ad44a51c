"""Hands snapshots to the browsers: one encoding for all of them, the newest wins, nothing is done while nobody looks."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import urllib.parse
from collections import Counter

from fastapi import WebSocket, WebSocketDisconnect

from dashboard.live import Live
from dashboard.view import encode

REPEAT_S = 0.25  # also without news: silence tells a page that it has lost the server
PUSH_S = 0.12  # at most about eight pictures a second
MAX_VIEWERS = 200
MAX_OF_ADDRESS = 60  # else one browser gone wild takes the page from everybody; this machine itself is not counted
_TRY_LATER, _POLICY = 1013, 1008


def _is_here(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class Viewers:
    """The pages that are open at this moment."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news = asyncio.Event()
        self._turn = asyncio.Condition()
        self._payload = ""
        self._number = 0
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.count = 0
        self._of: Counter[str] = Counter()

    async def start(self) -> None:
        """Begin to listen for changes; to be called in the server's event loop."""
        self._loop = asyncio.get_running_loop()
        self._live.start(self._changed)

    async def stop(self) -> None:
        """Let every viewer go."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
        async with self._turn:
            self._turn.notify_all()
        await asyncio.to_thread(self._live.stop)

    def _changed(self) -> None:
        loop = self._loop
        if self.count and loop is not None and not self._news.is_set():
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                loop.call_soon_threadsafe(self._news.set)

    async def _push(self) -> None:
        """Runs only while somebody looks."""
        while self.count:
            self._news.clear()
            self._payload = encode(self._live.snapshot()).decode()
            self._number += 1
            async with self._turn:
                self._turn.notify_all()
            await asyncio.sleep(PUSH_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), REPEAT_S - PUSH_S)
        self._task = None

    async def serve(self, socket: WebSocket) -> None:
        """One page, until it goes away."""
        origin = socket.headers.get("origin")
        if origin is not None and urllib.parse.urlsplit(origin).netloc != socket.headers.get("host"):
            await socket.close(_POLICY)  # a page of another site in the same browser has no business here
            return
        address = socket.client.host if socket.client is not None else ""
        if self.count >= MAX_VIEWERS or (self._of[address] >= MAX_OF_ADDRESS and not _is_here(address)):
            await socket.close(_TRY_LATER)
            return
        await socket.accept()
        self.count += 1
        self._of[address] += 1
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._push())
        sender = asyncio.create_task(self._send(socket))
        try:
            while True:
                await socket.receive_text()  # nothing is expected; this notices that the page has gone
        except (WebSocketDisconnect, RuntimeError, KeyError):
            pass
        finally:
            self.count -= 1
            self._of[address] -= 1
            if not self._of[address]:
                del self._of[address]
            sender.cancel()

    async def _send(self, socket: WebSocket) -> None:
        sent = 0
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            while True:
                async with self._turn:
                    while self._number == sent and not self._closing:
                        await self._turn.wait()
                if self._closing:
                    await socket.close(_TRY_LATER)
                    return
                sent = self._number
                await socket.send_text(self._payload)
