"""The same network in fewer bits: half precision and 8-bit integers, by ONNX Runtime's own tools.

INT8 is static quantisation with QuantizeLinear/DequantizeLinear pairs around convolutions only, per channel for weights,
calibrated on real images that went through the line's own preparation. The tail that turns cells into boxes stays in
float: a box side of 300 px in 256 steps would move by more than a pixel.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import onnx
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

from edge.card import Card, with_card
from edge.errors import ModelError, SettingsError, reason
from edge.inspect import recipe_for
from edge.judge import Judge
from edge.labelled import LabelledImage, read_image
from edge.model import Model
from edge.recipe import LoadedRecipe

Precision = Literal["fp32", "fp16", "int8"]
CALIBRATION_IMAGES = 128


def convert(
    source: Path, target: Path, precision: Precision, calibration: Sequence[LabelledImage], recipe: Path | None, console: Console
) -> Card:
    """Write `source` in another precision, with a card that says so; scores are left out, for they are the source's.

    Args:
        calibration: real images, for int8; an even spread of at most 128 of them is used.

    Raises:
        ModelError: the file cannot be converted, or the result does not run.
        SettingsError: int8 without images.
    """
    loaded = recipe_for(recipe, source)
    model = Model(source)
    card = model.card
    if card.precision != "fp32":
        raise ModelError(f"{source}: is {card.precision} already; convert from the fp32 file")
    try:
        network = onnx.load(str(source))
    except Exception as error:  # protobuf's own kinds
        raise ModelError(f"{source}: not an ONNX file: {reason(error)}; give the .onnx file that `gutteil train` wrote") from error
    del network.metadata_props[:]  # the card of the source; the result gets its own
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes of the converters on their own future
        if precision == "fp16":
            plain = _half(network)
        elif precision == "int8":
            if not calibration:
                raise SettingsError("int8 needs images to calibrate on; give --calibrate SET.json")
            plain = _integers(network, _Calibration(model, loaded, calibration, network.graph.input[0].name, console))
        else:
            plain = network.SerializeToString()
    changed = msgspec.structs.replace(card, precision=precision, scores={}, scored_on="")
    target.write_bytes(with_card(plain, changed))
    Judge(loaded, model_file=target)  # it runs, and fits its card
    return changed


def _half(network: Any) -> bytes:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    # boxes reach thousands of px, where half precision counts in whole ones: the tail from the heads on stays in float
    made = convert_float_to_float16(network, keep_io_types=True, node_block_list=_tail(network))
    # where two nodes of the tail take the same tensor, the converter adds the same cast twice
    seen: set[tuple[str, ...]] = set()
    for node in list(made.graph.node):
        if (key := (node.name, *node.input, *node.output)) in seen:
            made.graph.node.remove(node)
        seen.add(key)
    return bytes(made.SerializeToString())


def _integers(network: Any, calibration: _Calibration) -> bytes:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="gutteil-int8-") as folder:
        plain, ready, made = (str(Path(folder) / f"{n}.onnx") for n in ("plain", "ready", "made"))
        onnx.save(network, plain)
        quant_pre_process(plain, ready, skip_symbolic_shape=True)
        heads = _last_convolutions(onnx.load(ready))
        quantize_static(
            ready, made, calibration, quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"], per_channel=True, nodes_to_exclude=heads,
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, calibrate_method=CalibrationMethod.MinMax,
            extra_options={"ActivationSymmetric": False, "CalibMovingAverage": True},
        )  # fmt: skip
        result = onnx.load(made)
    del result.metadata_props[:]
    return bytes(result.SerializeToString())


def _last_convolutions(network: Any) -> list[str]:
    """Names of the convolutions after which no other comes: the heads that say class and box."""
    tail = set(_tail(network))
    after = {o for n in network.graph.node if n.name in tail for o in n.input}
    return [n.name for n in network.graph.node if n.op_type == "Conv" and (n.name in tail or set(n.output) & after)]


def _tail(network: Any) -> list[str]:
    """Names of the nodes that no convolution follows, the last convolutions left out."""
    for i, node in enumerate(network.graph.node):
        node.name = node.name or f"node{i}"
    followed: set[str] = set()  # tensors from which a convolution is still to come
    tail = []
    for node in reversed(network.graph.node):
        if node.op_type == "Conv" or any(o in followed for o in node.output):
            followed.update(node.input)
        else:
            tail.append(node.name)
    return tail


class _Calibration:
    """What `quantize_static` asks for: one network input after the other, through the line's own preparation."""

    def __init__(self, model: Model, loaded: LoadedRecipe, images: Sequence[LabelledImage], input_name: str, console: Console) -> None:
        step = max(1, len(images) // CALIBRATION_IMAGES)
        self._images = list(images)[::step][:CALIBRATION_IMAGES]
        self._prepared = self._prepare(model, loaded, input_name, console)

    def _prepare(self, model: Model, loaded: LoadedRecipe, name: str, console: Console) -> Iterator[dict[str, NDArray[Any]]]:
        preparer = model.prepare_for(loaded.recipe.region, loaded.recipe.reference.max_shift_px)
        golden = read_image(loaded.reference_file, gray=True) if loaded.reference_file is not None else None
        for entry in track(self._images, "calibrating", console=console):
            if model.card.wants_reference:
                reference = (
                    golden if golden is not None else read_image(entry.reference, gray=True) if entry.reference is not None else None
                )
                if reference is None:
                    raise SettingsError(f"{entry.name}: has no reference, and the model compares with one; calibrate on images that have")
                preparer.set_reference(reference)
            if preparer.fill(read_image(entry.file)) is not None:
                yield {name: preparer.buffer.copy()}

    def get_next(self) -> dict[str, NDArray[Any]] | None:
        return next(self._prepared, None)

    def __len__(self) -> int:
        return len(self._images)
