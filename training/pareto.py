"""What comes of a race: the Pareto picture, the table, and the pick with its card."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console
from rich.table import Table

from edge.bounds import Share
from training.candidates import Candidate, Family, table
from training.race import at
from training.race_state import RaceState

TRAINERS: dict[Family, str] = {"pair": "gutteil train (plain PyTorch)", "yolo": "gutteil train (ultralytics)"}


def rows(state: RaceState) -> list[dict[str, Any]]:
    """One row per measured candidate, quickest first: name, ms, rung reached (0: dropped before), standing, whether no other is quicker and better."""
    found: list[dict[str, Any]] = []
    for name, latency in state.latency.items():
        reached = state.last(name)
        ms = at(latency, state.terms.at)
        found.append({"name": name, "ms": ms, "rung": reached[0] if reached else 0, "standing": reached[1] if reached else None})
    found.sort(key=lambda row: (row["ms"], row["name"]))
    last = len(state.rungs)
    best = float("inf")
    for row in found:  # only those trained to the end can be compared
        rate = row["standing"]["escape"]["rate"] if row["rung"] == last and row["standing"] else float("inf")
        row["front"] = rate < best
        best = min(best, rate)
    return found


def picture(state: RaceState, target: Path) -> None:
    """Latency by escape at the allowed overkill, 95 % bounds as bars, the budget as a line; PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 5.5), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    listed = rows(state)
    last = len(state.rungs)
    for row in listed:
        if row["standing"] is None:
            axes.plot(row["ms"], 0, "|", color="0.6", markersize=12)
            continue
        escape = Share(**row["standing"]["escape"])
        bars = [[100 * (escape.rate - escape.low)], [100 * (escape.high - escape.rate)]]
        finished = row["rung"] == last
        colour = "tab:red" if row["name"] == state.pick else "tab:blue" if finished else "0.6"
        axes.errorbar(
            row["ms"], 100 * escape.rate, yerr=bars, fmt="o", color=colour, capsize=3, mfc=colour if finished else "white", alpha=1 if finished else 0.7
        )  # fmt: skip
        axes.annotate(row["name"], (row["ms"], 100 * escape.rate), (5, 4), textcoords="offset points", fontsize=6.5, color=colour)
    front = [(r["ms"], 100 * r["standing"]["escape"]["rate"]) for r in listed if r["front"]]
    if front:
        axes.step(*zip(*front, strict=True), where="post", color="tab:blue", linewidth=1, alpha=0.6)
    axes.axvline(state.terms.budget_ms, color="tab:red", linestyle="--", linewidth=1)
    axes.annotate(f"budget {state.terms.budget_ms:g} ms", (state.terms.budget_ms, 1), (4, -10), xycoords=("data", "axes fraction"), textcoords="offset points", fontsize=8, color="tab:red")  # fmt: skip
    unit = next((r["standing"]["unit"] for r in listed if r["standing"]), "part")
    axes.set_xlabel(f"prepare + infer + decode, {state.terms.at}, ms, on {state.device} ({state.terms.on})")
    axes.set_ylabel(f"escape by {unit} at {state.terms.overkill:.1%} overkill allowed, %")
    axes.set_title("filled: trained to the end; hollow: left the race earlier; ticks below: over the budget", fontsize=9)
    axes.set_ylim(bottom=-3)
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    new = target.with_suffix(".new")
    figure.savefig(new, format="png")
    os.replace(new, target)


def show(state: RaceState, console: Console) -> None:
    """For people."""
    title = f"budget {state.terms.budget_ms:g} ms ({state.terms.at}) on {state.device} ({state.terms.on}); escape with its 95 % bounds"
    console.print(title, highlight=False, markup=False, soft_wrap=True)
    shown = Table(box=None, padding=(0, 1))
    for column in ("", "ms", "rung", "escape", "overkill", "mAP50", "AUROC"):
        shown.add_column(column, justify="right" if column else "left", overflow="fold", no_wrap=bool(column))
    for row in rows(state):
        mark = "→ " if row["name"] == state.pick else "  "
        if (result := row["standing"]) is None:
            shown.add_row(mark + row["name"], f"{row['ms']:.2f}", "-")
            continue
        escape, overkill = result["escape"], result["overkill"]
        bounds = f"{escape['low'] * 100:.1f}-{escape['high'] * 100:.1f} %"
        shown.add_row(
            mark + row["name"], f"{row['ms']:.2f}", str(row["rung"]), f"{escape['count']}/{escape['of']} {bounds}", f"{overkill['count']}/{overkill['of']}",
            f"{result['map_50']:.3f}", "-" if result["auroc"] is None else f"{result['auroc']:.3f}", style="bold" if row["front"] else "",
        )  # fmt: skip
    console.print(shown)
    for name, why in state.dropped.items():
        console.print(f"left out: {name}: {why}", highlight=False, markup=False, soft_wrap=True)


def export_pick(state: RaceState, out: Path, *, name: str, licence: str, command: str, remarks: list[str]) -> dict[str, Any]:
    """The picked network as OUT/NAME.onnx with its full card; one of our own is first held against the trained network.

    Returns:
        The pick, its file, its standing and, for our own, the parity.

    Raises:
        ModelError: the export decides differently, or is not usable.
    """
    from edge.card import with_card
    from edge.model import Model
    from edge.recipe import Region

    assert state.facts is not None
    candidate = next(c for c in table(state.facts, tuple(state.terms.families), ("fp32", "fp16")) if c.name == state.pick)
    folder = out / "networks" / candidate.network
    model = Model(folder / "model.onnx")
    reached = state.last(candidate.name)
    assert reached is not None
    result = reached[1]
    facts = [
        f"picked from {len(state.latency)} candidates: {result['unit']}s that escape at {state.terms.overkill:.1%} overkill allowed: "
        f"{Share(**result['escape'])}; overkill {Share(**result['overkill'])}; threshold {result['threshold']:.4g}, chosen on the same images",
        f"{at(state.latency[candidate.name], state.terms.at):.2f} ms ({state.terms.at}) of {state.terms.budget_ms:g} ms on {state.device} "
        f"({state.terms.on})",
    ]
    scores = {
        "escape": round(result["escape"]["rate"], 5), "overkill": round(result["overkill"]["rate"], 5), "threshold": round(result["threshold"], 5),
        "auroc_image": result["image"]["auroc"], "map_33": result["map_33"], "map_50": result["map_50"], "map_50_95": result["map_50_95"],
    }  # fmt: skip
    val = Path(state.terms.val)
    card = msgspec.structs.replace(
        model.card, name=name, licence=licence or model.card.licence, data_hash=state.data_sha256, scores=scores,
        scored_on=f"{val.parent.name}/{val.name}", trainer=TRAINERS[candidate.family], command=command,
        created=time.strftime("%Y-%m-%d", time.gmtime()), remarks=facts + remarks,
    )  # fmt: skip
    target = out / f"{name}.onnx"
    new = target.with_suffix(".new")
    new.write_bytes(with_card((folder / "model.onnx").read_bytes(), card))
    Model(new).prepare_for(Region(), 0)
    parity = _parity(candidate, folder, new, val)
    os.replace(new, target)
    return {"pick": state.pick, "model": str(target), "standing": result, **parity}


def _parity(candidate: Candidate, folder: Path, model: Path, val: Path) -> dict[str, float]:
    if candidate.family != "pair" or candidate.precision != "fp32":
        return {}
    from training.export import check_parity
    from training.pair_family import pairs_of

    box_px, score = check_parity(folder / "best.pt", model, pairs_of(candidate, val))
    return {"parity_box_px": round(box_px, 4), "parity_score": round(score, 6)}
