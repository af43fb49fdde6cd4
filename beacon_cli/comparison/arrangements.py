"""The ways to assign answers to groups of fixed sizes: all of them if they are few, else random ones."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

_SHAPES_KEPT = 8
_BLOCKS_KEPT = 128
_MOST_ROWS = 1000
_MOST_CELLS = 60_000  # of a block, so that the kept data stays under 8 MB and the computed data stays in the cache


def arrangement_count(sizes: Sequence[int]) -> int:
    """Return the number of ways to assign answers to groups of these sizes."""
    count = math.factorial(sum(sizes))
    for size in sizes:
        count //= math.factorial(size)
    return count


def distinct_count(sizes: Sequence[int]) -> int:
    """Return how many of them can differ in the distances inside groups: groups of equal size are interchangeable."""
    count = arrangement_count(sizes)
    for size in set(sizes):
        count //= math.factorial(sizes.count(size))
    return count


def together_share(sizes: Sequence[int]) -> float:
    """Return the share of the arrangements in which the answers of one group, the most favourable one, stay together.

    If one group differs and the others are alike, about this share of the arrangements, or less, is as extreme as the
    real one: the assignment among the other groups is chance.
    """
    rest = [arrangement_count([*sizes[:place], *sizes[place + 1 :]]) for place in range(len(sizes))]
    kept = (sizes.count(size) * count for size, count in zip(sizes, rest, strict=True))
    return min(1.0, min(kept) / arrangement_count(sizes))


def are_few(sizes: Sequence[int], at_most: int) -> bool:
    """Return whether `arrangements` yields every distinct arrangement instead of random ones."""
    return distinct_count(sizes) <= at_most


def arrangements(sizes: tuple[int, ...], at_most: int, seed: int) -> Iterator[np.ndarray]:
    """Yield arrangements as matrices of group numbers, one arrangement per row.

    If there are at most `at_most` distinct ones, each comes once; else `at_most` random ones come, possibly repeated.
    The same sizes and seed always give the same rows; callers must not write to them.
    """
    rows = _rows(sum(sizes))
    if are_few(sizes, at_most):
        every = _all(sizes)
        yield from (every[first : first + rows] for first in range(0, len(every), rows))
        return
    for block, first in enumerate(range(0, at_most, rows)):
        yield _random(sizes, seed, block)[: at_most - first]


def _rows(answers: int) -> int:
    return max(1, min(_MOST_ROWS, _MOST_CELLS // max(1, answers)))


@lru_cache(maxsize=_BLOCKS_KEPT)
def _random(sizes: tuple[int, ...], seed: int, block: int) -> np.ndarray:
    labels = np.repeat(np.arange(len(sizes), dtype=np.int16), sizes)
    dealt = np.random.default_rng((seed, block)).permuted(np.tile(labels, (_rows(len(labels)), 1)), axis=1)
    dealt.flags.writeable = False
    return dealt


@lru_cache(maxsize=_SHAPES_KEPT)
def _all(sizes: tuple[int, ...]) -> np.ndarray:
    dealt = np.array(list(_each(sizes)), dtype=np.int16)
    dealt.flags.writeable = False
    return dealt


def _each(sizes: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield every distinct row of group numbers: among groups of equal size, the first answers are in order."""
    row = [0] * sum(sizes)

    def deal(free: tuple[int, ...], group: int, firsts: Mapping[int, int]) -> Iterator[tuple[int, ...]]:
        if group == len(sizes):
            yield tuple(row)
            return
        size = sizes[group]
        for chosen in itertools.combinations(free, size):
            if chosen[0] < firsts.get(size, 0):
                continue
            for place in chosen:
                row[place] = group
            rest = tuple(place for place in free if place not in chosen)
            yield from deal(rest, group + 1, {**firsts, size: chosen[0]})

    yield from deal(tuple(range(len(row))), 0, {})
