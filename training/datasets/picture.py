"""A picture: an image file of a stranger, opened so that it can do no harm, and found whole or refused."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import warnings
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from edge.errors import reason

MAX_BYTES = 200_000_000
MAX_PIXELS = 100_000_000
FORMATS = ("PNG", "JPEG", "BMP", "TIFF")
_ORIENTATION = 0x0112  # the EXIF tag


@dataclass(frozen=True, slots=True)
class Picture:
    """A whole image: the file's bytes and their SHA-256, size in px, and the gray values (H, W) uint8."""

    data: bytes
    sha256: str
    width: int
    height: int
    gray: NDArray[np.uint8]


def read_bytes(file: Path, root: Path) -> bytes:
    """A regular file below `root`, whole.

    Raises:
        ValueError: missing, leads out of the folder (also by a link), no regular file, too large; says which.
    """
    try:
        real = file.resolve(strict=True)
        if not real.is_relative_to(root.resolve()):
            raise ValueError(f"{file.name} is a link that leads out of the folder")
        handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)  # not to wait for ever at a pipe
        try:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode):
                raise ValueError(f"{file.name} is no regular file")
            if about.st_size > MAX_BYTES:
                raise ValueError(f"{file.name} has {about.st_size} bytes; at most {MAX_BYTES}")
            with os.fdopen(handle, "rb", closefd=False) as opened:
                return opened.read(MAX_BYTES)
        finally:
            os.close(handle)
    except FileNotFoundError:
        raise ValueError(f"there is no file {file.name}") from None
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links
        raise ValueError(f"{file.name} cannot be read ({error})") from None


def decode(data: bytes) -> NDArray[np.uint8]:
    """The pixels as stored: (H, W) or (H, W, channels) uint8; 16 bits a channel are cut to 8.

    The size stands in the header and is checked before anything is unpacked. OpenCV, with which the line reads, takes truncated
    files without a word; so Pillow reads them here.

    Raises:
        ValueError: no image of a format that is taken, too many pixels, several pages, turned by EXIF, damaged or cut off.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our bound is the lower one, and broken EXIF is no reason to refuse
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise ValueError(f"{image.width}x{image.height} px are more than {MAX_PIXELS // 1_000_000} million pixels")
                if getattr(image, "n_frames", 1) != 1:
                    raise ValueError("several pages or frames in one file")
                if image.getexif().get(_ORIENTATION, 1) != 1:
                    raise ValueError("is to be turned when shown (EXIF), so that labels and line may see it differently; save it upright")
                image.load()
                if image.mode.startswith("I;16"):
                    return np.asarray(np.asarray(image) >> 8, np.uint8)
                return np.asarray(image if image.mode in ("L", "RGB") else image.convert("RGB"), np.uint8)
    except ValueError as error:
        raise ValueError(str(error)) from None
    except Image.DecompressionBombError:  # so many that Pillow does not even open it
        raise ValueError(f"more than {MAX_PIXELS // 1_000_000} million pixels") from None
    except Exception as error:  # what a decoder makes of hostile bytes is of any class: SyntaxError, struct.error, zlib.error …
        raise ValueError(f"not a whole image: {reason(error)}") from None


def read_picture(file: Path, root: Path) -> Picture:
    """An image file below `root`.

    Raises:
        ValueError: as `read_bytes` and `decode`.
    """
    data = read_bytes(file, root)
    pixels = decode(data)
    gray = pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    return Picture(data, hashlib.sha256(data).hexdigest(), gray.shape[1], gray.shape[0], gray)
