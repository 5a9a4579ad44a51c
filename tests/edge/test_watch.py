"""Is the camera still looking? Frozen, black, and parts of which no image came."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.config import Camera
from edge.watch import CameraWatch
from hardware.camera import CameraInfo, Frame


def watch(*, noiseless: bool = False, **settings: int) -> CameraWatch:
    return CameraWatch(Camera.model_validate(settings), CameraInfo("c", 64, 48, 1, "hardware", noiseless=noiseless))


def frame(image: NDArray[np.uint8], trigger_id: int = 0) -> Frame:
    return Frame(image, 1, trigger_id, 0, 0)


def noise(seed: int, *shape: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, shape or (48, 64), np.uint8)


def test_a_living_camera_has_no_problem() -> None:
    w = watch()
    assert [w.check(frame(noise(i))) for i in range(20)] == [""] * 20
    assert not w.alarm


def test_the_very_first_repeat_is_noticed_and_the_alarm_comes_when_it_is_due() -> None:
    w = watch(frozen_frames=4)
    image = noise(1)
    assert w.check(frame(image)) == ""
    for count in (2, 3, 4, 5):
        assert "frozen" in w.check(frame(image.copy()))
        assert w.alarm == (count >= 4)
    assert w.check(frame(noise(2))) == ""
    assert not w.alarm


def test_one_changed_pixel_is_life() -> None:
    """Also where the quick look does not see it."""
    w = watch()
    image = noise(1)
    w.check(frame(image))
    for y, x in ((0, 0), (3, 5), (47, 63)):
        image = image.copy()
        image[y, x] ^= 1
        assert w.check(frame(image)) == ""


@pytest.mark.parametrize("cycle", [2, 3, 4])
def test_a_driver_that_repeats_its_buffers_in_turn_is_frozen(cycle: int) -> None:
    w = watch(frozen_frames=3)
    images = [noise(i) for i in range(cycle)]
    assert [w.check(frame(i)) for i in images] == [""] * cycle
    for _ in range(2):
        for image in images:
            assert "frozen" in w.check(frame(image.copy()))
    assert w.alarm


def test_files_may_repeat() -> None:
    w = watch(noiseless=True)
    assert [w.check(frame(noise(1))) for _ in range(5)] == [""] * 5
    assert not w.alarm


@pytest.mark.parametrize("shape", [(48, 64), (48, 64, 3), (480, 640), (1, 1), (7, 9)])
@pytest.mark.parametrize("noiseless", [False, True])
def test_black_images(shape: tuple[int, ...], noiseless: bool) -> None:
    w = watch(noiseless=noiseless, black_level=12)
    dark = np.minimum(noise(1, *shape), 12).astype(np.uint8)
    assert "black" in w.check(frame(dark))
    assert w.check(frame(np.full(shape, 13, np.uint8))) == ""


@pytest.mark.parametrize("seed", range(3))
def test_hot_pixels_are_no_light_and_a_lit_part_is(seed: int) -> None:
    w = watch(black_level=12)
    image = np.minimum(noise(seed, 480, 640), 12).astype(np.uint8)
    image.ravel()[np.random.default_rng(seed).integers(0, image.size, 200)] = 255
    assert "black" in w.check(frame(image))
    image[200:280, 200:280] = 90
    assert w.check(frame(image)) == ""


def test_another_size_is_another_image() -> None:
    w = watch()
    assert w.check(frame(np.full((48, 64), 200, np.uint8))) == ""
    assert w.check(frame(np.full((64, 48), 200, np.uint8))) == ""
    assert w.check(frame(np.full((48, 64, 3), 200, np.uint8))) == ""


def test_a_black_camera_that_sees_again() -> None:
    w = watch()
    black = np.zeros((48, 64), np.uint8)
    assert w.check(frame(noise(1))) == ""
    assert "black" in w.check(frame(black))
    assert "black" in w.check(frame(black))
    assert w.check(frame(noise(2))) == ""
    assert not w.alarm


@pytest.mark.parametrize(
    ("ids", "missing"),
    [
        ([1, 2, 3], []), ([5, 6], []), ([5, 9], [6, 7, 8]), ([0, 0, 0], []), ([0, 7], []), ([9, 0, 11], [10]), ([3, 203], list(range(4, 203))),
        ([9, 2, 3], []), ([9, 2, 4], [3]), ([9, 2, 5], [3, 4]), ([9, 1, 2, 4], [3]),
    ],
)  # fmt: skip
def test_triggers_of_which_no_image_came(ids: list[int], missing: list[int]) -> None:
    w = watch()
    assert [w.number(frame(noise(1), i)) for i in ids][-1] == (missing, "")


@pytest.mark.parametrize("stray", [1, 250, 498, 499, 500, 701, 10_000, 2**60])
@pytest.mark.parametrize("times", [1, 2])
def test_a_number_that_does_not_follow_costs_that_part_only(stray: int, times: int) -> None:
    w = watch()
    assert [w.number(frame(noise(1), i)) for i in (499, 500)] == [([], "")] * 2
    for _ in range(times):
        missing, odd = w.number(frame(noise(1), stray))
        assert missing == []
        assert str(stray) in odd
    assert [w.number(frame(noise(1), i)) for i in (501, 502, 504)] == [([], ""), ([], ""), ([503], "")]


def test_a_line_that_counts_anew_is_believed_by_its_second_part() -> None:
    w = watch()
    said = [w.number(frame(noise(1), i)) for i in (499, 500, 1, 2, 3, *range(4, 510))]
    assert [i for i, (_, odd) in enumerate(said) if odd] == [2]
    assert [missing for missing, _ in said if missing] == []


def test_old_numbers_repeated_in_their_order_do_not_make_the_line_count_anew_for_long() -> None:
    w = watch()
    ids = (499, 500, 300, 301, 302, 501, 502)
    assert [w.number(frame(noise(1), i))[0] for i in ids] == [[]] * len(ids)
