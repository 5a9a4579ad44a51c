"""What a sender has said last, kept so that it can say it again. One thread adds, any other reads, and neither waits for the other."""

from __future__ import annotations

from edge.messages import STREAMS, Alarm, Heartbeat, Message, Run

MAX_TYPE_BYTES = 64_000_000
MAX_ALARMS = 200
NAMES: dict[type[Message], str] = {s.message: s.name for s in STREAMS}


class _Numbers:
    """The newest messages of one type in a ring. Without a lock: the writer gives up a number before it takes its slot, so a
    reader that finds the number still there after it has read the slot has read the right one."""

    __slots__ = ("_bytes", "_slots", "newest", "oldest")

    def __init__(self, count: int) -> None:
        self._slots = [b""] * count
        self._bytes = 0
        self.oldest, self.newest = 1, 0

    def add(self, data: bytes, seq: int) -> None:
        slots, size = self._slots, len(self._slots)
        self._bytes += len(data)
        while seq - self.oldest >= size or (self._bytes > MAX_TYPE_BYTES and self.oldest < seq):
            slot = self.oldest % size
            self.oldest += 1
            self._bytes -= len(slots[slot])
            slots[slot] = b""
        slots[seq % size] = data
        self.newest = seq

    def get(self, seq: int) -> bytes | None:
        data = self._slots[seq % len(self._slots)]
        return data if self.oldest <= seq <= self.newest else None


class History:
    """Everything of one sender, bounded by `count` and by 64 MB per type."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._types: dict[str, _Numbers] = {}
        self._latest: dict[type[Message], bytes] = {}
        self._alarms: dict[str, bytes] = {}

    def add(self, message: Message, data: bytes) -> None:
        """Keep a message that has been sent; `seq` counts up from 1 without holes."""
        kind = type(message)
        name = NAMES[kind]
        numbers = self._types.get(name)
        if numbers is None:
            numbers = self._types[name] = _Numbers(self._count)
        numbers.add(data, message.seq)
        if kind is Run or kind is Heartbeat:
            self._latest[kind] = data
        elif isinstance(message, Alarm):
            if not message.active:
                self._alarms.pop(message.code, None)
            elif message.code in self._alarms or len(self._alarms) < MAX_ALARMS:
                self._alarms[message.code] = data

    def sent(self) -> dict[str, int]:
        """The last number by type, of every type that has been sent."""
        return {name: numbers.newest for name, numbers in list(self._types.items())}

    def read(self, name: str, first: int, last: int, max_count: int, max_bytes: int) -> tuple[int, list[bytes]]:
        """Messages of one type from number `first` on, without holes: as many as fit (at least one, if there is any).

        Returns:
            The number of the first one, and the messages.
        """
        numbers = self._types.get(name)
        if numbers is None:
            return first, []
        start = max(first, numbers.oldest)
        found: list[bytes] = []
        size, seq = 0, start
        while seq <= last and len(found) < max_count:
            data = numbers.get(seq)
            if data is None:
                if found or seq > numbers.newest:
                    break
                start = seq = numbers.oldest  # the writer has overtaken us: what it gave up meanwhile is gone
                continue
            size += len(data)
            if found and size > max_bytes:
                break
            found.append(data)
            seq += 1
        return start, found

    def state(self) -> list[bytes]:
        """What somebody needs who has just come: the latest run, the alarms that are active, the latest heartbeat."""
        run, beat = self._latest.get(Run), self._latest.get(Heartbeat)
        return [m for m in (run, *list(self._alarms.values()), beat) if m is not None]
