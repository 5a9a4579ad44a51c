"""`gutteil models`, in words and as documents."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from edge import registry as rows
from edge import shadow_results
from edge.activation import Registry, file_hash, person
from edge.bounds import in_words
from edge.bus import Subscriber, watch
from edge.card_rows import card_rows, show_fields
from edge.config import Station, load
from edge.errors import GutteilError, RegistryError
from edge.messages import Alarm, Run
from edge.pointer import read_pointer
from edge.signing import read_pair, sign_model
from edge.store import FILE_NAME, open_store

SILENT_S = 1.5  # until a station that says nothing at all is taken to be away
WAIT_S = 15.0  # for the station to judge with another model: it may have to load it


@contextlib.contextmanager
def open_registry(config: Path | None, product: str, *, write: bool = False) -> Iterator[Registry]:
    """The registry in the record of a station.

    Raises:
        StoreError, SettingsError: record, settings or recipe cannot be used.
    """
    station = load(config) if config is not None else Station()
    path = Path(station.record.folder) / FILE_NAME
    with open_store(path, beside=True) if write else open_store(path, read_only=True) as store:
        yield Registry(store, station, product)


def list_document(registry: Registry) -> dict[str, Any]:
    """Every model of the product; `station`: what the pointer file tells the station, None where it cannot be used."""
    try:
        pointer = read_pointer(registry.folder, registry.product, registry.config.keys.signers)
        told, wrong = pointer.sha256 if pointer is not None else "", ""
    except GutteilError as error:
        told, wrong = None, str(error)
    with registry.store.reading() as db:
        states = rows.states(db, registry.product)
        stack = rows.active_stack(db, registry.product)
        known = [m for m in rows.models(db) if (registry.product, m.sha256) in states]
        models = [
            {
                "sha256": m.sha256,
                "name": m.name,
                "state": states[registry.product, m.sha256],
                "registered_at": m.registered_at,
                "by": m.who,
                "latency_ms": rows.document(db, m.sha256, registry.product, "latency") or {},
                "shadow": msgspec.structs.asdict(shadow_results.totals(db, m.sha256)),
            }
            for m in known
        ]
    active = stack[-1] if stack else ""
    if told is not None and told != active:
        wrong = "the file that tells the station differs from the record; write it anew: gutteil models point"
    before = (stack[-2] if len(stack) > 1 else "") if stack else None
    return {"product": registry.product, "active": active, "before": before, "station": told, "wrong": wrong, "models": models}


def show_list(document: dict[str, Any], console: Console) -> None:
    """For people."""
    _say(console, f"models of {document['product']}")
    table = Table(box=None, padding=(0, 1))
    for name in ("model", "name", "state", "registered", "ms per part", "in shadow"):
        table.add_column(name, overflow="fold", no_wrap=name in ("model", "state"))
    for m in document["models"]:
        latency = "\n".join(f"{device} {ms:.3g}" for device, ms in m["latency_ms"].items())
        skipped = sum(m["shadow"][n] for n in ("busy", "gone", "missed"))
        cells = (
            m["sha256"][:12],
            m["name"],
            m["state"],
            f"{m['registered_at'][:10]} {m['by']}",
            latency,
            f"{m['shadow']['judged']}, {skipped} skipped" if m["shadow"]["judged"] or skipped else "",
        )
        table.add_row(*map(escape, cells))
    console.print(table)
    own = "the recipe's own model"
    _say(console, f"active: {document['active'][:12] or own}")
    if document["before"] is not None:
        _say(console, f"a rollback goes back to: {document['before'][:12] or own}")
    if document["wrong"]:
        console.print(f"[red]{escape(document['wrong'])}[/]", soft_wrap=True, highlight=False)


def model_document(registry: Registry, model: str) -> dict[str, Any]:
    """All that is known of a model."""
    kinds: tuple[rows.Kind, ...] = ("parity", "evaluation", "recipe", "latency")
    with registry.store.reading() as db:
        found = rows.find(db, model)
        return {
            **msgspec.to_builtins(found),
            "product": registry.product,
            "state": rows.state_of(db, registry.product, found.sha256),
            "documents": {kind: rows.document(db, found.sha256, registry.product, kind) for kind in kinds},
            "history": [msgspec.structs.asdict(row) for row in rows.history(db, registry.product, found.sha256)],
            "shadow": msgspec.structs.asdict(shadow_results.totals(db, found.sha256)),
        }


def show_model(document: dict[str, Any], console: Console) -> None:
    """For people: what `model_document` holds, in lines that fit a terminal."""
    papers, shadow = document["documents"], document["shadow"]
    rows: list[tuple[str, str]] = [
        ("sha256", document["sha256"]),
        ("product", document["product"]),
        ("state", document["state"] or "not registered for this product"),
        ("registered", f"{document['registered_at'][:16].replace('T', ' ')} UTC by {document['who']}, with {document['code']}"),
    ]
    if (parity := papers["parity"]) is not None:
        rows.append(("parity", f"{'passed' if parity['passed'] else 'NOT passed'}, {parity.get('images', '?')} images"))
    if (evaluation := papers["evaluation"]) is not None:
        rows += [(key, in_words(evaluation[key])) for key in ("escape", "overkill") if key in evaluation]
        rows += [("evaluated on", str(evaluation["data"]))] if "data" in evaluation else []
    rows += [(f"ms on {device}", f"{ms:.3g}") for device, ms in (papers["latency"] or {}).items()]
    if papers["recipe"] is not None:
        rows.append(("registered under", f"recipe {papers['recipe']['name']}"))
    rows.append(("in shadow", f"{shadow['judged']} parts judged, {sum(shadow[n] for n in ('busy', 'gone', 'missed'))} skipped"))
    show_fields(rows + card_rows(document["card"]), console)
    for row in document["history"]:
        _say(console, f"{row['changed_at'][:19].replace('T', ' ')}  {row['event']}, by {row['who']}: {row['reason']}")


def sign_file(path: Path, key: Path, console: Console) -> None:
    """Sign a usable model."""
    from edge.model import Model

    pair, model = read_pair(key), Model(path)
    _say(console, f"{sign_model(path, model.file_hash, model.card, pair)}: signed by {pair.name}; keep it beside the model")


def register(
    registry: Registry, file: Path, parity: Path, evaluation: Path, latency: list[str], who: str, key: Path | None, console: Console
) -> None:
    """Take a model in."""
    measured = {}
    for text in latency:
        device, _, ms = text.rpartition("=")
        try:
            measured[device] = float(ms)
        except ValueError:
            measured[device] = math.nan
        if not device or not 0 < measured[device] < 1e6:
            raise RegistryError(f"--latency {text!r}: give DEVICE=MS, as in: jetson-orin=4.2")
    found = registry.register(file, {"parity": parity, "evaluation": evaluation}, measured, person(registry.config, who, key))
    _say(
        console,
        f"{found.sha256[:12]} ({found.name}) is a candidate for {registry.product}; next: gutteil models shadow {found.sha256[:12]}",
    )


def move(
    registry: Registry, to: Literal["shadow", "propose", "retire"], model: str, who: str, key: Path | None, reason: str, console: Console
) -> None:
    """To shadow, to propose, or to retire."""
    by = person(registry.config, who, key)
    if to == "propose":
        missing = registry.propose(model, by, reason)
        _say(console, f"{by.who} proposes {model}; somebody else releases it: gutteil models release {model}")
        show_gate(missing, console)
        return
    state = registry.shadow(model, by, reason) if to == "shadow" else registry.retire(model, by, reason)
    _say(console, f"{model} is {'in shadow' if state == 'shadow' else state} for {registry.product}")
    if state == "shadow":
        _say(console, "it judges once the shadow process runs (registry.shadow = true for gutteil run, or: gutteil shadow --config FILE)")


def show_gate(missing: list[str], console: Console) -> None:
    """For people."""
    _say(console, "the gate misses nothing" if not missing else "the gate still misses:")
    for line in missing:
        _say(console, f"  {line}")


def release(registry: Registry, model: str, who: str, key: Path | None, reason: str, console: Console) -> None:
    """Release, and say when the station judges with it."""
    by = person(registry.config, who, key)
    with contextlib.closing(watch(registry.config, [Run, Alarm])) as bus:
        sha256 = registry.release(model, by, reason)
        _say(console, f"{sha256[:12]} is active for {registry.product}; the way back: gutteil models rollback")
        _await(registry, bus, sha256, console)


def rollback(registry: Registry, who: str, key: Path | None, reason: str, console: Console) -> None:
    """Go back, and say when the station judges with the model before."""
    by = person(registry.config, who, key)
    with contextlib.closing(watch(registry.config, [Run, Alarm])) as bus:
        back = registry.rollback(by, reason)
        _say(console, f"{back[:12] or 'the model of the recipe'} is active again for {registry.product}")
        _await(registry, bus, back or file_hash(registry.loaded.model_file), console)


def point(registry: Registry, console: Console) -> None:
    """Write the pointer anew."""
    told = registry.point()
    if told is None:
        _say(console, f"no model was ever released for {registry.product}: the recipe's own judges, and there is nothing to write")
    else:
        _say(console, f"the station is told: {told[:12] or 'the model of the recipe'}")


def _await(registry: Registry, bus: Subscriber, sha256: str, console: Console) -> None:
    """Until the station says that it judges with this model."""
    begin = time.monotonic()
    began_ns, other = time.time_ns(), ""
    while time.monotonic() - begin < WAIT_S:
        message = bus.get(0.05)
        if isinstance(message, Run) and message.product == registry.product and message.model_hash == sha256:
            took = max(0.0, (message.wall_ns - began_ns) / 1e6)
            _say(console, f"the station judges with it, {took:.0f} ms after the order")
            return
        if isinstance(message, Run):
            other = f"it judges {message.product} with {message.model_hash[:12]}"
        if isinstance(message, Alarm) and message.active and message.code == "model-refused":
            raise RegistryError(
                f"the station refuses it and goes on with the model before: {message.text}; go back: gutteil models rollback"
            )
        if not other and time.monotonic() - begin > SILENT_S:
            break
    _say(
        console, f"the station does not say so yet ({other or 'nobody answers'}); it takes the model when it starts or judges this product"
    )


def disagreement_document(registry: Registry, model: str, most: int, html: Path | None) -> dict[str, Any]:
    """The parts on which the two differ, and the score by the reviews; also as a page."""
    with registry.store.reading() as db:
        sha256 = rows.find(db, model).sha256 if model else rows.in_state(db, registry.product, "shadow")
        if not sha256:
            raise RegistryError(f"no model is in shadow for {registry.product!r}; name one: gutteil models disagreements MODEL")
        present = registry.present(db)
        found = shadow_results.disagreements(db, sha256, registry.loaded.hash, present, most)
        score = registry.score(db, sha256)
        judged = shadow_results.parts(db, sha256, registry.loaded.hash, present)
        totals = shadow_results.totals(db, sha256)
    document = {
        "product": registry.product,
        "model": sha256,
        "active": present,
        "recipe_hash": registry.loaded.hash,
        "judged": judged,
        "differ": score.differ,
        "skipped": msgspec.structs.asdict(totals),
        "score": score.as_dict(),
        "parts": [msgspec.to_builtins(d) for d in found],
    }
    if html is not None:
        from edge.disagreement_page import page

        try:
            html.write_text(page(document, found, registry.folder), "utf-8")
        except OSError as error:
            raise RegistryError(f"--html {html}: cannot be written ({error.strerror}); choose another place") from error
    return document


def show_disagreements(document: dict[str, Any], console: Console) -> None:
    """For people."""
    table = Table(
        title=f"{document['differ']} of {document['judged']} parts on which {document['model'][:12]} differs from the active model"
    )
    for name in ("part", "active", "shadow model", "a person says", "by"):
        table.add_column(name, overflow="fold")
    for part in document["parts"]:
        r = part["result"]
        table.add_row(*map(escape, (r["part_id"], r["active_verdict"], r["verdict"], part["truth"] or "", part["reviewer"])))
    console.print(table)
    for line in score_lines(document):
        _say(console, line)


def score_lines(document: dict[str, Any]) -> list[str]:
    """Who was right, in words."""
    score, skipped = document["score"], document["skipped"]
    right = score["candidate_right"]
    lines = [
        f"no disagreement has been reviewed that tells the two apart; {score['open']} are not reviewed: gutteil review PART_ID --truth good|bad --who NAME"
        if not right["of"]
        else f"reviewed and telling: {right['of']}; the shadow model was right in {right['count']} ({right['rate']:.1%}, 95 % bounds "
        f"{right['low']:.1%} to {right['high']:.1%}), the active one in {score['active']}; "
        f"{score['undecided']} say nothing of the two, {score['open']} are not reviewed"
    ]
    lines += [f"NEW ESCAPES: it would pass bad parts that the active model rejects: {', '.join(score['new_escapes'])}"] * bool(
        score["new_escapes"]
    )
    lines += [f"it would reject bad parts that the active model passed: {', '.join(score['new_catches'])}"] * bool(score["new_catches"])
    lines.append(
        f"in all: {skipped['judged']} parts judged in shadow; skipped: {skipped['busy']} while busy, {skipped['gone']} without image, "
        f"{skipped['missed']} missed on the bus; {skipped['failed']} could not be judged"
    )
    return lines


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)
