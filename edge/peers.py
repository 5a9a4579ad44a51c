"""What `gutteil bench` compares with, where it is installed. edge never imports ultralytics: it runs in a process of its own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edge.card import metadata_entry
from edge.errors import GutteilError
from edge.model import Model

_EXPORT = """
import os, sys
os.environ["YOLO_AUTOINSTALL"] = "false"
from ultralytics import YOLO
print(YOLO("yolo26n.yaml").export(format="onnx", imgsz=640, verbose=False))
"""

_PREDICT = """
import os, sys, time
os.environ["YOLO_AUTOINSTALL"] = "false"
import numpy as np
from ultralytics import YOLO
model = YOLO(sys.argv[1], task="detect")
image = np.load(sys.argv[2])
for line in sys.stdin:
    start = time.perf_counter_ns()
    model.predict(image, imgsz=640, verbose=False, device="cpu")
    print(f"took {(time.perf_counter_ns() - start) / 1e3}", flush=True)
"""


def installed() -> bool:
    """Whether the peer is there."""
    return importlib.util.find_spec("ultralytics") is not None


def stock_model(folder: Path) -> Path | None:
    """A stock yolo26n at 640x640 with random weights, or None where ultralytics is not installed or cannot export."""
    if not installed():
        return None
    result = subprocess.run([sys.executable, "-c", _EXPORT], cwd=folder, capture_output=True, text=True, check=False, timeout=300)
    path = folder / "yolo26n.onnx"
    return path if result.returncode == 0 and path.exists() else None


class PredictPeer:
    """ultralytics' own `YOLO(model.onnx).predict`, in its own process; a call returns what predict took, in µs."""

    def __init__(self, model: Path, image: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PREDICT, str(model), str(image)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def __call__(self) -> float:
        assert self._process.stdin is not None, "opened with pipes"
        assert self._process.stdout is not None, "opened with pipes"
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        for line in self._process.stdout:  # ultralytics talks on standard output, too
            if line.startswith("took "):
                return float(line.removeprefix("took "))
        raise GutteilError("ultralytics' predict does not run on this model")

    def close(self) -> None:
        """End the process; may be called twice."""
        self._process.kill()
        self._process.communicate()


def predict_peer(model: Path, folder: Path, image: NDArray[np.uint8]) -> PredictPeer | None:
    """The peer for a model of ours, or None where ultralytics is not installed.

    ultralytics reads other metadata than our card; it gets a copy of the file in `folder` that has them too.
    """
    if not installed():
        return None
    card = Model(model).card
    names = repr(dict(enumerate(card.classes)))
    entries = {
        "task": "detect",
        "stride": "8",
        "batch": "1",
        "imgsz": f"[{card.height_px}, {card.width_px}]",
        "channels": str(card.channels),
        "names": names,
    }
    copy = folder / "peer.onnx"
    copy.write_bytes(model.read_bytes() + b"".join(metadata_entry(key, value.encode()) for key, value in entries.items()))
    np.save(folder / "peer.npy", image)
    return PredictPeer(copy, folder / "peer.npy")
