"""What is said of orders that were refused: the first of each peer at once, the rest as a count per minute. Pure; bounded.

An auditor wants to see who tried; a flood must not fill the record. So a peer makes one row and then one a minute as long as it
goes on, and all peers beyond the first few together are one.
"""

from __future__ import annotations

from dataclasses import dataclass

EVERY_S = 60.0
MAX_PEERS = 8
OTHERS = "others"


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    Attributes:
        op: what was asked for; `refused` where it was no order, or for several.
        who: the name that was given with it.
        key: the key that was shown.
        text: why, how often, and where it came from.
    """

    op: str
    who: str
    key: str
    text: str


@dataclass(slots=True)
class _Peer:
    key: str
    until: float
    more: int = 0
    last: str = ""


class Refusals:
    """What has been refused."""

    def __init__(self) -> None:
        self._peers: dict[tuple[str, str], _Peer] = {}
        self._news: list[Refusal] = []

    def note(self, now: float, why: str, key: str, address: str, op: str = "refused", who: str = "") -> None:
        """An order was refused."""
        name = (key, address)
        if name not in self._peers and len(self._peers) >= MAX_PEERS:
            name, key, address = (OTHERS, OTHERS), OTHERS, OTHERS
        peer = self._peers.get(name)
        if peer is None:
            self._peers[name] = _Peer(key, now + EVERY_S)
            self._news.append(Refusal(op, who, key, f"{why}{_source(address)}"))
        else:
            peer.more += 1
            peer.last = f"{why}{_source(address)}"

    def tell(self, now: float) -> list[Refusal]:
        """What is to be said now, each once. `now` may be infinite: everything that is left."""
        news, self._news = self._news, []
        for name in [name for name, peer in self._peers.items() if now >= peer.until]:
            peer = self._peers[name]
            if not peer.more:
                del self._peers[name]
                continue
            news.append(Refusal("refused", "", peer.key, f"{peer.more} more; the last: {peer.last}"))
            peer.more, peer.until = 0, now + EVERY_S
        return news


def _source(address: str) -> str:
    return f" (from {address})" if address else ""
