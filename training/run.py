"""One training run from label files to a sealed model file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from edge.errors import SettingsError
from edge.labelled import read_coco
from training.export import check_parity, export
from training.fit import Plan, fit
from training.geometry import geometry_for
from training.net import PairNet
from training.pairs import CROP_PX, DUAL, Pair, load_pairs, simulated_pairs
from training.small_data import FEW_NG_IMAGES, load_masks, remarks

WIDTHS, DEPTHS = (16, 32, 48, 64, 96), (1, 2)  # the last for images without a reference, which need wider surroundings
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
    small_data: bool = False,
) -> dict[str, Any]:
    """Train, choose on `val`, export with a card, hold the export against the network.

    Returns:
        The validation figures, the file and the parity.

    Raises:
        SettingsError, ModelError: the data is not usable, or the export decides differently.
    """
    entries = read_coco(data).images
    compares = any(e.reference is not None for e in entries)
    if compares and not reference:
        console.print("comparing with nothing, though the set has references", highlight=False)
    alone = not compares
    verdicts = ("OK", "NG") if alone else ("NG",)
    train_pairs, names = load_pairs(data, verdicts, alone=alone)
    val_pairs, val_names = load_pairs(val, verdicts, alone=alone)
    if names != val_names:
        raise SettingsError(f"{val}: classes {val_names} differ from those of {data}: {names}")
    if small_data:
        train_pairs = load_masks(train_pairs, data)
    # the boards of the simulator, for sets that know their defects
    drawn: list[Pair] = simulated_pairs(names, SIMULATED_BOARDS, seed) if simulated > 0 and compares and set(DUAL) <= set(names) else []
    net = PairNet(len(names), WIDTHS if alone else WIDTHS[:4], DEPTHS, channels=2 if compares and reference else 1)
    console.print(f"{len(train_pairs)} images to train on, {len(drawn)} simulated ones, {len(val_pairs)} to choose on")
    geometry = geometry_for(p.image.shape[::-1] for p in [*train_pairs, *val_pairs])
    side = max(32, min(CROP_PX, geometry.width_px, geometry.height_px) // 32 * 32)
    plan = Plan(
        steps=steps,
        check_every=max(10, min(500, steps // 4)),
        seed=seed,
        simulated=simulated if drawn else 0.0,
        crop_px=side,
        small_data=small_data,
    )
    figures = fit(net, train_pairs, drawn, val_pairs, names, out, plan, resume=resume, geometry=geometry, console=console)
    scores = {k: round(v, 5) for k, v in figures.items() if "/" not in k}
    target = out / f"{name}.onnx"
    few = sum(len(p.kinds) > 0 for p in train_pairs)
    notes = remarks(names, few, masks=any(p.mask is not None for p in train_pairs)) if small_data else []
    if drawn:
        notes.append(
            f"{simulated:.0%} of the samples are simulated circuit boards of {SIMULATED_BOARDS} layouts (--simulated 0 leaves them out)"
        )
    if not alone:
        notes.append("the OK images of the set were not trained on; a good part is shown as a reference beside itself")
    if few < FEW_NG_IMAGES and not small_data:
        console.print(f"only {few} NG images: --small-data pastes and draws defects onto good images", highlight=False)
    export(
        out / "best.pt", data, target, name=name, licence=licence, command=command, scores=scores, scored_on=val.parent.name + "/" + val.name,
        remarks=notes,
    )  # fmt: skip
    box_px, score = check_parity(out / "best.pt", target, val_pairs)
    return {**scores, "model": str(target), "parity_box_px": round(box_px, 4), "parity_score": round(score, 6)}
