"""What a race knows: its terms, what was measured, dropped, trained. One file, written whole at every step."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from edge.errors import SettingsError, reason
from training.candidates import Facts, Family
from training.latency import Latency

STATE = "race.json"


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a race was asked for.

    Attributes:
        data, val: absolute paths of COCO files, to train on and to choose on.
        budget_ms, at: what prepare + infer + decode may take, and which figure of the measurement is held against it.
        overkill: share of the good parts that may be rejected when escapes are counted.
        steps, batch: of a full training.
        widths: only these, as FAMILY-WIDTH; none: all.
        profile: file with the target device's figures; empty: measure here.
    """

    data: str
    val: str
    budget_ms: Annotated[float, Meta(gt=0)]
    on: str = "cpu"
    at: Literal["p50", "p99"] = "p99"
    families: list[Family]
    overkill: Annotated[float, Meta(ge=0, lt=1)] = 0.02
    steps: Annotated[int, Meta(ge=1)] = 8_000
    batch: Annotated[int, Meta(ge=1)] = 16
    seed: int = 1
    threads: Annotated[int, Meta(ge=0)] = 0
    small_data: bool = False
    widths: list[str] = []
    profile: str = ""


class Rung(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """One rung: who entered, and each one's standing after training up to `steps`."""

    steps: int
    entered: list[str]
    done: dict[str, dict[str, Any]]


class RaceState(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The state file. `data_sha256`, `val_sha256`: of the label files when the race began."""

    format: Literal[1] = 1
    terms: Terms
    data_sha256: str
    val_sha256: str
    facts: Facts | None = None
    device: str = ""
    latency: dict[str, Latency] = {}
    dropped: dict[str, str] = {}
    rungs: list[Rung] = []
    pick: str = ""

    def save(self, out: Path) -> None:
        """Whole or not at all."""
        new = out / (STATE + ".new")
        new.write_bytes(msgspec.json.format(msgspec.json.encode(self)))
        os.replace(new, out / STATE)

    def last(self, name: str) -> tuple[int, dict[str, Any]] | None:
        """The last rung that a candidate finished, from 1, and its standing there."""
        found = [(i + 1, rung.done[name]) for i, rung in enumerate(self.rungs) if name in rung.done]
        return found[-1] if found else None


def load_state(out: Path, terms: Terms, *, resume: bool) -> RaceState:
    """The race in a folder if it has the same terms and data, otherwise a new one.

    Raises:
        SettingsError: another race lies there, or what lies there is not understood.
    """
    hashes = [hashlib.sha256(Path(p).read_bytes()).hexdigest() for p in (terms.data, terms.val)]
    fresh = RaceState(terms=terms, data_sha256=hashes[0], val_sha256=hashes[1])
    file = out / STATE
    out.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        if (out / "networks").exists():
            raise SettingsError(f"{out}: holds networks but no {STATE}; give another --out")
        return fresh
    if not resume:
        raise SettingsError(f"{out}: a race lies there already; --no-resume wants an empty --out")
    try:
        state = msgspec.json.decode(file.read_bytes(), type=RaceState)
    except (OSError, msgspec.MsgspecError, ValueError) as error:
        raise SettingsError(f"{file}: not the state of a race: {reason(error)}; give another --out") from error
    if [state.data_sha256, state.val_sha256] != hashes:
        raise SettingsError(f"{out}: its race began with other labels than {terms.data} and {terms.val} hold now; give another --out")
    if state.terms != terms:
        before, now = msgspec.to_builtins(state.terms), msgspec.to_builtins(terms)
        other = "; ".join(f"{k} was {before[k]}, is {now[k]}" for k in now if before[k] != now[k])
        raise SettingsError(f"{out}: its race has other terms ({other}); give the same ones, or another --out")
    return state
