"""Which model is active for a product: one small file per product, `models/active-PRODUCT.json` in the record's folder.

The station reads it when it starts and watches it; so a station that starts anew runs the same model as before. It is replaced in
one step and carries a hash of its content. Where people sign (keys.signers), it proves by two signatures that one person
proposed this model and another released it: whoever may write the file can then still not make a model active by it.
"""

from __future__ import annotations

import hashlib
import unicodedata
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from edge.errors import KeysError, ModelError
from edge.places import file_name
from edge.signing import verify
from edge.whole import write_whole

FOLDER = "models"
MAX_BYTES = 20_000
Said = Literal["propose", "release", "rollback"]
Sha = Annotated[str, Meta(pattern=r"^([0-9a-f]{64})?\Z")]


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a person said of a model; `signature` is over the other fields, empty where nobody signs.

    Attributes:
        sha256: of the model; empty = the recipe's own.
    """

    event: Said
    product: Annotated[str, Meta(max_length=64)]
    sha256: Sha
    who: Annotated[str, Meta(min_length=1, max_length=200)]
    wall_ns: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    signature: Annotated[str, Meta(max_length=128)] = ""

    def signed(self) -> dict[str, str | int]:
        """What the signature is over."""
        return {n: getattr(self, n) for n in self.__struct_fields__ if n != "signature"}


class Pointer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of the file.

    Attributes:
        sha256: of the model that judges; empty = the recipe's own.
        previous: what a rollback goes back to; None = nothing: the recipe's own judges and nothing came before it.
        statements: who made it so.
        hash: SHA-256 of all that with an empty hash.
    """

    v: Literal[1] = 1
    product: Annotated[str, Meta(max_length=64)]
    sha256: Sha
    previous: Sha | None
    statements: Annotated[list[Statement], Meta(max_length=4)]
    hash: Annotated[str, Meta(max_length=64)] = ""


def pointer_file(folder: Path, product: str) -> Path:
    """`folder` is the record's."""
    return folder / FOLDER / f"active-{file_name(product)}.json"


def model_path(folder: Path, sha256: str) -> Path:
    """Where the registry keeps a model; `folder` is the record's."""
    return folder / FOLDER / f"{sha256}.onnx"


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Replace the file in one step.

    Raises:
        OSError: no room, no rights.
    """
    sealed = msgspec.structs.replace(pointer, hash=_hash(pointer))
    write_whole(pointer_file(folder, pointer.product), msgspec.json.format(msgspec.json.encode(sealed), indent=2) + b"\n")


def read_pointer(folder: Path, product: str, signers: str) -> Pointer | None:
    """The pointer of a product, looked at with suspicion; None where there is none.

    Raises:
        ModelError: damaged, of another product, or not signed by two people of `signers` (empty = nobody need sign).
    """
    file = pointer_file(folder, product)
    remedy = "write it anew as the record says: gutteil models point; or go back: gutteil models rollback"
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_BYTES + 1)
        found = msgspec.json.decode(data, type=Pointer) if len(data) <= MAX_BYTES else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{file}: cannot be read ({error.strerror}); {remedy}") from error
    except (msgspec.MsgspecError, ValueError, RecursionError):
        found = None
    if found is None or found.hash != _hash(found):
        raise ModelError(f"{file}: is damaged, or was altered by hand; {remedy}")
    if found.product != product:
        raise ModelError(f"{file}: is of the product {found.product!r}, not of {product!r}; {remedy}")
    if signers:
        try:
            check_signed(found, Path(signers))
        except KeysError as error:
            raise ModelError(f"{file}: {error}; {remedy}") from error
    return found


def check_signed(pointer: Pointer, signers: Path) -> None:
    """Whether two different people have signed for this model, and somebody for a rollback.

    Raises:
        KeysError: not so.
    """
    keys = {}
    for statement in pointer.statements:
        if (statement.product, statement.sha256) != (pointer.product, pointer.sha256):
            raise KeysError(f"what {statement.who} signed is of another model or product")
        keys[statement.event] = verify(signers, statement.who, "statement", statement.signed(), statement.signature).public
    if pointer.sha256 and not {"propose", "release"} <= set(keys):
        raise KeysError("nobody signed that this model was proposed and released")
    if not pointer.sha256 and "rollback" not in keys:
        raise KeysError("nobody signed the way back to the recipe's own model")
    if pointer.sha256 and keys["propose"] == keys["release"]:
        raise KeysError("the same key proposed and released this model; two people are needed")


def same_person(one: str, other: str) -> bool:
    """Whether two names are the same but for case, blanks and the way they are typed."""
    a, b = (" ".join(unicodedata.normalize("NFKC", n).casefold().split()) for n in (one, other))
    return a == b


def _hash(pointer: Pointer) -> str:
    return hashlib.sha256(msgspec.json.encode(msgspec.structs.replace(pointer, hash=""), order="sorted")).hexdigest()
