"""What a recorder knows of the streams it reads: what it missed, and which messages only repeat what is known. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from edge.bus import Gap
from edge.messages import TOPICS, Alarm, AnyMessage, Ejection, Heartbeat, Run, Trigger, Verdict

MAX_REMEMBERED = 10_000
_K = TypeVar("_K")
_V = TypeVar("_V")
Stream = tuple[str, str, str, int]  # station, sender, topic, epoch


class Continuity:
    """The numbers and states seen so far; bounded."""

    def __init__(self, before: dict[Stream, int]) -> None:
        """`before`: the last number that an earlier recorder has recorded, by stream."""
        self._before = before
        self._joined: OrderedDict[Stream, None] = OrderedDict()
        self._said: OrderedDict[tuple[str, ...], tuple[object, ...]] = OrderedDict()

    def missed(self, message: AnyMessage, noticed: list[Gap]) -> list[tuple[str, Gap]]:
        """The gaps before a message, with their station: those the subscriber noticed, and what was sent while nobody recorded.

        Of a stream that no recorder has read before, what was sent earlier counts as missed only where it does not
        say itself again: triggers, verdicts, ejections.
        """
        stream = (message.station, message.sender, TOPICS[type(message)].decode(), message.epoch)
        found = [(message.station, gap) for gap in noticed]
        if stream not in self._joined:
            last = self._before.get(stream, 0)
            told = any((g.sender, g.topic, g.epoch) == stream[1:] for g in noticed)
            if message.seq > last + 1 and not told and (last or isinstance(message, Trigger | Verdict | Ejection)):
                found.append((message.station, Gap(*stream[1:], last + 1, message.seq - 1)))
            _remember(self._joined, stream, None)
        return found

    def news(self, message: AnyMessage) -> bool:
        """Whether a message says something new: heartbeats and what is repeated for late joiners need no rows of their own."""
        if isinstance(message, Heartbeat):
            return False
        who = (message.station, message.sender, str(message.epoch), type(message).__name__)
        key: tuple[str, ...]
        says: tuple[object, ...]
        if isinstance(message, Run):
            key, says = who, (message.run_id, message.recipe_hash, message.model_hash)
        elif isinstance(message, Alarm):
            key, says = (*who, message.code), (message.active, message.severity, message.text)
        else:
            return True
        if self._said.get(key) == says:
            return False
        _remember(self._said, key, says)
        return True


def _remember(memory: OrderedDict[_K, _V], key: _K, value: _V) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > MAX_REMEMBERED:
        memory.popitem(last=False)
