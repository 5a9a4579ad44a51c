"""Splits, snapshots, duplicates, leaks, suspects: on drawn images, with what was planted known."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("defusedxml", reason="extra training is not installed")

from rich.console import Console

from edge.errors import SettingsError
from edge.labelled import read_coco
from tests.training.datasets.sets import Image, coco, drafted, taken, texture, write
from training.datasets.contact import contact_sheets
from training.datasets.difference import differences
from training.datasets.draft import Draft, open_draft
from training.datasets.duplicates import MAX_CANDIDATES, RADIUS, candidates, search
from training.datasets.found import Source
from training.datasets.intake import Rules
from training.datasets.leaks import check_leaks, leaks
from training.datasets.look import look_at
from training.datasets.snapshot import find_snapshot, make_snapshot, snapshot_rows, verify
from training.datasets.split import make_split
from training.datasets.suspects import all_suspects

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


def quiet(*_: Any) -> None:
    """No progress bar."""


def parts(count: int, images: int = 3) -> tuple[list[dict[str, Any]], dict[int, list[list[float]]]]:
    """`count` parts with `images` each; every third is NG, every twelfth has a dent."""
    entries: list[dict[str, Any]] = [
        {"file_name": f"images/p{p:02}-{i}.png", "id": p * images + i, "part": f"P{p}", "lot": f"L{p // 4}", "taken_at": f"2026-01-{p + 1:02}",
         "verdict": "OK" if p % 3 else "NG"}
        for p in range(count) for i in range(images)
    ]  # fmt: skip
    return entries, {e["id"]: [[int(e["id"] // images % 12 == 0), 5, 5, 20, 20]] for e in entries if e["verdict"] == "NG"}


# --- splits ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["part", "lot", r"^(p\d+)-"])
def test_a_split_keeps_groups_whole_and_shares_even(by: str, tmp_path: Path) -> None:
    with drafted(tmp_path, *parts(36, 1)) as draft:
        done = make_split(draft, by, SHARES, 1, [])
        assert sorted(done.of) == [r.entry.name for r in draft.rows()]
        size = 4 if by == "lot" else 1
        assert len({(int(n[1:3]) // size, s) for n, s in done.of.items()}) == 36 // size
        for split, share in SHARES.items():
            assert done.counts[split]["images"] == pytest.approx(36 * share, abs=4)
            assert done.counts[split]["verdict NG"] == pytest.approx(12 * share, abs=2.1)
        assert all(done.counts[s]["dent"] == 1 for s in SHARES) or by == "lot"
        assert make_split(draft, by, SHARES, 1, []).of == done.of


@given(sizes=st.lists(st.integers(1, 5), min_size=3, max_size=12), seed=st.integers(0, 9))
@settings(max_examples=10)
def test_no_group_is_ever_cut_and_no_split_empty(sizes: list[int], seed: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="gt-") as place:
        source = Path(place, "s")
        write(source / "one.png", texture(1))
        entries = [{"file_name": f"g{g}-{n}.png", "part": str(g), "verdict": "OK"} for g, size in enumerate(sizes) for n in range(size)]
        for e in entries:
            (source / e["file_name"]).write_bytes((source / "one.png").read_bytes())
        taken(Path(place), "t", Source(coco(source, entries)), "coco")
        with open_draft(Path(place), "t") as draft:
            done = make_split(draft, "part", SHARES, seed, [])
        assert set(done.of.values()) == set(SHARES)
        by_group = Counter((n.partition("-")[0], s) for n, s in done.of.items())
        assert len(by_group) == len(sizes)


def test_by_time_the_oldest_train(tmp_path: Path) -> None:
    entries, boxes = parts(10, 2)
    with drafted(tmp_path, entries, boxes) as draft:
        done = make_split(draft, "time", SHARES, 1, [])
        order = [done.of[f"p{p:02}-0.png"] for p in range(10)]
        assert order == ["train"] * 6 + ["val"] * 2 + ["test"] * 2
        assert all(done.of[f"p{p:02}-0.png"] == done.of[f"p{p:02}-1.png"] for p in range(10))


def test_duplicates_stay_together(tmp_path: Path) -> None:
    with drafted(tmp_path, *parts(12, 1)) as draft:
        chain = [(f"p{n:02}-0.png", f"p{n + 1:02}-0.png") for n in range(5)]
        done = make_split(draft, "part", SHARES, 1, chain)
        assert len({done.of[f"p{n:02}-0.png"] for n in range(6)}) == 1
        assert done.joined == 5


def test_what_cannot_be_split_says_why(tmp_path: Path) -> None:
    entries, boxes = parts(3, 1)
    del entries[1]["part"]
    with drafted(tmp_path, entries, boxes) as draft:
        with pytest.raises(SettingsError, match=r"1 images have no part \(p01-0\.png\)"):
            make_split(draft, "part", SHARES, 1, [])
        with pytest.raises(SettingsError, match="3 images have no board"):
            make_split(draft, "board", SHARES, 1, [])
        with pytest.raises(SettingsError, match="no regular expression"):
            make_split(draft, "(", SHARES, 1, [])
        with pytest.raises(SettingsError, match="1 groups by 'lot' cannot make 3 splits"):
            make_split(draft, "lot", SHARES, 1, [])


# --- snapshots ---------------------------------------------------------------------------------------------------------


def test_a_snapshot_is_named_by_what_is_in_it(tmp_path: Path) -> None:
    entries, boxes = parts(6, 1)
    entries[0]["reference"] = entries[1]["reference"] = "images/p01-0.png"
    with drafted(tmp_path, entries, boxes) as draft:
        draft.set_splits(make_split(draft, "part", SHARES, 1, []).of)
        first, new = make_snapshot(draft)
        assert new
        assert make_snapshot(draft) == (first, False)
        folder = find_snapshot(tmp_path / "shelf", f"t@{first.id[:5]}")
        assert {p.name for p in folder.iterdir()} == {"train.json", "val.json", "test.json", "images.jsonl", "manifest.json", "images"}
        read = {s: read_coco(folder / f"{s}.json") for s in SHARES}
        assert sum(len(r.images) for r in read.values()) == 6
        assert all(r.classes == ["dent", "scratch"] for r in read.values())
        by_name = {i.name: i for r in read.values() for i in r.images}
        assert by_name["images/p00-0.png"].part == "P0"
        assert by_name["images/p00-0.png"].boxes.tolist() == [[5, 5, 25, 25]]
        reference = by_name["images/p00-0.png"].reference
        assert reference is not None
        assert reference.read_bytes() == (tmp_path / "source/images/p01-0.png").read_bytes()
        assert not (folder / "train.json").stat().st_mode & 0o222
        verify(folder, tmp_path / "shelf")
        # the same images and labels elsewhere, in another order, are the same content
        taken(tmp_path / "shelf", "u", Source(coco(tmp_path / "source", entries[::-1], boxes, "again.json")), "coco")
        with open_draft(tmp_path / "shelf", "u") as other:
            assert make_snapshot(other)[0].content == first.content
        # one label more is another one, which knows its parent
        row = draft.get("p02-0.png")
        taken(
            tmp_path / "shelf",
            "t",
            Source(coco(tmp_path / "source", [entries[2]], {2: [[0, 1, 1, 2, 2]]}, "more.json")),
            "coco",
            Rules(replace=True, split="val"),
        )
        assert draft.get("p02-0.png").entry.labels
        second, _ = make_snapshot(draft)
        assert second.parent == first.id
        assert second.content != first.content
        changes = list(differences(snapshot_rows(folder), draft.rows()))
        assert [(c.name, c.what) for c in changes if c.what != "split"] == [("p02-0.png", "labels")]
        assert "1 boxes added, 0 removed" in changes[0].text
        assert row.entry.lineage.source == "set.json"
    image = folder / "images/p03-0.png"
    image.unlink()
    write(image, texture(99))
    with pytest.raises(SettingsError, match=r"p03-0\.png: has changed"):
        verify(folder, tmp_path / "shelf")


def test_a_half_written_snapshot_is_none(tmp_path: Path) -> None:
    with drafted(tmp_path, *parts(3, 1)) as draft:
        victim = draft.image(draft.get("p02-0.png").entry.sha256)
        victim.chmod(0o644)
        victim.write_bytes(b"rotten")
        with pytest.raises(SettingsError, match="has changed since it was stored"):
            make_snapshot(draft)
        assert not list((tmp_path / "shelf/snapshots/t").iterdir())
        with pytest.raises(SettingsError, match="no snapshot t"):
            find_snapshot(tmp_path / "shelf", "t")
        with pytest.raises(SettingsError, match=r"name = '\.\./t'"):
            find_snapshot(tmp_path / "shelf", "../t")


# --- duplicates --------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.integers(0, 2**64 - 1), max_size=12),
    st.lists(st.tuples(st.integers(0, 40), st.sets(st.integers(0, 63), max_size=14)), max_size=12),
)
def test_no_candidate_is_overlooked(base: list[int], near: list[tuple[int, set[int]]]) -> None:
    """Against comparing each with each."""
    hashes = base + [base[n % len(base)] ^ sum(1 << b for b in bits) for n, bits in near if base]
    found, crowded = candidates(np.array(hashes, np.uint64))
    expected = {(i, j) for i, a in enumerate(hashes) for j, b in enumerate(hashes) if i < j and (a ^ b).bit_count() <= RADIUS}
    pairs = {tuple(p) for p in found.tolist()}
    assert pairs <= expected
    assert len(found) == len(pairs)
    many = {i for i, n in Counter(i for i, _ in expected).items() if n > MAX_CANDIDATES}
    assert crowded == len(many)
    assert all(sum(p[0] == i for p in pairs) == MAX_CANDIDATES for i in many)
    assert {p for p in pairs if p[0] not in many} == {p for p in expected if p[0] not in many}


def altered(image: Image, how: str) -> Image:
    if how == "darker":
        return np.asarray(image * 0.6 + 20, np.uint8)
    if how == "moved":
        return np.asarray(
            cv2.warpAffine(image, np.array([[1, 0, 4], [0, 1, -3]], np.float32), image.shape[::-1], borderMode=cv2.BORDER_REFLECT), np.uint8
        )
    if how == "smaller":
        return np.asarray(cv2.resize(image, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA), np.uint8)
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_GRAYSCALE), np.uint8)


@pytest.mark.parametrize("how", ["darker", "moved", "smaller", "resaved"])
def test_altered_copies_are_found_and_nothing_else(how: str) -> None:
    images = [texture(n, 320, 320) for n in range(60)]
    images += [altered(images[n], how) for n in range(0, 30)]
    looks = [look_at(i) for i in images]
    found = search([str(n) for n in range(90)], np.array([x.phash for x in looks], np.uint64), lambda n: looks[n].small)
    pairs = {(t.first, t.second) for t in found.twins}
    assert pairs <= {(n, 60 + n) for n in range(30)}
    assert len(pairs) >= 27
    assert not any(t.exact for t in found.twins)


def test_parts_of_one_product_are_no_duplicates() -> None:
    """All alike but for noise and a pixel of play, as a camera over a line sees them: what is usual in the set is no leak."""
    product, rng = texture(1, 320, 320), np.random.default_rng(2)
    images = []
    for _ in range(150):
        move = np.array([[1, 0, rng.uniform(-1, 1)], [0, 1, rng.uniform(-1, 1)]], np.float32)
        seen = cv2.warpAffine(product, move, (320, 320), borderMode=cv2.BORDER_REFLECT) + rng.normal(0, 4, (320, 320))
        images.append(np.asarray(np.clip(seen, 0, 255), np.uint8))
    looks = [look_at(i) for i in images]
    files = [str(n) for n in range(150)] + ["7"]
    found = search(files, np.array([x.phash for x in [*looks, looks[7]]], np.uint64), lambda n: [*looks, looks[7]][n].small)
    assert [(t.first, t.second) for t in found.twins if t.exact] == [(7, 150)]
    assert len(found.twins) < 40, "an alarm for everyone is none"
    assert found.threshold > 0.9


# --- leaks -------------------------------------------------------------------------------------------------------------


def test_leaks_between_files(tmp_path: Path) -> None:
    names = {s: [{"file_name": f"{s}{n}.png", "seed": 10 * k + n, "board": f"{s}{n}"} for n in range(4)] for k, s in enumerate(SHARES)}
    files = {s: coco(tmp_path, e, name=f"{s}.json") for s, e in names.items()}
    assert leaks(*files.values(), cache=tmp_path / "c.db").leaks == []
    write(tmp_path / "val1.png", texture(2))
    (tmp_path / "test2.png").write_bytes((tmp_path / "train3.png").read_bytes())
    (tmp_path / "test3.png").write_bytes(b"no image")
    names["test"][0]["board"] = "val0"
    coco(tmp_path, names["test"], name="test.json")
    for _ in range(2):  # from the cache too, which sees what has changed
        found = leaks(files["train"], files["val"], files["test"], None, cache=tmp_path / "c.db")
        said = sorted((x.first, x.second, x.why) for x in found.leaks)
        assert said == [
            ("train: train2.png", "val: val1.png", "the same file"),
            ("train: train3.png", "test: test2.png", "the same file"),
            ("val: val0.png", "test: test0.png", "board 'val0' is in both"),
        ]
        assert len(found.unread) == 1
        assert found.unread[0].startswith("test: test3.png: not a whole image")
    with pytest.raises(SettingsError, match=r"leak 1 times(.|\n)*train2\.png and val: val1\.png: the same file(.|\n)*--allow-leaks"):
        check_leaks(files["train"], files["val"], allowed=False, cache=None, console=Console(quiet=True))
    assert len(check_leaks(files["train"], files["val"], allowed=True, cache=None, console=Console(quiet=True)).leaks) == 1


def test_training_refuses_a_leaking_split(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="extra training is not installed")
    import typer
    from typer.testing import CliRunner

    from training.commands import train

    app = typer.Typer()
    app.command()(train)
    entries = [{"file_name": f"{n}.png", "part": "P1", "verdict": "OK"} for n in range(2)]
    files = [str(coco(tmp_path, [e], name=f"{n}.json")) for n, e in enumerate(entries)]
    env = {"MALLOC_MMAP_THRESHOLD_": "1"}  # train starts itself anew without it
    out = ["--data", files[0], "--val", files[1], "--out", str(tmp_path / "out")]
    done = CliRunner(env=env).invoke(app, out)
    assert isinstance(done.exception, SettingsError)
    assert "part 'P1' is in both" in str(done.exception)
    done = CliRunner(env=env).invoke(app, [*out, "--allow-leaks"])
    assert "no images with the verdict NG" in str(done.exception), "goes on, and finds what else is wrong"


# --- suspects ----------------------------------------------------------------------------------------------------------


def test_planted_mistakes_are_found(tmp_path: Path) -> None:
    entries, boxes = parts(30, 1)
    boxes[0] = [[0, 80, 50, 30, 30], [0, 3, 3, 0, 5]]  # outside 96x64, and without extent
    boxes[3] = []
    boxes[1] = [[0, 1, 1, 9, 9]]  # on an OK image
    entries += [{"file_name": "images/black.png", "id": 90, "verdict": "OK"}, {"file_name": "images/copy.png", "id": 91, "verdict": "OK"}]
    write(tmp_path / "source/images/black.png", np.zeros((64, 96), np.uint8))
    write(tmp_path / "source/images/copy.png", texture(6))  # of p06, which is NG
    with drafted(tmp_path, entries, boxes) as draft:
        found = list(all_suspects(draft, None, None, quiet))
        assert {(s.kind, s.name) for s in found} == {
            ("outside", "p00-0.png"),
            ("empty-box", "p00-0.png"),
            ("ng-empty", "p03-0.png"),
            ("ok-boxes", "p01-0.png"),
            ("twins", "p06-0.png"),
            ("twins", "copy.png"),
            ("unlike", "black.png"),
        }
        for kind in {s.kind for s in found}:
            (path,) = contact_sheets(draft, kind, [s for s in found if s.kind == kind], tmp_path / "sheets")
            sheet = cv2.imread(str(path))
            assert sheet is not None
            assert sheet.shape[1] > 600
        many = [s for s in found if s.kind == "outside"] * 70
        assert [p.name for p in contact_sheets(draft, "outside", many, tmp_path / "sheets", most=2)] == ["outside-1.png", "outside-2.png"]


def test_the_model_is_asked(tmp_path: Path) -> None:
    """Drawn boards with the shipped model: bad ones that were called OK are found, good ones are not."""
    from hardware.cameras.board_set import draw_set

    path = draw_set(tmp_path / "s", 3)
    data = json.loads(path.read_text())
    bad = {i["id"] for i in data["images"] if i["verdict"] == "NG"}
    for i in data["images"]:
        i["verdict"] = "OK"
    data["annotations"] = []
    path.write_text(json.dumps(data))
    assert not taken(tmp_path, "t", Source(path), "coco").refused
    with open_draft(tmp_path, "t") as draft:
        found = [s for s in all_suspects(draft, None, Path("recipes/board.toml"), quiet) if s.kind == "model-ng"]
    names = {re.sub("^images/", "", i["file_name"]) for i in data["images"] if i["id"] in bad}
    assert {s.name for s in found} == names
    assert all(s.boxes for s in found)


def test_a_draft_is_only_opened_where_it_is(tmp_path: Path) -> None:
    with drafted(tmp_path, *parts(1, 1)) as draft:
        assert isinstance(draft, Draft)
    with pytest.raises(SettingsError, match="no draft 'x'; there are: t"), open_draft(tmp_path / "shelf", "x"):
        pass
    (tmp_path / "shelf/drafts/x.db").write_bytes(b"no database, but long enough to be looked at" * 50)
    with pytest.raises(SettingsError, match=r"x\.db"), open_draft(tmp_path / "shelf", "x"):
        pass
