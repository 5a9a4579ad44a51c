"""What people say a part really was: kept for good, the newest counts, nonsense is refused."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from edge.cli import app
from edge.errors import StoreError
from edge.reviews import ReviewBox
from tests.edge.story import query
from tests.edge.test_holds import told

SCRATCH = ReviewBox("scratch", 1.0, 2.0, 30.0, 40.0)


def test_the_newest_review_counts_and_all_are_kept(tmp_path: Path) -> None:
    with told(tmp_path) as store:
        first = store.review("P1", " Anna ", "bad", [SCRATCH], "seen at the light")
        assert (first.number, first.who, first.truth, first.boxes) == (1, "Anna", "bad", [SCRATCH])
        assert store.review("P1", "Ben", "good").boxes is None
        store.review("P2", "Ben", "bad", [])
        assert [(r.number, r.truth) for r in store.reviews("P1")] == [(1, "bad"), (2, "good")]
        assert [(r.part_id, r.truth, r.boxes) for r in store.reviews(newest=True)] == [("P1", "good", None), ("P2", "bad", [])]
        store.review("P1", "Ben", "withdrawn")
        assert [r.part_id for r in store.reviews(newest=True)] == ["P2"]
        assert len(store.reviews()) == 4


@pytest.mark.parametrize(
    ("part", "who", "truth", "boxes", "words"),
    [
        ("P9", "Anna", "bad", None, "no part 'P9'"),
        ("P1", "  ", "bad", None, "--who"),
        ("P1", "Anna", "perhaps", None, "choose one of: good, bad"),
        ("P1", "Anna", "good", [SCRATCH], "only a part that is 'bad'"),
        ("P1", "Anna", "bad", [ReviewBox("scratch", 5, 5, 5, 9)], "x1 < x2"),
        ("P1", "Anna", "bad", [ReviewBox("scratch", float("nan"), 5, 8, 9)], "x1 < x2"),
        ("P1", "Anna", "bad", [ReviewBox(" ", 1, 2, 3, 4)], "needs a class"),
        ("P1", "Anna", "bad", [SCRATCH] * 501, "at most 500"),
    ],
)
def test_nonsense_is_refused_and_leaves_nothing(
    tmp_path: Path, part: str, who: str, truth: str, boxes: list[ReviewBox], words: str
) -> None:
    with told(tmp_path) as store:
        with pytest.raises(StoreError, match=words):
            store.review(part, who, truth, boxes)  # type: ignore[arg-type]
        assert store.reviews() == []


def test_a_box_lies_within_the_image_that_is_kept(tmp_path: Path) -> None:
    with told(tmp_path) as store:
        (tmp_path / "images").mkdir()
        cv2.imwrite(str(tmp_path / "images/P1.png"), np.zeros((60, 80), np.uint8))
        for box in (ReviewBox("scratch", 70, 5, 80.5, 9), ReviewBox("scratch", 7, 50, 8, 61)):
            with pytest.raises(StoreError, match=r"'scratch' \[.*reaches beyond the image of P1, which has 80x60 px"):
                store.review("P1", "Anna", "bad", [box])
        assert store.reviews() == []
        store.review("P1", "Anna", "bad", [ReviewBox("scratch", 0, 0, 80, 60)])
        (tmp_path / "images/P2.png").write_bytes(b"cut")
        for part in ("P2", "P3"):  # nobody knows how large an image was that is damaged or deleted
            store.review(part, "Anna", "bad", [ReviewBox("scratch", 0, 0, 900, 9)])


def test_a_slip_that_is_taken_back_leaves_what_somebody_else_said(tmp_path: Path) -> None:
    with told(tmp_path) as store:
        store.review("P1", "Quinn", "bad", [SCRATCH], note="at the light", how="sample")
        slip = store.review("P1", "Anna", "good", how="queue")
        back = store.undo_review(slip.number, "Anna")
        assert (back.truth, back.boxes, back.how, back.who) == ("bad", [SCRATCH], "sample", "Anna")
        assert back.note == "takes back review 2; as Quinn said in review 1: at the light"
        assert store.reviews(newest=True) == [back]
        assert query(tmp_path / "gutteil.db", "SELECT truth, sampled FROM inspections WHERE part_id = 'P1'") == [("bad", 1)]
        again = store.undo_review(back.number, "Anna")  # she meant it after all
        assert (again.truth, again.boxes) == ("good", None)
        store.review("P2", "Quinn", "bad", [], note="x" * 200)  # nobody has drawn defects, and nobody found any, are two answers
        assert store.undo_review(store.review("P2", "Anna", "unsure").number, "Anna").boxes == []


def test_nobody_rewrites_what_was_said(tmp_path: Path) -> None:
    with told(tmp_path) as store:
        store.review("P1", "Anna", "bad", [SCRATCH])
    with sqlite3.connect(tmp_path / "gutteil.db") as db:
        for statement in (
            "UPDATE reviews SET truth = 'good'",
            "DELETE FROM reviews",
            "DELETE FROM review_boxes",
            "INSERT OR REPLACE INTO reviews (number, part_id, who, truth, note, boxed, wall_ns) VALUES (1, 'P1', 'Eve', 'good', '', 0, 1)",
            "INSERT OR REPLACE INTO review_boxes VALUES (1, 0, 'dust', 1, 2, 3, 4)",
        ):
            with pytest.raises(sqlite3.Error, match="append only"):
                db.execute(statement)
    db.close()


def test_reviews_from_the_command_line(tmp_path: Path) -> None:
    def say(*arguments: str) -> str:
        done = CliRunner().invoke(app, ["review", *arguments, "--who", "Anna", "--folder", str(tmp_path)])
        assert done.exit_code == 0, done.exception
        return done.output

    with told(tmp_path) as store:
        assert "P1 is good, says Anna; the verdict was NG" in say("P1", "--truth", "good")
        assert "nobody has drawn its defects yet" in say("P2", "--truth", "bad")
        assert "with 2 defects" in say(
            "P2", "--truth", "bad", "--box", "scratch,1,2,30,40", "--box", "dent, deep,5,5,9,9.5", "--note", "at the light"
        )
        newest = {r.part_id: r for r in store.reviews(newest=True)}
        assert newest["P2"].boxes == [SCRATCH, ReviewBox("dent, deep", 5, 5, 9, 9.5)]
        assert (newest["P2"].note, newest["P1"].boxes) == ("at the light", None)
        say("P1", "--truth", "withdrawn")
        assert [r.part_id for r in store.reviews(newest=True)] == ["P2"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["P9", "--truth", "good"], "no part 'P9'"),
        (["P1", "--truth", "perhaps"], "choose one of: good, bad"),
        (["P1", "--truth", "bad", "--box", "open,1,2,3"], "kind,x1,y1,x2,y2"),
        (["P1", "--truth", "bad", "--box", "open,nan,2,3,4"], "x1 < x2"),
        (["P1", "--truth", "good", "--box", "open,1,2,3,4"], "only a part that is 'bad'"),
    ],
)
def test_commands_that_cannot_be(tmp_path: Path, arguments: list[str], words: str) -> None:
    with told(tmp_path) as store:
        done = CliRunner().invoke(app, ["review", *arguments, "--who", "Anna", "--folder", str(tmp_path)])
        assert isinstance(done.exception, StoreError)
        assert words in str(done.exception)
        assert store.reviews() == []
