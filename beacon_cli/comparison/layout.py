"""The answers of a test, in an order that depends only on their contents: which may be exchanged for which."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from beacon_cli.comparison.arrangements import group_sizes
from beacon_cli.design.shapes import Shape, Sizes


@dataclass(frozen=True, slots=True)
class Layout:
    """Answers in order. `groups` are the names of the groups, `labels` the number of each answer's group, `distances`
    those between the answers, and `places` where each answer was before.

    `units` number what is independent of the rest: an answer, or all answers to one seed, which may be alike in all
    regions. `shape` says which labels may be exchanged: those of one seed, if answers are `paired` by it, else all.
    """

    groups: tuple[str, ...]
    labels: np.ndarray
    distances: np.ndarray
    places: np.ndarray
    units: np.ndarray
    shape: Shape
    paired: bool

    @property
    def sizes(self) -> Sizes:
        """The number of answers of each group."""
        return group_sizes(self.shape)

    @property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes under which the answers are tested: inside the blocks and, if there are several, over all."""
        return (self.shape, (self.sizes,)) if len(self.shape) > 1 else (self.shape,)

    def members(self) -> np.ndarray:
        """Return a column for each group, with 1 for its answers."""
        mine: np.ndarray = self.labels[:, None] == np.arange(len(self.groups))
        return mine.astype(float)


@dataclass(frozen=True, slots=True)
class Sample:
    """Answers to one question: the group, the repeat and the content of each, and their distances from each other.

    If they are `paired`, the answers of one repeat have the same seed.
    """

    groups: Sequence[str]
    repeats: Sequence[int]
    contents: Sequence[str]
    distances: np.ndarray
    paired: bool

    @property
    def names(self) -> tuple[str, ...]:
        """The groups, in the order in which they come."""
        return tuple(dict.fromkeys(self.groups))

    def of(self, groups: Collection[str]) -> Sample:
        """Return the answers of some groups."""
        return self.only([place for place, group in enumerate(self.groups) if group in groups])

    def only(self, places: Sequence[int]) -> Sample:
        """Return some of the answers."""
        groups, repeats, contents = (
            [column[place] for place in places] for column in (self.groups, self.repeats, self.contents)
        )
        return Sample(groups, repeats, contents, self.distances[np.ix_(places, places)], self.paired)  # type: ignore[arg-type]

    def laid_out(self) -> Layout:
        """Return the answers in order; there must be some."""
        blocks = list(self.repeats) if self.paired else [0] * len(self.groups)
        numbers = {name: number for number, name in enumerate(self._ordered_groups(blocks))}
        rows: dict[int, list[tuple[int, str, int]]] = {}
        for place, (group, block, content) in enumerate(zip(self.groups, blocks, self.contents, strict=True)):
            rows.setdefault(block, []).append((numbers[group], content, place))
        counted = [(_counts(row, len(numbers)), sorted(row)) for row in rows.values()]
        counted.sort(key=lambda each: (each[0], [(label, content) for label, content, _ in each[1]]))
        cells = [(label, place, unit) for unit, (_, row) in enumerate(counted) for label, _, place in row]
        labels, places, units = (np.array(column) for column in zip(*cells, strict=True))
        return Layout(
            groups=tuple(numbers),
            labels=labels,
            distances=self.distances[np.ix_(places, places)],
            places=places,
            units=units if self.paired else np.arange(len(cells)),
            shape=_one_for_all(tuple(sizes for sizes, _ in counted)),
            paired=self.paired,
        )

    def _ordered_groups(self, blocks: Sequence[int]) -> list[str]:
        """Return the groups in the order of what they answered and what stands beside it; by name if that is equal."""
        beside: dict[int, list[str]] = {}
        for block, content in zip(blocks, self.contents, strict=True):
            beside.setdefault(block, []).append(content)
        sides = {block: sorted(found) if self.paired else [] for block, found in beside.items()}
        kinds: dict[str, list[tuple[str, list[str]]]] = {}
        for group, block, content in zip(self.groups, blocks, self.contents, strict=True):
            kinds.setdefault(group, []).append((content, sides[block]))
        return sorted(kinds, key=lambda name: (len(kinds[name]), sorted(kinds[name]), name))


def _counts(row: Sequence[tuple[int, str, int]], groups: int) -> Sizes:
    labels = [label for label, _, _ in row]
    return tuple(labels.count(number) for number in range(groups))


@lru_cache(maxsize=128)
def _one_for_all(shape: Shape) -> Shape:
    """Return the shape that equal ones share: results keep it, and there are many."""
    return shape
