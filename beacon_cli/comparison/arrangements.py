"""The ways to exchange the labels of answers: all of them if they are few, else random ones.

Labels are exchanged only inside a block. A *shape* says, block by block, how many answers of each group there are. If
everything may be exchanged, there is one block.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from beacon_cli.design.shapes import Shape, Sizes, distinct_count, interchangeable, ways_of

_SHAPES_KEPT = 8
_CHUNKS_KEPT = 128
_MOST_ROWS = 1000
_MOST_CELLS = 60_000  # of a chunk, so that the kept data stays under 16 MB and the computed data stays in the cache
_MOST_WAYS = 5040  # of a block, up to which they are listed


def group_sizes(shape: Shape) -> Sizes:
    """Return how many answers each group has in all blocks."""
    return tuple(map(sum, zip(*shape, strict=True)))


def are_few(shape: Shape, at_most: int) -> bool:
    """Return whether `arrangements` yields every distinct arrangement instead of random ones."""
    return distinct_count(shape) <= at_most


def arrangements(shape: Shape, at_most: int, seed: int) -> Iterator[np.ndarray]:
    """Yield arrangements as matrices of group numbers, one arrangement per row, the blocks beside each other.

    If there are at most `at_most` distinct ones, each comes once; else `at_most` random ones come, possibly repeated.
    The same shape and seed always give the same rows; callers must not write to them.
    """
    rows = _rows(sum(map(sum, shape)))
    if are_few(shape, at_most):
        every = _all(shape)
        yield from (every[first : first + rows] for first in range(0, len(every), rows))
        return
    for chunk, first in enumerate(range(0, at_most, rows)):
        yield _kept(shape, seed, chunk)[: at_most - first]


def random_arrangements(shape: Shape, count: int, chance: np.random.Generator) -> np.ndarray:
    """Return so many arrangements, drawn independently."""
    runs = [(sizes, len(list(blocks))) for sizes, blocks in itertools.groupby(shape)]
    return np.concatenate([_dealt(sizes, blocks, count, chance) for sizes, blocks in runs], axis=1)


def _rows(answers: int) -> int:
    return max(1, min(_MOST_ROWS, _MOST_CELLS // max(1, answers)))


@lru_cache(maxsize=_CHUNKS_KEPT)
def _kept(shape: Shape, seed: int, chunk: int) -> np.ndarray:
    rows = _rows(sum(map(sum, shape)))
    return _unwritable(random_arrangements(shape, rows, np.random.default_rng((seed, chunk))))


def _dealt(sizes: Sizes, blocks: int, count: int, chance: np.random.Generator) -> np.ndarray:
    """Return random labels of equal blocks, beside each other."""
    if ways_of(sizes) <= _MOST_WAYS:
        ways = _all_of_block(sizes)
        return ways[chance.integers(len(ways), size=(count, blocks))].reshape(count, -1)
    labels = np.repeat(np.arange(len(sizes), dtype=_type(sizes)), sizes)
    return chance.permuted(np.tile(labels, (count, blocks, 1)), axis=2).reshape(count, -1)


@lru_cache(maxsize=_SHAPES_KEPT)
def _all_of_block(sizes: Sizes) -> np.ndarray:
    return _unwritable(np.array(list(_each(sizes, ())), dtype=_type(sizes)).reshape(-1, sum(sizes)))


@lru_cache(maxsize=_SHAPES_KEPT)
def _all(shape: Shape) -> np.ndarray:
    """Return every distinct arrangement: interchangeable groups are in order in the first block that has them."""
    ordered: dict[int, list[Sequence[int]]] = {}
    for alike in interchangeable(shape):
        ordered.setdefault(next(place for place, sizes in enumerate(shape) if sizes[alike[0]]), []).append(alike)
    every = [list(_each(sizes, ordered.get(place, ()))) for place, sizes in enumerate(shape)]
    joined = (tuple(itertools.chain.from_iterable(blocks)) for blocks in itertools.product(*every))
    return _unwritable(np.array(list(joined), dtype=_type(shape[0])))


def _each(sizes: Sizes, ordered: Sequence[Sequence[int]]) -> Iterator[tuple[int, ...]]:
    """Yield the ways to label a block; among the groups that are `ordered`, the first answers are in order."""
    row = [0] * sum(sizes)
    class_of = {group: number for number, alike in enumerate(ordered) for group in alike}

    def deal(free: tuple[int, ...], group: int, firsts: Mapping[int, int]) -> Iterator[tuple[int, ...]]:
        if group == len(sizes):
            yield tuple(row)
            return
        for chosen in itertools.combinations(free, sizes[group]):
            mine = class_of.get(group)
            if mine is not None and chosen[0] < firsts.get(mine, 0):
                continue
            for place in chosen:
                row[place] = group
            rest = tuple(place for place in free if place not in chosen)
            yield from deal(rest, group + 1, firsts if mine is None else {**firsts, mine: chosen[0]})

    yield from deal(tuple(range(len(row))), 0, {})


def _type(sizes: Sizes) -> np.dtype[Any]:
    """Return the smallest type that holds the number of a group."""
    return np.min_scalar_type(len(sizes))


def _unwritable(rows: np.ndarray) -> np.ndarray:
    rows.flags.writeable = False
    return rows
