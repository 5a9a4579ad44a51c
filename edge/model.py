"""The detector: an ONNX file with its card, run by ONNX Runtime."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from edge.card import KEY, MAX_MODEL_BYTES, check_seal, parse_card
from edge.decode import Predictions, check_output, decode
from edge.errors import ModelError
from edge.prepare import Preparer
from edge.recipe import Region
from edge.signing import check_model

PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
_DTYPES: dict[str, Any] = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How a model runs: provider names in order of preference, CPU threads (0 = all cores), busy waiting between operators.

    `signers`: the folder of those who may sign models; empty = no signature is asked for.
    """

    providers: Sequence[str] = ("tensorrt", "cuda", "openvino", "cpu")
    threads: int = 0
    spin: bool = True
    signers: str = ""


class Model:
    """One loaded model with its own input and output buffers. Used by one thread.

    Attributes:
        card: what the model is.
        file_hash: SHA-256 of the file.
        signer: whose signature is on it; empty where none was asked for.
        provider: the provider that really runs it, e.g. `cpu`.
        report: in words which providers were tried and what became of them.
    """

    def __init__(
        self, path: Path, options: RuntimeOptions | None = None, *, sha256: str = "", remedy: str = "check the path given"
    ) -> None:
        """Load and check.

        Args:
            sha256: if given, the file must be exactly this one.
            remedy: what to do where the file cannot be read.

        Raises:
            ModelError: the file is not a usable model; the text says why.
        """
        options = options or RuntimeOptions()
        data = _read(path, remedy)
        self.file_hash = hashlib.sha256(data).hexdigest()
        if sha256 and sha256 != self.file_hash:
            raise ModelError(f"{path}: hash mismatch: wanted is SHA-256 {sha256[:12]}..., the file has {self.file_hash[:12]}...")
        self._session, self.provider, self.report = _open_session(data, path, options)
        self.card = parse_card(self._session.get_modelmeta().custom_metadata_map.get(KEY), path)
        check_seal(self.card, data, path)
        self.signer = check_model(path, self.file_hash, self.card, Path(options.signers)) if options.signers else ""
        self._input, self._dtype = self._check_input(path)
        outputs = self._session.get_outputs()
        if len(outputs) != 1:
            raise ModelError(f"{path}: has {len(outputs)} outputs, a detector has one; export it again as a plain detector")
        try:
            check_output(self.card, outputs[0].shape)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from error
        self.path = path
        self._output_name = outputs[0].name
        self._preparer: Preparer | None = None
        self._binding: ort.IOBinding | None = None
        self._output: NDArray[np.float32] | None = None

    def _check_input(self, path: Path) -> tuple[str, Any]:
        inputs = self._session.get_inputs()
        if len(inputs) != 1:
            raise ModelError(f"{path}: has {len(inputs)} inputs, a detector has one (the reference is a further channel of it)")
        want = [1, self.card.channels, self.card.height_px, self.card.width_px]
        shape = inputs[0].shape
        if len(shape) != 4 or any(isinstance(s, int) and s != w for s, w in zip(shape, want, strict=True)):
            raise ModelError(f"{path}: wrong shape: input {tuple(shape)}, but its card says {tuple(want)} (1, channels, height, width)")
        if inputs[0].type not in _DTYPES:
            raise ModelError(f"{path}: input type {inputs[0].type} is not one of {', '.join(_DTYPES)}")
        return inputs[0].name, _DTYPES[inputs[0].type]

    def prepare_for(self, region: Region, max_shift_px: int) -> Preparer:
        """Bind buffers for a recipe's region; returns what fills the input."""
        self._preparer = Preparer(self.card, region, max_shift_px, self._dtype)
        buffer = self._preparer.buffer
        # one run without binding tells the output's true shape, which the file may leave open
        try:
            first = self._session.run(None, {self._input: buffer})[0]
        except Exception as error:  # ONNX Runtime raises its own kinds, all derived from Exception alone
            raise ModelError(f"{self.path}: does not run: {error}") from error
        try:
            check_output(self.card, list(first.shape))
        except ModelError as error:
            raise ModelError(f"{self.path}: {error}") from error
        self._output = np.ascontiguousarray(first)
        self._binding = self._session.io_binding()
        self._binding.bind_input(self._input, "cpu", 0, self._dtype, buffer.shape, buffer.ctypes.data)
        self._binding.bind_output(self._output_name, "cpu", 0, first.dtype.type, first.shape, self._output.ctypes.data)
        return self._preparer

    def run(self) -> None:
        """Judge what lies in the input buffer; the result lies in the output buffer afterwards."""
        assert self._binding is not None, "prepare_for comes first"
        self._session.run_with_iobinding(self._binding)

    @property
    def raw(self) -> NDArray[np.float32]:
        """The network's own output of the last `run`, as the card's `output` lays it out; overwritten by the next."""
        assert self._output is not None, "prepare_for comes first"
        return self._output

    def predictions(self, min_score: float) -> Predictions:
        """What the last `run` saw, in px of the camera image."""
        assert self._output is not None, "prepare_for comes first"
        assert self._preparer is not None, "prepare_for comes first"
        output = self._output if self._output.dtype == np.float32 else self._output.astype(np.float32)
        found = decode(self.card, output, min_score)
        return replace(found, boxes=self._preparer.to_image(found.boxes)) if len(found.boxes) else found

    def warm_up(self, runs: int) -> float:
        """Run a few times on what lies there; returns the median in ms."""
        times = []
        for _ in range(runs):
            start = time.perf_counter()
            self.run()
            times.append(time.perf_counter() - start)
        return float(np.median(times)) * 1e3


def _read(path: Path, remedy: str) -> bytes:
    try:
        if path.stat().st_size > MAX_MODEL_BYTES:
            raise ModelError(f"{path}: larger than {MAX_MODEL_BYTES // 1_000_000} MB; that is no model for a line")
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); {remedy}") from error


def _open_session(data: bytes, path: Path, options: RuntimeOptions) -> tuple[ort.InferenceSession, str, str]:
    """A session on the first provider of the list that works, its name, and the story in words."""
    ort.set_default_logger_severity(4)
    available = ort.get_available_providers()
    settings = ort.SessionOptions()
    settings.intra_op_num_threads = options.threads or len(os.sched_getaffinity(0))
    settings.inter_op_num_threads = 1
    settings.log_severity_level = 4
    settings.add_session_config_entry("session.intra_op.allow_spinning", "1" if options.spin else "0")
    settings.add_session_config_entry("session.force_spinning_stop", "1")
    story = []
    last: Exception | None = None
    for name in options.providers:
        full = PROVIDERS[name]
        if full not in available:
            story.append(f"{name}: not in this build of ONNX Runtime")
            continue
        try:
            # its Python part prints a fallback on standard output, where --json must stay alone; the story tells it instead
            with contextlib.redirect_stdout(io.StringIO()):
                session = ort.InferenceSession(data, settings, providers=[full] + ([PROVIDERS["cpu"]] if name != "cpu" else []))
        except Exception as error:  # see prepare_for
            story.append(f"{name}: {str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__}")
            last = error
            continue
        # ONNX Runtime falls back to the CPU without a word: what the session holds is what counts
        if session.get_providers()[0] != full:
            story.append(f"{name}: did not start here, ONNX Runtime fell back")
            continue
        story.append(f"{name}: runs")
        return session, name, "; ".join(story)
    raise ModelError(f"{path}: not a usable ONNX file or no provider works: {'; '.join(story)}") from last
