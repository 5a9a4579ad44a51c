"""Duplicates: images that show the same thing twice, found without comparing each with each.

Candidates are pairs whose perceptual hashes differ in at most `RADIUS` of 64 bits, by multi-index hashing (Norouzi, Punjani and
Fleet, CVPR 2012): cut into six pieces, such a pair agrees in one of them but for a single bit. A candidate is confirmed by likeness
(`training.datasets.look`) beyond what is usual *in this set*: parts of one product under one camera are all alike, and that is no leak.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from training.datasets.look import Relief, Small, likeness, relief

RADIUS = 10
LEAST_LIKENESS = 0.6
MOST_LIKENESS = 0.995
MAX_CANDIDATES = 8
_PIECES = 6
_BLOCK = 300_000
_MEETS = 256
_SAMPLE = 400
_REMEMBERED = 256
Pairs = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Allowed = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Twin:
    """Two images (their numbers, first < second): `exact` where the files are equal byte for byte, and how alike they are."""

    first: int
    second: int
    exact: bool
    likeness: float


@dataclass(frozen=True, slots=True)
class Search:
    """What was found, the likeness that was needed, and how many images have more look-alikes than are compared."""

    twins: list[Twin]
    threshold: float
    crowded: int


def candidates(hashes: Hashes, allowed: Allowed | None = None) -> tuple[Pairs, int]:
    """Pairs (n, 2) of images, first < second, within `RADIUS` bits; all of them, but for images that have too many look-alikes.

    Returns: the pairs, and how many images those are; of them the nearest `MAX_CANDIDATES` of those met are kept.
    """
    count = max(len(hashes), 1)
    crowd = np.zeros(len(hashes), np.bool_)
    kept: list[NDArray[np.int64]] = []
    for i, j in _meeting(hashes, crowd):
        near = np.bitwise_count(hashes[i] ^ hashes[j]) <= RADIUS
        if allowed is not None:
            near &= allowed(i, j)
        kept.append(np.unique(i[near] * count + j[near]))
        if sum(map(len, kept)) > _BLOCK:
            kept = [_thinned(np.unique(np.concatenate(kept)), hashes, crowd)]
    codes = _thinned(np.unique(np.concatenate([np.empty(0, np.int64), *kept])), hashes, crowd)
    return np.stack([codes // count, codes % count], 1), int(crowd.sum())


def _meeting(hashes: Hashes, crowd: NDArray[np.bool_]) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs that agree in one piece but for at most one bit, in blocks; a pair may come several times.

    Where more than `_MEETS` agree with one, only the nearest in the order of the whole hash meet it, and it is marked in `crowd`: the
    work stays in proportion to the set even where all images look alike.
    """
    bounds = np.linspace(0, 64, _PIECES + 1).astype(int)
    step = max(1, _BLOCK // _MEETS)
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        turned = np.left_shift(hashes, np.uint64(64 - high)) | (np.right_shift(hashes, np.uint64(high)) if high < 64 else np.uint64(0))
        order = np.argsort(turned, kind="stable")  # the piece now stands foremost
        ordered = turned[order]
        rest = np.uint64((1 << (64 - high + low)) - 1)
        for flip in [0, *(1 << bit for bit in range(64 - high + low, 64))]:
            for start in range(0, len(hashes), step):
                wanted = turned[start : start + step] ^ np.uint64(flip)
                first = np.searchsorted(ordered, wanted & ~rest, "left")
                last = np.searchsorted(ordered, wanted | rest, "right")
                crowded = last - first > _MEETS
                crowd[start : start + step] |= crowded
                middle = np.searchsorted(ordered, wanted, "left") - _MEETS // 2
                first = np.where(crowded, np.clip(middle, first, np.maximum(first, last - _MEETS)), first)
                some = np.minimum(last - first, _MEETS)
                i = np.repeat(np.arange(start, start + len(wanted)), some)
                offset = np.arange(int(some.sum())) - np.repeat(np.cumsum(some) - some, some)
                j = order[np.repeat(first, some) + offset]
                yield np.minimum(i, j)[i != j], np.maximum(i, j)[i != j]


def _thinned(codes: NDArray[np.int64], hashes: Hashes, crowd: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Of each image only the nearest `MAX_CANDIDATES` pairs, counted at the pair's first one; marks images that had more."""
    count = max(len(hashes), 1)
    i, j = codes // count, codes % count
    order = np.lexsort((j, np.bitwise_count(hashes[i] ^ hashes[j]), i))
    i = i[order]
    near = np.arange(len(i)) - np.searchsorted(i, i, "left") < MAX_CANDIDATES
    crowd[i[~near]] = True
    return codes[order][near]


def search(
    files: Sequence[str],
    hashes: Hashes,
    small: Callable[[int], Small],
    *,
    allowed: Allowed | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
    seed: int = 0,
) -> Search:
    """Exact and near duplicates among images.

    Args:
        files: SHA-256 of each image file.
        hashes: (n,) perceptual hashes.
        small: gives the small image of one; its last few hundred are remembered.
        allowed: which pairs matter, e.g. only those across splits.
    """
    seen = lru_cache(maxsize=_REMEMBERED)(lambda n: relief(small(n)))
    pairs, crowded = candidates(hashes, allowed)
    usual = _usual(len(files), seen, seed)
    middle = float(np.median(usual)) if len(usual) else 0.0
    spread = 1.4826 * float(np.median(np.abs(usual - middle))) if len(usual) else 0.0
    threshold = float(np.clip(middle + 6 * spread, LEAST_LIKENESS, MOST_LIKENESS))
    twins = [Twin(i, j, True, 1.0) for i, j in _equal(files, allowed)]
    for n, (i, j) in enumerate(pairs.tolist()):
        progress(n, len(pairs))
        if files[i] != files[j] and (value := likeness(seen(i), seen(j))) >= threshold:
            twins.append(Twin(i, j, False, round(value, 4)))
    progress(len(pairs), len(pairs))
    return Search(twins, round(threshold, 4), crowded)


def _equal(files: Sequence[str], allowed: Allowed | None) -> list[tuple[int, int]]:
    """Of files that are equal byte for byte the first with each other one; looks may be too crowded to find them."""
    first: dict[str, int] = {}
    pairs = [(start, n) for n, name in enumerate(files) if (start := first.setdefault(name, n)) != n]
    if allowed is None or not pairs:
        return pairs
    i, j = np.array(pairs).T
    return [pair for pair, may in zip(pairs, allowed(i, j).tolist(), strict=True) if may]


def _usual(count: int, seen: Callable[[int], Relief], seed: int) -> NDArray[np.float64]:
    """The likeness of pairs drawn at random: how alike two images of this set usually are."""
    if count < 20:
        return np.empty(0)
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(count, 2, replace=False) for _ in range(_SAMPLE)]
    return np.array([likeness(seen(int(a)), seen(int(b))) for a, b in drawn])
