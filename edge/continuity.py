"""What a recorder knows of the streams it reads: which messages only repeat what is known. Pure."""

from __future__ import annotations

from collections import OrderedDict

from edge.messages import Alarm, AnyMessage, Heartbeat, Run

MAX_REMEMBERED = 10_000


class Continuity:
    """What was said so far; bounded."""

    def __init__(self) -> None:
        self._said: OrderedDict[tuple[str, ...], tuple[int, tuple[object, ...]]] = OrderedDict()

    def news(self, message: AnyMessage) -> bool:
        """Whether a message says something new: heartbeats and what is repeated for late joiners need no rows of their own.

        A message that was missed comes after newer ones: it is compared with them and does not take their place.
        """
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
        number, said = self._said.get(key, (0, None))
        if message.seq > number:
            self._said[key] = (message.seq, says)
            self._said.move_to_end(key)
            while len(self._said) > MAX_REMEMBERED:
                self._said.popitem(last=False)
        return said != says
