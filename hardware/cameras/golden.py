"""The golden reference of a simulated product: its defect-free picture. `python -m hardware.cameras.golden FILE [board|ring]` writes it."""

from __future__ import annotations

import sys

import cv2
import numpy as np
from numpy.typing import NDArray

from hardware.cameras.parts import PRODUCTS, Product, cutout_px, inner_roi, make_part
from hardware.cameras.scene import Scene

BOARD_LAYOUT = 21  # the board of the demo
BOARD_ROI = inner_roi("board")
RING_ROI = inner_roi("ring")


def golden(
    product: Product, width_px: int = 640, height_px: int = 640, layout: int = BOARD_LAYOUT, blur_px: float = 0.5
) -> NDArray[np.uint8]:
    """The defect-free part in the middle of the camera's view, without noise: (H, W) uint8.

    The belt around it is as good as any other: let the recipe's region be `inner_roi(...)` (`BOARD_ROI`, `RING_ROI` at
    640×640), where only the part is seen.
    """
    side = cutout_px(product, width_px, height_px)
    part = make_part(product, layout, (0,), is_ng=False, side=side, blur_px=blur_px, jitter=False)
    scene = Scene(width_px, height_px, 0, 0.0, 0.0)
    return scene.frame(0, [(part, (width_px - side) // 2, (height_px - side) // 2)], 0.0, 0)


def main(arguments: list[str]) -> int:
    """Writes the reference; returns the exit code."""
    product: Product = next((p for p in PRODUCTS if arguments[1:] == [p]), "board")
    if not arguments or arguments[1:] not in ([], [product]):
        print(f"usage: python -m hardware.cameras.golden FILE [{'|'.join(PRODUCTS)}]", file=sys.stderr)
        return 2
    if not cv2.imwrite(arguments[0], golden(product)):
        print(f"{arguments[0]}: cannot be written; name an image file, such as golden.png", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
