"""The alarm that says loudly what of the record is not being kept, since when, and how much is lost."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime
from pathlib import Path

from edge.alarms import Alarms

SAY_S = 10.0  # how often the figures in the alarm change: each change is a row of the record

log = logging.getLogger("gutteil.recorder")


class NotKept:
    """What the disk does not take.

    Attributes:
        text: what is wrong, for people; empty while all is well.
        images, rows: whether these are affected.
    """

    def __init__(self, alarms: Alarms, folder: Path) -> None:
        self._alarms, self._folder = alarms, folder
        self.text = ""
        self.images = self.rows = False
        self._since, self._error, self._lost_before = "", "", 0
        self._said: tuple[str, float] = ("", 0.0)

    def images_fail(self, error: Exception, lost: int) -> None:
        """The disk took no image; `lost`: how many were lost before."""
        self._fail(error, lost)
        self.images = True

    def rows_fail(self, error: Exception, lost: int) -> None:
        """The disk did not even take rows."""
        self._fail(error, lost)
        self.rows = True

    def images_work(self) -> None:
        self.images = False
        self._work()

    def rows_work(self) -> None:
        self.rows = False
        self._work()

    def say(self, lost: int, images_waiting: int, rows_waiting: int) -> None:
        """Put the figures into the alarm, from time to time."""
        if not (self.images or self.rows):
            return
        what = "the record is" if self.rows else "images are"
        figures = f"{lost - self._lost_before} images lost, {images_waiting} images and {rows_waiting} messages wait"
        self.text = f"{what} not being kept since {self._since} UTC ({figures}): {self._error}"
        if what == self._said[0] and time.monotonic() < self._said[1]:
            return
        if what != self._said[0]:
            log.error("%s", self.text)
        self._said = (what, time.monotonic() + SAY_S)
        remedy = f"free space in {self._folder} or repair the disk; " + (
            "rows wait in memory meanwhile" if self.rows else "parts are judged and their rows written; images wait in memory"
        )
        self._alarms.set("record-not-kept", True, "fault", self.text[:200], remedy[:200])

    def _fail(self, error: Exception, lost: int) -> None:
        self._error = str(error)
        if not self._since:
            self._since, self._lost_before = f"{datetime.now(UTC):%H:%M:%S}", lost

    def _work(self) -> None:
        if self.text and not (self.images or self.rows):
            log.warning("the record is being kept again; it was: %s", self.text)
            self.text, self._since, self._said = "", "", ("", 0.0)
            self._alarms.set("record-not-kept", False)
