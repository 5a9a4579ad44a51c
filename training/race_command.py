"""`gutteil train --budget-ms`: from options to a race, its picture, its table and its pick."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from edge.errors import SettingsError
from edge.model import PROVIDERS
from training.candidates import FAMILIES, PAIR_WIDTHS, YOLO_WIDTHS
from training.pareto import export_pick, picture, show
from training.pool import Cluster, Here
from training.race import as_document, run_race
from training.race_state import Terms
from training.small_data import FEW_NG_IMAGES, remarks


def race(
    data: Path,
    val: Path,
    out: Path,
    *,
    name: str,
    steps: int,
    budget_ms: float,
    on: str,
    families: str,
    widths: str,
    overkill: float,
    at: str,
    profile: Path | None,
    only_candidates: bool,
    ray: str,
    threads: int,
    small_data: bool,
    seed: int,
    licence: str,
    resume: bool,
    command: str,
    as_json: bool,
    console: Console,
) -> None:
    """Run or resume it; prints the table, or race.json and the pick as JSON.

    Raises:
        SettingsError, ModelError: an option or the data is not usable; see `training.race.run_race`.
    """
    if on not in PROVIDERS:
        raise SettingsError(f"--on {on}: no such provider; there are: {', '.join(PROVIDERS)}")
    fields: dict[str, Any] = {
        "data": str(_file(data)), "val": str(_file(val)), "budget_ms": budget_ms, "on": on, "at": at, "overkill": overkill, "steps": steps,
        "families": _listed("families", families, FAMILIES), "seed": seed, "threads": threads, "small_data": small_data,
        "widths": _listed("widths", widths, [*(f"pair-{w}" for w in PAIR_WIDTHS), *(f"yolo-{w}" for w in YOLO_WIDTHS)]) if widths else [],
        "profile": str(_file(profile)) if profile else "",
    }  # fmt: skip
    try:
        terms = msgspec.convert(fields, Terms)
    except msgspec.ValidationError as error:
        raise SettingsError(f"gutteil train: {error}") from error
    pool = Cluster(ray, console) if ray else Here(console)
    try:
        state = run_race(terms, out, pool, console, resume=resume, only_candidates=only_candidates)
    finally:
        if isinstance(pool, Cluster):
            pool.close()
    if only_candidates or state.facts is None:
        return
    if state.facts.ng_images < FEW_NG_IMAGES and not small_data:
        console.print(f"only {state.facts.ng_images} NG images: --small-data pastes and draws defects onto good images", highlight=False)
    notes = _small_data(terms, state.facts.ng_images, list(state.facts.classes), state.pick) if small_data else []
    pick = export_pick(state, out, name=name, licence=licence, command=command, remarks=notes)
    picture(state, out / "race.png")
    if as_json:
        print(json.dumps(as_document(state) | {"result": pick}, ensure_ascii=False))
        return
    show(state, Console())
    print(
        "\n".join(
            f"{k}: {v:.4g}" if isinstance(v, float) else f"{k}: {v}"
            for k, v in (pick | {"picture": str(out / "race.png")}).items()
            if k != "standing"
        )
    )


def _small_data(terms: Terms, ng_images: int, classes: list[str], pick: str) -> list[str]:
    if pick.startswith("yolo"):
        return [
            f"small-data mode, from {ng_images} NG images: ultralytics' mosaic and mixup, with stronger changes of light, turn and flip"
        ]
    return remarks(classes, ng_images, masks=(Path(terms.data).parent / "masks").is_dir())


def _file(path: Path) -> Path:
    if not path.is_file():
        raise SettingsError(f"{path}: no such file; check the path")
    return path.resolve()


def _listed(option: str, text: str, known: Any) -> list[str]:
    found = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if wrong := [f for f in found if f not in known] or ([text] if not found else []):
        raise SettingsError(f"--{option} {text}: {wrong[0]!r} is none of {', '.join(known)}")
    return found
