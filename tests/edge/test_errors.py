"""What went wrong with a file is said in words: no class of Python's, no address in memory."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from edge.errors import GutteilError, ModelError, reason
from edge.inspect import recipe_for
from edge.judge import Judge
from edge.labelled import read_coco
from edge.model import Model


def caught(do: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as found:  # noqa: PT011 # any, that is the point
        do()
    return found.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (caught(lambda: json.loads('{"a":\n x}')), "no JSON from line 2, column 2 on"),
        (caught(b"\xff".decode), "not text in UTF-8"),
        (caught(lambda: json.loads("{}")["images"]), "has no 'images'"),
        (caught(lambda: json.loads("5")["a"]), "a value is not of the kind that belongs there"),
        (caught(lambda: Image.open(io.BytesIO(b"none"))), "cannot identify image file"),
        (ValueError("a\nb"), "a"),
        (ValueError(), "damaged, or of another kind"),
    ],
)
def test_reasons(error: Exception, words: str) -> None:
    assert reason(error) == words


@pytest.mark.parametrize("content", ["", "[]", "{", '{"images": 5, "annotations": [], "categories": []}', '{"images": [7]}', "[" * 90_000])
def test_a_file_that_is_no_set_is_said_to_be_none_in_words(content: str, tmp_path: Path) -> None:
    file = tmp_path / "set.json"
    file.write_text(content)
    text = str(caught(lambda: read_coco(file)))
    assert text.startswith(f"{file}: not a COCO file: ")
    assert not {"Error", "object", "0x", "'int'", "'list'"} & set(text.replace(":", " ").split())


def test_a_missing_model_is_looked_for_where_it_was_named(tmp_path: Path) -> None:
    gone = tmp_path / "gone.onnx"
    (tmp_path / "r.toml").write_text('product = "p"\nmodel = { file = "gone.onnx" }\n')
    named: list[tuple[Callable[[], Any], str]] = [
        (lambda: Judge(recipe_for(tmp_path / "r.toml", None)), "check model.file in the recipe"),
        (lambda: Judge(recipe_for(tmp_path / "r.toml", gone), model_file=gone), "check the path given"),
        (lambda: Judge(recipe_for(tmp_path / "r.toml", gone), model_file=gone, sha256="a" * 64), "register it again"),
        (lambda: Model(gone), "check the path given"),
    ]
    for do, words in named:
        error = caught(do)
        assert isinstance(error, ModelError | GutteilError)
        assert str(error).startswith(f"{gone}: cannot be read")
        assert words in str(error)
