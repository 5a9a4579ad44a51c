"""What-if against the plain way: every part decided anew by `decide` from everything that the model saw."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.decide import decide, min_score
from edge.decode import Predictions
from edge.messages import Candidate, Candidates, Defect, Timings
from edge.recipe import Recipe, RecipeModel, Region, Rule
from edge.rows import Batch
from edge.store import open_store
from edge.whatif import Corpus, Seen, same_view
from edge.whatif_record import asked
from tests.edge.story import query, run_of, stamp, verdict_of

CLASSES = ["short", "open", "spur"]
ZONE = (0, 0, 60, 60)

scores = st.integers(0, 100).map(lambda n: float(np.float32(n / 100)))


@st.composite
def predictions(draw: st.DrawFn) -> Predictions:
    count = draw(st.integers(0, 5))
    found = sorted((draw(scores) for _ in range(count)), reverse=True)
    corner = [(draw(st.integers(0, 100)), draw(st.integers(0, 100)), draw(st.integers(1, 30))) for _ in range(count)]
    boxes = np.array([[x, y, x + size, y + size / 2] for x, y, size in corner], np.float32).reshape(-1, 4)
    kinds = np.array([draw(st.integers(0, 2)) for _ in range(count)], np.int64)
    return Predictions(boxes, np.array(found, np.float32), kinds)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    low, high = sorted((draw(st.integers(0, 100)) / 100, draw(st.integers(0, 100)) / 100))
    return Rule(undecided_score=low, ng_score=high, min_size_px=draw(st.sampled_from([0.0, 8.0, 20.0])), allowed=draw(st.integers(0, 2)))


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    own = {kind: draw(rules()) for kind in CLASSES if draw(st.booleans())}
    region = Region(ignore=[ZONE] if draw(st.booleans()) else [])
    return Recipe(product="P", model=RecipeModel(file="m.onnx"), region=region, default=draw(rules()), classes=own)


def handed_over(seen: Predictions, recipe: Recipe) -> Predictions:
    """What the model gives a judge under a recipe."""
    keep = seen.scores >= np.float32(min_score(recipe, CLASSES))
    return Predictions(seen.boxes[keep], seen.scores[keep], seen.kinds[keep])


def recorded(number: int, seen: Predictions, recipe: Recipe, floor: float | None, truth: str) -> Seen:
    """What the record keeps of a part: what the recipe counted, and with a floor what it did not, down to there."""
    made = decide(handed_over(seen, recipe), recipe, CLASSES)
    counted = {(d.kind, d.score, d.box) for d in made.defects}
    rows = zip(seen.boxes.tolist(), seen.scores.tolist(), seen.kinds.tolist(), strict=True)
    keep = np.array([(CLASSES[k], s, tuple(b)) in counted or (floor is not None and s >= floor) for b, s, k in rows], bool)
    return Seen(f"P{number}", number, made.verdict, truth, "judged", True, seen.boxes[keep], seen.scores[keep], seen.kinds[keep], floor)


@settings(max_examples=150, deadline=None)
@given(
    parts=st.lists(st.tuples(predictions(), st.sampled_from([None, 0.1, 0.3]), st.sampled_from(["", "good", "bad"])), max_size=8),
    judged=recipes(),
    active=recipes(),
    draft=recipes(),
)
def test_the_answer_is_that_of_deciding_every_part_anew(parts: list[Any], judged: Recipe, active: Recipe, draft: Recipe) -> None:
    corpus = Corpus([recorded(i, part[0], judged, part[1], part[2]) for i, part in enumerate(parts)], CLASSES, {"judged": judged})
    answer = corpus.ask(active, draft)
    assert answer.parts + answer.unsure == len(parts)
    # every part of which something is said: the same as from all that the model saw
    truth = [[decide(handed_over(seen, r), r, CLASSES).verdict for r in (active, draft)] for seen, _, _ in parts]
    said = {f.part_id: (f.before, f.after) for f in answer.flips}
    for part_id, pair in said.items():
        assert tuple(truth[int(part_id[1:])]) == pair
    single = [Corpus([part], CLASSES, {"judged": judged}).ask(active, draft) for part in corpus.parts]
    for i, ((was, now), one, (_, _, word)) in enumerate(zip(truth, single, parts, strict=True)):
        if one.unsure:
            continue
        assert (one.rejects_before, one.rejects_after) == (was != "OK", now != "OK")
        assert one.more == (was == "OK" != now)
        assert one.fewer == (now == "OK" != was)
        assert one.unseen == (now == "OK" != was and not word)
        assert one.escapes == ([f"P{i}"] if word == "bad" and now == "OK" else [])
        assert one.spared == (word == "good" and now == "OK" != was)
    for name in ("parts", "rejects_before", "rejects_after", "more", "fewer", "unseen", "reworded", "confirmed_bad", "confirmed_good", "new_escapes", "spared", "bad_goods", "unsure"):  # fmt: skip
        assert getattr(answer, name) == sum(getattr(one, name) for one in single), name


@settings(max_examples=100, deadline=None)
@given(parts=st.lists(predictions(), max_size=6), judged=recipes(), raised=st.integers(0, 40))
def test_higher_thresholds_are_never_unsure(parts: list[Predictions], judged: Recipe, raised: int) -> None:
    def up(rule: Rule) -> Rule:
        low, high = (min(1.0, s + raised / 100) for s in (rule.undecided_score, rule.ng_score))
        return rule.model_copy(update={"undecided_score": low, "ng_score": high, "min_size_px": rule.min_size_px + 1})

    stricter = judged.model_copy(update={"default": up(judged.default), "classes": {k: up(r) for k, r in judged.classes.items()}})
    corpus = Corpus([recorded(i, seen, judged, None, "") for i, seen in enumerate(parts)], CLASSES, {"judged": judged})
    assert corpus.ask(judged, stricter).unsure == 0


def test_a_part_that_the_model_did_not_judge_is_in_no_number() -> None:
    recipe = Recipe(product="P", model=RecipeModel(file="m.onnx"))
    nothing = np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64)
    frozen = Seen("P1", 1, "UNDECIDED", "", "judged", False, *nothing, None)
    odd = Seen("P2", 2, "UNDECIDED", "", "judged", True, *nothing, 0.1)  # the model gave no valid numbers
    answer = Corpus([frozen, odd], CLASSES, {"judged": recipe}).ask(recipe, recipe)
    assert (answer.untouched, answer.unsure, answer.parts) == (1, 1, 0)


def test_another_region_makes_it_an_estimate() -> None:
    recipe = Recipe(product="P", model=RecipeModel(file="m.onnx"))
    other = recipe.model_copy(update={"region": Region(roi=(0, 0, 50, 50))})
    assert not same_view(recipe, other)
    part = recorded(1, Predictions(np.array([[1, 1, 9, 9]], np.float32), np.array([0.9], np.float32), np.array([0])), recipe, 0.1, "")
    assert Corpus([part], CLASSES, {"judged": recipe}).ask(recipe, other).estimated
    assert not Corpus([part], CLASSES, {"judged": recipe}).ask(recipe, recipe).estimated


def told_of(n: int) -> list[Any]:
    """A part of the recipe `board` with one counted defect of score 0.5, and one of 0.2 that was not counted."""
    counted = [Defect("short", 0.5, (80.0, 80.0, 90.0, 90.0), "UNDECIDED")]
    verdict = verdict_of(n, "UNDECIDED", defects=counted, recipe_hash="judged", timings=Timings(infer_us=5))
    return [
        verdict,
        Candidates(**stamp(n, at_s=n), run_id="R1", part_id=f"P{n}", floor=0.1, found=[Candidate("open", 0.2, (1.0, 1.0, 9.0, 9.0))]),
    ]


def test_the_record_is_read_with_reviews_of_any_age(tmp_path: Path) -> None:
    recipe = Recipe(product="P", model=RecipeModel(file="m.onnx"), default=Rule(undecided_score=0.4, ng_score=0.6))

    def at(score: float) -> Recipe:
        return recipe.model_copy(update={"default": Rule(undecided_score=score, ng_score=0.6)})

    with open_store(tmp_path / "gutteil.db") as store:
        store.write(
            Batch([msgspec.structs.replace(run_of(), recipe="board", model_hash="mh"), *(m for n in range(1, 31) for m in told_of(n))])
        )
        store.review("P1", "Anna", "bad")
        store.review("P2", "Anna", "good")
        store.review("P2", "Anna", "withdrawn")
        with store.reading() as db:
            found = asked(db, "board", {"judged": recipe}, parts=10)
            assert asked(db, "other", {}).recent == 0
    assert (found.recent, len(found.corpus.parts), found.corpus.classes) == (10, 11, ["open", "short"])
    assert found.corpus.ask(recipe, at(0.15)).unsure == 0
    assert found.corpus.ask(recipe, at(0.05)).unsure == 11, "nobody knows what lay below the floor"
    answer = found.corpus.ask(recipe, at(0.55))
    assert (answer.fewer, answer.escapes, answer.new_escapes, answer.unseen) == (11, ["P1"], 1, 10)
    assert answer.flips[0].part_id == "P1", "the worst comes first"
    since_ns = found.corpus.parts[2].wall_ns
    assert (found.corpus.ask(recipe, at(0.55), since_ns).fewer_lately, found.corpus.ask(recipe, recipe, since_ns).fewer_lately) == (3, 0)


def test_candidates_of_old_parts_are_forgotten_unless_people_reviewed_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.candidates.KEPT", 5)
    path = tmp_path / "gutteil.db"
    with open_store(path) as store:
        store.write(Batch([m for n in range(1, 4) for m in told_of(n)]))
        store.review("P2", "Anna", "bad")
        store.write(Batch([m for n in range(4, 12) for m in told_of(n)]))
    kept = {row[0] for row in query(path, "SELECT part_id FROM candidates")}
    assert kept == {"P2", "P7", "P8", "P9", "P10", "P11"}
