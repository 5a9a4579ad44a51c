"""A reader's line to a sender's replay endpoint: one question at a time, asked again until it is answered or given up."""

from __future__ import annotations

import math

import msgspec
import zmq

from edge.config import Station
from edge.keys import secure_client
from edge.messages import Sender
from edge.repeat import Answer, AskAgain, AskState
from edge.sequences import Gap, Sequences

RETRY_S = 0.5
CONNECT_S = 0.02
SETTLE_S = 0.02  # a stretch that has been noticed may be longer yet
GIVE_UP_S = 10.0  # longer than a sender takes to start anew or a connection to come back
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


class Recall:
    """Asks one sender.

    Attributes:
        due: CLOCK_MONOTONIC s at which `tend` has something to do.
        waiting: a question is on its way.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, sender: Sender, keys: Station | None) -> None:
        """Raises:
        KeysError: the keys cannot be used.
        """
        self.sender: Sender = sender
        self.due = 0.0
        self._id = 0
        self._state_wanted = True
        self._asked: Gap | None = None
        self._since = math.inf  # nothing has been heard since then, though something was asked for
        self._pause_s = CONNECT_S
        self.waiting = False
        self.socket = context.socket(zmq.DEALER)
        try:
            for option, value in (
                (zmq.LINGER, 0),
                (zmq.SNDHWM, 4),
                (zmq.RCVHWM, 4),
                (zmq.IMMEDIATE, 1),  # a question that nobody is there to hear is not kept
                (zmq.RECONNECT_IVL, 20),
                (zmq.RECONNECT_IVL_MAX, 200),
            ):
                self.socket.set(option, value)
            if keys is not None:
                secure_client(self.socket, keys, "watch")
            self.socket.connect(endpoint)
        except BaseException:
            self.socket.close()
            raise

    def want_state(self, now: float) -> None:
        """Ask how the sender is, at the next occasion."""
        self._state_wanted = True
        self.poke(now)

    def poke(self, now: float) -> None:
        """Something is missing."""
        if not self.waiting:
            self.due = min(self.due, now + SETTLE_S)

    def tend(self, now: float, sequences: Sequences) -> None:
        """Ask, or ask again, when it is time; gives up what a silent sender was asked for."""
        if now < self.due:
            return
        gap = sequences.wanted(self.sender)
        if gap is None:
            self._since = math.inf
        else:
            self._since = min(self._since, now)
            if now - self._since > GIVE_UP_S:
                sequences.gone(self.sender)
                self._since, gap = math.inf, None
        if gap is None and not self._state_wanted:
            self.waiting, self.due = False, math.inf
            return
        self._id += 1
        self._asked = None if self._state_wanted else gap
        question: AskAgain | AskState = AskState(id=self._id)
        if self._asked is not None:
            asked = self._asked
            question = AskAgain(
                id=self._id, epoch=asked.epoch, type=asked.topic.removeprefix("gutteil."), first=asked.first, last=asked.last  # type: ignore[arg-type]
            )  # fmt: skip
        try:
            self.socket.send(msgspec.json.encode(question), zmq.NOBLOCK)
            self.waiting, self._pause_s = True, CONNECT_S
            self.due = now + RETRY_S
        except zmq.Again:  # not connected (yet)
            self.waiting = False
            self.due = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, RETRY_S)

    def read(self, now: float) -> tuple[Answer, list[bytes], Gap | None] | None:
        """An answer to the question, its messages, and what was asked for (None: the state). None if it is no such answer."""
        frames = self.socket.recv_multipart(zmq.NOBLOCK)
        try:
            answer = _answers.decode(frames[0])
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        if answer.id != self._id or not self.waiting or answer.sender != self.sender or answer.count != len(frames) - 1:
            return None
        asked = self._asked
        self._state_wanted &= asked is not None
        self._since = math.inf
        self.waiting, self.due = False, now
        return answer, frames[1:], asked

    def close(self) -> None:
        self.socket.close()
