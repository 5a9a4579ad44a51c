"""A shift made up for demos and browser tests: a few thousand parts in seconds, with pictures that the real model has judged.

The simulated camera draws some boards, the demo's recipe judges each once, and the parts of the shift are these boards again
and again: so defects, scores and boxes are what the model said of the very picture that is kept, and a replay of the verdict says
the same. Times, ejections and reviews are made up, and everything is marked as simulated. It goes into the record as the recorder
writes it: by messages, in batches.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from numpy.typing import NDArray

from edge.evidence import encode_png
from edge.judge import Judge, Judgement
from edge.messages import CODES, Alarm, AnyMessage, Ejection, Ejector, Heartbeat, ImageRef, Run, Sender, Trigger, Verdict
from edge.model import RuntimeOptions
from edge.places import place
from edge.recipe import load_recipe
from edge.rows import Batch, Evidence, StoredFile
from edge.store import FILE_NAME, Store, open_store
from hardware.camera import make_camera

DEMO_RECIPE: Final = Path(__file__).resolve().parents[1] / "recipes" / "sim-board.toml"
HOUR_NS: Final = 3_600 * 10**9
PEOPLE: Final = ("Anna Beck", "Jonas Vogt", "Mira Yilmaz")
BATCH: Final = 400
OK_SHARE: Final = 0.05  # of OK pictures kept: more than a line keeps, so that there is something to see


class _Board(msgspec.Struct, frozen=True):
    """A picture and what the model said of it."""

    png: bytes
    sha256: str
    shape: tuple[int, ...]
    judged: Judgement
    expected: Literal["", "OK", "NG"]
    source: str


def make_shift(
    folder: Path,
    *,
    until_ns: int,
    parts: int = 3_000,
    hours: float = 8.0,
    boards: int = 32,
    reject_share: float = 0.04,
    reviewed: float = 0.3,
    seed: int = 1,
    recipe: Path = DEMO_RECIPE,
) -> list[str]:
    """Write a shift into the record of a folder, which is made if it is not there; returns the ids of its parts, oldest first.

    Args:
        until_ns: the last part came just before, UTC.
        hours: over which the parts are spread, in two runs; the reject rate rises in the last quarter, with an alarm.
        boards: how many pictures are drawn and judged; about 50 ms each.
        reject_share: of parts that show a board which the model rejects.
        reviewed: share of the rejects, and of the OK parts with a picture, of which people say what they are.

    Raises:
        StoreError: the folder cannot be written.
        SettingsError, ModelError: the recipe or its model cannot be used.
    """
    rng = random.Random(seed)
    loaded = load_recipe(recipe)
    judge = Judge(loaded, RuntimeOptions(providers=("cpu",)))
    drawn = list(_boards(judge, boards, seed))
    passing = [b for b in drawn if b.judged.decision.verdict == "OK"] or drawn
    rejected = [b for b in drawn if b.judged.decision.verdict != "OK"] or drawn
    teller = _Teller(judge, until_ns - int(hours * HOUR_NS), rng)
    step_ns = int(hours * HOUR_NS / max(parts, 1))
    messages: list[AnyMessage] = [*teller.run()]
    evidence: dict[str, Evidence] = {}
    shown: list[tuple[str, str, str]] = []
    ids = []
    with open_store(folder / FILE_NAME) as store:
        for n in range(parts):
            if n == parts * 3 // 5:
                messages += teller.run()
            late = n >= parts * 3 // 4
            board = rng.choice(rejected if rng.random() < reject_share * (2.5 if late else 0.5) else passing)
            if n == parts * 7 // 8:
                messages.append(teller.alarm())
            part_id, told, kept = teller.part(board, step_ns)
            ids.append(part_id)
            messages += told
            if kept:
                evidence[part_id] = Evidence(_keep(folder, part_id, teller.now_ns, board))
                shown.append((part_id, board.judged.decision.verdict, board.expected))
            if len(messages) >= BATCH or n == parts - 1:
                store.write(Batch(messages, [], evidence))
                messages, evidence = [], {}
        store.write(Batch([], teller.beats()))
        _review(store, shown, reviewed, rng)
    return ids


def _boards(judge: Judge, count: int, seed: int) -> Iterator[_Board]:
    for number, view in enumerate(_VIEWS):
        settings = {"mode": "software", "seed": seed + number, "ng_share": 0.6, "carousel": max(4, min(count, 256)), **view}
        camera = make_camera("simulator", settings)
        camera.open()
        try:
            for _ in range(max(2, count * 3 // 4 if number == 0 else count // 4)):
                camera.trigger()
                frame = camera.grab(10.0)
                yield _board(frame.image, judge.judge(frame.image, frame.reference), str(frame.label.get("verdict", "")), frame.source)
        finally:
            camera.close()


# as it should be, and badly placed: that is where doubts and false rejects come from
_VIEWS: Final[tuple[dict[str, Any], ...]] = ({}, {"shift_px": 14})


def _board(image: NDArray[Any], judged: Judgement, expected: str, source: str) -> _Board:
    png = encode_png(image)
    known: Literal["", "OK", "NG"] = "OK" if expected == "OK" else "NG" if expected == "NG" else ""
    return _Board(png, hashlib.sha256(png).hexdigest(), image.shape, judged, known, source)


def _keep(folder: Path, part_id: str, wall_ns: int, board: _Board) -> StoredFile:
    path = place(part_id, wall_ns)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(board.png)
    return StoredFile(str(path), board.sha256, size=len(board.png))


def _review(store: Store, shown: list[tuple[str, str, str]], share: float, rng: random.Random) -> None:
    """What people would say who know what was drawn; one is not sure, one takes it back, and one OK part was bad."""
    for part_id, verdict, expected in shown:
        if rng.random() >= share or not expected:
            continue
        who = rng.choice(PEOPLE)
        truth: Any = "unsure" if rng.random() < 0.03 else "bad" if expected == "NG" else "good"
        said = store.review(part_id, who, truth, how="sample" if verdict == "OK" else "queue")
        if rng.random() < 0.02:
            store.undo_review(said.number, who)


class _Teller:
    """The messages of the line, with numbers and times as the processes give them.

    Attributes:
        now_ns: UTC of the last part's trigger.
    """

    def __init__(self, judge: Judge, begin_ns: int, rng: random.Random) -> None:
        self._judge, self._rng = judge, rng
        self._epoch, self.now_ns = begin_ns - 10**9, begin_ns
        self._seqs: dict[tuple[str, type], int] = {}
        self._run, self._count, self._ok_due = "", 0, 0.0

    def run(self) -> list[AnyMessage]:
        """A run begins."""
        self._run, self._count = f"demo-{self.now_ns // 1_000_000:x}", 0
        judge = self._judge
        stamp = self._stamp("station", Run, self.now_ns)
        return [Run(
            **stamp, run_id=self._run, product=judge.recipe.product, recipe=judge.loaded.name, recipe_hash=judge.loaded.hash,
            model=judge.model.card.name, model_hash=judge.model.file_hash, classes=judge.classes, camera="simulated boards",
            provider=judge.model.provider, ejector=Ejector(**judge.recipe.ejector.model_dump()),
        )]  # fmt: skip

    def part(self, board: _Board, step_ns: int) -> tuple[str, list[AnyMessage], bool]:
        """The next part: its id, its messages, and whether its picture is kept."""
        rng = self._rng
        self._count += 1
        self.now_ns += int(step_ns * rng.uniform(0.7, 1.3) * 0.98)
        part_id, at = f"{self._run}-{self._count}", self.now_ns
        decision, times = board.judged.decision, board.judged.timings
        self._ok_due += OK_SHARE * (decision.verdict == "OK")
        keep = decision.verdict != "OK" or self._ok_due >= 1
        self._ok_due -= self._ok_due >= 1
        spread = rng.lognormvariate(0, 0.08)
        stages = {n: getattr(times, n) * spread for n in ("prepare_us", "infer_us", "decode_us", "decide_us")}
        capture_us = rng.lognormvariate(7.6, 0.1)
        timings = msgspec.structs.replace(times, **stages, capture_us=capture_us, total_us=capture_us + sum(stages.values()) + 120)
        named: dict[str, Any] = {"run_id": self._run, "part_id": part_id, "trigger_id": self._count}
        judge = self._judge
        passes = decision.verdict == "OK"
        told: list[AnyMessage] = [
            Trigger(**self._stamp("station", Trigger, at), **named, trigger_ns=at - self._epoch, encoder=self._count * 5_000),
            Verdict(
                **self._stamp("station", Verdict, at + int(timings.total_us * 1e3)), **named, trigger_ns=at - self._epoch, trigger_wall_ns=at,
                verdict=decision.verdict, code=CODES[decision.verdict], reasons=[r[:200] for r in decision.reasons], defects=decision.defects,
                timings=timings, recipe=judge.loaded.name, recipe_hash=judge.loaded.hash, model_hash=judge.model.file_hash,
                source=board.source[:200], expected=board.expected, image=ImageRef("gutteil-demo.ring", 0, 0, board.shape, keep),
            ),
            Ejection(
                **self._stamp("rejector", Ejection, at + 400_000_000), **named, outcome="passed" if passes else "ejected",
                reason="" if passes else decision.verdict, offset_us=0.0 if passes else rng.gauss(0, 400), answer_us=rng.lognormvariate(6.5, 0.3),
            ),
        ]  # fmt: skip
        return part_id, told, keep

    def alarm(self) -> AnyMessage:
        return Alarm(
            **self._stamp("rejector", Alarm, self.now_ns), code="reject-rate", severity="warning", active=True,
            text="many parts were rejected lately", remedy="look at the last rejects: tool, light, or a bad lot?",
        )  # fmt: skip

    def beats(self) -> list[AnyMessage]:
        """The last words of the processes: they were stopped, so nothing of them is missing."""
        senders: tuple[Sender, ...] = ("station", "rejector")
        return [
            Heartbeat(
                **self._stamp(s, Heartbeat, self.now_ns + 10**9), state="stopped", period_s=0.5, run_id=self._run, detail="", counts={}
            )
            for s in senders
        ]

    def _stamp(self, sender: Sender, kind: type, wall_ns: int) -> dict[str, Any]:
        seq = self._seqs[sender, kind] = self._seqs.get((sender, kind), 0) + 1
        times = {"mono_ns": wall_ns - self._epoch, "wall_ns": wall_ns}
        return {"station": "demo", "sender": sender, "epoch": self._epoch, "seq": seq, "simulated": True, **times}
