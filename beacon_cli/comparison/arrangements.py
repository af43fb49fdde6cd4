"""The ways in which labels of groups can be exchanged among answers: all when they are few, else random ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

_SHAPES_KEPT = 8


def arrangement_count(sizes: Sequence[int]) -> int:
    """Return in how many ways answers can be dealt to groups of these sizes."""
    count = math.factorial(sum(sizes))
    for size in sizes:
        count //= math.factorial(size)
    return count


def distinct_count(sizes: Sequence[int]) -> int:
    """Return how many of them can differ in the distances inside groups: groups of one size may trade names."""
    count = arrangement_count(sizes)
    for size in set(sizes):
        count //= math.factorial(sizes.count(size))
    return count


@lru_cache(maxsize=_SHAPES_KEPT)
def arrangements(sizes: tuple[int, ...], at_most: int, seed: int) -> np.ndarray:
    """Return arrangements as a matrix of group numbers, one a row: every one there is, else `at_most` random ones.

    The same sizes and seed always give the same matrix; callers must not write to it.
    """
    if arrangement_count(sizes) <= at_most:
        dealt = np.array(list(_every(sizes, sum(sizes))), dtype=np.int8)
    else:
        labels = np.repeat(np.arange(len(sizes), dtype=np.int8), sizes)
        dealt = np.random.default_rng(seed).permuted(np.tile(labels, (at_most, 1)), axis=1)
    dealt.flags.writeable = False
    return dealt


def _every(sizes: tuple[int, ...], count: int) -> Iterator[tuple[int, ...]]:
    """Yield every row of group numbers with so many of each."""

    def deal(free: tuple[int, ...], group: int, row: list[int]) -> Iterator[tuple[int, ...]]:
        if group == len(sizes) - 1:
            for place in free:
                row[place] = group
            yield tuple(row)
            return
        for chosen in itertools.combinations(free, sizes[group]):
            for place in chosen:
                row[place] = group
            yield from deal(tuple(place for place in free if place not in chosen), group + 1, row)

    yield from deal(tuple(range(count)), 0, [0] * count)
