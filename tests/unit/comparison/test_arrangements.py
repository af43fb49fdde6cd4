from __future__ import annotations

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon_cli.comparison.arrangements import are_few, arrangements, group_sizes, random_arrangements
from beacon_cli.design.shapes import Shape, arrangement_count, distinct_count, together_share

SIZES = st.lists(st.integers(1, 4), min_size=1, max_size=4).filter(lambda sizes: sum(sizes) <= 8).map(tuple)
SHAPES = (
    st.lists(st.tuples(*[st.integers(0, 2)] * 3).filter(any), min_size=1, max_size=4)
    .map(lambda blocks: tuple(sorted(blocks)))
    .filter(lambda shape: min(group_sizes(shape)) > 0 and sum(group_sizes(shape)) <= 9)
)


def rows(shape: Shape, at_most: int, seed: int = 0) -> list[tuple[int, ...]]:
    return [tuple(map(int, row)) for chunk in arrangements(shape, at_most, seed) for row in chunk]


def real(shape: Shape) -> list[int]:
    """Return the labels as they are, block by block."""
    return [group for sizes in shape for group, size in enumerate(sizes) for _ in range(size)]


def every(shape: Shape) -> set[tuple[int, ...]]:
    """Return all ways to exchange labels inside the blocks, by brute force."""
    blocks = [[group for group, size in enumerate(sizes) for _ in range(size)] for sizes in shape]
    ways = itertools.product(*(set(itertools.permutations(block)) for block in blocks))
    return {tuple(itertools.chain.from_iterable(way)) for way in ways}


def partition(row: tuple[int, ...]) -> frozenset[tuple[int, ...]]:
    """Return which answers are together, whatever their group is called."""
    return frozenset(tuple(np.flatnonzero(np.array(row) == group)) for group in set(row))


@pytest.mark.parametrize(
    ("sizes", "count", "distinct"),
    [((3, 3), 20, 10), ((3, 3, 3), 1680, 280), ((5, 5, 5), 756_756, 126_126), ((3, 2, 3), 560, 280), ((1, 4), 5, 5)],
)
def test_arrangements_are_counted(sizes: tuple[int, ...], count: int, distinct: int) -> None:
    assert (arrangement_count((sizes,)), distinct_count((sizes,))) == (count, distinct)


@settings(deadline=None, max_examples=50)
@given(st.one_of(SIZES.map(lambda sizes: (sizes,)), SHAPES))
def test_every_distinct_arrangement_is_dealt_exactly_once(shape: Shape) -> None:
    dealt = rows(shape, 100_000)
    assert len(dealt) == distinct_count(shape) == len({partition(row) for row in dealt})
    labels = Counter(real(shape))
    assert all(Counter(row) == labels for row in dealt)
    if sum(group_sizes(shape)) <= 7:
        assert len(every(shape)) == arrangement_count(shape)
        assert {partition(row) for row in dealt} == {partition(row) for row in every(shape)}


@settings(deadline=None, max_examples=50)
@given(st.one_of(SIZES.map(lambda sizes: (sizes,)), SHAPES))
def test_each_stands_for_as_many_with_other_names(shape: Shape) -> None:
    columns = Counter(zip(*shape, strict=True))
    trades = math.prod(math.factorial(number) for number in columns.values())
    assert arrangement_count(shape) == distinct_count(shape) * trades


@settings(deadline=None, max_examples=50)
@given(st.one_of(SIZES.map(lambda sizes: (sizes,)), SHAPES.filter(lambda shape: arrangement_count(shape) <= 5_000)))
def test_the_share_of_arrangements_that_keep_a_group_together(shape: Shape) -> None:
    labels = np.array(real(shape))
    dealt = [partition(row) for row in rows(shape, 10_000)]
    together = [sum(tuple(np.flatnonzero(labels == group)) in each for each in dealt) for group in range(len(shape[0]))]
    assert together_share(shape) == pytest.approx(min(together) / len(dealt))


def test_inside_blocks_there_are_fewer_ways() -> None:
    shape = ((1, 1, 1),) * 5
    assert (arrangement_count(shape), distinct_count(shape)) == (6**5, 6**4)
    assert together_share(shape) == pytest.approx(3**-4)


@pytest.mark.parametrize("shape", [((1, 1, 1),) * 9, ((0, 1, 1), (1, 1, 1), (1, 1, 1)), ((20, 20, 20),)])
def test_drawn_labels_stay_in_their_block(shape: Shape) -> None:
    drawn = random_arrangements(shape, 50, np.random.default_rng(1))
    ends = np.cumsum([sum(sizes) for sizes in shape])[:-1]
    for row in drawn:
        for block, sizes in zip(np.split(row, ends), shape, strict=True):
            assert tuple(np.bincount(block, minlength=len(sizes))) == sizes


def test_at_most_so_many_are_all_of_them_and_one_less_is_chance() -> None:
    assert are_few(((3, 3, 3),), 280)
    assert len(set(rows(((3, 3, 3),), 280))) == 280
    assert not are_few(((3, 3, 3),), 279)
    assert len(rows(((3, 3, 3),), 279)) == 279 > len(set(rows(((3, 3, 3),), 279)))


@pytest.mark.parametrize("at_most", [1, 999, 1000, 1001, 2500])
def test_so_many_random_ones_are_dealt_as_are_asked_for(at_most: int) -> None:
    assert len(rows(((10, 10),), at_most)) == at_most


def test_random_ones_are_repeatable_and_depend_on_the_seed() -> None:
    assert rows(((6, 6),), 100) == rows(((6, 6),), 100) != rows(((6, 6),), 100, seed=1)


def test_more_random_ones_begin_with_the_same() -> None:
    assert rows(((10, 10),), 2500)[:1200] == rows(((10, 10),), 1200)


def test_in_random_ones_every_answer_is_as_often_in_every_group() -> None:
    dealt = np.array(rows(((4, 8),), 4000))
    assert np.abs((dealt == 0).mean(axis=0) - 1 / 3).max() < 0.04


def test_what_is_dealt_cannot_be_written_to() -> None:
    for at_most in (1000, 1):
        block = next(arrangements(((3, 3),), at_most, 0))
        with pytest.raises(ValueError, match="read-only"):
            block[0, 0] = 1
