"""Which groups stand apart, given which pairs of groups differ."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence

from beacon_cli.console.printable import excerpt

PairNames = tuple[str, str]


def corrected(p_values: Mapping[PairNames, float], groups: int, whole: float) -> dict[PairNames, float]:
    """Return the p-values of pairs, corrected for their number after the test of all groups, whose p-value is `whole`.

    If any two groups differ, at most C(groups - 1, 2) pairs are equal (Shaffer, 1986): of three groups one pair, so
    that nothing is to be corrected.
    """
    factor = max(1, math.comb(groups - 1, 2))
    return {pair: min(1.0, max(whole, factor * p_value)) for pair, p_value in p_values.items()}


def standing_apart(groups: Sequence[str], differing: Collection[PairNames]) -> tuple[str, ...]:
    """Return the groups outside the largest cluster of groups that were not shown to differ from each other.

    None if all are in one cluster; all if there is no largest one.
    """
    clusters = _clusters(groups, {frozenset(pair) for pair in differing})
    if len(clusters) == 1:
        return ()
    sizes = [len(cluster) for cluster in clusters]
    largest = max(sizes)
    if sizes.count(largest) > 1:
        return tuple(groups)
    inside = clusters[sizes.index(largest)]
    return tuple(group for group in groups if group not in inside)


def standing(apart: Sequence[str], pairs: Collection[PairNames]) -> str:
    """Return which groups differ, for people: `ASIA stands apart`."""
    names = dict.fromkeys(name for pair in pairs for name in pair)
    if len(names) == 2:
        one, other = names
        return f"{excerpt(one, 40)} from {excerpt(other, 40)}"
    if not apart:
        return "pairs cannot show which"
    *first, last = (excerpt(name, 40) for name in apart)
    named = f"{', '.join(first)} and {last}" if first else last
    if len(apart) == len(names):
        return f"{named}, each from the others"
    return f"{named} {'stand' if first else 'stands'} apart"


def _clusters(groups: Iterable[str], differing: Collection[frozenset[str]]) -> list[set[str]]:
    clusters: list[set[str]] = []
    for group in groups:
        near = [each for each in clusters if any(frozenset((group, other)) not in differing for other in each)]
        clusters = [each for each in clusters if each not in near] + [{group}.union(*near)]
    return clusters
