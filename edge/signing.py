"""Signatures of people (Ed25519, RFC 8032): on a model, and on who proposed, released or rolled back one.

    keys/signers/NAME.json   who may sign: name and public key, no secret; copied to every appliance (keys.signers)
    keys/give/NAME-sign.json the pair with its secret: to be carried to the person, and then deleted

A model's signature lies beside it, in MODEL.onnx.sig. It is over the SHA-256 of the file and every field of its card.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec import Meta

from edge.card import Card
from edge.errors import KeysError, ModelError
from edge.keyfile import in_words, private, read, write
from edge.whole import write_whole

SIGNERS: Final = "signers"
MAX_SIGNERS = 200
MAX_SIGNATURE_BYTES = 4_096
What = Literal["model", "statement"]
SignerName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,32}\Z")]
Hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Hex64 = Annotated[str, Meta(pattern=r"^[0-9a-f]{128}\Z")]


class Signer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Somebody whose signature counts."""

    v: Literal[1] = 1
    name: SignerName
    public: Hex32


class SignerPair(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person signs with."""

    v: Literal[1] = 1
    name: SignerName
    public: Hex32
    secret: Hex32

    def __repr__(self) -> str:
        return f"SignerPair(name={self.name!r}, public={self.public!r})"


class ModelSignature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What lies beside a model."""

    v: Literal[1] = 1
    sha256: Hex32
    signer: SignerName
    signature: Hex64


def add_signer(folder: Path, name: str, public: str = "") -> Path:
    """List a person below `folder`, the folder of the keys; returns the file to carry to them. With `public` they have made their
    pair themselves and keep the secret; the file is then the one in the list.

    Raises:
        KeysError: the name is taken or impossible, the key is none, the folder cannot be written.
    """
    try:
        msgspec.convert(name, SignerName)
        msgspec.convert(public or "0" * 64, Hex32)
    except msgspec.ValidationError as error:
        raise KeysError(
            f"name {name!r} or public key {public!r} cannot be: a name has up to 32 of A-Z a-z 0-9 _ -, a public key of a signer 64 hex digits"
        ) from error
    with in_words(folder):
        for place in (folder, folder / SIGNERS, folder / "give"):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
            private(place)
        known = signers(folder / SIGNERS)
        if name in known or public in {s.public for s in known.values()}:
            raise KeysError(f"{name} or this public key may sign already; revoke it first (gutteil keys --folder {folder} --revoke {name})")
        if len(known) >= MAX_SIGNERS:
            raise KeysError(f"{MAX_SIGNERS} people may sign, that is the most; revoke those who do not any more")
        given = folder / SIGNERS / f"{name}.json"
        if not public:
            secret = Ed25519PrivateKey.generate()
            public = secret.public_key().public_bytes_raw().hex()
            given = folder / "give" / f"{name}-sign.json"
            write(given, SignerPair(name=name, public=public, secret=secret.private_bytes_raw().hex()))
        write(folder / SIGNERS / f"{name}.json", Signer(name=name, public=public))
    return given


def revoke_signer(folder: Path, name: str) -> None:
    """Take a person off the list: what they signed does not count any more, from the next time it is looked at.

    Raises:
        KeysError: no such person.
    """
    if name not in signers(folder / SIGNERS):
        raise KeysError(f"{name} may not sign anyway; those who may: {', '.join(signers(folder / SIGNERS)) or 'nobody'}")
    with in_words(folder):
        (folder / SIGNERS / f"{name}.json").unlink()
        (folder / "give" / f"{name}-sign.json").unlink(missing_ok=True)


def signers(folder: Path) -> dict[str, Signer]:
    """Who may sign, by name; `folder` is the one of the list.

    Raises:
        KeysError: the list is readable by others or missing, or a file in it is none of ours.
    """
    with in_words(folder):
        private(folder)
        names = sorted(n for n in os.listdir(folder) if n.endswith(".json"))[:MAX_SIGNERS]
    found = [read(folder / n, Signer) for n in names]
    for name, signer in zip(names, found, strict=True):
        if name != f"{signer.name}.json":
            raise KeysError(f"{folder / name}: holds the key of {signer.name!r}; a file is named as its signer")
    return {s.name: s for s in found}


def read_pair(path: Path) -> SignerPair:
    """A person's own key.

    Raises:
        KeysError: missing, damaged, or readable by others; the text holds no secret.
    """
    pair = read(path, SignerPair)
    if Ed25519PrivateKey.from_private_bytes(bytes.fromhex(pair.secret)).public_key().public_bytes_raw().hex() != pair.public:
        raise KeysError(f"{path}: its public and its secret key do not belong together; have a new one made")
    return pair


def sign(pair: SignerPair, what: What, fields: Any) -> str:
    """A signature in hex over what it is for and its fields as JSON with sorted keys."""
    return Ed25519PrivateKey.from_private_bytes(bytes.fromhex(pair.secret)).sign(_payload(what, fields)).hex()


def verify(folder: Path, name: str, what: What, fields: Any, signature: str) -> Signer:
    """Whether the signature of the person of this name is on it.

    Raises:
        KeysError: it is not, or the person may not sign; as `signers`.
    """
    signer = signers(folder).get(name)
    if signer is None:
        raise KeysError(f"{name!r} may not sign: not in {folder}; list the name with: gutteil keys --folder KEYS --add NAME --role sign")
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer.public)).verify(bytes.fromhex(signature), _payload(what, fields))
    except (InvalidSignature, ValueError) as error:  # a signature that is no hex, a point that is none
        raise KeysError(f"the signature of {name} does not fit this {what}: it was altered, or signed with another key") from error
    return signer


def sign_model(path: Path, sha256: str, card: Card, pair: SignerPair) -> Path:
    """Write the signature beside a model; returns its file.

    Raises:
        KeysError: it cannot be written.
    """
    found = ModelSignature(sha256=sha256, signer=pair.name, signature=sign(pair, "model", _fields(sha256, card)))
    with in_words(path):
        write_whole(signature_file(path), msgspec.json.encode(found) + b"\n")
    return signature_file(path)


def check_model(path: Path, sha256: str, card: Card, folder: Path) -> str:
    """Whether a model is signed by somebody listed in `folder`; returns the signer's name.

    Args:
        sha256, card: of the very bytes that are to run.

    Raises:
        ModelError: unsigned, altered, or signed by somebody who may not.
    """
    file = signature_file(path)
    remedy = f"sign the original with: gutteil models sign {path.name} --key YOUR-KEY.json"
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_SIGNATURE_BYTES)
        found = msgspec.json.decode(data, type=ModelSignature)
    except OSError as error:
        raise ModelError(f"{path}: is not signed, and keys.signers wants that ({file.name}: {error.strerror}); {remedy}") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise ModelError(f"{file}: is no signature of this release; {remedy}") from error
    if found.sha256 != sha256:
        raise ModelError(f"{path}: the signature is of another file ({found.sha256[:12]}..., this one is {sha256[:12]}...); {remedy}")
    try:
        return verify(folder, found.signer, "model", _fields(sha256, card), found.signature).name
    except KeysError as error:
        raise ModelError(f"{path}: {error}; {remedy}") from error


def signature_file(model: Path) -> Path:
    return model.with_name(model.name + ".sig")


def _fields(sha256: str, card: Card) -> Any:
    return {"sha256": sha256, "card": msgspec.to_builtins(card)}


def _payload(what: What, fields: Any) -> bytes:
    return f"gutteil {what} 1\n".encode() + msgspec.json.encode(fields, order="sorted")
