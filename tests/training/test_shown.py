"""Pictures stay readable however much a model sees."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from training.shown import MOST, picture_tag


def drawn(tag: str) -> NDArray[np.uint8]:
    found = re.search("base64,([^']+)", tag)
    assert found
    return np.asarray(cv2.imdecode(np.frombuffer(base64.b64decode(found[1]), np.uint8), cv2.IMREAD_COLOR), np.uint8)


@pytest.mark.parametrize("more", [0, 1, 300])
def test_the_surest_boxes_are_drawn_and_the_rest_is_counted(more: int, tmp_path: Path) -> None:
    """Sure boxes lie on the left, the rest on the right."""
    file = tmp_path / "a.png"
    cv2.imwrite(str(file), np.full((200, 400), 90, np.uint8))
    unsure = [("dent", 0.01, (330, 80, 360, 110))] * more
    tag = picture_tag(file, [*unsure, *[("dent", 0.9, (40, 80, 70, 110))] * MOST])
    red = drawn(tag)[:, :, 2].astype(int) - drawn(tag)[:, :, 1] > 60
    assert red[:, :200].any()
    assert not red[:, 200:].any()
    assert ("more are not drawn" in tag) == (more > 0)
    assert (f"{more} more" in tag) == (more > 0)
