"""What is deleted and in which order: every case of the decision, and a search for one that deletes too much."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.retention import DAY_NS, ORPHAN_DAYS, Claim, Kept, Limits, choose, fate

NOW = 1_000 * DAY_NS
PLENTY = 10**15


def kept(name: str, days: int, worth: int = 0, size: int = 10, held: bool = False) -> Kept:
    return Kept(name, NOW - days * DAY_NS, worth, size, held)


ALL = [kept("ok-new", 1), kept("ng-old", 9, 1), kept("ok-old", 8), kept("ng-new", 2, 1), kept("odd", 30, 2), kept("held", 90, 0, held=True)]


def names(limits: Limits, *, used: int = 60, free: int = PLENTY, at_most: int = 99) -> tuple[list[str], int]:
    choice = choose(ALL, limits, now_ns=NOW, used=used, free=free, at_most=at_most)
    return [k.part_id for k in choice.delete], choice.missing


@pytest.mark.parametrize(
    ("limits", "used", "free", "gone", "missing"),
    [
        (Limits(), PLENTY, 0, [], 0),
        (Limits(quota_bytes=60), 60, 0, [], 0),
        (Limits(quota_bytes=59), 60, 0, ["ok-old"], 0),
        (Limits(quota_bytes=50), 60, 0, ["ok-old"], 0),
        (Limits(quota_bytes=49), 60, 0, ["ok-old", "ok-new"], 0),
        (Limits(quota_bytes=30), 60, 0, ["ok-old", "ok-new", "ng-old"], 0),
        (Limits(quota_bytes=1), 60, 0, ["ok-old", "ok-new", "ng-old", "ng-new", "odd"], 9),
        (Limits(min_free_bytes=100), PLENTY, 100, [], 0),
        (Limits(min_free_bytes=100), PLENTY, 85, ["ok-old", "ok-new"], 0),
        (Limits(min_free_bytes=100), PLENTY, 0, ["ok-old", "ok-new", "ng-old", "ng-new", "odd"], 50),
        (Limits(quota_bytes=50, min_free_bytes=100), 60, 75, ["ok-old", "ok-new", "ng-old"], 0),
        (Limits(keep_ns=30 * DAY_NS), 60, 0, [], 0),
        (Limits(keep_ns=29 * DAY_NS), 60, 0, ["odd"], 0),
        (Limits(keep_ns=5 * DAY_NS), 60, 0, ["odd", "ng-old", "ok-old"], 0),
        (Limits(keep_ns=5 * DAY_NS, quota_bytes=30), 60, 0, ["odd", "ng-old", "ok-old"], 0),
        (Limits(keep_ns=5 * DAY_NS, quota_bytes=25), 60, 0, ["odd", "ng-old", "ok-old", "ok-new"], 0),
    ],
)
def test_by_age_the_oldest_and_for_room_the_least_worth(limits: Limits, used: int, free: int, gone: list[str], missing: int) -> None:
    assert names(limits, used=used, free=free) == (gone, missing)


def test_a_few_at_a_time_is_the_same_in_the_end() -> None:
    for at_most in range(1, 6):
        whole, _ = names(Limits(quota_bytes=1), at_most=99)
        some, missing = names(Limits(quota_bytes=1), at_most=at_most)
        assert some == whole[:at_most]
        assert missing == 59 - 10 * at_most


images = st.lists(
    st.builds(
        Kept,
        st.integers(0, 10**6).map(str),
        st.integers(0, 50).map(lambda d: NOW - d * DAY_NS),
        st.integers(0, 2),
        st.integers(0, 100),
        st.booleans(),
    ),
    max_size=25,
    unique_by=lambda k: k.part_id,
)
bounds = st.builds(Limits, st.sampled_from([0, 10 * DAY_NS, 40 * DAY_NS]), st.sampled_from([0, 1, 300, 900]), st.sampled_from([0, 1, 500]))


@given(images, bounds, st.integers(0, 1_000), st.integers(1, 30))
def test_never_a_held_one_never_the_newer_first_and_never_more_than_needed(
    given: list[Kept], limits: Limits, free: int, at_most: int
) -> None:
    used = sum(k.size for k in given)
    choice = choose(given, limits, now_ns=NOW, used=used, free=free, at_most=at_most)
    assert not [k for k in choice.delete if k.held]
    assert len(choice.delete) <= at_most
    assert len({k.part_id for k in choice.delete}) == len(choice.delete)
    old = {k.part_id for k in given if limits.keep_ns and k.wall_ns < NOW - limits.keep_ns}
    by_age = [k for k in choice.delete if k.part_id in old]
    for_room = [k for k in choice.delete if k.part_id not in old]
    assert by_age == sorted(by_age, key=lambda k: (k.wall_ns, k.part_id))
    assert for_room == sorted(for_room, key=lambda k: (k.worth, k.wall_ns, k.part_id))
    left = [k for k in given if k not in choice.delete and not k.held]
    for gone, stays in itertools.product(for_room, left):
        if stays.part_id not in old:
            assert (gone.worth, gone.wall_ns) <= (stays.worth, stays.wall_ns)

    def over(deleted: list[Kept]) -> int:
        size = sum(k.size for k in deleted)
        quota = used - size - limits.quota_bytes if limits.quota_bytes else 0
        return max(quota, limits.min_free_bytes - free - size if limits.min_free_bytes else 0, 0)

    assert choice.missing == over(choice.delete)
    if for_room:
        assert over(choice.delete[:-1]) > 0  # without the last one it would not be enough
    if len(choice.delete) < at_most:
        assert not [k for k in left if k.part_id in old]
        assert choice.missing == 0 or not left


BORN = NOW - 100 * DAY_NS


@pytest.mark.parametrize(
    ("claim", "age_days", "what"),
    [
        (Claim(expired=False), 50, "stays"),
        (Claim(expired=False, held=True), 50, "stays"),
        (Claim(expired=True), 50, "goes"),
        (Claim(expired=True), 0, "goes"),
        (Claim(expired=True, held=True), 50, "comes back"),
        (None, ORPHAN_DAYS + 1, "goes"),
        (None, ORPHAN_DAYS, "stays"),
        (None, 0, "stays"),
        (None, 101, "stays"),  # older than the database: another one knew it
        (None, -5, "stays"),  # from the future: a clock was set back
    ],
)
def test_a_file_without_a_row_goes_only_when_it_is_surely_nobodys(claim: Claim | None, age_days: int, what: str) -> None:
    assert fate(claim, mtime_ns=NOW - age_days * DAY_NS, born_ns=BORN, now_ns=NOW) == what
