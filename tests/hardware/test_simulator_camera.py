"""The simulated camera: the same line again and again, faults for drills, pictures ready before the edge."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from hardware.camera import Frame
from hardware.cameras.golden import BOARD_ROI, golden, main
from hardware.cameras.simulator import SimulatorCamera
from hardware.errors import DeviceGone, DeviceTimeout
from tests.hardware.peers import TriggerLine, free_wire

SMALL: dict[str, Any] = {"width_px": 192, "height_px": 160, "carousel": 6}


@pytest.fixture
def line() -> Iterator[TriggerLine]:
    line = TriggerLine(free_wire())
    yield line
    line.close()


def shoot(camera: SimulatorCamera, line: TriggerLine, items: list[int]) -> list[Frame]:
    frames = []
    for item in items:
        line.fire(item)
        frames.append(camera.grab(5.0))
    return frames


def test_the_same_seed_is_the_same_line(line: TriggerLine) -> None:
    items = [0, 1, 2, 3, 40, 41, 9_000, 5]
    runs = []
    for _ in range(2):
        camera = SimulatorCamera(seed=4, wire=line.address, **SMALL)
        camera.open()
        runs.append(shoot(camera, line, items))
        camera.close()
    for a, b in zip(*runs, strict=True):
        assert a.label == b.label
        assert a.source == b.source
        assert np.array_equal(a.image, b.image)
    assert [f.source for f in runs[0]] == [f"simulated:4:{i}" for i in items]
    other = SimulatorCamera(seed=5, wire=line.address, **SMALL)
    other.open()
    assert [f.label for f in shoot(other, line, items)] != [f.label for f in runs[0]]
    other.close()


def test_the_order_of_the_parts_does_not_matter(line: TriggerLine) -> None:
    camera = SimulatorCamera(seed=4, wire=line.address, **SMALL)
    camera.open()
    ahead = {f.source: f.label for f in shoot(camera, line, list(range(12)))}
    back = {f.source: f.label for f in shoot(camera, line, list(range(11, -1, -1)))}
    camera.close()
    assert ahead == back


@pytest.mark.parametrize("product", ["board", "ring"])
def test_labels_are_true_and_the_share_is_kept(product: Any) -> None:
    camera = SimulatorCamera(product, mode="software", ng_share=0.3, **SMALL)
    camera.open()
    verdicts = []
    for _ in range(150):
        camera.trigger()
        frame = camera.grab(1.0)
        defects = frame.label["defects"]
        assert (frame.label["verdict"] == "NG") == bool(defects)
        for defect in defects:
            x1, y1, x2, y2 = defect["box"]
            assert -4 <= x1 < x2 <= 196
            assert -4 <= y1 < y2 <= 164
        verdicts.append(frame.label["verdict"])
    assert 25 <= verdicts.count("NG") <= 65
    camera.close()


def test_no_two_frames_are_alike() -> None:
    camera = SimulatorCamera(mode="software", ng_share=0.0, light=0.0, shift_px=0, **SMALL)
    camera.open()
    seen = set()
    for _ in range(100):
        camera.trigger()
        seen.add(camera.grab(1.0).image.tobytes())
    assert len(seen) == 100
    camera.close()


def test_good_boards_match_the_golden_reference_and_defects_do_not() -> None:
    """Inside the region, after taking the shift out, only defects differ by as much as copper from substrate."""
    camera = SimulatorCamera(mode="software", ng_share=0.5, carousel=8, seed=2)
    camera.open()
    reference = golden("board")
    x1, y1, x2, y2 = BOARD_ROI
    found = {"OK": 0, "NG": 0}
    for _ in range(14):
        camera.trigger()
        frame = camera.grab(1.0)
        inner = reference[y1 + 8 : y2 - 8, x1 + 8 : x2 - 8]
        _, _, _, at = cv2.minMaxLoc(cv2.matchTemplate(frame.image[y1:y2, x1:x2], inner, cv2.TM_CCOEFF_NORMED))
        dx, dy = at[0] - 8, at[1] - 8
        assert abs(dx) <= 4
        assert abs(dy) <= 4
        seen = frame.image[y1 + at[1] : y1 + at[1] + inner.shape[0], x1 + at[0] : x1 + at[0] + inner.shape[1]]
        odd = cv2.morphologyEx((cv2.absdiff(seen, inner) > 70).astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        count, _, stats, _ = cv2.connectedComponentsWithStats(odd)
        spots = [s for s in stats[1:count] if s[4] >= 12]
        verdict = frame.label["verdict"]
        found[verdict] += 1
        assert (len(spots) > 0) == (verdict == "NG")
        for x, y, w, h, _ in spots:
            cx, cy = x + w / 2 + x1 + at[0], y + h / 2 + y1 + at[1]
            boxes = [d["box"] for d in frame.label["defects"]]
            assert any(b[0] <= cx <= b[2] and b[1] <= cy <= b[3] for b in boxes)
    assert min(found.values()) >= 3
    camera.close()


def test_from_edge_to_frame_nothing_is_drawn(line: TriggerLine) -> None:
    """What is left to do when the edge comes costs a fraction of drawing; in CPU time, so that a busy machine does not matter."""
    camera = SimulatorCamera("ring", wire=line.address, width_px=1200, height_px=1200, carousel=4)
    camera.open()
    after_us, draw_us = [], []
    for _ in range(15):
        begun = time.thread_time_ns()
        with pytest.raises(DeviceTimeout):
            camera.grab(0.001)  # the part is not there yet: what is to be drawn is drawn now
        draw_us.append((time.thread_time_ns() - begun) / 1e3)
        edge = line.fire()
        begun = time.thread_time_ns()
        frame = camera.grab(5.0)
        after_us.append((time.thread_time_ns() - begun) / 1e3)
        assert frame.trigger_id == edge.trigger_id
    camera.close()
    assert statistics.median(after_us) < 300
    assert statistics.median(after_us) < statistics.median(draw_us[1:]) / 4


def test_faults(line: TriggerLine) -> None:
    camera = SimulatorCamera(wire=line.address, **SMALL)
    camera.open()
    healthy = shoot(camera, line, [0, 1])
    assert healthy[0].image.tobytes() != healthy[1].image.tobytes()
    camera.set_fault("frozen")
    frozen = shoot(camera, line, [2, 3])
    assert all(f.image.tobytes() == healthy[1].image.tobytes() for f in frozen)
    assert [f.trigger_id for f in frozen] == [3, 4]
    camera.set_fault("black")
    assert all(f.image.max() <= 12 for f in shoot(camera, line, [4, 5]))
    camera.set_fault("stalled")
    line.fire(6)
    begun = time.monotonic()
    with pytest.raises(DeviceTimeout):
        camera.grab(0.2)
    assert time.monotonic() - begun < 1.0
    assert not camera.alive()
    camera.set_fault("unplugged")
    with pytest.raises(DeviceGone, match="unplugged"):
        camera.grab(0.2)
    camera.close()
    with pytest.raises(DeviceGone, match="unplugged"):
        camera.open()
    camera.set_fault("")
    camera.open()
    assert camera.alive()
    frame = shoot(camera, line, [7])[0]
    assert frame.trigger_id == 8  # the part that went by unseen shows as a gap
    assert frame.image.max() > 100
    camera.close()


def test_fault_file(tmp_path: Path) -> None:
    file = tmp_path / "fault"
    camera = SimulatorCamera(mode="software", fault_file=str(file), **SMALL)
    camera.open()

    def brightest() -> int:
        camera.trigger()
        return int(camera.grab(1.0).image.max())

    assert brightest() > 100
    file.write_text("black\n")
    assert brightest() < 12
    file.write_text("bla")  # half written: the fault stays
    assert brightest() < 12
    file.write_text("")
    assert brightest() > 100
    file.write_text("unplugged")
    with pytest.raises(DeviceGone):
        camera.grab(0.1)
    file.unlink()
    with pytest.raises(DeviceGone):
        camera.open()
    file.write_text("\n")
    camera.open()
    assert brightest() > 100
    camera.close()


def test_a_slow_reader_of_a_free_camera_loses_frames_and_sees_it() -> None:
    camera = SimulatorCamera(mode="free", rate_hz=200, **SMALL)
    camera.open()
    first = camera.grab(1.0)
    time.sleep(0.15)
    later = camera.grab(1.0)
    assert later.frame_id - first.frame_id >= 20
    assert time.monotonic_ns() - later.trigger_ns < 0.1e9
    camera.close()


def test_the_shipped_reference_is_the_one_that_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The recipe's picture of the demo's board must be what the simulator draws, or every good board is NG."""
    shipped = cv2.imread(str(Path(__file__).parents[2] / "recipes" / "sim-board.png"), cv2.IMREAD_GRAYSCALE)
    assert shipped is not None
    assert int(cv2.absdiff(shipped, golden("board")).max()) <= 1
    assert main([str(tmp_path / "g.png"), "board"]) == 0
    written = cv2.imread(str(tmp_path / "g.png"), cv2.IMREAD_GRAYSCALE)
    assert written is not None
    assert np.array_equal(written, golden("board"))
    assert main([]) == 2
    assert main(["x.png", "cake"]) == 2
    assert "usage" in capsys.readouterr().err
