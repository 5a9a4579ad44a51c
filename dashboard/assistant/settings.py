"""The assistant's settings: a file of its own, since one assistant serves all lines and offices of a company."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from edge.settings import Block, read_toml, under


class Store(Block):
    """Where the safe is and what opens it when nobody types a passphrase."""

    folder: str = Field("assistant", min_length=1, description="folder of the safe, relative to the settings file")
    key_file: str = Field("", description="file that opens the safe, relative to the settings file; empty = the passphrase is asked for")
    credential: str = Field("", description="name of a systemd credential that opens the safe (LoadCredentialEncrypted=NAME:FILE)")

    @model_validator(mode="after")
    def _one(self) -> Store:
        if self.key_file and self.credential:
            raise ValueError("store.key_file and store.credential both open the safe; set one of them")
        return self


class Embedding(Block):
    """The model that turns questions and passages into vectors: an ONNX folder with model.onnx and tokenizer.json."""

    folder: str = Field("", description="the folder, relative to the settings file; empty = search by words alone")
    pooling: Literal["mean", "first"] = Field("mean", description="a text's vector: the mean of its words' vectors, or the first one")
    query_prefix: str = Field("", max_length=200, description='put before a question ("query: " for E5 models)')
    passage_prefix: str = Field("", max_length=200, description='put before a passage ("passage: " for E5 models)')
    max_tokens: int = Field(256, ge=16, le=8192, description="what of a passage the model reads")
    threads: int = Field(2, ge=1, le=64, description="CPU threads of the model; the station has priority")
    weight_de: float = Field(
        0.0, ge=0, le=10, description="how much vectors count beside words for German questions; 0 for a model that knows only English"
    )
    weight_en: float = Field(1.5, ge=0, le=10, description="the same for English questions")
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$", description="SHA-256 that model.onnx must have; empty = any")


class Assistant(Block):
    """All settings of the assistant."""

    store: Store = Field(default_factory=Store)
    embedding: Embedding = Field(default_factory=Embedding)


def read(path: Path) -> Assistant:
    """The settings file, with its paths made absolute.

    Raises:
        SettingsError: as `read_toml`.
    """
    found = read_toml(path, Assistant)
    store, embedding = found.store, found.embedding
    return Assistant(
        store=store.model_copy(
            update={
                "folder": str(under(path.parent, store.folder)),
                "key_file": str(under(path.parent, store.key_file)) if store.key_file else "",
            }
        ),
        embedding=embedding.model_copy(update={"folder": str(under(path.parent, embedding.folder)) if embedding.folder else ""}),
    )
