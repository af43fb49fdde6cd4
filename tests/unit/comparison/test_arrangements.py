from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon_cli.comparison.arrangements import are_few, arrangement_count, arrangements, distinct_count, together_share

SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=4).filter(lambda sizes: sum(sizes) <= 8).map(tuple)


def rows(sizes: tuple[int, ...], at_most: int, seed: int = 0) -> list[tuple[int, ...]]:
    return [tuple(map(int, row)) for block in arrangements(sizes, at_most, seed) for row in block]


def partition(row: tuple[int, ...]) -> frozenset[tuple[int, ...]]:
    """Return which answers are together, whatever their group is called."""
    return frozenset(tuple(np.flatnonzero(np.array(row) == group)) for group in set(row))


@pytest.mark.parametrize(
    ("sizes", "count", "distinct"),
    [((3, 3), 20, 10), ((3, 3, 3), 1680, 280), ((5, 5, 5), 756_756, 126_126), ((3, 2, 3), 560, 280), ((1, 4), 5, 5)],
)
def test_arrangements_are_counted(sizes: tuple[int, ...], count: int, distinct: int) -> None:
    assert (arrangement_count(sizes), distinct_count(sizes)) == (count, distinct)


@settings(deadline=None)
@given(SIZES)
def test_every_distinct_arrangement_is_dealt_exactly_once(sizes: tuple[int, ...]) -> None:
    dealt = rows(sizes, 10_000)
    labels = [group for group, size in enumerate(sizes) for _ in range(size)]
    assert len(dealt) == distinct_count(sizes) == len({partition(row) for row in dealt})
    assert all(Counter(row) == Counter(labels) for row in dealt)
    if sum(sizes) <= 6:
        assert {partition(row) for row in dealt} == {partition(row) for row in itertools.permutations(labels)}


@settings(deadline=None)
@given(SIZES)
def test_each_stands_for_as_many_with_other_names(sizes: tuple[int, ...]) -> None:
    trades = math.prod(math.factorial(number) for number in Counter(sizes).values())
    assert arrangement_count(sizes) == distinct_count(sizes) * trades


@settings(deadline=None)
@given(SIZES)
def test_the_share_of_arrangements_that_keep_a_group_together(sizes: tuple[int, ...]) -> None:
    labels = [group for group, size in enumerate(sizes) for _ in range(size)]
    dealt = [partition(row) for row in rows(sizes, 10_000)]
    together = [
        sum(tuple(np.flatnonzero(np.array(labels) == group)) in each for each in dealt) for group in range(len(sizes))
    ]
    assert together_share(sizes) == pytest.approx(min(together) / len(dealt))


def test_at_most_so_many_are_all_of_them_and_one_less_is_chance() -> None:
    assert are_few((3, 3, 3), 280)
    assert len(set(rows((3, 3, 3), 280))) == 280
    assert not are_few((3, 3, 3), 279)
    assert len(rows((3, 3, 3), 279)) == 279 > len(set(rows((3, 3, 3), 279)))


@pytest.mark.parametrize("at_most", [1, 999, 1000, 1001, 2500])
def test_so_many_random_ones_are_dealt_as_are_asked_for(at_most: int) -> None:
    assert len(rows((10, 10), at_most)) == at_most


def test_random_ones_are_repeatable_and_depend_on_the_seed() -> None:
    assert rows((6, 6), 100) == rows((6, 6), 100) != rows((6, 6), 100, seed=1)


def test_more_random_ones_begin_with_the_same() -> None:
    assert rows((10, 10), 2500)[:1200] == rows((10, 10), 1200)


def test_in_random_ones_every_answer_is_as_often_in_every_group() -> None:
    dealt = np.array(rows((4, 8), 4000))
    assert np.abs((dealt == 0).mean(axis=0) - 1 / 3).max() < 0.04


def test_what_is_dealt_cannot_be_written_to() -> None:
    for at_most in (1000, 1):
        block = next(arrangements((3, 3), at_most, 0))
        with pytest.raises(ValueError, match="read-only"):
            block[0, 0] = 1
