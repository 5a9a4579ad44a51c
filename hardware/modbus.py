"""Two blocks of registers exchanged over Modbus TCP, in a thread of its own: as server, or as client.

The other side may be slow, silent, gone or hostile; whoever uses a link only ever waits for its lock, which nobody holds while
waiting for the network. A Modbus server knows no passwords: who may connect is a list of addresses, and no more than that.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusException
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

MAX_CONNECTIONS = 8
_RETRY_S = 0.5
_WRITES = {6, 16, 22, 23}

logging.getLogger("pymodbus").setLevel(logging.CRITICAL)  # a peer that comes and goes, or talks nonsense, is no news


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of registers: which kind, from which address, how many."""

    kind: Literal["input", "holding"]
    base: int
    length: int


class Link(ABC):
    """Exchanges `says` for `hears` with one peer until stopped.

    Attributes:
        lock: held while `image` and `heard` are called; whoever shares their state takes it.
        news: set after every `heard`.
        trouble: what keeps the link from working, for people; empty when nothing does.
    """

    def __init__(
        self, image: Callable[[], list[int]], heard: Callable[[list[int]], None], says: Block, hears: Block, host: str, port: int, unit: int
    ) -> None:
        self._image, self._heard = image, heard
        self._says, self._hears = says, hears
        self._host, self._port, self._unit = host, port, unit
        self.lock = threading.Lock()
        self.news = threading.Event()
        self.trouble = ""
        self._stopping = False  # beside the task's cancellation, which Python 3.11's `wait_for` may swallow
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; a link that runs goes on."""
        if self._thread is None:
            begun, self._stopping = threading.Event(), False
            self._thread = threading.Thread(target=lambda: asyncio.run(self._main(begun)), name="modbus", daemon=True)
            self._thread.start()
            begun.wait(10)

    def stop(self) -> None:
        """End; may be called twice."""
        self._stopping = True
        if self._thread is not None and self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)
            self._thread.join(10)
        self._thread = self._loop = self._task = None

    async def _main(self, begun: threading.Event) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        begun.set()
        with contextlib.suppress(asyncio.CancelledError):
            while not self._stopping:
                await self._work()
                await asyncio.sleep(_RETRY_S)

    @abstractmethod
    async def _work(self) -> None:
        """Exchange until something fails; then say so in `trouble` and return."""

    def _told(self, registers: list[int]) -> None:
        with self.lock:
            self._heard(registers)
        self.news.set()


class ClientLink(Link):
    """We ask: read a block, write the other, again and again. A write is always the whole block, in one request."""

    def __init__(self, *link: Any, poll_s: float, timeout_s: float) -> None:
        super().__init__(*link)
        self._poll_s, self._timeout_s = poll_s, timeout_s

    async def _work(self) -> None:
        client = AsyncModbusTcpClient(self._host, port=self._port, timeout=self._timeout_s, retries=0, reconnect_delay=0)
        try:
            if not await client.connect():
                self.trouble = f"no Modbus server answers at {self._host}:{self._port}"
                return
            loop = asyncio.get_running_loop()
            while not self._stopping:
                began = loop.time()
                self.trouble = await self._exchange(client)
                if self.trouble:
                    return
                await asyncio.sleep(max(0.0, self._poll_s - (loop.time() - began)))
        except (ModbusException, OSError) as error:
            self.trouble = f"the Modbus server at {self._host}:{self._port} does not answer: {error}"
        finally:
            client.close()

    async def _exchange(self, client: AsyncModbusTcpClient) -> str:
        read = client.read_input_registers if self._hears.kind == "input" else client.read_holding_registers
        answer = await read(self._hears.base, count=self._hears.length, device_id=self._unit)
        if answer.isError() or len(answer.registers) != self._hears.length:
            return f"{self._host}:{self._port} refuses to have {self._hears.length} registers read from {self._hears.base} on ({answer})"
        self._told(list(answer.registers))
        with self.lock:
            image = self._image()
        answer = await client.write_registers(self._says.base, image, device_id=self._unit)
        if answer.isError():
            return f"{self._host}:{self._port} refuses to have {len(image)} registers written from {self._says.base} on ({answer})"
        return ""


class ServerLink(Link):
    """We answer whoever is on the list of clients, and our own machine; with an empty list, whoever reaches us.

    `says` is rendered anew for every request, so one request reads a block that is whole; `hears` takes writes of any length
    inside the block, and is read back as written.
    """

    def __init__(self, *link: Any, clients: Sequence[str]) -> None:
        super().__init__(*link)
        self._clients = frozenset((*clients, self._host)) if clients else frozenset()
        self._registers = [0] * self._hears.length

    async def _work(self) -> None:
        server = _Server(self._device(), self._clients, (self._host, self._port))
        starting = asyncio.create_task(server.serve_forever(background=True))
        try:
            await asyncio.shield(starting)  # cut off in its middle it would leave its socket open
            self.trouble = ""
            await asyncio.Event().wait()
        except RuntimeError:
            self.trouble = f"cannot listen at {self._host}:{self._port}: another program does, or that address is not this machine's, or the port is below 1024 and needs the right to bind it"
        finally:
            with contextlib.suppress(RuntimeError):
                await starting
            await server.shutdown()  # type: ignore[no-untyped-call]

    def _device(self) -> SimDevice:
        # pymodbus wants something in every table; the bit tables hold one word that nobody may write
        tables: dict[str, list[SimData]] = {"input": [], "holding": []}
        for block in (self._says, self._hears):
            tables[block.kind].append(SimData(block.base, values=[0] * block.length, datatype=DataType.REGISTERS))
        for kind, blocks in tables.items():
            if not blocks:
                tables[kind] = [SimData(65_535, values=[0], datatype=DataType.REGISTERS, readonly=True)]
        bits = SimData(0, values=[False] * 16, datatype=DataType.BITS, readonly=True)
        return SimDevice(self._unit, ([bits], [bits], tables["holding"], tables["input"]), action=self._asked)

    async def _asked(
        self, code: int, start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        """pymodbus asks before it reads or writes: `registers` are those of the table, from address `start` on."""
        kind = "input" if code == 4 else "holding"
        if code not in (3, 4, *_WRITES):
            return ExcCodes.ILLEGAL_FUNCTION
        if kind == self._says.kind:
            with self.lock:
                image = self._image()
            at = self._says.base - start
            registers[at : at + len(image)] = image
        if values is None:
            return None
        offset = address - self._hears.base
        if kind != self._hears.kind or offset < 0 or offset + count > self._hears.length:
            return ExcCodes.ILLEGAL_ADDRESS
        self._registers[offset : offset + count] = [int(v) for v in values]
        self._told(list(self._registers))
        return None


class _Server(ModbusTcpServer):
    def __init__(self, device: SimDevice, clients: frozenset[str], address: tuple[str, int]) -> None:
        self.clients = clients
        super().__init__(device, address=address)

    def callback_new_connection(self) -> ServerRequestHandler:
        return _Connection(self, None, None, None)  # type: ignore[no-untyped-call]


class _Connection(ServerRequestHandler):
    """One connection; too many of them, and the one that has been silent longest goes: a PLC that lost its power says no goodbye."""

    spoke = 0.0

    def callback_connected(self) -> None:
        super().callback_connected()
        self.spoke = self.loop.time()
        peer = self.transport.get_extra_info("peername") or ("",)
        others = [c for c in self.server.active_connections.values() if c is not self]
        if self.server.clients and peer[0] not in self.server.clients:
            self.transport.abort()  # type: ignore[attr-defined]
        elif len(others) >= MAX_CONNECTIONS:
            min(others, key=lambda c: c.spoke).close()

    def callback_data(self, data: bytes, addr: tuple[Any, ...] | None = None) -> int:
        self.spoke = self.loop.time()
        return super().callback_data(data, addr)
