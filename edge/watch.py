"""Is the camera still looking? Judges frames and silence; says what is wrong in words, or nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from edge.config import Camera as CameraSettings
from hardware.camera import CameraInfo, Frame

_SAMPLE = 8  # every 8th row and column tell a black image and, nearly always, a new one


class CameraWatch:
    """Looks at every frame of one camera.

    A frame is *frozen* if it is byte for byte the frame before: a real sensor's noise never repeats. It is *black* if no
    pixel reaches `black_level`. Both are noticed at the first such frame, and that part is UNDECIDED at once; the alarm of
    a frozen camera comes when `frozen_frames` frames in a row are the same.
    """

    def __init__(self, settings: CameraSettings, info: CameraInfo) -> None:
        self._settings, self._info = settings, info
        self._last: NDArray[np.uint8] | None = None
        self._same = 1
        self._trigger_id = 0

    def check(self, frame: Frame) -> str:
        """What is wrong with a frame; '' if nothing is."""
        image = frame.image
        if (
            int(image[::_SAMPLE, ::_SAMPLE].max(initial=0)) <= self._settings.black_level
            and int(image.max(initial=0)) <= self._settings.black_level
        ):
            self._last = image
            return "the image is black: light off or lens covered"
        problem = ""
        if not self._info.noiseless and self._last is not None and self._last.shape == image.shape:
            same = bool((self._last[::_SAMPLE, ::_SAMPLE] == image[::_SAMPLE, ::_SAMPLE]).all()) and np.array_equal(self._last, image)
            self._same = self._same + 1 if same else 1
            if same:
                problem = f"the camera is frozen: the same image {self._same} times"
        self._last = image
        return problem

    @property
    def alarm(self) -> bool:
        """Whether so many frames in a row were the same that the camera counts as frozen."""
        return self._same >= self._settings.frozen_frames

    def missing(self, frame: Frame) -> list[int]:
        """Trigger ids before this frame for which no frame came (at most 200, the newest)."""
        last, self._trigger_id = self._trigger_id, frame.trigger_id
        if not last or frame.trigger_id <= last:
            return []
        return list(range(max(last + 1, frame.trigger_id - 200), frame.trigger_id))
