"""Drawn boards: the same seed is the same board, and every defect is physically what its name says."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from hardware.cameras.boards import add_defects, draw_board

KINDS = ("open", "short", "mousebite", "spur", "copper", "pin-hole")
Mask = NDArray[np.bool_]


def parts(mask: Mask, neighbours: int = 8) -> int:
    return int(cv2.connectedComponents(mask.astype(np.uint8), connectivity=neighbours)[0]) - 1


def test_same_seed_same_board() -> None:
    assert np.array_equal(draw_board(5).golden, draw_board(5).golden)
    assert not np.array_equal(draw_board(5).golden, draw_board(6).golden)
    one, two = add_defects(draw_board(5), 1, 6), add_defects(draw_board(5), 1, 6)
    assert np.array_equal(one[0], two[0])
    assert one[1] == two[1]
    assert add_defects(draw_board(5), 2, 6)[1] != one[1]


@pytest.mark.parametrize("size_px", [320, 640, 1100])
def test_boards_are_black_and_white_and_of_their_size(size_px: int) -> None:
    golden = draw_board(3, size_px).golden
    assert golden.shape == (size_px, size_px)
    assert set(np.unique(golden)) == {0, 255}


def test_boards_differ_as_real_ones_do() -> None:
    """Copper shares of the real set: 5 % at .07, 95 % at .57."""
    shares = [float((draw_board(seed).golden == 0).mean()) for seed in range(40)]
    assert min(shares) > 0.03
    assert max(shares) < 0.85
    assert max(shares) - min(shares) > 0.3


def test_defects_are_what_they_are_called() -> None:
    seen = dict.fromkeys(KINDS, 0)
    for seed in range(24):
        board = draw_board(seed)
        image, defects = add_defects(board, 77, 7)
        assert len(defects) == 7
        outside = image != board.golden
        for i, defect in enumerate(defects):
            x1, y1, x2, y2 = defect.box
            assert 0 <= x1 < x2 <= 640
            assert 0 <= y1 < y2 <= 640
            outside[y1:y2, x1:x2] = False
            for other in defects[:i]:
                a = other.box
                assert x2 <= a[0] or a[2] <= x1 or y2 <= a[1] or a[3] <= y1
            check(defect.kind, board.golden == 0, image == 0, defect.box)
            seen[defect.kind] += 1
        assert not outside.any()  # nothing is changed that is not labelled
    assert all(count >= 8 for count in seen.values()), seen


def check(kind: str, before: Mask, image: Mask, box: tuple[int, int, int, int]) -> None:
    """One defect alone: the board with only this box changed."""
    x1, y1, x2, y2 = box
    after = before.copy()
    after[y1:y2, x1:x2] = image[y1:y2, x1:x2]
    old, new = before[y1:y2, x1:x2], after[y1:y2, x1:x2]
    gone, added = old & ~new, new & ~old
    if kind in ("open", "mousebite", "pin-hole"):
        assert gone.sum() >= 20
        assert not added.any()
    else:
        assert added.sum() >= 20
        assert not gone.any()
    holes_old, holes_new = parts(~old, 4), parts(~new, 4)
    if kind == "open":
        assert parts(new) == parts(old) + 1
    elif kind == "short":
        assert parts(after) == parts(before) - 1  # two conductors of the whole board have become one
    elif kind == "mousebite":
        assert parts(new) == parts(old)
        assert holes_new == holes_old
        assert touches(gone, ~old)
    elif kind == "spur":
        assert parts(after) == parts(before)
        assert parts(new) == parts(old)
        assert touches(added, old)
    elif kind == "copper":
        assert parts(after) > parts(before)
        assert not touches(added, old)
    else:
        assert parts(after) == parts(before)
        assert holes_new > holes_old
        assert not touches(gone, ~old)


def touches(a: Mask, b: Mask) -> bool:
    return bool((cv2.dilate(a.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.bool_) & b).any())


def test_boxes_stand_off_the_defect_as_in_the_real_set() -> None:
    margins: list[int] = []
    for seed in range(12):
        board = draw_board(seed)
        image, defects = add_defects(board, 5, 6)
        for defect in defects:
            x1, y1, x2, y2 = defect.box
            ys, xs = np.nonzero((image != board.golden)[y1:y2, x1:x2])
            if min(x1, y1) > 0 and max(x2, y2) < 640:
                margins += [int(xs.min()), int(ys.min()), x2 - x1 - 1 - int(xs.max()), y2 - y1 - 1 - int(ys.max())]
    assert 9 <= np.median(margins) <= 12
    assert min(margins) >= 7
