"""What other programs talk to: the routes below /api/review, without a browser."""

from __future__ import annotations

import itertools
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.people.roles import Role
from edge import escapes
from edge.reviews import Review, ReviewBox, Truth
from edge.search import Count
from edge.store import FILE_NAME, Store, open_store
from tests.dashboard.feed import Feed, Server, free_ports
from tests.dashboard.made import Made, cookie, fill_record
from tests.dashboard.stage import make_people

TAB = "tab-1"


class Line:
    """A server over a filled record, asked as somebody of a role."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self._cookies: dict[Role, str] = {}

    def ask(self, path: str, body: Any = None, role: Role | None = "engineer", raw: bytes | None = None) -> tuple[int, Any]:
        headers = {"X-Gutteil": "1"}
        if role is not None:
            headers["Cookie"] = self._cookies.get(role) or self._cookies.setdefault(role, cookie(self.folder, role))
        data = raw if raw is not None else json.dumps(body).encode() if body is not None else None
        try:
            with urllib.request.urlopen(urllib.request.Request(self.server.url + path, data, headers=headers), timeout=20) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def say(self, part: str, role: Role = "engineer", **fields: Any) -> tuple[int, Any]:
        said = {"tab": TAB, "truth": "bad", "seen": 0} | fields
        return self.ask(f"/api/review/parts/{urllib.parse.quote(part, safe='')}/say", said, role)

    def store(self) -> Store:
        return open_store(self.folder / FILE_NAME, read_only=True)


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    feed = Feed(tmp_path_factory.mktemp("line"), free_ports(3))
    try:
        with Server(feed, free_ports(1)[0]) as server:
            folder = feed.folder / "record"
            make_people(folder)
            names = ["U1", "N1", "N2", "N3", "N4", "N5", "N6", "odd/ü#?1"]
            words = ["UNDECIDED", *["NG"] * 7]
            parts = [Made(n, w, seed=i) for i, (n, w) in enumerate(zip(names, words, strict=True))]  # type: ignore[arg-type]
            fill_record(folder, [*parts, Made("K1", "OK", age_s=50), Made("K2", "OK", age_s=40), Made("K3", "OK", picture=False, age_s=30)])
            yield Line(server, folder)
            assert server.stop() == "", "the server is to be quiet"
    finally:
        feed.close()


def test_the_queue_says_what_waits_and_why(line: Line) -> None:
    status, queue = line.ask(f"/api/review/queue?tab={TAB}")
    assert status == 200
    assert queue["items"][0]["part_id"] == "U1"
    assert queue["items"][0]["why"] == ["undecided"]
    assert queue["items"][0]["size"] == [320, 320]
    assert queue["counts"]["undecided"] == 1
    assert all(len(i["boxes"]) <= 3 for i in queue["items"])
    assert [i["part_id"] for i in line.ask(f"/api/review/queue?tab={TAB}&show=undecided")[1]["items"]] == ["U1"]
    assert {i["part_id"] for i in line.ask(f"/api/review/queue?tab={TAB}&show=sample")[1]["items"]} == {"K1", "K2"}, "those with a picture"
    assert len(line.ask(f"/api/review/queue?tab={TAB}&limit=2")[1]["items"]) == 2


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("queue?tab=x", "tab = 'x'"),
        ("queue?tab=tab-1&show=everything", "show = 'everything'"),
        ("queue?tab=tab-1&limit=9999", "limit = 9999"),
        ("queue?tab=tab-1&limit=-1", "limit = '-1'"),
        ("passed?tab=tab-1&before=never", "before: 'never' is no place"),
        ("passed?tab=tab-1&limit=0", "limit = 0"),
        ("find?tab=tab-1&text=%20", "text = ''"),
        ("find?tab=tab-1&text=" + "x" * 300, "text = 'xxx"),
        ("find?tab=tab-1&text=a%00b", "text = 'a"),
    ],
)
def test_a_wrong_question_names_key_and_value(line: Line, path: str, says: str) -> None:
    status, answer = line.ask(f"/api/review/{path}")
    assert status == 400
    assert says in answer["text"]


@pytest.mark.parametrize(
    ("body", "status", "says"),
    [
        (b"{", 400, "not JSON"),
        (b"[" * 5_000, 400, "JSON"),
        (b"\xff\xfe", 400, "JSON"),
        (b'{"tab":"tab-1"}', 400, "truth"),
        (b'{"tab":"tab-1","truth":"terrible","seen":0}', 400, "truth = 'terrible'"),
        (b'{"tab":"tab-1","truth":"withdrawn","seen":0}', 400, "truth = 'withdrawn'"),
        (b'{"tab":"tab-1","truth":"bad","seen":-1}', 400, "seen = '-1'"),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"who":"somebody else"}', 400, "who"),
        (b'{"tab":"<b>","truth":"bad","seen":0}', 400, "tab = '<b>'"),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"how":"guess"}', 400, "how = 'guess'"),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"note":"two\\nlines"}', 400, "note = "),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"boxes":[{"kind":"","box":[1,2,3,4]}]}', 400, "boxes[0].kind = ''"),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"boxes":[{"kind":"x","box":[1,2,3]}]}', 400, "boxes[0].box"),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"boxes":[{"kind":"x","box":[9,2,3,4]}]}', 400, "boxes[0].box = [9.0, 2.0, 3.0, 4.0]"),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"boxes":[{"kind":"x","box":[9,2,1e300,4]}]}', 400, "boxes[0].box"),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"boxes":[{"kind":"x","box":[9,2,321,40]}]}', 400, "320 x 320"),
        (b'{"tab":"tab-1","truth":"good","seen":0,"boxes":[{"kind":"x","box":[1,2,3,4]}]}', 400, "only a part that is 'bad'"),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"how":"report"}', 400, "a reason"),
        (b'{"tab":"tab-1","truth":"bad","seen":0,"how":"report","note":"x"}', 409, "has not passed"),
        (b'{"tab":"tab-1","truth":"good","seen":0,"how":"sample"}', 409, "has not passed"),
        (b'{"tab":"tab-1","truth":"bad","seen":7}', 409, "seen = 7"),
        (b'"' + b"x" * 200_000 + b'"', 413, "longer than"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(line: Line, body: bytes, status: int, says: str) -> None:
    code, answer = line.ask("/api/review/parts/N1/say", raw=body)
    assert code == status
    assert says in answer["text"]
    with line.store() as store:
        assert store.reviews("N1") == []


@pytest.mark.parametrize("part", ["nobody", "..", "%00", "x" * 3_000, "a/b/../c"])
def test_a_part_that_is_not_there(line: Line, part: str) -> None:
    assert line.say(part)[0] == 404
    assert line.ask(f"/api/review/parts/{urllib.parse.quote(part, safe='')}?tab={TAB}")[0] == 404
    assert line.ask(f"/api/review/parts/{urllib.parse.quote(part, safe='')}/open", {"tab": TAB})[0] == 404


@pytest.mark.parametrize(("role", "status"), [(None, 401), ("viewer", 403), ("admin", 403)])
def test_who_may_not_review(line: Line, role: Role | None, status: int) -> None:
    for path in (f"/api/review/queue?tab={TAB}", f"/api/review/parts/N1?tab={TAB}"):
        assert line.ask(path, role=role)[0] == status
    for path in ("/api/review/parts/N1/say", "/api/review/parts/N1/open", "/api/review/undo"):
        assert line.ask(path, {}, role=role)[0] == status


def test_an_operator_renames_boxes_of_the_model_only(line: Line) -> None:
    part = line.ask(f"/api/review/parts/N2?tab={TAB}", role="operator")[1]
    box = part["defects"][0]["box"]
    status, answer = line.say("N2", "operator", boxes=[{"kind": "scratch", "box": [1, 2, 30, 40]}])
    assert (status, "'label' is needed" in answer["text"]) == (403, True)
    status, answer = line.say("N2", "operator", boxes=[{"kind": "scratch", "box": box}])
    assert status == 200
    assert answer["review"]["boxes"][0]["kind"] == "scratch"
    assert answer["review"]["who"] == "operator"
    assert "scratch" in line.ask(f"/api/review/parts/N3?tab={TAB}")[1]["classes"], "a class that people use can be chosen from then on"


def test_a_review_that_came_meanwhile_is_not_overwritten_unseen(line: Line) -> None:
    assert line.say("N3", "operator", truth="good")[0] == 200
    status, answer = line.say("N3", "engineer")
    assert status == 409
    newer = answer["newer"]
    assert [(r["who"], r["truth"]) for r in newer] == [("operator", "good")]
    assert line.say("N3", "engineer", seen=newer[-1]["number"])[0] == 200
    with line.store() as store:
        assert [(r.who, r.truth) for r in store.reviews("N3")] == [("operator", "good"), ("engineer", "bad")]


def test_only_the_author_takes_back_and_only_what_counts(line: Line) -> None:
    number = line.say("N4", "operator", truth="unsure")[1]["review"]["number"]
    assert line.ask("/api/review/undo", {"review": number})[0] == 409
    assert line.ask("/api/review/undo", {"review": 10**6})[0] == 409
    assert line.ask("/api/review/undo", {"review": 0})[0] == 400
    assert line.ask("/api/review/undo", {"review": number}, "operator")[0] == 200
    assert line.ask("/api/review/undo", {"review": number}, "operator")[0] == 409, "once"
    with line.store() as store:
        assert [r.truth for r in store.reviews("N4")] == ["unsure", "withdrawn"], "nothing is deleted"
        assert [(a.op, a.who) for a in store.audit(2)] == [("review", "operator")] * 2
        assert store.verify_audit().holds


def test_a_slip_over_somebody_elses_word_is_taken_back_to_that_word(line: Line) -> None:
    boxes = [{"kind": "scratch", "box": [1, 2, 30, 40]}]
    first = line.say("N6", "engineer", boxes=boxes)[1]["review"]
    slip = line.say("N6", "operator", truth="good", seen=first["number"])[1]["review"]
    status, back = line.ask("/api/review/undo", {"review": slip["number"]}, "operator")
    assert (status, back["review"]["truth"], back["review"]["boxes"]) == (200, "bad", first["boxes"])
    with line.store() as store:
        assert "-> bad" in store.audit(1)[0].text


def test_a_part_is_one_persons_at_a_time(line: Line) -> None:
    assert line.ask("/api/review/parts/N5/open", {"tab": TAB})[1]["by"] == ""
    assert line.ask("/api/review/parts/N5/open", {"tab": "tab-2"}, "operator")[1]["by"] == "engineer"
    assert line.ask("/api/review/parts/N5/open", {"tab": "tab-2"})[1]["by"] == "engineer", "two tabs of one person are two"
    by = {i["part_id"]: i["by"] for i in line.ask("/api/review/queue?tab=tab-2", role="operator")[1]["items"]}
    assert by["N5"] == "engineer"
    assert line.ask("/api/review/parts/N5/close", {"tab": "tab-2"}, "operator")[0] == 200, "closes one's own alone"
    assert line.ask("/api/review/parts/N5/open", {"tab": "tab-2"}, "operator")[1]["by"] == "engineer"
    assert line.ask("/api/review/parts/N5/close", {"tab": TAB})[0] == 200
    assert line.ask("/api/review/parts/N5/open", {"tab": "tab-2"}, "operator")[1]["by"] == ""


def test_an_escape_is_counted_held_and_taken_back_with_its_hold(line: Line) -> None:
    before = line.ask(f"/api/review/queue?tab={TAB}")[1]["escapes"]
    status, done = line.say("K1", "operator", how="report", note="came back from the customer")
    assert (status, done["escape"], done["escapes"]) == (200, True, before + 1)
    with line.store() as store:
        (hold,) = store.holds("K1")
        assert hold.who == "operator"
        assert "came back from the customer" in hold.reason
        assert "K1" not in {p for k in store.candidates(100) for p in [k.part_id]}, "is not deleted"
        assert store.audit(1)[0].op == "escape"
    assert line.say("K3", truth="bad", how="sample")[1]["escapes"] == before + 2, "without a picture too"
    assert line.ask("/api/review/undo", {"review": done["review"]["number"]}, "operator")[1]["escapes"] == before + 1
    with line.store() as store:
        assert store.holds("K1") == []
        assert len(store.holds("K1", ended=True)) == 1


def test_parts_are_found_by_id_beginning_and_number(line: Line) -> None:
    def found(text: str) -> set[str]:
        return {i["part_id"] for i in line.ask(f"/api/review/find?tab={TAB}&text={urllib.parse.quote(text)}")[1]["items"]}

    assert found("N1") == {"N1"}
    assert found("K") == {"K1", "K2", "K3"}
    assert found("odd/ü#?1") == {"odd/ü#?1"}
    assert found("'; DROP TABLE reviews; --") == set()
    assert found("%") == set()
    newest = line.ask(f"/api/review/passed?tab={TAB}&limit=2")[1]
    assert [i["part_id"] for i in newest["items"]] == ["K3", "K2"]
    older = line.ask(f"/api/review/passed?tab={TAB}&limit=2&before={urllib.parse.quote(newest['following'])}")[1]
    assert [i["part_id"] for i in older["items"]] == ["K1"]
    assert older["following"] == ""


def test_ids_of_any_form_can_be_reviewed(line: Line) -> None:
    assert line.say("odd/ü#?1", truth="unsure")[0] == 200


def test_a_hold_of_somebody_else_outlives_the_undo(tmp_path: Path) -> None:
    fill_record(tmp_path, [Made("P", "OK")])
    with open_store(tmp_path / FILE_NAME) as store:
        store.hold("P", "auditor", "a dispute")
        with store.writing() as db:
            made = escapes.say(db, "P", "anna", "bad", 10**18, [ReviewBox("short", 1, 2, 3, 4)], "found later", "report")
        assert len(store.holds("P")) == 2
        with store.reading() as db:
            assert escapes.escapes(db) == Count(1, True)
        with store.writing() as db:
            escapes.take_back(db, made.number, "anna", 10**18 + 1)
        assert [h.who for h in store.holds("P")] == ["auditor"]


def test_the_picture_of_an_escape_that_counts_again_is_held(tmp_path: Path) -> None:
    fill_record(tmp_path, [Made("P", "OK")])
    with open_store(tmp_path / FILE_NAME) as store:
        moments = itertools.count(10**18)

        def say(who: str, truth: Truth) -> int:
            with store.writing() as db:
                return escapes.say(db, "P", who, truth, next(moments)).number

        def take_back(number: int, who: str) -> Review:
            with store.writing() as db:
                return escapes.take_back(db, number, who, next(moments))

        say("quinn", "bad")
        assert take_back(say("anna", "good"), "anna").truth == "bad"
        assert [h.who for h in store.holds("P")] == ["quinn"], "it was held all the time"
        say("anna", "good")
        store.release("P", "quinn", "settled")
        mended = take_back(say("anna", "bad"), "anna")
        assert (mended.truth, store.holds("P")) == ("good", [])
        again = take_back(mended.number, "anna")
        assert (again.truth, [h.who for h in store.holds("P")]) == ("bad", ["anna"])
        assert take_back(again.number, "anna").truth == "good"
        assert store.holds("P") == []
        first = say("quinn", "bad")
        store.release("P", "quinn", "settled")
        assert take_back(say("anna", "bad"), "anna").truth == "bad"
        assert [(h.who, h.reason) for h in store.holds("P")] == [
            ("anna", f"review {first + 2}: passed, and was bad. As before review {first + 1}.")
        ]
