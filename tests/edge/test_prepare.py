"""From camera image to network input and back."""

from __future__ import annotations

import tracemalloc
from typing import Any, Literal

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.card import Card, Plane
from edge.errors import SettingsError
from edge.prepare import Preparer
from edge.recipe import Region

Image = NDArray[np.uint8]
Resize = Literal["pad", "letterbox", "stretch"]


def card(resize: Resize = "pad", planes: list[Plane] | None = None, size: tuple[int, int] = (64, 48), **more: Any) -> Card:
    return Card(
        name="t", classes=["a"], planes=planes or ["gray"], width_px=size[0], height_px=size[1], output="yolo_raw", licence="CC0-1.0",
        resize=resize, **more,
    )  # fmt: skip


def preparer(
    resize: Resize = "pad", *, roi: tuple[int, int, int, int] | None = None, shift: int = 0, dtype: Any = np.float32, **more: Any
) -> Preparer:
    return Preparer(card(resize, **more), Region(roi=roi), shift, dtype)


def noise(height: int, width: int, *colours: int, seed: int = 0) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (height, width, *colours), np.uint8)


def network(pixels: Any) -> Any:
    return np.asarray(pixels, np.float32) / np.float32(255)


def close(a: Any, b: Any) -> bool:
    return bool(np.allclose(np.asarray(a, np.float32), np.asarray(b, np.float32), atol=1e-6))


def test_padding_keeps_every_pixel_and_fills_the_rest() -> None:
    p = preparer()
    image = noise(30, 40)
    assert p.fill(image) == (0, 0)
    assert close(p.buffer[0, 0, :30, :40], network(image))
    assert close(p.buffer[0, 0, 30:], 114 / 255)
    assert close(p.buffer[0, 0, :, 40:], 114 / 255)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8])
@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0.0), (2 / 255, -1.0), (1.0, 0.0)])
def test_scale_offset_and_padding_in_every_input_type(dtype: Any, scale: float, offset: float) -> None:
    p = preparer(dtype=dtype, scale=scale, offset=offset, pad_value=100, planes=["gray", "reference"])
    image = noise(30, 40)
    p.set_reference(image)
    p.fill(image)
    pixels = image.astype(np.float64)
    padding = 100.0
    if dtype is not np.uint8:  # the network itself scales bytes
        pixels, padding = pixels * scale + offset, padding * scale + offset
    bound = {np.float32: 1e-4, np.float16: 2e-3 * max(1.0, 255 * scale / 2), np.uint8: 0}[dtype]
    assert np.abs(p.buffer[0, 0, :30, :40].astype(np.float64) - pixels).max() <= bound
    assert np.abs(p.buffer[0, :, 30:].astype(np.float64) - padding).max() <= bound
    # the same pixel is the same number in both planes: else the network sees defects that are none
    assert np.array_equal(p.buffer[0, 0], p.buffer[0, 1])


def test_colours_are_red_first_and_gray_images_fill_all_three() -> None:
    p = preparer(planes=["rgb"])
    image = noise(48, 64, 3)
    p.fill(image)
    for channel in range(3):
        assert close(p.buffer[0, channel], network(image[:, :, 2 - channel]))
    gray = noise(48, 64, seed=1)
    p.fill(gray)
    for channel in range(3):
        assert close(p.buffer[0, channel], network(gray))


def test_a_colour_image_for_a_gray_model() -> None:
    p = preparer()
    image = noise(48, 64, 3)
    p.fill(image)
    assert close(p.buffer[0, 0], network(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)))


@pytest.mark.parametrize(("planes", "row"), [(["gray", "reference"], 1), (["rgb", "reference"], 3)])
def test_the_reference_is_the_last_channel(planes: list[Plane], row: int) -> None:
    p = preparer(planes=planes)
    reference = noise(30, 40, seed=5)
    p.set_reference(reference)
    p.fill(noise(30, 40, 3))
    assert close(p.buffer[0, row, :30, :40], network(reference))
    assert close(p.buffer[0, :, 30:], 114 / 255)


def test_letterbox_is_what_opencv_makes_of_it() -> None:
    p = preparer("letterbox", pad_value=50)
    image = noise(100, 80)
    p.fill(image)  # 48 / 100 is the gain: 38 x 48 in the middle of 64 x 48
    sized = cv2.resize(image, (38, 48), interpolation=cv2.INTER_LINEAR)
    assert close(p.buffer[0, 0, :, 13:51], network(sized))
    assert close(p.buffer[0, 0, :, :13], 50 / 255)
    assert close(p.buffer[0, 0, :, 51:], 50 / 255)


@pytest.mark.parametrize(("height", "width"), [(1, 5000), (5000, 1), (1, 1), (48, 64), (7, 64)])
def test_letterbox_of_extreme_shapes(height: int, width: int) -> None:
    p = preparer("letterbox")
    p.fill(np.full((height, width), 200, np.uint8))
    assert (np.abs(p.buffer - np.float32(200 / 255)) < 1e-6).sum() > 0


def test_stretch_fills_all_of_it() -> None:
    p = preparer("stretch")
    image = noise(100, 80)
    p.fill(image)
    assert close(p.buffer[0, 0], network(cv2.resize(image, (64, 48), interpolation=cv2.INTER_LINEAR)))


def test_only_the_region_is_looked_at() -> None:
    p = preparer(roi=(10, 20, 50, 60), planes=["gray", "reference"])
    image, reference = noise(100, 80), noise(100, 80, seed=1)
    p.set_reference(reference)
    p.fill(image)
    assert close(p.buffer[0, 0, :40, :40], network(image[20:60, 10:50]))
    assert close(p.buffer[0, 1, :40, :40], network(reference[20:60, 10:50]))
    image[:20] = 0
    before = p.buffer.copy()
    p.fill(image)
    assert np.array_equal(before, p.buffer)


def test_another_image_size_leaves_nothing_of_the_one_before() -> None:
    p = preparer()
    p.fill(np.full((48, 64), 255, np.uint8))
    p.fill(np.full((10, 10), 255, np.uint8))
    assert close(p.buffer[0, 0, 10:], 114 / 255)
    assert close(p.buffer[0, 0, :, 10:], 114 / 255)


sizes = st.integers(20, 300)


@given(st.sampled_from(["pad", "letterbox", "stretch"]), sizes, sizes, st.data())
def test_boxes_find_the_way_back(resize: Resize, width: int, height: int, data: st.DataObject) -> None:
    """A box of the camera image, taken through the resize by hand, comes back where it was."""
    x1, y1 = data.draw(st.integers(0, width - 10)), data.draw(st.integers(0, height - 10))
    roi = (x1, y1, data.draw(st.integers(x1 + 5, width)), data.draw(st.integers(y1 + 5, height)))
    roi_w, roi_h = roi[2] - roi[0], roi[3] - roi[1]
    p = Preparer(card(resize, size=(320, 304)), Region(roi=roi), 0, np.uint8)
    p.fill(np.zeros((height, width), np.uint8))
    box = np.array([roi[0] + 1, roi[1] + 1, roi[2] - 1, roi[3] - 1], np.float64)
    gain = {"pad": (1.0, 1.0), "stretch": (320 / roi_w, 304 / roi_h), "letterbox": (min(320 / roi_w, 304 / roi_h),) * 2}[resize]
    left, top = ((320 - round(roi_w * gain[0])) // 2, (304 - round(roi_h * gain[1])) // 2) if resize == "letterbox" else (0, 0)
    there = (box - [roi[0], roi[1]] * 2) * [*gain, *gain] + [left, top] * 2
    back = p.to_image(there[None].astype(np.float32))[0]
    assert np.abs(back - box).max() < 1e-3


def test_a_drawn_spot_is_found_where_it_was_drawn() -> None:
    """End to end: what lies in the buffer at a box lies in the image at its way back."""
    for resize in ("pad", "letterbox", "stretch"):
        p = preparer(resize, roi=(30, 10, 90, 50), pad_value=0)
        image = np.zeros((60, 100), np.uint8)
        image[20:32, 50:66] = 255
        p.fill(image)
        rows, columns = np.nonzero(p.buffer[0, 0] > 0.5)
        box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
        assert np.abs(p.to_image(box)[0] - [50, 20, 66, 32]).max() <= 1.0, resize


def test_boxes_are_clipped_to_the_image() -> None:
    p = preparer()
    p.fill(noise(30, 40))
    assert p.to_image(np.array([[-5, -5, 60, 44]], np.float32)).tolist() == [[0, 0, 40, 30]]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.zeros((49, 64), np.uint8), "at most 64x48"), (np.zeros((48, 65), np.uint8), "at most 64x48"), (np.zeros((10, 10, 4), np.uint8), "three colours"),
        (np.zeros((10, 10, 1), np.uint8), "three colours"), (np.zeros((10,), np.uint8), "three colours"), (np.zeros((10, 10), np.uint16), "8 bit"),
        (np.zeros((10, 10), np.float32), "8 bit"), (np.zeros((0, 10), np.uint8), "shape"), (np.zeros((0, 0), np.uint8), "shape"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused_with_the_reason(image: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        preparer().fill(image)
    if "at most" not in words:
        with pytest.raises(SettingsError, match=words):
            preparer("letterbox").fill(image)


def test_another_type_of_the_same_size_is_refused_too() -> None:
    p = preparer()
    p.fill(noise(10, 10))
    with pytest.raises(SettingsError, match="8 bit"):
        p.fill(np.zeros((10, 10), np.float32))


def test_a_region_beyond_the_image_is_refused() -> None:
    for image in (noise(59, 50), noise(60, 49)):
        with pytest.raises(SettingsError, match=r"region\.roi = \[10, 20, 50, 60\]"):
            preparer(roi=(10, 20, 50, 60)).fill(image)


@pytest.mark.parametrize("resize", ["pad", "letterbox", "stretch"])
@pytest.mark.parametrize("shift", [0, 4])
def test_a_reference_of_another_size_is_refused_even_where_the_region_would_fit(resize: Resize, shift: int) -> None:
    p = preparer(resize, roi=(5, 5, 45, 45), shift=shift, planes=["gray", "reference"])
    p.set_reference(noise(50, 60))
    with pytest.raises(SettingsError, match="reference is 60x50 px, the image 50x60 px"):
        p.fill(noise(60, 50))
    assert p.fill(noise(50, 60)) is not None


def test_a_missing_reference_is_an_error_and_not_an_empty_plane() -> None:
    with pytest.raises(SettingsError, match="reference is missing"):
        preparer(planes=["gray", "reference"]).fill(noise(48, 64))


@pytest.mark.parametrize("resize", ["pad", "letterbox", "stretch"])
@pytest.mark.parametrize("size", [(0, 0), (1, 1), (3, 40), (30, 20)])
def test_a_reference_smaller_than_the_region_is_refused(resize: Resize, size: tuple[int, int]) -> None:
    with pytest.raises(SettingsError):
        preparer(resize, roi=(25, 25, 45, 45), shift=4, planes=["gray", "reference"]).set_reference(noise(*size))


@pytest.mark.parametrize("size", [(1, 1), (3, 3), (9, 40), (40, 9)])
def test_tiny_images_with_registration(size: tuple[int, int]) -> None:
    p = preparer(shift=8, planes=["gray", "reference"])
    p.set_reference(noise(*size))
    assert p.fill(noise(*size, seed=1)) == (0, 0)


def textured(seed: int, height: int, width: int) -> Image:
    blocks = np.random.default_rng(seed).integers(0, 2, (height // 12 + 1, width // 12 + 1), np.uint8) * np.uint8(255)
    return np.ascontiguousarray(np.kron(blocks, np.ones((12, 12), np.uint8))[:height, :width])


@pytest.mark.parametrize("shift", [(0, 0), (3, 0), (0, -4), (-6, 5), (8, 8), (-8, -8)])
@pytest.mark.parametrize("roi", [None, (40, 30, 240, 190)])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_the_reference_is_moved_to_where_the_part_lies(shift: tuple[int, int], roi: tuple[int, int, int, int] | None, dtype: Any) -> None:
    """With a region the true surroundings of the reference come in, so that both planes are the same."""
    world = textured(2, 240, 300)
    dx, dy = shift
    reference = world[20:220, 20:280]
    image = np.ascontiguousarray(world[20 - dy : 220 - dy, 20 - dx : 280 - dx])
    p = Preparer(card(planes=["gray", "reference"], size=(320, 320)), Region(roi=roi), 8, dtype)
    p.set_reference(np.ascontiguousarray(reference))
    assert p.fill(image) == shift
    x1, y1, x2, y2 = (0, 0, 200, 160) if roi else (8, 8, 252, 192)  # without a region the edge of the reference itself is unknown beyond it
    assert np.array_equal(p.buffer[0, 0, y1:y2, x1:x2], p.buffer[0, 1, y1:y2, x1:x2])
    # and the next part, lying elsewhere, gets it moved anew
    assert p.fill(np.ascontiguousarray(reference)) == (0, 0)
    assert np.array_equal(p.buffer[0, 0, y1:y2, x1:x2], p.buffer[0, 1, y1:y2, x1:x2])


def test_a_part_too_far_off_is_none_and_the_next_good_one_is_judged() -> None:
    world = textured(3, 300, 300)
    reference = np.ascontiguousarray(world[30:230, 30:230])
    p = Preparer(card(planes=["gray", "reference"], size=(320, 320)), Region(), 8, np.float32)
    p.set_reference(reference)
    assert p.fill(np.ascontiguousarray(world[18:218, 30:230])) is None
    assert p.fill(reference) == (0, 0)
    assert np.array_equal(p.buffer[0, 0, :200, :200], p.buffer[0, 1, :200, :200])


def test_a_new_reference_takes_the_place_of_the_old_one() -> None:
    p = preparer(planes=["gray", "reference"])
    for seed in (1, 2):
        reference = noise(48, 64, seed=seed)
        p.set_reference(reference)
        p.fill(noise(48, 64))
        assert close(p.buffer[0, 1], network(reference))


@pytest.mark.parametrize("roi", [None, (100, 50, 700, 650)])
@pytest.mark.parametrize("colours", [(), (3,)], ids=["gray", "colour"])
def test_a_part_costs_no_allocation_of_image_size(roi: tuple[int, int, int, int] | None, colours: tuple[int, ...]) -> None:
    """640x640 px, gray beside its reference, registration included: what is left are the sums over a thousand points."""
    height, width = (640, 640) if roi is None else (700, 800)
    world = textured(4, height + 16, width + 16)
    if colours:
        world = np.ascontiguousarray(np.repeat(world[:, :, None], 3, 2))
    p = Preparer(card(planes=["gray", "reference"], size=(640, 640)), Region(roi=roi), 8, np.float32)
    p.set_reference(np.ascontiguousarray(world[8 : 8 + height, 8 : 8 + width]))
    views = [np.ascontiguousarray(world[8 - d : 8 - d + height, 8 + d : 8 + d + width]) for d in (0, 5, -3)]
    for view in views:
        assert p.fill(view) is not None
    tracemalloc.start()
    try:
        for view in views:
            p.fill(view)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 0.2 * 640 * 640
