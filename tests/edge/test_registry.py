"""The registry in a real record: who may do what, what is refused, what nobody rewrites, and the pointer that follows the rows."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from edge import registry as rows
from edge import shadow_results
from edge.activation import Person, Registry, person
from edge.cli import app
from edge.config import Keys, Station
from edge.enrolment import read_document
from edge.errors import KeysError, ModelError, RegistryError, SettingsError, StoreError
from edge.messages import VerdictWord
from edge.model import Model
from edge.pointer import Pointer, model_path, pointer_file, read_pointer, write_pointer
from edge.rig import write_config
from edge.shadow_results import Result, Span
from edge.signing import SIGNERS, add_signer, read_pair, sign_model, signature_file
from edge.switch import Switch
from tests.edge.registry_line import ANNA, BEN, OWN_MODEL, documents, finds_always, registry_in, settings, sha_of, twin

OWN = sha_of(OWN_MODEL)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with registry_in(settings(tmp_path, min_shadow_parts=2, min_reviews=1)) as found:
        yield found


def judged(
    registry: Registry, sha256: str, parts: int = 2, active: str = OWN, words: tuple[VerdictWord, VerdictWord] = ("OK", "OK")
) -> None:
    """As if it had judged parts in shadow."""
    found = [
        Result(
            part_id=f"P{i}", recipe_hash=registry.loaded.hash, active_sha256=active, active_verdict=words[0], verdict=words[1],
            active_score=0.2, score=0.1,
        )
        for i in range(parts)
    ]  # fmt: skip
    with registry.store.writing() as db:
        shadow_results.add(db, sha256, found, registry.loaded.hash, Span(judged=parts, busy=3), (1, 2))


def activate(registry: Registry, model: Path, one: Person = ANNA, two: Person = BEN) -> str:
    """The whole way, as if shadow had gone well."""
    sha256 = registry.register(model, documents(model), {}, one).sha256
    registry.shadow(sha256, one, "")
    with registry.store.reading() as db:
        present = registry.present(db)
    judged(registry, sha256, active=present)
    assert registry.propose(sha256, one, "better") == []
    assert registry.release(sha256, two, "looked at it") == sha256
    return sha256


def told(registry: Registry) -> Pointer:
    found = read_pointer(registry.folder, registry.product, registry.config.keys.signers)
    assert found is not None
    return found


def test_a_registered_model_is_known_with_everything(registry: Registry, tmp_path: Path) -> None:
    model = twin(tmp_path, "second")
    found = registry.register(model, documents(model), {"jetson": 4.5}, ANNA)
    assert (found.sha256, found.name, found.who, found.licence) == (sha_of(model), "second", "Anna", Model(model).card.licence)
    assert found.data_hash == found.card["data_hash"] != ""
    assert found.code.startswith("gutteil ")
    assert model_path(registry.folder, found.sha256).read_bytes() == model.read_bytes()
    with registry.store.reading() as db:
        latency = rows.document(db, found.sha256, registry.product, "latency")
        recipe = rows.document(db, found.sha256, registry.product, "recipe")
        assert rows.find(db, found.sha256[:6]) == rows.find(db, "second") == found
        with pytest.raises(RegistryError, match="no model is called 'third'"):
            rows.find(db, "third")
    assert latency is not None
    assert latency.pop("jetson") == 4.5
    assert all(ms > 0 for ms in latency.values())
    assert len(latency) == 1, "and as measured here"
    assert recipe is not None
    assert recipe["hash"] == registry.loaded.hash


def test_what_does_not_fit_is_refused_and_leaves_nothing(registry: Registry, tmp_path: Path) -> None:
    model, other = twin(tmp_path, "second"), finds_always(tmp_path)
    broken = tmp_path / "broken.json"
    for content, words in ((b"[]", "no JSON object"), (b"\xff", "is not JSON"), (b"[" * 99_999, "is not JSON")):
        broken.write_bytes(content)
        with pytest.raises(RegistryError, match=words):
            registry.register(model, documents(model) | {"parity": broken}, {}, ANNA)
    with pytest.raises(RegistryError, match="about another model"):
        registry.register(model, documents(other), {}, ANNA)
    with pytest.raises(RegistryError, match="check the path"):
        registry.register(model, documents(model) | {"evaluation": tmp_path / "none"}, {}, ANNA)
    (tmp_path / "no.onnx").write_bytes(b"no model")
    with pytest.raises(ModelError, match="not a usable ONNX file"):
        registry.register(tmp_path / "no.onnx", documents(tmp_path / "no.onnx"), {}, ANNA)
    assert not list((registry.folder / "models").glob("*"))
    assert registry.store.audit(10) == []


def test_the_way_there_and_back_over_two_models(registry: Registry, tmp_path: Path) -> None:
    with pytest.raises(RegistryError, match="no way back"):
        registry.rollback(BEN, "")
    first = activate(registry, twin(tmp_path, "first"))
    assert (told(registry).sha256, told(registry).previous) == (first, "")
    second = activate(registry, twin(tmp_path, "second"), BEN, ANNA)
    assert (told(registry).sha256, told(registry).previous) == (second, first)
    assert Switch(registry.config).judge(registry.loaded).model.file_hash == second, "what a station that starts now runs"
    with pytest.raises(RegistryError, match="to take it back: gutteil models rollback"):
        registry.retire(second, ANNA, "")
    assert registry.rollback(ANNA, "rejects too many") == first
    assert (told(registry).sha256, told(registry).previous) == (first, "")
    assert registry.rollback(ANNA, "this one too") == ""
    assert (told(registry).sha256, told(registry).previous) == ("", None)
    assert Switch(registry.config).judge(registry.loaded).model.path == registry.loaded.model_file
    with pytest.raises(RegistryError, match="no way back"):
        registry.rollback(ANNA, "")
    with registry.store.reading() as db:
        assert set(rows.states(db).values()) == {"retired"}
    # what was taken back begins again, and needs everything anew
    registry.register(tmp_path / "second.onnx", documents(tmp_path / "second.onnx"), {}, ANNA)
    registry.shadow("second", ANNA, "")
    assert [line.partition(";")[0] for line in registry.gate("second")] == [
        "shadow: 0 of 2 parts (registry.min_shadow_parts) judged under the present recipe beside the present model",
        "two people: nobody has proposed it",
    ]
    assert registry.store.verify_audit().holds


def test_the_gate_counts_what_was_judged_under_the_present_recipe_and_beside_the_present_model(registry: Registry, tmp_path: Path) -> None:
    model = twin(tmp_path, "second")
    sha256 = registry.register(model, documents(model, passed=False), {}, ANNA).sha256
    registry.shadow("second", ANNA, "")
    judged(registry, sha256, active="b" * 64)
    assert [line.partition(":")[0] for line in registry.propose("second", ANNA, "")] == ["parity", "shadow"]
    with pytest.raises(RegistryError, match=r"may not be released yet:\n  parity: .*\n  shadow: 0 of 2"):
        registry.release("second", BEN, "")
    (refused, *_) = registry.store.audit(1)
    assert (refused.op, refused.accepted) == ("model-release", False)
    assert not pointer_file(registry.folder, registry.product).exists()


def test_a_new_escape_among_reviewed_parts_shuts_the_gate(registry: Registry, tmp_path: Path) -> None:
    model = twin(tmp_path, "second")
    sha256 = registry.register(model, documents(model), {}, ANNA).sha256
    registry.shadow("second", ANNA, "")
    judged(registry, sha256, words=("NG", "OK"))
    assert "reviews: 0 of 1" in registry.propose("second", ANNA, "")[0]
    with registry.store.writing() as db:
        db.execute("INSERT INTO inspections (part_id, station, trigger_id, trigger_wall_ns, simulated) VALUES ('P1', 'S1', 1, 1, 1)")
    registry.store.review("P1", "Ben", "bad")
    assert [line.partition(":")[0] for line in registry.gate("second")] == ["escapes"]
    registry.store.review("P1", "Ben", "good", note="dust")
    assert registry.gate("second") == []


def test_only_one_is_in_shadow(registry: Registry, tmp_path: Path) -> None:
    for name in ("first", "second"):
        registry.register(twin(tmp_path, name), documents(tmp_path / f"{name}.onnx"), {}, ANNA)
    registry.shadow("first", ANNA, "")
    with pytest.raises(RegistryError, match=r"is in shadow for .*gutteil models retire"):
        registry.shadow("second", ANNA, "")
    registry.retire("first", ANNA, "")
    assert registry.shadow("second", ANNA, "") == "shadow"


def test_nobody_rewrites_it(registry: Registry, tmp_path: Path) -> None:
    sha256 = activate(registry, twin(tmp_path, "first"))
    with sqlite3.connect(registry.store.path) as db:
        for statement in (
            "UPDATE models SET licence = 'mine'",
            "DELETE FROM models",
            f"INSERT OR REPLACE INTO models (sha256, name, bytes, card, data_hash, licence, code, who, wall_ns) VALUES ('{sha256}', 'x', 1, '', '', '', '', 'Eve', 1)",
            "UPDATE model_documents SET document = '{}'",
            "DELETE FROM model_documents",
            "INSERT OR REPLACE INTO model_documents (number, sha256, product, kind, document, document_sha256, who, wall_ns)"
            f" VALUES (1, '{sha256}', 'x', 'parity', '', '', 'Eve', 1)",
            "UPDATE model_states SET who = 'Eve'",
            "DELETE FROM model_states",
            "INSERT OR REPLACE INTO model_states (number, product, sha256, event, state, who, reason, key, signature, wall_ns)"
            f" VALUES (1, 'x', '{sha256}', 'release', 'active', 'Eve', '', '', '', 1)",
            "UPDATE shadow_results SET verdict = 'OK'",
            "DELETE FROM shadow_results",
            "INSERT OR REPLACE INTO shadow_results (sha256, part_id, recipe_hash, active_sha256, active_verdict, verdict, active_score, score, wall_ns)"
            f" VALUES ('{sha256}', 'P1', '', '', 'OK', 'OK', 0, 0, 1)",
            "DELETE FROM shadow_spans",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append only"):
                db.execute(statement)


def test_the_pointer_is_written_anew_where_it_was_lost_or_damaged(registry: Registry, tmp_path: Path) -> None:
    assert registry.point() is None
    sha256 = activate(registry, twin(tmp_path, "first"))
    file = pointer_file(registry.folder, registry.product)
    whole = file.read_bytes()
    for wrong in (whole[:-40], b"", b"{}", whole.replace(b'"Anna"', b'"Annb"'), b"{" * 30_000, whole.replace(sha256.encode(), b"b" * 64)):
        file.write_bytes(wrong)
        with pytest.raises(ModelError, match=r"damaged, or was altered by hand.*gutteil models point"):
            told(registry)
        with pytest.raises(ModelError, match="damaged"):
            Switch(registry.config).judge(registry.loaded)
    assert registry.point() == sha256
    assert file.read_bytes() == whole
    write_pointer(registry.folder, msgspec.structs.replace(told(registry), product="another"))
    pointer_file(registry.folder, "another").rename(file)
    with pytest.raises(ModelError, match="is of the product 'another'"):
        told(registry)


def test_an_order_needs_a_name_and_no_key_where_nobody_signs(registry: Registry, tmp_path: Path) -> None:
    assert person(registry.config, " Anna ", None) == ANNA
    with pytest.raises(StoreError, match="--who"):
        person(registry.config, " ", None)
    with pytest.raises(KeysError, match="nobody could check"):
        person(registry.config, "Anna", tmp_path / "anna.json")
    with pytest.raises(SettingsError, match=r"no recipe of the settings.*simulated-circuit-board"):
        Registry(registry.store, registry.config, "bolts")


@pytest.fixture
def people(tmp_path: Path) -> dict[str, Path]:
    """Signing keys by name."""
    return {name: add_signer(tmp_path / "keys", name) for name in ("anna", "ben", "carl")}


@pytest.fixture
def keyed(tmp_path: Path, people: dict[str, Path]) -> Iterator[Registry]:
    config = settings(tmp_path, min_shadow_parts=2, min_reviews=0).model_copy(
        update={"keys": Keys(signers=str(tmp_path / "keys" / SIGNERS))}
    )
    with registry_in(config) as found:
        yield found


def signed_twin(folder: Path, name: str, key: Path) -> Path:
    path = twin(folder, name)
    model = Model(path)
    sign_model(path, model.file_hash, model.card, read_pair(key))
    return path


def test_with_keys_everything_is_signed_by_whom_it_says(keyed: Registry, people: dict[str, Path], tmp_path: Path) -> None:
    config = keyed.config
    anna, ben = (person(config, "", people[n]) for n in ("anna", "ben"))
    assert (anna.who, anna.key) == ("anna", "anna")
    with pytest.raises(KeysError, match="--key"):
        person(config, "anna", None)
    with pytest.raises(KeysError, match="does not go with the key of 'ben'"):
        person(config, "anna", people["ben"])
    with pytest.raises(KeysError, match="not listed"):
        person(config, "", add_signer(tmp_path / "elsewhere", "anna"))
    with pytest.raises(ModelError, match="is not signed"):
        keyed.register(twin(tmp_path, "unsigned"), documents(tmp_path / "unsigned.onnx"), {}, anna)
    first = activate(keyed, signed_twin(tmp_path, "first", people["carl"]), anna, ben)
    assert Switch(config).judge(keyed.loaded).model.signer == "carl"
    second = keyed.register(signed_twin(tmp_path, "second", people["carl"]), documents(tmp_path / "second.onnx"), {}, anna).sha256
    keyed.shadow(second, anna, "")
    judged(keyed, second, active=first)
    keyed.propose(second, anna, "")
    with pytest.raises(RegistryError, match="anna has proposed it"):
        keyed.release(second, anna, "")
    keyed.release(second, ben, "")
    assert keyed.rollback(ben, "") == first
    assert [s.event for s in told(keyed).statements] == ["propose", "release", "rollback"]
    assert Switch(config).judge(keyed.loaded).model.file_hash == first


def test_with_keys_a_pointer_that_two_people_did_not_sign_is_refused(keyed: Registry, people: dict[str, Path], tmp_path: Path) -> None:
    anna, ben = (person(keyed.config, "", people[n]) for n in ("anna", "ben"))
    first = activate(keyed, signed_twin(tmp_path, "first", people["carl"]), anna, ben)
    good = told(keyed)
    proposed, released = good.statements
    change = msgspec.structs.replace
    forged = keyed._signed("release", first, anna, released.wall_ns)
    for pointer, words in (
        (change(good, statements=[]), "nobody signed"),
        (change(good, statements=[released]), "nobody signed"),
        (change(good, statements=[proposed, change(released, who="anna")]), "signature of anna does not fit"),
        (change(good, statements=[proposed, change(released, who="anna", signature=forged)]), "the same key proposed and released"),
        (change(good, statements=[proposed, change(released, wall_ns=1)]), "does not fit"),
        (change(good, sha256=OWN), "of another model or product"),
        (change(good, sha256="", statements=[]), "nobody signed the way back"),
        (change(good, statements=[proposed, change(released, signature="zz")]), "does not fit"),
    ):
        write_pointer(keyed.folder, pointer)
        with pytest.raises(ModelError, match=words):
            told(keyed)
    keyed.point()
    kept = model_path(keyed.folder, first)
    signature_file(kept).unlink()
    with pytest.raises(ModelError, match="is not signed"):
        Switch(keyed.config).judge(keyed.loaded)


def test_the_command_line(tmp_path: Path) -> None:
    config: Station = settings(tmp_path, min_shadow_parts=2, min_reviews=0)
    path, model = write_config(config, tmp_path), twin(tmp_path, "second")

    def gutteil(*words: str, ok: bool = True) -> str:
        done = CliRunner().invoke(app, ["models", *words, "--config", str(path)])
        assert (done.exit_code == 0) == ok, (done.stdout, done.exception)
        return done.stdout + str(done.exception or "")

    papers = documents(model)
    given = ("register", str(model), "--parity", str(papers["parity"]), "--evaluation", str(papers["evaluation"]), "--who", "Anna")
    with registry_in(config) as registry:
        assert "is a candidate" in gutteil(*given, "--latency", "orin=4.2")
        assert "give DEVICE=MS" in gutteil(*given, "--latency", "orin", ok=False)
        assert "in shadow" in gutteil("shadow", "second", "--who", "Anna")
        assert "shadow: 0 of 2" in gutteil("gate", "second", ok=False)
        judged(registry, sha_of(model))
        assert "the gate misses nothing" in gutteil("propose", "second", "--who", "Anna")
        assert "two people" in gutteil("release", "second", "--who", "anna", ok=False)
        assert "is active" in gutteil("release", "second", "--who", "Ben")
        document = json.loads(gutteil("list", "--json"))
        assert document["active"] == document["station"] == sha_of(model)
        assert (document["before"], document["wrong"]) == ("", "")
        assert document["models"][0]["shadow"]["busy"] == 3
        assert "a rollback goes back to: the recipe's own model" in gutteil("list")
        shown = json.loads(gutteil("show", "second", "--json"))
        assert [row["event"] for row in shown["history"]] == ["register", "shadow", "propose", "release"]
        lines = gutteil("show", "second")
        for words in (
            sha_of(model)[:40],
            "parity            passed, 20 images",
            "escape            0 of 10",
            "ms on orin",
            "release, by Ben",
        ):
            assert words in lines, words
        assert "{" not in lines
        assert "active again" in gutteil("rollback", "--who", "Ben", "--reason", "scratches")
        assert "the model of the recipe" in gutteil("point")
        assert "no model is in shadow" in gutteil("disagreements", ok=False)
        assert json.loads(gutteil("disagreements", "second", "--json"))["differ"] == 0


def test_without_a_record_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    path = write_config(settings(tmp_path), tmp_path)
    for words in (["list"], ["shadow", "m", "--who", "Anna"], ["disagreements"]):
        done = CliRunner().invoke(app, ["models", *words, "--config", str(path)])
        assert "there is no record yet; `gutteil run` makes it" in str(done.exception)


@pytest.mark.parametrize(
    ("kind", "fields", "words"),
    [
        ("evaluation", {"passed": True}, "--evaluation .*says nothing of escapes"),
        ("parity", {"escape": {"of": 3}}, "--parity .*says nothing of parity"),
        ("parity", {"passed": "yes"}, "--parity .*says nothing of parity"),
    ],
)
def test_one_document_is_not_taken_for_the_other(tmp_path: Path, kind: str, fields: dict[str, object], words: str) -> None:
    path = tmp_path / "document.json"
    path.write_text(json.dumps({"model_sha256": "0" * 64} | fields))
    with pytest.raises(RegistryError, match=words):
        read_document(path, kind)
