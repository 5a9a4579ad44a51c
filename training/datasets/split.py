"""The split: whole parts, boards, lots or times go to train, val or test, never single images; classes and verdicts in equal shares.

Stratification is Sechidis, Tsoumakas and Vlahavas, "On the stratification of multi-label data" (ECML 2011), with groups in the
place of examples: the rarest label first, its largest group to the split that lacks most of it.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import dataclass, field

from edge.errors import SettingsError
from training.datasets.draft import SPLITS, Draft
from training.datasets.entry import Entry


@dataclass(slots=True)
class Group:
    """What stays together: names of the images, how many have which class or verdict, and the newest time among them."""

    key: str
    names: list[str] = field(default_factory=list)
    labels: Counter[str] = field(default_factory=Counter)
    time: str = ""


@dataclass(frozen=True, slots=True)
class Split:
    """By image name the split; counts of images, groups and labels per split."""

    of: dict[str, str]
    counts: dict[str, Counter[str]]
    joined: int


def labels_of(entry: Entry) -> set[str]:
    """What an image counts for: its classes and its verdict, the latter as `verdict OK`."""
    kinds = {b.kind for b in entry.labels} | ({entry.tag} if entry.tag else set())
    return kinds | {f"verdict {entry.verdict or 'unknown'}"}


def make_split(draft: Draft, by: str, shares: dict[str, float], seed: int, together: list[tuple[str, str]]) -> Split:
    """Divide a draft's images; the same draft, shares and seed give the same split.

    Args:
        by: part, board, lot, time, or a regular expression over the name whose first group (or whole match) is the key.
        shares: of the images, by split; they add up to 1.
        together: pairs of images that must not be separated, e.g. duplicates.

    Raises:
        SettingsError: images without the key, or too few groups.
    """
    groups, joined = _joined(_groups(draft, by), together)
    wanted = [s for s in SPLITS if shares.get(s, 0) > 0]
    if len(groups) < len(wanted):
        raise SettingsError(
            f"{draft.name}: {len(groups)} groups by {by!r} cannot make {len(wanted)} splits; gather more, or set shares to 0"
        )
    chosen = _by_time(groups, wanted, shares) if by == "time" else _stratified(groups, wanted, shares, seed)
    counts: dict[str, Counter[str]] = {s: Counter() for s in wanted}
    of = {}
    for group, split in zip(groups, chosen, strict=True):
        counts[split]["images"] += len(group.names)
        counts[split]["groups"] += 1
        counts[split].update(group.labels)
        of.update(dict.fromkeys(group.names, split))
    return Split(of, counts, joined)


def _groups(draft: Draft, by: str) -> list[Group]:
    pattern = None
    if by not in ("part", "board", "lot", "time"):
        try:
            pattern = re.compile(by)
        except re.error as error:
            raise SettingsError(f"--by {by!r} is neither part, board, lot nor time, and no regular expression: {error}") from error
    groups: dict[str, Group] = {}
    without: list[str] = []
    for row in draft.rows():
        entry = row.entry
        if pattern is not None:
            match = pattern.search(entry.name)
            key = (match[1] if pattern.groups else match[0]) if match else ""
        elif by == "time":  # exposures of one part are one moment
            key = entry.taken_at and (f"part {entry.part}" if entry.part else f"time {entry.taken_at}")
        else:
            key = getattr(entry, by)
        if not key:
            without.append(entry.name)
            continue
        group = groups.setdefault(key, Group(key))
        group.names.append(entry.name)
        group.labels.update(labels_of(entry))
        group.time = max(group.time, entry.taken_at)
    if without:
        what = "do not match" if pattern is not None else f"have no {by}"
        raise SettingsError(
            f"{draft.name}: {len(without)} images {what} ({', '.join(without[:3])}{' …' if len(without) > 3 else ''}); "
            "they must not be split one by one: name another key, or a regular expression over the file name"
        )
    if not groups:
        raise SettingsError(f"{draft.name}: has no images")
    return [groups[key] for key in sorted(groups)]


def _joined(groups: list[Group], together: list[tuple[str, str]]) -> tuple[list[Group], int]:
    """Groups that share an image twice become one."""
    at = {name: n for n, group in enumerate(groups) for name in group.names}
    root = list(range(len(groups)))

    def find(n: int) -> int:
        while root[n] != n:
            root[n] = root[root[n]]
            n = root[n]
        return n

    for a, b in together:
        first, second = sorted((find(at[a]), find(at[b])))
        root[second] = first
    for n, group in enumerate(groups):
        head = groups[find(n)]
        if head is not group:
            head.names += group.names
            head.labels += group.labels
            head.time = max(head.time, group.time)
    left = [group for n, group in enumerate(groups) if find(n) == n]
    return left, len(groups) - len(left)


def _by_time(groups: list[Group], wanted: list[str], shares: dict[str, float]) -> list[str]:
    """The oldest to train, the newest to test; each split gets at least one group, and one moment is never cut."""
    order = sorted(range(len(groups)), key=lambda n: (groups[n].time, groups[n].key))
    total = sum(len(g.names) for g in groups)
    chosen = [""] * len(groups)
    split, done = 0, 0
    border = shares[wanted[0]] * total
    for place, n in enumerate(order):
        here = groups[n]
        if place and here.time != groups[order[place - 1]].time and split + 1 < len(wanted):
            left = len({groups[m].time for m in order[place:]})
            if done + len(here.names) / 2 > border or left < len(wanted) - split:
                split += 1
                border += shares[wanted[split]] * total
        chosen[n] = wanted[split]
        done += len(here.names)
    if split + 1 < len(wanted):
        raise SettingsError(f"too few different times for {len(wanted)} splits")
    return chosen


def _stratified(groups: list[Group], wanted: list[str], shares: dict[str, float], seed: int) -> list[str]:
    rng = random.Random(seed)
    tie = [rng.random() for _ in groups]
    left: Counter[str] = Counter()
    for group in groups:
        left += group.labels
    lacks = {s: {label: shares[s] * n for label, n in left.items()} for s in wanted}
    room = {s: shares[s] * sum(len(g.names) for g in groups) for s in wanted}
    queue = {
        label: sorted((n for n, g in enumerate(groups) if g.labels[label]), key=lambda n: (groups[n].labels[label], tie[n]))
        for label in left
    }
    chosen = [""] * len(groups)
    used: set[str] = set()
    has: dict[str, set[str]] = {s: set() for s in wanted}
    holders = Counter(name for group in groups for name in group.labels)
    todo = len(groups)
    while todo:
        label = min((name for name, n in left.items() if n > 0), key=lambda name: (left[name], name))
        n = queue[label].pop()
        if chosen[n]:
            continue
        empty = [s for s in wanted if s not in used]
        without = [s for s in wanted if label not in has[s]]
        # the last groups go where there is none yet, and the last of a rare class where it is missing: nobody can be judged by it there
        among = empty if todo <= len(empty) else without if 0 < holders[label] <= len(without) else wanted
        chosen[n] = max(among, key=lambda s: (lacks[s][label], room[s]))
        used.add(chosen[n])
        todo -= 1
        room[chosen[n]] -= len(groups[n].names)
        for name, count in groups[n].labels.items():
            lacks[chosen[n]][name] -= count
            left[name] -= count
            has[chosen[n]].add(name)
            holders[name] -= 1
    return chosen
