"""Replays verdicts for the dashboard in a process of its own, on idle time: a model in memory and an inference must not be the
server's, and least of all in the station's way. It ends after a minute without a question, and the model's memory with it.

First line of standard input: the settings as JSON. Then one line a question, `{"part_id": ...}`; each is answered by one line:
a `edge.rejudge.Replayed`, or `{"error": ...}`. One at a time.
"""

from __future__ import annotations

import contextlib
import io
import resource
import select
import sys
from pathlib import Path

import cv2
import msgspec

from edge.config import Station
from edge.errors import GutteilError
from edge.processes import step_aside
from edge.rejudge import Rejudger
from edge.store import FILE_NAME, open_store

IDLE_S = 60.0
MAX_LINE = 4_000
MAX_BYTES = 6 * 2**30  # of address space: what a model of 500 MB and a picture of 100 megapixels need, and no more


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which part."""

    part_id: str


class Failed(msgspec.Struct, frozen=True):
    """There is no answer, and why."""

    error: str


def serve() -> None:
    """Until nobody asks for a minute, or the asker has gone."""
    questions = io.FileIO(sys.stdin.fileno(), closefd=False)  # not buffered, else `select` would not see what has been read ahead
    config = Station.model_validate_json(questions.readline())
    with contextlib.closing(open_store(Path(config.record.folder) / FILE_NAME, read_only=True)) as store:
        rejudger = Rejudger(store, config)
        with contextlib.closing(rejudger):
            while select.select([questions], [], [], IDLE_S)[0]:
                line = questions.readline(MAX_LINE)
                if not line:
                    return
                sys.stdout.buffer.write(_answer(rejudger, line) + b"\n")
                sys.stdout.buffer.flush()


def _answer(rejudger: Rejudger, line: bytes) -> bytes:
    try:
        return msgspec.json.encode(rejudger.replay(msgspec.json.decode(line, type=Question).part_id))
    except (GutteilError, msgspec.MsgspecError) as error:
        return msgspec.json.encode(Failed(str(error)))
    except MemoryError:
        return msgspec.json.encode(Failed("the model or the image needs more memory than a replay may take"))


def main() -> None:
    """The process."""
    step_aside()
    cv2.setNumThreads(1)
    resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
    try:
        serve()
    except GutteilError as error:
        sys.stdout.buffer.write(msgspec.json.encode(Failed(str(error))) + b"\n")


if __name__ == "__main__":
    main()
