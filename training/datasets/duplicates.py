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
MAX_CANDIDATES = 24
_PIECES = 6
_BLOCK = 2_000_000
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
    """Pairs (n, 2) of images, first < second, within `RADIUS` bits; of an image with more than `MAX_CANDIDATES` the nearest.

    Returns: the pairs, and how many images had more.
    """
    count = len(hashes)
    kept: dict[int, None] = {}
    for found in _meeting(hashes):
        i, j = found[:, 0], found[:, 1]
        near = np.bitwise_count(hashes[i] ^ hashes[j]) <= RADIUS
        if allowed is not None:
            near &= allowed(i, j)
        codes = np.unique(i[near] * count + j[near])
        kept.update(dict.fromkeys(codes.tolist()))
        if len(kept) > 40 * count + _BLOCK:
            kept = dict.fromkeys(_thinned(np.fromiter(kept, np.int64, len(kept)), hashes)[0].tolist())
    codes, crowded = _thinned(np.fromiter(kept, np.int64, len(kept)), hashes)
    return np.stack([codes // max(count, 1), codes % max(count, 1)], 1), crowded


def _meeting(hashes: Hashes) -> Iterator[Pairs]:
    """Pairs that agree in one piece but for at most one bit, in blocks; a pair may come several times."""
    bounds = np.linspace(0, 64, _PIECES + 1).astype(int)
    everyone = np.arange(len(hashes))
    for low, high in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        keys = (hashes >> np.uint64(low)) & np.uint64((1 << (high - low)) - 1)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        for flip in [0, *(1 << bit for bit in range(high - low))]:
            wanted = keys ^ np.uint64(flip)
            first = np.searchsorted(ordered, wanted, "left")
            many = np.searchsorted(ordered, wanted, "right") - first
            ends = np.cumsum(many)
            start = 0
            while start < len(hashes):
                base = ends[start - 1] if start else 0
                stop = max(start + 1, int(np.searchsorted(ends, base + _BLOCK, "right")))
                some = many[start:stop]
                i = np.repeat(everyone[start:stop], some)
                offset = np.arange(int(some.sum())) - np.repeat(np.cumsum(some) - some, some)
                j = order[np.repeat(first[start:stop], some) + offset]
                yield np.stack([i, j], 1)[i < j]
                start = stop


def _thinned(codes: NDArray[np.int64], hashes: Hashes) -> tuple[NDArray[np.int64], int]:
    """Of each image only the nearest `MAX_CANDIDATES` pairs, counted at the pair's first one; and how many images had more."""
    count = max(len(hashes), 1)
    i, j = codes // count, codes % count
    order = np.lexsort((j, np.bitwise_count(hashes[i] ^ hashes[j]), i))
    i = i[order]
    starts = np.searchsorted(i, i, "left")
    near = np.arange(len(i)) - starts < MAX_CANDIDATES
    return codes[order][near], len(np.unique(i[~near]))


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
