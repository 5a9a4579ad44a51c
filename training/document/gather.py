"""The facts of a model's document, from the registry, the settings and the machine."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.activation import Registry
from edge.errors import SettingsError, reason
from edge.models_command import model_document
from edge.recipe import file_sha256
from training.document.facts import Change, Facts, Keeping

MAX_BYTES = 20_000_000


def gather(registry: Registry, model: str, *, purpose: str = "", limits: str = "", snapshot: Path | None = None) -> Facts:
    """What is known of a model.

    Args:
        model: name or beginning of the SHA-256.
        purpose, limits: in the words of whoever is responsible.
        snapshot: manifest.json of the data set it was trained on.

    Raises:
        RegistryError, StoreError, SettingsError: no such model, or a file that cannot be read.
    """
    known = model_document(registry, model)
    documents, sha256 = known["documents"], known["sha256"]
    with registry.store.reading() as db:
        score = registry.score(db, sha256)
    seen = known["shadow"]
    reviewed = score.candidate + score.active
    shadow = {
        "parts": seen["judged"], "skipped": sum(seen[n] for n in ("busy", "gone", "missed")), "disagreements": score.differ, "reviewed": reviewed,
        "right": score.candidate, "escapes": len(score.new_escapes),
    }  # fmt: skip
    audit = registry.store.verify_audit()
    record, rules = registry.config.record, registry.loaded.recipe
    changes = [Change(c["event"], c["state"], c["who"], c["reason"], c["changed_at"], c["key"]) for c in known["history"]]
    return Facts(
        product=registry.product, sha256=sha256, card=known["card"], state=str(known["state"]), registered_by=known["who"],
        registered_at=known["registered_at"], code=known["code"], made_at=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()), purpose=purpose, limits=limits,
        evaluation=documents["evaluation"], parity=documents["parity"], latency=documents["latency"], snapshot=_manifest(snapshot, known["card"]["data_hash"]),
        recipe=registry.loaded.name, rules={"default": _rule(rules.default)} | {k: _rule(r) for k, r in rules.classes.items()},
        shadow=shadow if seen["judged"] else None, changes=changes,
        system={name: version(name) for name in ("gutteil", "numpy", "opencv-python-headless")},
        keeping=Keeping(record.keep_days, record.quota_gb, audit.rows, "" if audit.holds else audit.why, audit.head),
        before=_before(registry, sha256),
    )  # fmt: skip


def _rule(rule: Any) -> tuple[float, float]:
    return rule.ng_score, rule.undecided_score


def _before(registry: Registry, sha256: str) -> str:
    from edge import registry as rows

    with registry.store.reading() as db:
        stack = rows.active_stack(db, registry.product)
        if sha256 not in stack[1:]:
            return ""
        earlier = rows.find(db, stack[stack.index(sha256) - 1])
    return f"{earlier.name} ({earlier.sha256[:12]})"


def _manifest(path: Path | None, trained_on: str) -> dict[str, Any] | None:
    if path is None:
        return None
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"--snapshot {path}: larger than {MAX_BYTES // 1_000_000} MB; that is no manifest")
        found: Any = json.loads(path.read_bytes())
        if trained_on and file_sha256(path.with_name("train.json")) != trained_on:
            raise SettingsError(
                f"--snapshot {path}: the model was trained on other data (its card's data_hash is not that of train.json there)"
            )
        return {k: found[k] for k in ("images", "splits", "split_by", "sources", "who", "corrected")}
    except OSError as error:
        raise SettingsError(f"--snapshot {path}: cannot be read ({error.strerror}); name manifest.json of a snapshot") from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SettingsError(f"--snapshot {path}: is no manifest of a snapshot ({reason(error)}); name its manifest.json") from error
