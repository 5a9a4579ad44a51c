"""How a model comes into the registry: it is run under the recipe, its documents are read, and file and rows are kept."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import msgspec

from edge import registry as rows
from edge.activation import Person, Registry
from edge.config import Station
from edge.errors import ModelError, RegistryError, reason
from edge.judge import Judge
from edge.model import RuntimeOptions
from edge.pointer import FOLDER, model_path
from edge.registry import Kind, ModelRow
from edge.signing import signature_file
from edge.whole import write_whole

MAX_DOCUMENT_BYTES = 20_000_000
LATENCY_RUNS = 20


def enrol(registry: Registry, file: Path, documents: dict[Kind, Path], latency: dict[str, float], by: Person) -> ModelRow:
    """Take a model in as a candidate, with its documents; a candidate gets newer ones in the same way.

    Args:
        documents: parity and evaluation, as JSON files that name the model by `model_sha256`.
        latency: ms per part by device, besides what is measured here.

    Raises:
        ModelError, SettingsError: the file is not usable under the recipe; nothing is kept of it.
        RegistryError: a document is of another model; or it judges, or is in shadow, already.
    """
    found: dict[Kind, Any] = {kind: read_document(path, kind) for kind, path in documents.items()}
    judge = Judge(registry.loaded, _options(registry.config), model_file=file)
    model = judge.model
    for kind, document in found.items():
        if document.get("model_sha256") != model.file_hash:
            raise RegistryError(
                f"{documents[kind]}: is about another model (model_sha256 {str(document.get('model_sha256'))[:12]}..., "
                f"this file has {model.file_hash[:12]}...); give the {kind} of this very file"
            )
    size = _keep(registry.folder, file, model.file_hash)
    found["latency"] = {f"{platform.machine()} {model.provider}": round(model.warm_up(LATENCY_RUNS), 3)} | latency
    recipe = registry.loaded.recipe.model_dump(mode="json", exclude_none=True)
    found["recipe"] = {"name": registry.loaded.name, "hash": registry.loaded.hash, "recipe": recipe}
    card = msgspec.to_builtins(model.card)
    now_ns = time.time_ns()
    with registry.store.writing() as db:
        rows.add_model(db, model.file_hash, size, card, f"gutteil {version('gutteil')}", by.who, now_ns)
        digests = [
            f"{kind} {rows.add_document(db, model.file_hash, registry.product, kind, document, by.who, now_ns)[:16]}"
            for kind, document in sorted(found.items())
        ]
        registry.change(db, model.file_hash, "register", by, ", ".join(digests), now_ns)
        return rows.find(db, model.file_hash)


def read_document(path: Path, kind: str) -> dict[str, Any]:
    """A document about a model.

    Raises:
        RegistryError: missing, too long, or not a JSON object.
    """
    try:
        if path.stat().st_size > MAX_DOCUMENT_BYTES:
            raise RegistryError(f"{path}: larger than {MAX_DOCUMENT_BYTES} bytes; that is no {kind} document")
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise RegistryError(f"--{kind} {path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"--{kind} {path}: is not JSON: {reason(error)}") from error
    if not isinstance(found, dict):
        raise RegistryError(f"--{kind} {path}: holds no JSON object; give what `gutteil` wrote as {kind}")
    if kind == "parity" and not isinstance(found.get("passed"), bool):
        raise RegistryError(f"--parity {path}: says nothing of parity (`passed` is missing); give MODEL.parity.json of: gutteil export")
    if kind == "evaluation" and ("passed" in found or not isinstance(found.get("escape"), dict)):
        raise RegistryError(f"--evaluation {path}: says nothing of escapes; give what `gutteil evaluate --json` wrote")
    return cast(dict[str, Any], found)


def _options(config: Station) -> RuntimeOptions:
    model = config.model
    return RuntimeOptions(tuple(model.providers), model.threads, model.spin, config.keys.signers)


def _keep(folder: Path, file: Path, sha256: str) -> int:
    """The model and its signature in the record's folder; returns the size."""
    kept = model_path(folder, sha256)
    try:
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() != sha256:
            raise ModelError(f"{file}: was changed while it was being read; give it again when it is whole")
        (folder / FOLDER).mkdir(exist_ok=True)
        if signature_file(file).is_file():
            write_whole(signature_file(kept), signature_file(file).read_bytes())
        write_whole(kept, data)
    except OSError as error:
        raise RegistryError(f"{kept}: cannot be written ({error.strerror}); check record.folder, its room and its owner") from error
    return len(data)
