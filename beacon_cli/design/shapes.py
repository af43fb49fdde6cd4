"""How many ways there are to exchange the labels of answers: what a test can show depends on it.

Labels are exchanged only inside a block. A *shape* says, block by block, how many answers of each group there are. If
everything may be exchanged, there is one block.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

Bluntness = Literal["few answers", "one group", "few exchanges"]
"""So few answers cannot show a difference; they can hardly show that one group differs from others that agree; no more
exchanges are tried."""

MOST_ANSWERS = 100
"""The number of replies of each group that are tested, the first ones: more would take long and find little more."""

MOST_EXCHANGES = 99_999
"""The most exchanges of labels that are tested: no smaller p-value than about one in so many is possible."""

Sizes = tuple[int, ...]
"""How many answers of each group there are."""

Shape = tuple[Sizes, ...]
"""The sizes of each block; equal blocks are neighbours."""


def arrangement_count(shape: Shape) -> int:
    """Return the number of ways to exchange the labels."""
    return math.prod(map(ways_of, shape))


def distinct_count(shape: Shape) -> int:
    """Return how many of them can differ in the distances inside groups: groups that are in the same number in every
    block are interchangeable."""
    return arrangement_count(shape) // math.prod(math.factorial(len(alike)) for alike in interchangeable(shape))


def together_share(shape: Shape) -> float:
    """Return the share of the arrangements in which the answers of one group, the most favourable one, stay together.

    If one group differs and the others are alike, about this share of the arrangements, or less, is as extreme as the
    real one: the assignment among the other groups is chance.
    """
    kept = (
        len(alike) * arrangement_count(tuple((*sizes[: alike[0]], *sizes[alike[0] + 1 :]) for sizes in shape))
        for alike in interchangeable(shape)
    )
    return min(1.0, min(kept) / arrangement_count(shape))


def bluntness(shapes: Sequence[Shape], *, tests: int, rate: float) -> Bluntness | None:
    """Return why a test cannot show a single difference among so many tests; None if it can.

    Answers are tested under each of the shapes. The smallest p-value must be at most the rate divided by the number of
    tests.
    """
    tests *= len(shapes)
    if all(tests > distinct_count(shape) * rate for shape in shapes):
        return "few answers"
    if all(tests * together_share(shape) / 2 > rate for shape in shapes):
        return "one group"
    return "few exchanges" if tests / (MOST_EXCHANGES + 1) > rate else None


def ways_of(sizes: Sizes) -> int:
    """Return the number of ways to label a block."""
    return math.factorial(sum(sizes)) // math.prod(map(math.factorial, sizes))


def interchangeable(shape: Shape) -> list[list[int]]:
    """Return the groups in classes of which every block has the same number."""
    classes: dict[Sizes, list[int]] = {}
    for group, column in enumerate(zip(*shape, strict=True)):
        classes.setdefault(column, []).append(group)
    return list(classes.values())
