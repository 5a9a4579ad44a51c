"""Replays of verdicts for the pages: one process on idle time (`edge.rejudge_worker`), one question at a time, gone after a minute of rest."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path
from typing import Final

import msgspec

from edge.config import Station
from edge.errors import GutteilError
from edge.rejudge import Replayed
from edge.rejudge_worker import Failed, Question

PATIENCE_S: Final = 120.0  # on a busy line idle time is scarce
MAX_WAITING: Final = 8
MAX_ANSWER: Final = 2_000_000
_ROOT: Final = Path(__file__).resolve().parents[2]


class ReplayError(GutteilError):
    """There is no answer; says why. `status` of HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


class Replays:
    """Asks the process, and starts it when there is none. Used in the server's event loop alone."""

    def __init__(self, config: Station) -> None:
        self._settings = config.model_dump_json().encode()
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0

    async def replay(self, part_id: str) -> Replayed:
        """Judge a part again.

        Raises:
            ReplayError: too many wait (429), it takes too long (503), or there is no such part (404).
        """
        if self._waiting >= MAX_WAITING:
            raise ReplayError(429, f"{self._waiting} replays are waiting already; try again in a minute")
        self._waiting += 1
        try:
            async with self._turn:
                line = await self._ask(msgspec.json.encode(Question(part_id)))
        finally:
            self._waiting -= 1
        try:
            return msgspec.json.decode(line, type=Replayed)
        except msgspec.MsgspecError:
            with contextlib.suppress(msgspec.MsgspecError):
                raise ReplayError(404, msgspec.json.decode(line, type=Failed).error) from None
            raise ReplayError(503, "the replay ended without an answer: it may have needed more memory than it may take") from None

    async def _ask(self, question: bytes) -> bytes:
        for attempt in (1, 2):  # the process may have just ended of rest
            process = await self._running()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(question + b"\n")
                await process.stdin.drain()
                line = await asyncio.wait_for(process.stdout.readline(), PATIENCE_S)
            except TimeoutError:
                await self.close()
                raise ReplayError(
                    503, f"no answer within {PATIENCE_S:g} s: the line needs this machine; try again when it is quieter"
                ) from None
            except (OSError, ValueError):
                line = b""
            except asyncio.CancelledError:  # the asker has gone: its answer must not be the next one's
                await self.close()
                raise
            if line:
                return line
            await self.close()
            if attempt == 2:
                break
        return b""

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "edge.rejudge_worker", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, cwd=_ROOT, limit=MAX_ANSWER,
            )  # fmt: skip
            assert self._process.stdin is not None
            self._process.stdin.write(self._settings + b"\n")
        return self._process

    async def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
