"""One training run from label files to a sealed model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from edge.errors import SettingsError
from training.export import check_parity, export
from training.fit import Plan, fit
from training.net import PairNet
from training.pairs import Pair, load_pairs, simulated_pairs

WIDTHS, DEPTHS = (16, 32, 48, 64), (1, 2)
SIMULATED_BOARDS = 240


def train_model(
    data: Path,
    val: Path,
    out: Path,
    *,
    name: str,
    steps: int,
    simulated: float,
    reference: bool,
    seed: int,
    licence: str,
    resume: bool,
    command: str,
    console: Console,
) -> dict[str, Any]:
    """Train, choose on `val`, export with a card, hold the export against the network.

    Returns:
        The validation figures, the file and the parity.

    Raises:
        SettingsError, ModelError: the data is not usable, or the export decides differently.
    """
    train_pairs, names = load_pairs(data)
    val_pairs, val_names = load_pairs(val)
    if names != val_names:
        raise SettingsError(f"{val}: classes {val_names} differ from those of {data}: {names}")
    drawn: list[Pair] = simulated_pairs(names, SIMULATED_BOARDS, seed) if simulated > 0 else []
    net = PairNet(len(names), WIDTHS, DEPTHS, channels=2 if reference else 1)
    console.print(f"{len(train_pairs)} pairs to train on, {len(drawn)} simulated ones, {len(val_pairs)} to choose on")
    plan = Plan(steps=steps, check_every=max(10, min(500, steps // 4)), seed=seed, simulated=simulated if drawn else 0.0)
    figures = fit(net, train_pairs, drawn, val_pairs, names, out, plan, resume=resume)
    scores = {k: v for k, v in figures.items() if "/" not in k}
    target = out / f"{name}.onnx"
    export(
        out / "best.pt",
        data,
        target,
        name=name,
        licence=licence,
        command=command,
        scores=scores,
        scored_on=val.parent.name + "/" + val.name,
    )
    box_px, score = check_parity(out / "best.pt", target, val_pairs)
    return {**scores, "model": str(target), "parity_box_px": round(box_px, 4), "parity_score": round(score, 6)}
