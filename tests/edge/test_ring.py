"""The frame ring between two real processes, and what hostile references and files do to a reader: nothing."""

from __future__ import annotations

import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from edge.errors import GutteilError
from edge.messages import ImageRef
from edge.ring import RingReader, RingWriter

SHAPE = (20, 30, 3)
SIZE = 20 * 30 * 3


def picture(value: int) -> NDArray[np.uint8]:
    return np.full(SHAPE, value % 251, np.uint8)


def put(ring: RingWriter, image: NDArray[np.uint8], *, keep: bool = False) -> ImageRef:
    ref = ring.reserve(image, keep=keep)
    ring.fill(ref, image)
    return ref


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RingWriter]:
    ring = RingWriter(str(tmp_path), "S1", 7, SIZE, 0)  # 0 MB: the least there is, eight slots
    yield ring
    ring.close()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[RingReader]:
    ring = RingReader(str(tmp_path))
    yield ring
    ring.close()


def test_what_goes_in_comes_out(writer: RingWriter, reader: RingReader) -> None:
    image = np.random.default_rng(1).integers(0, 256, SHAPE, np.uint8)
    gray = np.ascontiguousarray(image[:, :, 0])
    first, second = put(writer, image), put(writer, gray)
    for ref, expected in ((first, image), (second, gray)):
        got = reader.get(ref)
        assert got is not None
        assert got.shape == expected.shape
        assert np.array_equal(got, expected)


def test_an_overwritten_image_is_none_and_never_another_one(writer: RingWriter, reader: RingReader) -> None:
    refs = [put(writer, picture(n)) for n in range(writer.slots + 3)]
    got = [reader.get(ref) for ref in refs]
    assert [image is None for image in got] == [True] * 3 + [False] * writer.slots
    for n, image in enumerate(got):
        assert image is None or int(image[0, 0, 0]) == n


def test_an_image_half_written_is_none(writer: RingWriter, reader: RingReader) -> None:
    ref = writer.reserve(picture(1), keep=False)
    assert reader.get(ref, wait_s=0.01) is None
    writer.fill(ref, picture(1))
    assert reader.get(ref) is not None


def test_a_held_slot_is_passed_by_until_released(writer: RingWriter, reader: RingReader) -> None:
    held = put(writer, picture(200), keep=True)
    assert reader.held(held)
    assert writer.count_held() == 1
    for n in range(3 * writer.slots):
        put(writer, picture(n))
    image = reader.get(held)
    assert image is not None
    assert int(image[0, 0, 0]) == 200
    reader.release(held)
    assert not reader.held(held)
    assert writer.count_held() == 0
    for n in range(writer.slots):
        put(writer, picture(n))
    assert reader.get(held) is None
    assert writer.lost == 0


def test_with_every_slot_held_the_line_goes_on_and_the_loss_is_counted(writer: RingWriter, reader: RingReader) -> None:
    kept = [put(writer, picture(n), keep=True) for n in range(writer.slots)]
    late = put(writer, picture(99), keep=True)
    assert writer.lost == 1
    assert reader.get(kept[0]) is None
    assert reader.get(late) is not None
    reader.release(kept[0])  # too late: the slot holds another one by now
    assert reader.held(late)


def test_a_new_run_removes_the_old_ring_and_readers_keep_what_they_have_open(
    tmp_path: Path, writer: RingWriter, reader: RingReader
) -> None:
    ref = put(writer, picture(5))
    assert reader.get(ref) is not None
    second = RingWriter(str(tmp_path), "S1", 8, SIZE, 0)
    other = RingWriter(str(tmp_path), "S2", 9, SIZE, 0)
    assert not writer.path.exists()
    assert second.path.exists()
    assert other.path.exists()
    assert reader.get(ref) is not None
    assert RingReader(str(tmp_path)).get(ref) is None


def test_no_memory_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(GutteilError, match=r"frame ring of .* MB .*lower record\.ring_mb"):
        RingWriter(str(tmp_path), "S1", 7, SIZE, 2**40)
    assert not list(tmp_path.iterdir())
    with pytest.raises(GutteilError, match="frame ring"):
        RingWriter(str(tmp_path / "absent"), "S1", 7, SIZE, 8)


@pytest.mark.parametrize(
    "change",
    [
        {"ring": "gutteil-none.ring"},
        {"ring": "../etc/passwd"},
        {"ring": "gutteil-\0"},
        {"ring": "gutteil-/x"},
        {"ring": ""},
        {"slot": 8},
        {"slot": 2**63 - 1},
        {"generation": 0},
        {"generation": 1},
        {"generation": 2**63 - 2},
        {"shape": ()},
        {"shape": (0, 5)},
        {"shape": (2**32, 2**32)},
        {"shape": (2**63 - 1, 2**63 - 1, 4)},
        {"shape": (1,) * 100},
        {"shape": (SIZE + 64,)},
        {"shape": (SIZE + 64, 1)},
    ],
    ids=str,
)
def test_hostile_references(writer: RingWriter, reader: RingReader, change: dict[str, object]) -> None:
    ref = put(writer, picture(3), keep=True)
    hostile = msgspec.structs.replace(ref, **change)
    assert reader.get(hostile, wait_s=0.01) is None
    if "shape" not in change:
        reader.release(hostile)
        assert reader.held(ref)
        assert not reader.held(hostile)


HEAD = struct.Struct("<8sQQ")
MAGIC = b"GTRING1\0"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GTRING1",
        b"\0" * 200,
        HEAD.pack(MAGIC, 1, 64).ljust(191, b"\0"),
        HEAD.pack(MAGIC, 0, 64).ljust(64, b"\0"),
        HEAD.pack(MAGIC, 2**64 - 1, 2**64 - 1).ljust(200, b"\0"),
        HEAD.pack(b"GTRING9\0", 1, 64).ljust(192, b"\0"),
    ],
    ids=["empty", "short", "zeros", "cut", "no slots", "huge", "other version"],
)
def test_hostile_ring_files(tmp_path: Path, reader: RingReader, content: bytes) -> None:
    (tmp_path / "gutteil-S1-1.ring").write_bytes(content)
    ref = ImageRef("gutteil-S1-1.ring", 0, 2, (4, 4), True)
    assert reader.get(ref, wait_s=0.01) is None
    assert not reader.held(ref)
    reader.release(ref)


def test_a_folder_or_a_link_is_no_ring(tmp_path: Path, writer: RingWriter, reader: RingReader) -> None:
    ref = put(writer, picture(3))
    (tmp_path / "gutteil-dir").mkdir()
    (tmp_path / "gutteil-link").symlink_to(writer.path)
    for name in ("gutteil-dir", "gutteil-link"):
        assert reader.get(msgspec.structs.replace(ref, ring=name), wait_s=0.01) is None


WRITER = """
import sys, numpy as np, msgspec
from edge.ring import RingWriter
ring = RingWriter(sys.argv[1], "S1", 1, 120 * 160, 0)
for n in range(1, 3001):
    image = np.full((120, 160), n % 251, np.uint8)
    ref = ring.reserve(image, keep=n % 10 == 0 and ring.count_held() < 4)
    sys.stdout.buffer.write(msgspec.json.encode(ref) + b"\\n")
    sys.stdout.buffer.flush()
    ring.fill(ref, image)
    if n % 10 == 5:
        sys.stdin.read(1)
sys.stdin.read()
"""


def test_two_processes_never_see_a_torn_or_a_wrong_image(tmp_path: Path) -> None:
    """One process writes 3000 images as fast as it can, but for every tenth it waits; this one reads along: each image is whole, the
    right one, or None."""
    reader, whole, kept = RingReader(str(tmp_path)), 0, 0
    with subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        for number in range(1, 3001):
            ref = msgspec.json.decode(process.stdout.readline(), type=ImageRef)
            image = reader.get(ref)
            if image is not None:
                whole += 1
                assert (image == number % 251).all()
            if ref.keep:
                assert image is not None, "an image that is held was lost"
                kept += 1
                reader.release(ref)
            if number % 10 == 5:
                assert image is not None, "the writer waits: nothing can have been written over it"
                process.stdin.write(b"\n")
                process.stdin.flush()
        process.communicate()
    assert process.returncode == 0
    assert whole >= 300
    assert kept > 10
