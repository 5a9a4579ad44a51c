"""What a reader has seen of every sender, and what it has not: the numbers of messages, and nothing else. Pure; bounded."""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from edge.messages import STREAMS, TOPICS, AnyMessage, Heartbeat, Message

MAX_SENDERS = 100
MAX_PAST = 1_000  # epochs that have been replaced
MAX_OPEN = 1_000  # stretches that may still come, in all
_TOPIC_OF = {s.name: s.topic.decode() for s in STREAMS}


class Gap(msgspec.Struct, frozen=True):
    """A reader missed messages: the numbers first..last of one type of one sender's epoch."""

    station: str
    sender: str
    topic: str
    epoch: int
    first: int
    last: int


class Who(NamedTuple):
    """One publisher."""

    station: str
    sender: str


class Seen(NamedTuple):
    """One stream of messages: one type of one sender's epoch. What a reader remembers over a restart."""

    station: str
    sender: str
    topic: str
    epoch: int


class _Stream:
    """The numbers of one stream: up to `base` was before our time, up to `last` has been seen, except what is `open`.

    `told`: `base` is what the sender said of itself, while messages with lower numbers may have been on their way to us;
    `had`: the newest of those that came otherwise than published.
    """

    __slots__ = ("base", "had", "last", "open", "told")

    def __init__(self, base: int, told: bool) -> None:
        self.base = self.last = base
        self.told = told
        self.open: list[tuple[int, int]] = []
        self.had: deque[int] = deque(maxlen=MAX_OPEN)


class Sequences:
    """Every message that is read goes through `take`, which says whether it is to be delivered.

    Attributes:
        gaps: what has not been seen and will not be; the owner may clear it.
        noticed: everything that was missed at first, at once, also what comes later; the owner may clear it.
        began: senders of whom a new epoch has been seen; the owner clears it.
        missing: something new is open; the owner resets it.
    """

    def __init__(self, kinds: Iterable[type[Message]], recovers: Iterable[str] = ()) -> None:
        """`recovers`: the senders that can be asked to say something again."""
        self._topics = tuple(TOPICS[k].decode() for k in kinds)
        self._recovers = frozenset(recovers)
        self._epochs: dict[Who, int] = {}
        self._restarted: set[Who] = set()
        self._past: OrderedDict[tuple[Who, int], None] = OrderedDict()
        self._streams: dict[tuple[Who, str], _Stream] = {}
        self._known: dict[Seen, tuple[int, list[tuple[int, int]]]] = {}
        self._whole: frozenset[str] = frozenset()
        self.gaps: list[Gap] = []
        self.noticed: deque[Gap] = deque(maxlen=10 * MAX_OPEN)
        self.began: set[str] = set()
        self.missing = False

    def resume(self, last: Mapping[Seen, int], missing: Iterable[Gap], whole: Iterable[type[Message]]) -> None:
        """Go on where an earlier reader ended, instead of beginning now.

        Args:
            last: the last number that was read, by stream.
            missing: what was missed before it and may still be had.
            whole: types that are wanted from their first number on where nothing was read.
        """
        self._known = {stream: (number, []) for stream, number in last.items()}
        for gap in missing:
            stream = Seen(gap.station, gap.sender, gap.topic, gap.epoch)
            if stream in self._known and 0 < gap.first <= gap.last <= self._known[stream][0]:
                self._known[stream][1].append((gap.first, gap.last))
        self._whole = frozenset(TOPICS[k].decode() for k in whole)

    def take(self, message: AnyMessage) -> bool | None:
        """Whether a message that was published is to be delivered. None: it was had already, as its sender's state or again; False:
        somebody repeats what was published before, or an epoch that has been replaced."""
        who = Who(message.station, message.sender)
        if not self._epoch(who, message.epoch):
            return False
        topic = TOPICS[type(message)].decode()
        stream = self._stream(who, topic, message.seq - 1)
        if stream.told:
            _step_back(stream, message.seq)
        if message.seq <= stream.last:
            return _close(stream, message.seq) or (None if message.seq in stream.had else False)
        if message.seq > stream.last + 1:
            self._missed(who, topic, stream, message.seq - 1)
        stream.last = message.seq
        if isinstance(message, Heartbeat) and message.sent:
            for name in self._topics:
                self._reaches(who, name, message.sent.get(name.removeprefix("gutteil."), 0))
        return True

    def joined(self, who: Who, epoch: int, sent: Mapping[str, int]) -> bool:
        """A sender has said how far it has come, when it was asked: streams that have not been read yet are read from there on,
        and what others lack is missed (though it may be on its way).

        Returns whether its state is news: False for an epoch that has been replaced.
        """
        if not self._epoch(who, epoch):
            return False
        for topic in self._topics:
            self._reaches(who, topic, sent.get(topic.removeprefix("gutteil."), 0), told=True)
        return True

    def take_state(self, message: AnyMessage) -> bool:
        """Whether a message of a sender's state is to be delivered: one from before our time, or one that was missed."""
        who, topic = Who(message.station, message.sender), TOPICS[type(message)].decode()
        stream = self._streams.get((who, topic))
        if stream is None or message.epoch != self._epochs.get(who):
            return False
        if (message.seq > stream.base or message.seq in stream.had) and not _close(stream, message.seq):
            return False
        stream.had.append(message.seq)
        return True

    def take_again(self, message: AnyMessage) -> bool:
        """Whether a message that was said again is to be delivered: only what is still open."""
        who = Who(message.station, message.sender)
        stream = self._streams.get((who, TOPICS[type(message)].decode()))
        if stream is None or message.epoch != self._epochs.get(who) or not _close(stream, message.seq):
            return False
        stream.had.append(message.seq)
        return True

    def wanted(self, sender: str) -> Gap | None:
        """Something to ask a sender for."""
        for (who, topic), stream in self._streams.items():
            if who.sender == sender and stream.open:
                first, last = stream.open[0]
                return Gap(*who, topic, self._epochs[who], first, last)
        return None

    def lost(self, asked: Gap, last: int) -> None:
        """The answer is here: what is still open of it, up to a number, will not come."""
        who = Who(asked.station, asked.sender)
        stream = self._streams.get((who, asked.topic))
        if stream is not None and self._epochs.get(who) == asked.epoch:
            self._give_up(who, asked.topic, stream, asked.first, min(last, asked.last))

    def gone(self, sender: str, station: str | None = None) -> None:
        """A sender does not answer any more, or has started anew: nothing that is open will come."""
        for (who, topic), stream in self._streams.items():
            if who.sender == sender and station in (None, who.station):
                self._give_up(who, topic, stream, 1, stream.last)

    @property
    def open(self) -> list[Gap]:
        """What has been missed and may still come."""
        return [
            Gap(*who, topic, self._epochs[who], first, last)
            for (who, topic), stream in self._streams.items()
            for first, last in stream.open
        ]

    def _epoch(self, who: Who, epoch: int) -> bool:
        """Whether this is the sender's epoch now; begins a new one."""
        now = self._epochs.get(who)
        if now == epoch:
            return True
        if (who, epoch) in self._past or (now is None and len(self._epochs) >= MAX_SENDERS):
            return False  # an epoch that has been replaced never comes back: somebody repeats old messages
        if now is not None:
            for topic in self._topics:
                if (stream := self._streams.pop((who, topic), None)) is not None:
                    for first, last in stream.open:
                        self.gaps.append(Gap(*who, topic, now, first, last))
            self._past[who, now] = None
            while len(self._past) > MAX_PAST:
                self._past.popitem(last=False)
            self._restarted.add(who)
        self._epochs[who] = epoch
        self.began.add(who.sender)
        return True

    def _stream(self, who: Who, topic: str, now: int, *, told: bool = False) -> _Stream:
        """A stream; one that is new begins after number `now`, or where it must have begun for nothing to be missed."""
        stream = self._streams.get((who, topic))
        if stream is not None:
            return stream
        known = self._known.get(Seen(*who, topic, self._epochs[who]))
        from_start = topic in self._whole or who in self._restarted
        stream = _Stream(known[0] if known else 0 if from_start else now, told and not known and not from_start)
        if known and who.sender in self._recovers:
            stream.open = sorted(known[1])
            self.missing |= bool(stream.open)
        self._streams[who, topic] = stream
        return stream

    def _reaches(self, who: Who, topic: str, last: int, *, told: bool = False) -> None:
        """A sender has sent a type up to a number."""
        stream = self._stream(who, topic, last, told=told)
        if last > stream.last:
            self._missed(who, topic, stream, last)
            stream.last = last

    def _missed(self, who: Who, topic: str, stream: _Stream, last: int) -> None:
        gap = Gap(*who, topic, self._epochs[who], stream.last + 1, last)
        self.noticed.append(gap)
        if who.sender in self._recovers and sum(len(s.open) for s in self._streams.values()) < MAX_OPEN:
            stream.open.append((gap.first, gap.last))
            self.missing = True
        else:
            self.gaps.append(gap)

    def _give_up(self, who: Who, topic: str, stream: _Stream, low: int, high: int) -> None:
        kept: list[tuple[int, int]] = []
        for first, last in stream.open:
            a, b = max(first, low), min(last, high)
            if a > b:
                kept.append((first, last))
                continue
            self.gaps.append(Gap(*who, topic, self._epochs[who], a, b))
            kept += [(x, y) for x, y in ((first, a - 1), (b + 1, last)) if x <= y]
        stream.open = kept


def _step_back(stream: _Stream, number: int) -> None:
    """The first message that was published to us: our time begins with it, also where the sender's word came before it."""
    stream.told = False
    if number > stream.base:
        return
    edges = [number - 1, *sorted(n for n in stream.had if n >= number), stream.base + 1]
    stream.open = [(a + 1, b - 1) for a, b in itertools.pairwise(edges) if a + 1 < b] + stream.open
    stream.base = number - 1


def _close(stream: _Stream, number: int) -> bool:
    """Take a number out of what is open; whether it was there."""
    for index, (first, last) in enumerate(stream.open):
        if first <= number <= last:
            stream.open[index : index + 1] = [(a, b) for a, b in ((first, number - 1), (number + 1, last)) if a <= b]
            return True
        if first > number:
            return False
    return False
