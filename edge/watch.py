"""Is the camera still looking? Judges frames and silence; says what is wrong in words, or nothing."""

from __future__ import annotations

import zlib
from collections import deque

import numpy as np
from numpy.typing import NDArray

from edge.config import Camera as CameraSettings
from hardware.camera import CameraInfo, Frame

_SAMPLE = 8  # every 8th row and column tell a black image and, nearly always, a new one
_LIT_SHARE = 0.005
_REMEMBERED = 4
_LEAP = 200  # edges in a row that a wire may lose; more is a number that cannot be right
_NEXT = 3  # a number so little after an odd one confirms it: between the two an edge or two may be lost


class CameraWatch:
    """Looks at every frame of one camera.

    A frame is *frozen* if it is byte for byte one of the last frames: a real sensor's noise never repeats. It is *black* if fewer
    than 1 in 200 pixels exceed `black_level`. Both are noticed at the first such frame, and that part is UNDECIDED at once; the alarm of
    a frozen camera comes when `frozen_frames` frames in a row are the same.
    """

    def __init__(self, settings: CameraSettings, info: CameraInfo) -> None:
        self._settings, self._info = settings, info
        self._seen: deque[tuple[int, NDArray[np.uint8]]] = deque(maxlen=_REMEMBERED)
        self._same = 1
        self._trigger_id = self._odd_id = self._former_id = 0

    def check(self, frame: Frame) -> str:
        """What is wrong with a frame; '' if nothing is."""
        image = frame.image
        sample = image[::_SAMPLE, ::_SAMPLE]
        # hot pixels and a clock that a network camera writes into its picture are no light
        if np.count_nonzero(sample > self._settings.black_level) < sample.size * _LIT_SHARE:
            return "the image is black: light off or lens covered"
        if self._info.noiseless:
            return ""
        mark = zlib.crc32(sample.tobytes())
        # some drivers repeat a few buffers in turn, so the last ones are all looked at
        same = any(mark == old and np.array_equal(image, seen) for old, seen in self._seen)
        self._same = self._same + 1 if same else 1
        if same:
            return f"the camera is frozen: an image that was seen before, {self._same} times in a row"
        self._seen.append((mark, image))
        return ""

    @property
    def alarm(self) -> bool:
        """Whether so many frames in a row were the same that the camera counts as frozen."""
        return self._same >= self._settings.frozen_frames

    def number(self, frame: Frame) -> tuple[list[int], str]:
        """Looks at a frame's trigger number: the ids before it for which no frame came, and what is odd about it ('' if nothing is).

        A number that goes back, or farther on than `_LEAP`, is an old or a wrong one, or the line counts anew: which, the next tells.
        """
        number, last = frame.trigger_id, self._trigger_id
        if not number:
            return [], ""
        if self._former_id < number <= self._former_id + _NEXT and number > last + _NEXT:
            last = self._former_id  # it had not counted anew: somebody repeated several old ones in order
        if not last or last < number <= last + _LEAP:
            self._trigger_id, self._odd_id = number, 0
            return list(range(last + 1, number)) if last else [], ""
        if self._odd_id and self._odd_id < number <= self._odd_id + _NEXT:
            missing = list(range(self._odd_id + 1, number))
            self._trigger_id, self._odd_id, self._former_id = number, 0, last
            return missing, ""
        self._odd_id = number
        return [], f"its trigger number {number} does not follow {last}"
