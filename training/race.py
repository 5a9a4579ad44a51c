"""The race: candidates that keep a latency budget are trained by successive halving, and the one that lets the fewest bad parts pass is picked.

Successive halving: Jamieson and Talwalkar 2016 (arXiv 1502.07943), with a factor of 3. All of the race's state is one file,
OUT/race.json; a race that was killed at any moment goes on from it and from its trainings' checkpoints.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.progress import track

from edge.errors import SettingsError
from edge.labelled import LabelledSet, read_coco, read_image
from training.candidates import Candidate, Facts, Family, Precision, facts_of, table, write_untrained
from training.jobs import Job
from training.latency import Latency, check_provider, measure, read_profile
from training.pool import Pool
from training.race_state import RaceState, Rung, Terms, load_state

RUNGS = (1 / 9, 1 / 3, 1.0)
FACTOR = 3
LEAST_LEFT = 2  # of a rung: a Pareto picture of one network shows nothing
ROUNDS = 34  # x 3 runs: about 100 figures per candidate
MEASURED_IMAGES = 16


def run_race(terms: Terms, out: Path, pool: Pool, console: Console, *, resume: bool = True, only_candidates: bool = False) -> RaceState:
    """Run a race to its end, or go on with the one that lies in `out`.

    Returns:
        The finished state: OUT/race.json; the trained networks lie in OUT/networks/NAME.

    Raises:
        SettingsError: data, terms or profile are not usable; another race lies in `out`; no candidate keeps the budget.
        ModelError: a trained network cannot be exported.
    """
    data, val = read_coco(Path(terms.data)), read_coco(Path(terms.val))
    if data.classes != val.classes:
        raise SettingsError(f"{terms.val}: classes {val.classes} differ from those of {terms.data}: {data.classes}")
    state = load_state(out, terms, resume=resume)
    if state.facts is None:
        console.print("reading every image once", highlight=False)
        state.facts = facts_of(data.classes, data.images, val.images)
        if not only_candidates:  # the race itself may come later, with a profile
            state.save(out)
    candidates = _candidates(state.facts, terms)
    folder = out / "candidates"
    files = []
    if only_candidates or not (state.latency or terms.profile):
        folder.mkdir(parents=True, exist_ok=True)
        files = [write_untrained(c, folder) for c in track(candidates, "writing candidates", console=console)]
    if only_candidates:
        console.print(f"{len(files)} candidates written to {folder}; measure them on the device with: gutteil profile {folder.name}")
        return state
    if not state.latency:
        _take_latencies(state, candidates, files, val, terms, console)
        state.save(out)
    runners = within_budget(candidates, state, terms, console)
    state.save(out)
    for i, share in enumerate(RUNGS):
        steps = max(1, round(terms.steps * share))
        names = [c.name for c in runners]
        if i == len(state.rungs):
            state.rungs.append(Rung(steps=steps, entered=names, done={}))
            state.save(out)
        rung = state.rungs[i]
        jobs = [_job(c, terms, out, steps) for c in runners if c.name not in rung.done]
        console.print(
            f"rung {i + 1} of {len(RUNGS)}: {len(runners)} candidates to step {steps}, {len(rung.done)} of them done", highlight=False
        )
        for job, result in pool.run(jobs):
            rung.done[job.candidate.name] = result
            state.save(out)
        order = ranked(rung.done, state.latency, terms.at)
        keep = 1 if share == 1.0 else max(min(LEAST_LEFT, len(order)), math.ceil(len(order) / FACTOR))
        for name in order[keep:]:
            console.print(f"  out: {name}: {_words(rung.done[name])}", highlight=False, soft_wrap=True)
        for name in order[:keep]:
            console.print(f"  on: {name}: {_words(rung.done[name])}", highlight=False, soft_wrap=True)
        runners = [c for c in runners if c.name in order[:keep]]
    state.pick = runners[0].name
    state.save(out)
    return state


def _candidates(facts: Facts, terms: Terms) -> list[Candidate]:
    families: list[Family] = list(terms.families)
    precisions: list[Precision] = ["fp32"] if terms.on in ("cpu", "openvino") else ["fp32", "fp16"]
    return [c for c in table(facts, tuple(families), tuple(precisions)) if not terms.widths or f"{c.family}-{c.width}" in terms.widths]


def _take_latencies(
    state: RaceState, candidates: list[Candidate], files: list[Path], val: LabelledSet, terms: Terms, console: Console
) -> None:
    """Measure them here, or take a profile's figures; a candidate that the profile lacks has none."""
    if not terms.profile:
        check_provider(terms.on, files[0], terms.threads)
        images = []
        for entry in val.images[:: max(1, len(val.images) // MEASURED_IMAGES)][:MEASURED_IMAGES]:
            images.append((read_image(entry.file), read_image(entry.reference, gray=True) if entry.reference is not None else None))
        profile = measure(files, images, terms.on, terms.threads, ROUNDS, console)
    else:
        profile = read_profile(Path(terms.profile))
        if profile.provider != terms.on:
            raise SettingsError(
                f"{terms.profile}: was made with the provider {profile.provider}; say --on {profile.provider}, or make another profile"
            )
    state.device = profile.device
    state.latency = {c.name: profile.candidates[c.name] for c in candidates if c.name in profile.candidates}
    for c in candidates:
        if c.name in state.latency and not state.latency[c.name].fits(c.card()):
            raise SettingsError(
                f"{terms.profile}: {c.name} was measured with other classes, planes or size; write the candidates anew with --only-candidates"
            )
    if not state.latency:
        raise SettingsError(
            f"{terms.profile}: has none of the {len(candidates)} candidates, e.g. {candidates[0].name}; see --only-candidates"
        )


def within_budget(candidates: list[Candidate], state: RaceState, terms: Terms, console: Console) -> list[Candidate]:
    """The candidates that keep the budget, each network in the most exact precision that does; says why the others go.

    Raises:
        SettingsError: none keeps it; names the quickest and its figure.
    """
    kept: dict[str, Candidate] = {}
    state.dropped = {}
    for c in candidates:
        latency = state.latency.get(c.name)
        if latency is None:
            state.dropped[c.name] = "is not in the profile"
        elif (ms := at(latency, terms.at)) > terms.budget_ms:
            state.dropped[c.name] = f"takes {ms:.2f} ms ({terms.at}), over the budget of {terms.budget_ms:g} ms"
        elif c.network in kept:
            state.dropped[c.name] = f"is not needed: {kept[c.network].name} keeps the budget too, in {kept[c.network].precision}"
        else:
            kept[c.network] = c
    for name, why in state.dropped.items():
        console.print(f"dropped: {name} {why}", highlight=False, soft_wrap=True)
    if not kept:
        quickest = min(state.latency, key=lambda n: at(state.latency[n], terms.at))
        raise SettingsError(
            f"--budget-ms {terms.budget_ms:g}: no candidate keeps it on {state.device} ({terms.on}); the quickest, {quickest}, takes "
            f"{at(state.latency[quickest], terms.at):.2f} ms ({terms.at}); allow more, judge a smaller region, or take a quicker device"
        )
    return list(kept.values())


def at(latency: Latency, which: str) -> float:
    """The figure that the budget is held against, in ms."""
    return latency.p50_ms if which == "p50" else latency.p99_ms


def ranked(done: dict[str, dict[str, Any]], latency: dict[str, Latency], which: str) -> list[str]:
    """Names, best first: fewest escapes at the allowed overkill, then mAP at IoU 0.5, then quickest, then by name."""
    return sorted(done, key=lambda n: (done[n]["escape"]["rate"], -done[n]["map_50"], at(latency[n], which), n))


def _job(c: Candidate, terms: Terms, out: Path, steps: int) -> Job:
    return Job(
        candidate=c, data=terms.data, val=terms.val, folder=str((out / "networks" / c.network).resolve()), steps=steps,
        total_steps=terms.steps, batch=terms.batch, seed=terms.seed, threads=terms.threads, small_data=terms.small_data, overkill=terms.overkill,
    )  # fmt: skip


def _words(result: dict[str, Any]) -> str:
    escape, overkill = result["escape"], result["overkill"]
    return f"{escape['count']} of {escape['of']} {result['unit']}s escape at {overkill['count']} of {overkill['of']} overkill, mAP50 {result['map_50']:.3f}"


def as_document(state: RaceState) -> dict[str, Any]:
    """For JSON."""
    document: dict[str, Any] = msgspec.to_builtins(state)
    return document
