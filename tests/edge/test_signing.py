"""Signatures: whose they are, and what does not pass as one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from edge.appliance import DEMO_RECIPE
from edge.card import with_card
from edge.cli import app
from edge.config import Keys, Record, Station
from edge.doctor import examine
from edge.errors import KeysError, ModelError
from edge.model import Model, RuntimeOptions
from edge.processes import SETTINGS_WRONG
from edge.rig import own_ports, write_config
from edge.signing import SIGNERS, add_signer, read_pair, revoke_signer, sign, sign_model, signature_file, signers, verify
from tests.edge.tiny_models import tiny_card, tiny_file, tiny_onnx


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder in which Anna and Ben may sign."""
    for name in ("anna", "ben"):
        add_signer(tmp_path / "keys", name)
    return tmp_path / "keys"


def load(path: Path, keys: Path) -> Model:
    return Model(path, RuntimeOptions(("cpu",), 1, False, str(keys / SIGNERS)))


@pytest.fixture
def signed(tmp_path: Path, keys: Path) -> Path:
    path = tiny_file(tmp_path)
    model = Model(path, RuntimeOptions(("cpu",), 1, False))
    sign_model(path, model.file_hash, model.card, read_pair(keys / "give" / "anna-sign.json"))
    return path


def test_a_signed_model_is_taken_and_its_signer_known(signed: Path, keys: Path) -> None:
    assert load(signed, keys).signer == "anna"


def test_without_keys_nothing_is_asked(tmp_path: Path) -> None:
    assert Model(tiny_file(tmp_path), RuntimeOptions(("cpu",), 1, False)).signer == ""


def test_what_is_not_signed_is_refused_with_the_next_step(tmp_path: Path, keys: Path) -> None:
    with pytest.raises(ModelError, match=r"is not signed, and keys.signers wants that.*gutteil models sign tiny.onnx"):
        load(tiny_file(tmp_path), keys)


def test_an_altered_card_is_refused_though_its_seal_is_whole(signed: Path, keys: Path) -> None:
    card = tiny_card(licence="CC-BY-4.0")  # sealed anew, as whoever alters it can
    signed.write_bytes(with_card(tiny_onnx(card), card))
    Model(signed, RuntimeOptions(("cpu",), 1, False))
    with pytest.raises(ModelError, match="the signature is of another file"):
        load(signed, keys)
    # also where the sidecar is made to say that it is of this one
    found = json.loads(signature_file(signed).read_text())
    found["sha256"] = Model(signed, RuntimeOptions(("cpu",), 1, False)).file_hash
    signature_file(signed).write_text(json.dumps(found))
    with pytest.raises(ModelError, match="does not fit this model: it was altered"):
        load(signed, keys)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no signature of this release"),
        (b"[]", "no signature of this release"),
        (b'{"v":1,"sha256":"' + b"a" * 64 + b'","signer":"../x","signature":"' + b"0" * 128 + b'"}', "no signature of this release"),
        (b"{" * 100_000, "no signature of this release"),
        (b"x" * 100_000, "no signature of this release"),
    ],
)
def test_a_hostile_signature_file(signed: Path, keys: Path, content: bytes, words: str) -> None:
    signature_file(signed).write_bytes(content)
    with pytest.raises(ModelError, match=words):
        load(signed, keys)


def test_one_altered_digit_of_a_signature_and_another_signers_name(signed: Path, keys: Path) -> None:
    whole = json.loads(signature_file(signed).read_text())
    for change in ({"signature": f"{int(whole['signature'][0], 16) ^ 1:x}" + whole["signature"][1:]}, {"signer": "ben"}):
        signature_file(signed).write_text(json.dumps(whole | change))
        with pytest.raises(ModelError, match="does not fit this model"):
            load(signed, keys)


def test_a_signer_who_is_not_listed_or_no_more(signed: Path, keys: Path, tmp_path: Path) -> None:
    add_signer(tmp_path / "others", "anna")  # the same name, another key
    with pytest.raises(ModelError, match="does not fit this model"):
        load(signed, tmp_path / "others")
    revoke_signer(keys, "anna")
    with pytest.raises(ModelError, match="'anna' may not sign"):
        load(signed, keys)
    assert set(signers(keys / SIGNERS)) == {"ben"}


def test_what_it_is_for_is_signed_too(keys: Path) -> None:
    pair = read_pair(keys / "give" / "anna-sign.json")
    signature = sign(pair, "model", {"a": 1})
    verify(keys / SIGNERS, "anna", "model", {"a": 1}, signature)
    for what, fields in (("statement", {"a": 1}), ("model", {"a": 2})):
        with pytest.raises(KeysError, match="does not fit"):
            verify(keys / SIGNERS, "anna", what, fields, signature)  # type: ignore[arg-type]


def test_secrets_are_private_and_never_told(keys: Path) -> None:
    path = keys / "give" / "anna-sign.json"
    pair = read_pair(path)
    assert pair.secret not in repr(pair)
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    with pytest.raises(KeysError, match="chmod 600") as error:
        read_pair(path)
    assert pair.secret not in str(error.value)
    path.chmod(0o600)
    path.write_bytes(msgspec.json.encode(msgspec.structs.replace(pair, public="0" * 64)))
    with pytest.raises(KeysError, match="do not belong together"):
        read_pair(path)


def test_a_list_that_others_may_write_counts_for_nothing(signed: Path, keys: Path) -> None:
    (keys / SIGNERS / "anna.json").chmod(0o666)
    with pytest.raises(ModelError, match="other users may read or change it"):
        load(signed, keys)


def test_the_keys_command_lists_signers_beside_clients(tmp_path: Path) -> None:
    folder = str(tmp_path / "keys")

    def keys(*options: str) -> str:
        return CliRunner().invoke(app, ["keys", "--folder", folder, *options], catch_exceptions=False).stdout

    said = keys("--add", "carla", "--role", "sign")
    assert "carla" in said
    keys()  # the bus's own keys beside them
    keys("--add", "dan", "--role", "sign", "--public", "0" * 64)
    roles = {c["name"]: c["role"] for c in json.loads(keys("--list", "--json"))}
    assert roles["carla"] == roles["dan"] == "sign"
    assert roles["own-watch"] == "watch"
    with pytest.raises(KeysError, match="may sign already"):
        keys("--add", "carla", "--role", "sign")
    with pytest.raises(KeysError, match="cannot be"):
        keys("--add", "../carla", "--role", "sign")
    assert "carla" not in keys("--revoke", "carla")


def test_the_station_itself_does_not_start_with_what_is_not_signed(tmp_path: Path, keys: Path) -> None:
    asked = own_ports(
        Station(recipe=str(DEMO_RECIPE), keys=Keys(signers=str(keys / SIGNERS)), record=Record(folder=str(tmp_path / "data")))
    )
    for config, doctor_says in ((asked, "is not signed, and keys.signers wants that"), (Station(recipe=str(DEMO_RECIPE)), "signatures are not asked for")):  # fmt: skip
        said = {f.what: f.text for f in examine(write_config(config, tmp_path))}
        assert doctor_says in said["model"]
    file = write_config(asked, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "edge.cli", "station", "--config", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == SETTINGS_WRONG, "starting it again would not help"
    assert "board.onnx: is not signed, and keys.signers wants that" in done.stderr
