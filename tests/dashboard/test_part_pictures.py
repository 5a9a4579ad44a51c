"""Pictures by part id: what is served, what is refused, and that nothing is served that is not the recorded file."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest

from dashboard.part_pictures import PartPictures, PictureError
from dashboard.people.roles import Role
from edge.store import FILE_NAME, open_store
from tests.dashboard.made import SIDE_PX, Made, cookie, fill_record
from tests.dashboard.stage import Stage

NG, SLASHED, BARE = "S1-run-1", "odd/../part ü#1", "S1-run-3"


@pytest.fixture(scope="module")
def filled(stage: Stage) -> Stage:
    fill_record(
        stage.folder, [Made(NG, "NG"), Made(SLASHED, "UNDECIDED", seed=2), Made(BARE, "OK", picture=False), Made("gone", "NG", seed=3)]
    )
    with open_store(stage.folder / FILE_NAME) as store:
        _, paths = store.expire(["gone"])
    for path in paths:
        (stage.folder / path).unlink(missing_ok=True)
    return stage


def get(stage: Stage, part: str, query: str = "", role: Role | None = "viewer", tag: str = "") -> tuple[int, bytes, dict[str, str]]:
    headers = {"If-None-Match": tag}
    if role is not None:
        headers["Cookie"] = cookie(stage.folder, role)
    url = f"{stage.server.url}/api/parts/{urllib.parse.quote(part, safe='')}/picture{query}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read(), {k.lower(): v for k, v in answer.headers.items()}
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read(), {k.lower(): v for k, v in error.headers.items()}


@pytest.mark.parametrize("part", [NG, SLASHED])
def test_the_original_is_the_recorded_file_byte_for_byte(filled: Stage, part: str) -> None:
    status, data, headers = get(filled, part, "?size=original")
    assert (status, headers["content-type"]) == (200, "image/png")
    with open_store(filled.folder / FILE_NAME, read_only=True) as store:
        row = store.inspection(part)
    assert row is not None
    assert hashlib.sha256(data).hexdigest() == row.image_sha256
    assert get(filled, part, "?size=original", tag=headers["etag"])[:2] == (304, b"")


@pytest.mark.parametrize(("query", "side"), [("", SIDE_PX), ("?size=thumb", 320), ("?of=reference", SIDE_PX)])
def test_smaller_sizes_are_jpeg(filled: Stage, query: str, side: int) -> None:
    status, data, headers = get(filled, NG, query)
    assert (status, headers["content-type"]) == (200, "image/jpeg")
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert image is not None
    assert image.shape == (side, side)


@pytest.mark.parametrize(
    ("part", "query", "role", "status", "says"),
    [
        (NG, "?size=huge", "viewer", 400, "size = 'huge'"),
        (NG, "?of=mask", "viewer", 400, "of = 'mask'"),
        ("nobody", "", "viewer", 404, "no part 'nobody'"),
        ("..", "", "viewer", 404, "no part"),
        ("../../../etc/passwd", "", "viewer", 404, "no part"),
        ("%00", "", "viewer", 404, "no part"),
        ("x" * 3_000, "", "viewer", 404, "no part"),
        (BARE, "", "viewer", 404, "no picture"),
        (BARE, "?of=reference", "viewer", 404, "no reference"),
        ("gone", "", "viewer", 410, "has been deleted"),
        (NG, "", None, 401, "log in"),
    ],
)
def test_what_there_is_not_is_said(filled: Stage, part: str, query: str, role: Role | None, status: int, says: str) -> None:
    got, body, headers = get(filled, part, query, role)
    assert got == status
    assert says in body.decode()
    assert headers["cache-control"] == "no-store"


def test_a_file_that_was_changed_is_not_shown_as_the_recorded_one(tmp_path: Path) -> None:
    data = cv2.imencode(".png", np.zeros((20, 20), np.uint8))[1].tobytes()
    (tmp_path / "a.png").write_bytes(data)
    pictures, sha256 = PartPictures(str(tmp_path)), hashlib.sha256(data).hexdigest()
    assert pictures.read("a.png", sha256, "original") == data
    with pytest.raises(PictureError, match="not the file that was recorded"):
        pictures.read("a.png", "0" * 64, "thumb")


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "missing.png", ".", "a\0b"])
def test_no_file_beside_the_record_is_served(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    (tmp_path / "record").mkdir()
    with pytest.raises(PictureError, match=r"missing|cannot be read"):
        PartPictures(str(tmp_path / "record")).read(name, hashlib.sha256(b"secret").hexdigest(), "original")
