"""Say again what a reader has missed: the protocol, and the sender's end of it (after the Clone pattern of the ZeroMQ guide).

One question, one answer. A question is one JSON frame; an answer is one ZeroMQ message: a JSON head, then the messages as
they were published, one per frame. Everything is bounded by the question, so that whoever asks for a lot asks often, and one
who does not read his answers gets no more of them.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import Annotated, Final, Literal

import msgspec
import zmq
from msgspec import Meta

from edge.attendant import Attendant
from edge.config import Station
from edge.errors import BusError
from edge.history import History
from edge.keys import admitted, secure_server
from edge.messages import Count, Name, Sender

REPEAT_VERSION: Final = 1
MAX_QUESTION_BYTES = 1_000
MAX_ANSWER_BYTES = 131_072
MAX_ANSWER_COUNT = 200
MAX_UNREAD = 2  # answers per peer that wait for it; what does not fit is dropped
MAX_PEERS = 32  # that have asked within PEER_S
PEER_S = 10.0
PAUSE_S = 0.005  # after each question: a greedy peer takes a few percent of a core and no more
HEARTBEAT_MS, GONE_MS = 1_000, 3_000  # a peer that does not read is cut off, and what waits for it is freed

TypeWord = Literal["run", "trigger", "verdict", "candidates", "ejection", "heartbeat", "alarm", "audit"]
Number = Annotated[int, Meta(ge=1, le=2**63 - 1)]


class AskAgain(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", tag="again"):
    """Give me the numbers `first` to `last` of a type.

    Attributes:
        v: version of this protocol.
        id: comes back in the answer.
        epoch: of the sender, as in its messages.
        type: of message.
    """

    v: Literal[1] = REPEAT_VERSION
    id: Count
    epoch: Count
    type: TypeWord
    first: Number
    last: Number


class AskState(msgspec.Struct, frozen=True, kw_only=True, tag_field="ask", tag="state"):
    """Give me what somebody needs who has just come: the latest run, the active alarms, the latest heartbeat.

    Attributes:
        v: version of this protocol.
        id: comes back in the answer.
    """

    v: Literal[1] = REPEAT_VERSION
    id: Count


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The head of an answer; the messages follow, one per frame.

    Attributes:
        v: version of this protocol.
        id: of the question.
        station: who answers.
        sender: who answers.
        epoch: of the sender now. Another than was asked for: the sender has started anew, what was asked for is gone.
        first: number of the first message that follows; what was asked for below it is gone.
        count: how many follow. They are numbered without holes; ask again for the rest. None: all that was asked for is gone.
        sent: the last number by type; only in the answer to `state`.
    """

    v: Literal[1] = REPEAT_VERSION
    id: Count
    station: Name
    sender: Sender
    epoch: Count
    first: Count = 0
    count: Annotated[int, Meta(ge=0, le=MAX_ANSWER_COUNT + 10)] = 0
    sent: dict[Name, Count] = {}


_questions: msgspec.json.Decoder[AskAgain | AskState] = msgspec.json.Decoder(AskAgain | AskState)


class Repeater:
    """Answers in a thread of its own; `send` of the publisher knows nothing of it.

    Attributes:
        refused: questions that are none, come from a revoked key, or come while too many others ask.
        unread: answers dropped because their peer does not read.
    """

    def __init__(self, endpoint: str, history: History, station: str, sender: Sender, epoch: int, keys: Station | None) -> None:
        """Bind.

        Raises:
            BusError: the endpoint is taken or impossible.
            KeysError: the keys cannot be used.
        """
        self.answered = self.refused = self.unread = 0
        self._history, self._keys = history, keys
        self._station, self._sender, self._epoch = station, sender, epoch
        self._peers: OrderedDict[bytes, float] = OrderedDict()
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        socket = context.socket(zmq.ROUTER)
        try:
            for option, value in (
                (zmq.LINGER, 0),
                (zmq.SNDHWM, MAX_UNREAD),
                (zmq.RCVHWM, 16),
                (zmq.MAXMSGSIZE, MAX_QUESTION_BYTES),
                (zmq.ROUTER_MANDATORY, 1),
                (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
                (zmq.HEARTBEAT_TIMEOUT, GONE_MS),
            ):
                socket.set(option, value)
            if keys is not None:
                secure_server(socket, keys, "watch")
            socket.bind(endpoint)
        except zmq.ZMQError as error:
            socket.close()
            raise BusError(
                f"replay endpoint {endpoint} of the {sender} cannot be opened ({error.strerror}); is another one running?"
            ) from error
        except BaseException:
            socket.close()
            raise
        self._attendant = Attendant(context, socket, self._serve, f"{sender}-replay")

    def _serve(self, socket: zmq.Socket[bytes]) -> None:
        frames = socket.recv_multipart(zmq.NOBLOCK, copy=False)
        envelope, data = [f.bytes for f in frames[:-1]], frames[-1].bytes
        if self._may(frames[-1]) and len(data) <= MAX_QUESTION_BYTES and self._known(envelope):
            try:
                self._answer(socket, envelope, _questions.decode(data))
            except (msgspec.MsgspecError, ValueError, RecursionError):
                self.refused += 1
        else:
            self.refused += 1
        time.sleep(PAUSE_S)

    def _may(self, frame: zmq.Frame) -> bool:
        if self._keys is None or not self._keys.keys.folder:
            return True
        return admitted(self._keys, str(frame.get("User-Id")), "watch")

    def _known(self, envelope: list[bytes]) -> bool:
        """Whether this peer may ask: one that has asked before, or one for whom there is room. A REQ socket puts an empty frame between."""
        if len(envelope) > 2 or (len(envelope) == 2 and envelope[1]) or not envelope:
            return False
        peer, now = envelope[0], time.monotonic()
        if peer not in self._peers and len(self._peers) >= MAX_PEERS:
            oldest, at = next(iter(self._peers.items()))
            if now - at < PEER_S:
                return False
            del self._peers[oldest]
        self._peers[peer] = now
        self._peers.move_to_end(peer)
        return True

    def _answer(self, socket: zmq.Socket[bytes], envelope: list[bytes], question: AskAgain | AskState) -> None:
        first, sent, found = 0, {}, list[bytes]()
        if isinstance(question, AskState):
            found, sent = self._history.state(), self._history.sent()  # in this order: what is in the state has been counted
        elif question.epoch == self._epoch:
            first, found = self._history.read(question.type, question.first, question.last, MAX_ANSWER_COUNT, MAX_ANSWER_BYTES)
        head = Answer(
            id=question.id, station=self._station, sender=self._sender, epoch=self._epoch, first=first, count=len(found), sent=sent
        )  # fmt: skip
        try:
            socket.send_multipart([*envelope, msgspec.json.encode(head), *found], zmq.NOBLOCK)
            self.answered += 1
        except zmq.Again:
            self.unread += 1
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:  # it has gone meanwhile
                raise

    def close(self) -> None:
        """End the thread; may be called twice."""
        self._attendant.close()
