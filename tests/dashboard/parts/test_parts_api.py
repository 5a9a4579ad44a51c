"""The record over REST: pages, counts, one part, holds, replays; what is asked wrongly is refused in words, and nothing is a fault of ours."""

from __future__ import annotations

import json
import random
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import cache
from typing import Any

import pytest

from dashboard.people.roles import Role
from tests.dashboard.made import cookie
from tests.dashboard.parts.ground import MANY, ODD, Ground
from tests.dashboard.stage import Stage

Answer = tuple[int, Any]
session = cache(cookie)


def ask(stage: Stage, path: str, role: Role | None = "viewer", body: Any = None, **headers: str) -> Answer:
    """Status and JSON; with a body as POST."""
    if role is not None:
        headers["Cookie"] = session(stage.folder, role)
    data = None if body is None else json.dumps(body).encode()
    if data is not None:
        headers["X-Gutteil"] = "1"
    request = urllib.request.Request(stage.server.url + path, data, headers)
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                said = error.read()
                if error.code == 429 and "retry-after" in error.headers:  # these tests ask faster than people do
                    time.sleep(float(error.headers["retry-after"]))
                    continue
                return error.code, json.loads(said) if said.startswith((b"{", b"[")) else said


def q(**given: object) -> str:
    return urllib.parse.urlencode(given)


def at(part_id: str, more: str = "") -> str:
    return f"/api/parts/{urllib.parse.quote(part_id, safe='')}{more}"


def test_pages_go_through_everything_in_order_without_a_hole(stage: Stage, ground: Ground) -> None:
    seen: list[str] = []
    after = ""
    for _ in range(5):
        status, page = ask(stage, "/api/inspections?" + q(limit=500, **({"after": after} if after else {})))
        assert status == 200
        seen += [r["part_id"] for r in page["rows"]]
        after = page["following"]
    judged = seen.index("M-000001")
    assert {ground.gone, ground.odd, *ground.judged} <= set(seen[:judged])
    assert seen[judged:] == [f"M-{n:06d}" for n in range(1, 2_501 - judged)]
    back = ask(stage, "/api/inspections?" + q(after=f"{after}", order="oldest", limit=3))[1]["rows"]
    assert [r["part_id"] for r in back] == seen[-2:-5:-1]


def test_counts_and_the_time_line_are_of_everything(stage: Stage) -> None:
    everything = ask(stage, "/api/inspections/count")[1]
    assert everything["exact"]
    assert everything["parts"] >= MANY + 10
    assert ask(stage, "/api/inspections/count?" + q(verdict="NG", run="M"))[1] == {"parts": MANY // 10, "exact": True}
    rail = ask(stage, "/api/inspections/timeline?" + q(slots=50))[1]
    assert sum(s["parts"] for s in rail["slots"]) == everything["parts"]
    assert rail["since_ms"] < rail["until_ms"]
    assert ask(stage, "/api/inspections/timeline?" + q(reviewer="Ben"))[1]["slots"] is None


def test_filters(stage: Stage, ground: Ground) -> None:
    def ids(**given: object) -> list[str]:
        return [r["part_id"] for r in ask(stage, "/api/inspections?" + q(limit=5, **given))[1]["rows"]]

    assert ids(part="M-0000", prefix=1)[0] == "M-000001"
    assert ids(part=ODD) == [ODD]
    assert ids(reviewed=1) == [ground.judged[1], ground.judged[0]]
    assert ids(truth="bad") == [ground.judged[1]]
    assert ids(recipe="board-b", verdict="UNDECIDED")[:2] == ["M-000005", "M-000015"]
    row = ask(stage, "/api/inspections?" + q(kind="spur", limit=1))[1]["rows"][0]
    assert row["kinds"] == ["spur"]
    choices = ask(stage, "/api/inspections/choices")[1]
    assert {"open", "short", "spur"} <= set(choices["kinds"])
    assert "Anna <b>Beck</b>" in choices["reviewers"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/inspections?limit=0", "limit = '0'"),
        ("/api/inspections?limit=501", "limit = '501'"),
        ("/api/inspections?limit=1e9", "limit"),
        ("/api/inspections?after=x", "no place in the record"),
        ("/api/inspections?after=9999999999999999999999~", "no place"),
        ("/api/inspections?after=-1~", "no place"),
        ("/api/inspections?at=-1", "at = '-1'"),
        ("/api/inspections?at=1&after=1~", "one or the other"),
        ("/api/inspections?order=sideways", "order = 'sideways'"),
        ("/api/inspections?verdict=NG&verdict=OK", "'verdict' is given twice"),
        ("/api/inspections?part=%00", "printable"),
        ("/api/inspections?nonsense=1", "'nonsense' is not known"),
        ("/api/inspections/count?limit=5", "'limit' is not known"),
        ("/api/inspections/timeline?slots=100000", "slots = '100000'"),
        ("/api/inspections?from=2026-13-01", "from = '2026-13-01'"),
        ("/api/inspections?trigger_id=1", "in which run"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_words(stage: Stage, path: str, words: str) -> None:
    status, said = ask(stage, path)
    assert (status, said["accepted"]) == (400, False)
    assert words in said["text"]


def test_no_query_whatever_is_a_fault_of_ours(stage: Stage) -> None:
    rng = random.Random(5)
    names = [
        "part",
        "prefix",
        "verdict",
        "after",
        "at",
        "order",
        "limit",
        "from",
        "to",
        "span",
        "run",
        "trigger_id",
        "model",
        "kind",
        "held",
        "x",
    ]
    values = [
        "",
        "1",
        "0",
        "%",
        "_",
        "'",
        '"; DROP TABLE parts',
        "\ufffd",
        "-1",
        "9" * 40,
        "~",
        "1~" + "x" * 300,
        "none",
        "NG",
        "1e5",
        "\u202e",
        "2026",
    ]
    for _ in range(150):
        given = {rng.choice(names): rng.choice(values) for _ in range(rng.randint(1, 4))}
        path = rng.choice(["", "/count", "/timeline"])
        status, _ = ask(stage, f"/api/inspections{path}?{q(**given)}")
        assert status in (200, 400), given


@pytest.mark.parametrize("path", ["/api/inspections", "/api/inspections/count", "/api/parts/M-000001", "/api/export/plan/csv"])
def test_nobody_in_particular_sees_nothing(stage: Stage, path: str) -> None:
    assert ask(stage, path, None)[0] == 401


def test_one_part_with_all_that_concerns_it(stage: Stage, ground: Ground) -> None:
    status, doc = ask(stage, at(ground.judged[1]))
    assert status == 200
    assert (doc["part"]["verdict"], doc["width"], doc["height"], doc["run"]["provider"]) == ("NG", 640, 640, "cpu")
    assert doc["run"]["golden"]
    assert doc["run"]["recipe_kept"]
    assert (doc["previous"]["part_id"], doc["following"]["part_id"]) == (ground.judged[0], ground.judged[2])
    assert [(r["truth"], r["number"] == doc["counts"]) for r in doc["reviews"]] == [("bad", True)]
    withdrawn = ask(stage, at(ground.judged[2]))[1]
    assert ([r["truth"] for r in withdrawn["reviews"]], withdrawn["counts"]) == (["bad", "withdrawn"], None)


@pytest.mark.parametrize("part_id", ["none", "../../etc/passwd", "..%2f..%2fetc%2fpasswd", "x" * 500, "%00", "a/../b", "'; DROP TABLE x"])
def test_parts_that_are_none(stage: Stage, part_id: str) -> None:
    for more in ("", "/picture", "/golden"):
        assert ask(stage, at(part_id, more))[0] == 404
    assert ask(stage, at(part_id, "/rejudge"), body={})[0] == 404
    assert ask(stage, at(part_id, "/hold"), "operator", body={"reason": "x"})[0] == 404


def test_an_id_of_odd_signs_leads_to_its_part(stage: Stage) -> None:
    status, doc = ask(stage, at(ODD))
    assert (status, doc["part"]["part_id"]) == (200, ODD)
    assert ask(stage, at(ODD, "/rejudge"), body={})[1]["result"] == "same"


def test_a_replay_says_same_or_why_not(stage: Stage, ground: Ground) -> None:
    status, said = ask(stage, at(ground.judged[3], "/rejudge"), body={})
    assert (status, said["result"], said["now_sha256"]) == (200, "same", said["recorded_sha256"])
    gone = ask(stage, at(ground.gone, "/rejudge"), body={})[1]
    assert (gone["result"], [c["code"] for c in gone["causes"]]) == ("impossible", ["image_missing"])


def test_a_replay_is_no_address_to_be_lured_to(stage: Stage, ground: Ground) -> None:
    path = stage.server.url + at(ground.judged[3], "/rejudge")
    request = urllib.request.Request(path, b"", {"Cookie": session(stage.folder, "viewer"), "Origin": "http://elsewhere.example"})
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(request, timeout=10)
    with caught.value as error:
        assert error.code == 403


def test_holds_are_placed_and_ended_by_those_who_may(stage: Stage, ground: Ground) -> None:
    part = ground.judged[4]
    assert ask(stage, at(part, "/hold"), "viewer", body={"reason": "claim"})[0] == 403
    assert ask(stage, at(part, "/hold"), "operator", body={"reason": " "})[0] == 400
    assert ask(stage, at(part, "/hold"), "operator", body={"reason": "x", "who": "me"})[0] == 400
    assert ask(stage, at(part, "/hold"), "operator", body={"reason": "x" * 5_000})[0] == 400
    status, held = ask(stage, at(part, "/hold"), "operator", body={"reason": "claim 4711"})
    assert (status, held["who"], held["reason"]) == (200, "operator", "claim 4711")
    doc = ask(stage, at(part))[1]
    assert doc["part"]["held"]
    assert [(a["op"], a["who"]) for a in doc["audit"]] == [("hold", "operator")]
    assert ask(stage, at(part, "/release"), "operator", body={"reason": "settled"})[0] == 403
    assert ask(stage, at(part, "/release"), "quality", body={"reason": "settled", "number": 999})[0] == 409
    assert ask(stage, at(part, "/release"), "quality", body={"reason": "settled"})[0] == 200
    assert [h["released_by"] for h in ask(stage, at(part))[1]["holds"]] == ["quality"]
