"""Replay of a verdict: what recipe, model and code of then say of the stored image, byte for byte the same or why not.

The judge is production's own (`edge.judge`), with the recipe's text and golden reference as the run had them, and the model by
its SHA-256. It runs on the CPU whatever the line uses, so that it takes nothing from the station; where the run was on another
provider or other software, the last bits of a score may differ, and the differences are named.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from edge.compare import Compared, Said, canonical, compare
from edge.config import Station
from edge.errors import GutteilError, StoreError
from edge.labelled import read_image
from edge.messages import Defect
from edge.pointer import model_path
from edge.recipe import LoadedRecipe, Recipe, load_recipe, parse_recipe
from edge.recipe_texts import recipe_text
from edge.recipes_kept import KeptRun, kept_run, software
from edge.settings import check, under
from edge.store import Inspection, Store

if TYPE_CHECKING:  # who only asks for a replay, or reads its answer, need not load what a model needs
    from edge.judge import Image, Judge

Result = Literal["same", "close", "different", "impossible"]
PROVIDER: Final = "cpu"


class Cause(msgspec.Struct, frozen=True):
    """Why a verdict cannot be replayed, or what may make it differ: a code that pages translate, and the words."""

    code: str
    text: str


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one replay.

    Attributes:
        result: `same`: byte for byte; `close`: the same verdict for the same reasons, and only figures differ, within
            `edge.compare`'s bounds, as other software or another provider explains; `impossible`: there is no replay.
        recorded_sha256, now_sha256: of verdict, reasons and defects in their canonical form (`edge.compare.canonical`).
        recorded_software: empty where the record does not say.
        seconds: how long it took, loading included.
    """

    part_id: str
    result: Result
    causes: list[Cause]
    recorded: Said
    recorded_sha256: str
    now: Said | None = None
    now_sha256: str = ""
    differences: Compared | None = None
    recorded_provider: str = ""
    provider: str = PROVIDER
    recorded_software: str = ""
    software: str = ""
    seconds: float = 0.0


class _CannotError(Exception):
    """There is no replay, for this cause."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.cause = Cause(code, text)


@dataclass(frozen=True, slots=True)
class _Ground:
    """What a part is judged by."""

    loaded: LoadedRecipe
    model_file: Path
    model_hash: str


class Rejudger:
    """Replays verdicts of one record. Used by one thread; keeps the last model loaded."""

    def __init__(self, store: Store, config: Station, *, threads: int = 1) -> None:
        self._store, self._config = store, config
        from edge.model import RuntimeOptions

        self._options = RuntimeOptions((PROVIDER,), threads, spin=False)
        self._scratch = tempfile.TemporaryDirectory(prefix="gutteil-rejudge-")
        self._key: tuple[str, str, str] | None = None
        self._judge: Judge | None = None

    def close(self) -> None:
        """May be called twice."""
        self._judge = None
        self._scratch.cleanup()

    def replay(self, part_id: str) -> Replayed:
        """Judge a part again.

        Raises:
            StoreError: there is no such part.
        """
        began = time.monotonic()
        part = self._store.inspection(part_id)
        if part is None:
            raise StoreError(f"there is no part {part_id[:80]!r} in the record; check the id")
        recorded = said_of(part)
        provider = self._provider(part)
        with self._store.reading() as db:
            kept = kept_run(db, part.run_id) if part.run_id else None
        told = {
            "part_id": part_id,
            "recorded": recorded,
            "recorded_sha256": hashlib.sha256(canonical(recorded)).hexdigest(),
            "recorded_provider": provider,
            "recorded_software": kept.software if kept is not None else "",
            "software": software(),
        }
        try:
            now = self._again(part, kept)
        except _CannotError as error:
            return msgspec.convert({**told, "result": "impossible", "causes": [error.cause], "seconds": time.monotonic() - began}, Replayed)
        found = compare(recorded, now)
        causes = [] if found.same else _explained(provider, kept)
        result: Result = "same" if found.same else "close" if found.close and causes[0].code != "unexplained" else "different"
        return msgspec.convert(
            {
                **told,
                "result": result,
                "causes": causes,
                "now": now,
                "now_sha256": hashlib.sha256(canonical(now)).hexdigest(),
                "differences": None if found.same else found,
                "seconds": time.monotonic() - began,
            },
            Replayed,
        )

    def _provider(self, part: Inspection) -> str:
        with self._store.reading() as db:
            row = db.execute("SELECT provider FROM runs WHERE run_id = ?", (part.run_id,)).fetchone()
        return str(row[0] or "") if row is not None else ""

    def _again(self, part: Inspection, kept: KeptRun | None) -> Said:
        if part.verdict is None:
            raise _CannotError("no_verdict", "the part has no verdict")
        if not part.prepare_us:
            why = "; ".join(part.reasons) or "no reason is recorded"
            raise _CannotError("not_judged", f"the model never looked at it, the station said so by itself: {why}")
        image = self._picture(part.image_path, part.image_sha256, part.evidence, "image")
        judge = self._loaded(part, kept)
        reference = None
        if judge.wants_reference:
            reference = self._picture(part.reference_path, part.reference_sha256, part.reference_evidence, "reference")
        try:
            decision = judge.judge(image, reference).decision
        except GutteilError as error:
            raise _CannotError("cannot_judge", f"the stored image cannot be judged: {error}") from error
        return Said(decision.verdict, [r[:200] for r in decision.reasons], decision.defects)

    def _picture(self, name: str | None, sha256: str | None, evidence: str | None, what: Literal["image", "reference"]) -> Image:
        if name is None:
            words = {"expired": "has been deleted", "sampled out": "was not kept: outside the sample of OK parts", "lost": "was lost"}
            code = f"{what}_{(evidence or 'none').replace(' ', '_')}"
            raise _CannotError(code, f"the {what} {words.get(evidence or '', 'does not exist')}")
        file = (self._store.folder / name).resolve()
        if not file.is_relative_to(self._store.folder.resolve()) or not file.is_file():
            raise _CannotError(f"{what}_missing", f"the file of the {what} is missing: {name}")
        if sha256 and hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
            raise _CannotError(f"{what}_changed", f"the file of the {what} is not the one that was recorded: {name}")
        try:
            return read_image(file, gray=what == "reference")
        except GutteilError as error:
            raise _CannotError(f"{what}_unreadable", str(error)) from error

    def _loaded(self, part: Inspection, kept: KeptRun | None) -> Judge:
        ground = self._ground(part, kept)
        key = (ground.loaded.hash, ground.loaded.reference_sha256, ground.model_hash)
        if self._judge is None or self._key != key:
            self._judge = None  # of two large models only one fits
            try:
                from edge.judge import Judge

                self._judge = Judge(ground.loaded, self._options, model_file=ground.model_file, sha256=ground.model_hash)
            except GutteilError as error:
                raise _CannotError("cannot_load", f"recipe and model of then cannot be loaded: {error}") from error
            self._key = key
        return self._judge

    def _ground(self, part: Inspection, kept: KeptRun | None) -> _Ground:
        loaded = self._recipe(part, kept)
        for file in self._model_files(part.model_hash or "", loaded):
            if file.is_file() and _sha256(file) == part.model_hash:
                return _Ground(loaded, file, part.model_hash or "")
        raise _CannotError("model_gone", f"no file here is the model that judged (SHA-256 {(part.model_hash or 'unknown')[:16]})")

    def _model_files(self, sha256: str, loaded: LoadedRecipe) -> Iterable[Path]:
        if len(sha256) == 64 and sha256.isalnum():
            yield model_path(self._store.folder, sha256)
        yield loaded.model_file
        for file in (self._config.recipe, *self._config.recipes.values()):
            try:
                yield load_recipe(Path(file)).model_file
            except GutteilError:
                continue

    def _recipe(self, part: Inspection, kept: KeptRun | None) -> LoadedRecipe:
        """The recipe as its run had it; without that, a text with the same hash, if no reference belongs to it."""
        if kept is not None and kept.recipe is not None and hashlib.sha256(kept.recipe).hexdigest() == part.recipe_hash:
            return self._from_kept(kept, kept.recipe, part)
        with self._store.reading() as db:
            text = recipe_text(db, self._config, part.recipe_hash or "")
        if text is not None:
            try:
                found = parse_recipe(*text)
            except GutteilError as error:
                raise _CannotError("cannot_load", f"this release does not read the recipe of then: {error}") from error
            if not found.recipe.reference.file:  # which picture the reference was then, nobody can say
                return found
        raise _CannotError("recipe_not_kept", f"version {(part.recipe_hash or 'unknown')[:16]} of recipe {part.recipe!r} was not kept")

    def _from_kept(self, kept: KeptRun, text: bytes, part: Inspection) -> LoadedRecipe:
        try:
            recipe = check(tomllib.loads(text.decode()), Recipe, f"recipe {part.recipe}")
        except (GutteilError, ValueError) as error:
            raise _CannotError("cannot_load", f"this release does not read the recipe of then: {error}") from error
        reference, sha256 = None, ""
        if kept.wants_reference:
            if kept.reference is None:
                raise _CannotError("reference_not_kept", "the golden reference of its run was not kept")
            sha256 = hashlib.sha256(kept.reference).hexdigest()
            reference = Path(self._scratch.name, sha256)
            if not reference.is_file():
                reference.write_bytes(kept.reference)
        model = under(Path(kept.path).parent, recipe.model.file)
        return LoadedRecipe(recipe, part.recipe or "", part.recipe_hash or "", model, reference, sha256)


def said_of(part: Inspection) -> Said:
    """What the record says that the station said."""
    defects = [Defect(d.kind, d.score, (d.x1, d.y1, d.x2, d.y2), d.verdict) for d in part.defects]
    return Said(part.verdict or "", part.reasons, defects)


def _explained(provider: str, kept: KeptRun | None) -> list[Cause]:
    """What may make figures differ."""
    causes = []
    if provider and provider != PROVIDER:
        causes.append(Cause("other_provider", f"the line ran on {provider}, this ran on {PROVIDER}"))
    if kept is None or not kept.software:
        causes.append(Cause("unknown_software", "the record does not say which software judged"))
    elif kept.software != software():
        causes.append(Cause("other_software", f"the line ran with {kept.software}; this ran with {software()}"))
    return causes or [Cause("unexplained", "nothing explains it: the same software on the same image says something else")]


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
