"""Tiny ONNX files, made in the test: one convolution whose output has the layout of a detector."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from edge.card import Card, with_card

TYPES = {"float": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8, "double": TensorProto.DOUBLE}
STRIDE = 8


def tiny_card(**fields: Any) -> Card:
    plain: dict[str, Any] = {
        "name": "tiny", "classes": ["a", "b", "c"], "planes": ["gray"], "width_px": 48, "height_px": 32, "output": "yolo_raw", "licence": "CC0-1.0"
    }  # fmt: skip
    return Card(**plain | fields)


def tiny_onnx(
    card: Card, *, kind: str = "float", dynamic: bool = False, outputs: int = 1, inputs: int = 1, rows: int | None = None
) -> bytes:
    """A model that fits the card: every 8x8 px patch makes one row of its output.

    Args:
        kind: type of the input; the network itself calculates in float, or in float16 for that input.
        dynamic: leave every size of input and output open.
        rows: how many numbers a row has, where that shall not fit the card.
    """
    rng = np.random.default_rng(3)
    columns = rows or (6 if card.output == "yolo_end2end" else 4 + len(card.classes))
    inner: type[Any] = np.float16 if kind == "float16" else np.float32
    weights: np.ndarray[Any, Any] = rng.normal(0, 0.02, (columns, card.channels, STRIDE, STRIDE)).astype(inner)
    bias = np.array([9.0, 8.0, 7.0, 6.0] + [0.5] * (columns - 4)).astype(inner)
    nodes = []
    if kind in ("uint8", "double"):
        nodes.append(helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT))
        weights = weights / np.float32(255) if kind == "uint8" else weights
    first = nodes[-1].output[0] if nodes else "images"
    if card.output == "yolo_end2end":
        weights[5], bias[5] = 0, 1  # the class
    nodes.append(helper.make_node("Conv", [first, "weights", "bias"], ["cells"], strides=[STRIDE, STRIDE], kernel_shape=[STRIDE, STRIDE]))
    nodes.append(helper.make_node("Reshape", ["cells", "shape"], ["columns"]))
    if card.output == "yolo_end2end":
        nodes.append(helper.make_node("Transpose", ["columns"], ["output"], perm=[0, 2, 1]))
    else:
        nodes.append(helper.make_node("Identity", ["columns"], ["output"]))
    cells = (card.height_px // STRIDE) * (card.width_px // STRIDE)
    fixed: list[int | str] = [1, cells, columns] if card.output == "yolo_end2end" else [1, columns, cells]
    size: list[int | str] = [1, card.channels, card.height_px, card.width_px]
    out_type = TYPES["float16"] if kind == "float16" else TYPES["float"]
    given = [helper.make_tensor_value_info("images", TYPES[kind], ["n", "c", "h", "w"] if dynamic else size)]
    if inputs > 1:
        given.append(helper.make_tensor_value_info("more", TYPES["float"], [1]))
    made = [helper.make_tensor_value_info("output", out_type, ["a", "b", "c"] if dynamic else fixed)]
    if outputs > 1:
        nodes.append(helper.make_node("Identity", ["output"], ["more_output"]))
        made.append(helper.make_tensor_value_info("more_output", out_type, fixed))
    constants = [
        numpy_helper.from_array(weights, "weights"),
        numpy_helper.from_array(bias, "bias"),
        numpy_helper.from_array(np.array([1, columns, -1], np.int64), "shape"),
    ]
    graph = helper.make_graph(nodes, "tiny", given, made, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def tiny_file(folder: Path, card: Card | None = None, **how: Any) -> Path:
    """A tiny model with its sealed card."""
    card = card or tiny_card()
    path = folder / "tiny.onnx"
    path.write_bytes(with_card(tiny_onnx(card, **how), card))
    return path


def constant_onnx(card: Card, output: np.ndarray[Any, Any], kind: str = "float") -> bytes:
    """A model that gives the same output whatever it sees."""
    nodes = [
        helper.make_node("Cast", ["images"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "given"], ["output"]),
    ]
    constants = [numpy_helper.from_array(np.zeros((), np.float32), "zero"), numpy_helper.from_array(output.astype(np.float32), "given")]
    given = [helper.make_tensor_value_info("images", TYPES[kind], [1, card.channels, card.height_px, card.width_px])]
    made = [helper.make_tensor_value_info("output", TensorProto.FLOAT, list(output.shape))]
    model = helper.make_model(
        helper.make_graph(nodes, "c", given, made, constants), opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    return bytes(model.SerializeToString())
