"""The detector: what is refused and why, and that what runs is what ONNX Runtime alone would give."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import onnxruntime as ort
import pytest

from edge.card import Card, with_card
from edge.decode import decode
from edge.errors import ModelError, SettingsError
from edge.judge import Judge
from edge.model import Model, RuntimeOptions
from edge.recipe import LoadedRecipe, Recipe, RecipeModel, Reference, Region

pytest.importorskip("onnx", reason="extra training is not installed")

from tests.edge.tiny_models import constant_onnx, tiny_card, tiny_file, tiny_onnx

ONE = RuntimeOptions(("cpu",), threads=1, spin=False)
PLANES = [["gray"], ["gray", "reference"], ["rgb"], ["rgb", "reference"]]


def picture(card: Card, seed: int = 0, colours: bool = True) -> np.ndarray[Any, np.dtype[np.uint8]]:
    size = (card.height_px, card.width_px, 3) if colours else (card.height_px, card.width_px)
    return np.random.default_rng(seed).integers(0, 256, size, np.uint8)


@pytest.mark.parametrize("kind", ["float", "float16", "uint8"])
@pytest.mark.parametrize("planes", PLANES, ids="+".join)
@pytest.mark.parametrize("output", ["yolo_raw", "yolo_end2end"])
@pytest.mark.parametrize("dynamic", [False, True])
def test_bound_buffers_give_what_a_plain_run_gives(tmp_path: Path, kind: str, planes: list[str], output: str, dynamic: bool) -> None:
    card = tiny_card(planes=planes, output=output)
    path = tiny_file(tmp_path, card, kind=kind, dynamic=dynamic)
    model = Model(path, ONE)
    preparer = model.prepare_for(Region(), 0)
    if card.wants_reference:
        preparer.set_reference(picture(card, 9, colours=False))
    plain = ort.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    for seed in range(3):  # the buffers are used again for every part
        assert preparer.fill(picture(card, seed)) == (0, 0)
        model.run()
        got = model.predictions(0.4)
        want = decode(card, plain.run(None, {"images": preparer.buffer})[0].astype(np.float32), 0.4)
        assert len(want.kinds) > 0
        assert np.array_equal(got.scores, want.scores)
        assert np.array_equal(got.kinds, want.kinds)
        assert np.array_equal(got.boxes, np.clip(want.boxes, 0, [48, 32, 48, 32]).astype(np.float32))


def test_predictions_are_copies_that_the_next_part_does_not_change(tmp_path: Path) -> None:
    for output in ("yolo_raw", "yolo_end2end"):
        card = tiny_card(output=output)
        model = Model(tiny_file(tmp_path, card), ONE)
        preparer = model.prepare_for(Region(), 0)
        preparer.fill(picture(card, 1))
        model.run()
        first = model.predictions(0.0)
        kept = [a.copy() for a in (first.boxes, first.scores, first.kinds)]
        preparer.fill(picture(card, 2))
        model.run()
        model.predictions(0.0)
        for before, now in zip(kept, (first.boxes, first.scores, first.kinds), strict=True):
            assert np.asarray(before).tolist() == np.asarray(now).tolist()


@pytest.mark.parametrize(
    ("fields", "how", "words"),
    [
        ({"planes": ["rgb"]}, {}, "wrong shape"), ({"width_px": 64}, {}, "wrong shape"), ({"height_px": 64}, {}, "wrong shape"),
        ({"classes": ["a"]}, {}, "output shape"), ({"output": "yolo_end2end"}, {}, "output shape"), ({}, {"outputs": 2}, "2 outputs"),
        ({}, {"inputs": 2}, "2 inputs"), ({}, {"kind": "double"}, "input type"), ({}, {"rows": 8}, "output shape"),
    ],
)  # fmt: skip
def test_what_does_not_fit_its_card_is_refused_with_the_reason(
    tmp_path: Path, fields: dict[str, Any], how: dict[str, Any], words: str
) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(with_card(tiny_onnx(tiny_card(), **how), tiny_card(**fields)))
    with pytest.raises(ModelError, match=words) as caught:
        Model(path, ONE)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("fields", "how", "words"), [({}, {"rows": 9}, "output shape"), ({"planes": ["rgb"]}, {}, "does not run")])
def test_what_an_open_size_hides_comes_out_at_the_first_run(
    tmp_path: Path, fields: dict[str, Any], how: dict[str, Any], words: str
) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(with_card(tiny_onnx(tiny_card(), dynamic=True, **how), tiny_card(**fields)))
    with pytest.raises(ModelError, match=words) as caught:
        Model(path, ONE).prepare_for(Region(), 0)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"\0" * 100, b"not a model at all", b"\x08\x08" + b"\xff" * 50])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=r"m\.onnx"):
        Model(path, ONE)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.onnx", tmp_path):
        with pytest.raises(ModelError, match=r"check the path given"):
            Model(path, ONE)


def test_the_report_says_what_really_runs(tmp_path: Path) -> None:
    path = tiny_file(tmp_path)
    model = Model(path, RuntimeOptions(("tensorrt", "openvino", "cpu"), threads=1))
    available = ort.get_available_providers()
    assert model.provider in ("tensorrt", "openvino", "cpu")
    assert f"{model.provider}: runs" in model.report
    if "TensorrtExecutionProvider" not in available:
        assert "tensorrt: not in this build" in model.report
    if "OpenVINOExecutionProvider" not in available:
        with pytest.raises(ModelError, match="openvino: not in this build"):
            Model(path, RuntimeOptions(("openvino",)))


def test_a_network_that_speaks_no_numbers_is_undecided_in_the_end(tmp_path: Path) -> None:
    card = tiny_card()
    output = np.zeros((1, 7, 24), np.float32)
    output[0, :, 5] = (10, 10, 4, 4, 0.9, 0, 0)
    output[0, :, 7] = (30, 20, 4, 4, 0.8, 0, 0)
    for at, verdict in ((None, "NG"), ((0, 0, 7), "UNDECIDED"), ((0, 4, 0), "UNDECIDED")):
        broken = output.copy()
        if at is not None:
            broken[at] = np.nan
        path = tmp_path / "m.onnx"
        path.write_bytes(with_card(constant_onnx(card, broken), card))
        recipe = Recipe(product="p", model=RecipeModel(file="m.onnx"))
        judge = Judge(LoadedRecipe(recipe, "r", "", path, None), ONE)
        assert judge.judge(picture(card)).decision.verdict == verdict


def test_where_the_output_is_no_number_further_down_nothing_is_known_of_what_was_not_counted(tmp_path: Path) -> None:
    """The verdict stands; but a question about lower scores must hear that nobody knows, not that nothing was there."""
    card = tiny_card(output="yolo_end2end")
    for kind, known in ((1, (0.1, 1)), (99, (1.0, 0))):  # there are three classes
        output = np.array([[[10, 10, 20, 20, 0.9, 0], [5, 5, 9, 9, 0.15, kind]]], np.float32)
        path = tmp_path / "m.onnx"
        path.write_bytes(with_card(constant_onnx(card, output), card))
        judge = Judge(LoadedRecipe(Recipe(product="p", model=RecipeModel(file="m.onnx")), "r", "", path, None), ONE)
        judged = judge.judge(picture(card))
        assert (judged.decision.verdict, judged.looked) == ("NG", True)
        floor, found = judge.uncounted(judged.decision, 0.1)
        assert (floor, len(found)) == known


def judge_with_reference(folder: Path, reference: Path | None) -> Judge:
    card = tiny_card(planes=["gray", "reference"])
    recipe = Recipe(product="p", model=RecipeModel(file="m.onnx"), reference=Reference(max_shift_px=0))
    return Judge(LoadedRecipe(recipe, "r", "", tiny_file(folder, card), reference), ONE)


def test_an_image_without_its_own_reference_is_not_held_against_another_ones(tmp_path: Path) -> None:
    judge = judge_with_reference(tmp_path, None)
    card = judge.model.card
    image = picture(card, 1, colours=False)
    assert judge.wants_reference
    for _ in range(2):
        assert "reference" in " ".join(judge.judge(image).decision.reasons)
        assert judge.judge(image).decision.verdict == "UNDECIDED"
        assert judge.judge(image, picture(card, 2, colours=False)).timings.infer_us > 0


def test_a_golden_reference_stays(tmp_path: Path) -> None:
    import cv2

    cv2.imwrite(str(tmp_path / "golden.png"), picture(tiny_card(), 4, colours=False))
    judge = judge_with_reference(tmp_path, tmp_path / "golden.png")
    assert not judge.wants_reference
    assert judge.judge(picture(tiny_card(), 1)).timings.infer_us > 0
    (tmp_path / "golden.png").write_bytes(b"no image")
    with pytest.raises(SettingsError, match=r"reference\.file"):
        judge_with_reference(tmp_path, tmp_path / "golden.png")


def test_a_recipe_with_a_rule_for_an_unknown_class_is_refused(tmp_path: Path) -> None:
    recipe = Recipe.model_validate({"product": "p", "model": {"file": "m"}, "classes": {"crack": {}}})
    with pytest.raises(SettingsError, match=r"classes\.crack"):
        Judge(LoadedRecipe(recipe, "r", "", tiny_file(tmp_path), None), ONE)


def test_a_recipe_pins_the_file_unless_another_is_asked_for(tmp_path: Path) -> None:
    path = tiny_file(tmp_path)
    recipe = Recipe(product="p", model=RecipeModel(file="m", sha256="0" * 64))
    with pytest.raises(ModelError, match="hash mismatch"):
        Judge(LoadedRecipe(recipe, "r", "", path, None), ONE)
    assert Judge(LoadedRecipe(recipe, "r", "", path, None), ONE, model_file=path).model.path == path


def test_an_int8_model_runs(tmp_path: Path) -> None:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    card = tiny_card(precision="int8")

    class Pictures(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.left = [(picture(card, s, colours=False)[None, None] / np.float32(255)).astype(np.float32) for s in range(8)]

        def get_next(self) -> dict[str, Any] | None:
            return {"images": self.left.pop()} if self.left else None

    (tmp_path / "plain.onnx").write_bytes(tiny_onnx(card))
    quantize_static(
        str(tmp_path / "plain.onnx"), str(tmp_path / "q.onnx"), Pictures(), quant_format=QuantFormat.QDQ, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8, op_types_to_quantize=["Conv"],
    )  # fmt: skip
    (tmp_path / "q.onnx").write_bytes(with_card((tmp_path / "q.onnx").read_bytes(), card))
    (tmp_path / "f.onnx").write_bytes(with_card((tmp_path / "plain.onnx").read_bytes(), msgspec.structs.replace(card, precision="fp32")))
    seen = []
    for name in ("q.onnx", "f.onnx"):
        model = Model(tmp_path / name, ONE)
        preparer = model.prepare_for(Region(), 0)
        preparer.fill(picture(card, 77))
        model.run()
        assert model.warm_up(3) > 0
        seen.append(model.predictions(0.0))
    quantised, exact = seen
    assert quantised.valid
    assert len(quantised.kinds) > 0
    assert quantised.scores[0] == pytest.approx(exact.scores[0], abs=0.1)
