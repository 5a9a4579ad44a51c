"""What is taken out of the record: tables that spreadsheets may open, archives whose hashes hold, sets that are read back."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge import takeout
from edge.errors import StoreError
from edge.evidence import ImageFolder
from edge.filters import Filters
from edge.labelled import read_coco, read_image
from edge.messages import Defect
from edge.reviews import ReviewBox
from edge.rows import Batch, Evidence
from edge.store import FILE_NAME, Store, open_store
from edge.takeout import parts_of, pictured, plan_pictures, plan_table, rows_of
from edge.takeout_coco import coco
from edge.takeout_csv import COLUMNS, safe, table
from edge.takeout_zip import Request, images
from tests.edge.story import ejection_of, image_ref, run_of, verdict_of

ABOUT = Request("S1", "Anna", "2026-11-24T19:00:00+00:00", "verdict=NG")
EVIL = '=HYPERLINK("http://x";"ü, \n")'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Six parts: 1, 3, 5 NG with pictures, the others OK; 6 with a picture; reviews of 1, 3, 5 and 6."""
    folder = ImageFolder(tmp_path)
    with open_store(tmp_path / FILE_NAME) as store:
        messages, evidence = [run_of()], {}
        for n in range(1, 7):
            kept = n % 2 == 1 or n == 6
            word = "NG" if n % 2 else "OK"
            reasons = [EVIL] if n == 1 else []
            defects = [Defect("open", 0.9, (2.0, 3.0, 12.5, 9.0), "NG")] if word == "NG" else []
            messages.append(verdict_of(n, word, reasons=reasons, defects=defects, image=image_ref() if kept else None))  # type: ignore[arg-type]
            messages.append(ejection_of(n, "ejected" if word == "NG" else "passed"))  # type: ignore[arg-type]
            if kept:
                pixels = np.random.default_rng(n).integers(0, 256, (40, 60), np.uint8)
                evidence[f"P{n}"] = Evidence(folder.add(f"P{n}", 1_790_000_000 * 10**9, pixels))
        folder.commit()
        store.write(Batch(messages=messages, evidence=evidence))  # type: ignore[arg-type]
        store.review("P1", "@Anna", "bad", [ReviewBox("short", 1, 2, 30, 20)], "+1 note")
        store.review("P3", "Ben", "bad")
        store.review("P5", "Ben", "unsure")
        store.review("P6", "Ben", "good")
        yield store


def read(data: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def test_a_table_is_read_back_with_every_part_oldest_first(store: Store) -> None:
    data = b"".join(table(parts_of(store, Filters())))
    rows = read(data)
    assert list(rows[0]) == list(COLUMNS)
    assert [r["part_id"] for r in rows] == [f"P{n}" for n in range(1, 7)]
    assert (rows[0]["verdict"], rows[0]["classes"], rows[0]["best_score"], rows[0]["review"]) == ("NG", "open", "0.9", "bad")
    assert (rows[1]["outcome"], rows[1]["review"], rows[1]["total_ms"]) == ("passed", "", "0.015")
    assert b"\r\n" in data
    assert not data.startswith(b"\xef\xbb\xbf")


def test_no_cell_is_a_formula(store: Store) -> None:
    rows = read(b"".join(table(parts_of(store, Filters()))))
    assert rows[0]["reasons"] == f"'{EVIL}"
    assert (rows[0]["reviewer"], rows[0]["note"]) == ("'@Anna", "'+1 note")
    texts = [v for r in rows for k, v in r.items() if k != "ejection_offset_ms"]
    assert not [t for t in texts if t.lstrip().startswith(("=", "+", "-", "@"))]


@pytest.mark.parametrize(
    ("text", "cell"),
    [("=1+1", "'=1+1"), ("  =1", "'  =1"), ("\t=1", "'\t=1"), ("-2", "'-2"), ("@x", "'@x"), ("+49", "'+49"), ("a=1", "a=1"), ("", "")],
)
def test_what_a_spreadsheet_would_calculate_is_marked(text: str, cell: str) -> None:
    assert safe(text) == cell


def test_a_table_for_a_german_spreadsheet(store: Store) -> None:
    data = b"".join(table(parts_of(store, Filters(verdict="NG")), bom=True, comma=True))
    assert data.startswith(b"\xef\xbb\xbfpart_id;")
    rows = read(data, ";")
    assert (len(rows), rows[0]["best_score"], rows[0]["total_ms"]) == (3, "0,9", "0,015")


def archive(blocks: Iterator[bytes]) -> zipfile.ZipFile:
    found = zipfile.ZipFile(io.BytesIO(b"".join(blocks)))
    assert found.testzip() is None
    return found


def test_pictures_with_a_list_and_sums_that_hold(store: Store, tmp_path: Path) -> None:
    (tmp_path / "images" / "2026" / "09" / "21" / "P3.png").write_bytes(b"no longer what it was")
    found = archive(images(parts_of(store, pictured(Filters(), reviewed=False)), store.folder, ABOUT))
    found.extractall(tmp_path / "out")
    for line in (tmp_path / "out" / "SHA256SUMS").read_text().splitlines():
        sha256, name = line.split("  ")
        assert takeout_sha(tmp_path / "out" / name) == sha256
    assert {n for n in found.namelist() if n.startswith("images/")} == {"images/P1.png", "images/P5.png", "images/P6.png"}
    assert found.read("images/P1.png") == (tmp_path / "images" / "2026" / "09" / "21" / "P1.png").read_bytes()
    manifest = json.loads(found.read("manifest.json"))
    assert (manifest["who"], manifest["filters"], manifest["pictures"], manifest["left_out"]) == ("Anna", "verdict=NG", 3, 1)
    assert manifest["left_out_parts"] == [{"part_id": "P3", "why": "its file is not the recorded one"}]
    assert [r["part_id"] for r in read(found.read("parts.csv"))] == ["P1", "P3", "P5", "P6"]


def takeout_sha(path: Path) -> str:
    import hashlib

    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_reviewed_parts_are_read_back_as_a_labelled_set(store: Store, tmp_path: Path) -> None:
    golden = (tmp_path / "images" / "2026" / "09" / "21" / "P5.png").read_bytes()
    wanted = pictured(Filters(), reviewed=True)
    archive(coco(parts_of(store, wanted), store.folder, ABOUT, golden=lambda _run: golden)).extractall(tmp_path / "set")
    labelled = read_coco(tmp_path / "set" / "annotations.json")
    one, six = labelled.images
    assert (one.part, one.expected, one.kinds, one.boxes.tolist()) == ("P1", "NG", ("short",), [[1, 2, 30, 20]])
    assert (six.part, six.expected, six.kinds) == ("P6", "OK", ())
    assert read_image(one.file).shape == (40, 60)
    assert one.reference is not None
    assert one.reference.read_bytes() == golden
    why = {r["part_id"]: r["why"] for r in json.loads((tmp_path / "set" / "manifest.json").read_text())["left_out_parts"]}
    assert why == {"P3": "it is bad, and nobody drew its defects", "P5": "nobody has said whether it is good or bad"}
    entry = json.loads((tmp_path / "set" / "annotations.json").read_text())["images"][0]
    assert (entry["review"]["who"], entry["station"]["verdict"], entry["width"], entry["height"]) == ("@Anna", "NG", 60, 40)


def test_the_stations_own_boxes_are_taken_only_when_asked_for(store: Store, tmp_path: Path) -> None:
    wanted = pictured(Filters(), reviewed=True)
    archive(coco(parts_of(store, wanted), store.folder, ABOUT, station_boxes=True)).extractall(tmp_path / "set")
    found = {i.part: i.boxes.tolist() for i in read_coco(tmp_path / "set" / "annotations.json").images}
    assert found["P3"] == [[2.0, 3.0, 12.5, 9.0]]


def test_a_plan_says_how_much_it_is_and_what_is_too_much(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (plan_table(store, Filters()).parts, plan_table(store, Filters(verdict="NG")).parts) == (6, 3)
    plan = plan_pictures(store, Filters(), reviewed=False)
    assert (plan.pictures, plan.parts) == (4, 4)
    assert plan.bytes > 4 * 40 * 60
    with pytest.raises(StoreError, match="no picture is kept"):
        plan_pictures(store, Filters(part="P2"), reviewed=False)
    monkeypatch.setattr(takeout, "MAX_PICTURES", 3)
    with pytest.raises(StoreError, match=r"more than 3 pictures.*at most 3.*narrow"):
        plan_pictures(store, Filters(), reviewed=False)


def test_pages_do_not_lose_or_repeat_a_part(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(takeout, "PAGE", 2)
    assert [r.part_id for r in rows_of(store, Filters())] == [f"P{n}" for n in range(1, 7)]
