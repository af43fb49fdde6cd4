from __future__ import annotations

import itertools

import pytest

from beacon_cli.comparison.apart import corrected, standing, standing_apart

THREE, FOUR = ("US", "EU", "ASIA"), ("US", "EU", "ASIA", "BR")


def differing(text: str) -> list[tuple[str, str]]:
    return [(one, other) for one, _, other in (pair.partition("-") for pair in text.split())]


@pytest.mark.parametrize(
    ("groups", "pairs", "apart"),
    [
        (THREE, "US-ASIA EU-ASIA", ("ASIA",)),
        (THREE, "US-EU US-ASIA", ("US",)),
        (THREE, "US-ASIA", ()),
        (THREE, "", ()),
        (THREE, "US-EU US-ASIA EU-ASIA", THREE),
        (("US", "EU"), "US-EU", ("US", "EU")),
        (FOUR, "US-BR EU-BR ASIA-BR", ("BR",)),
        (FOUR, "US-ASIA US-BR EU-ASIA EU-BR", FOUR),
        (FOUR, "US-ASIA US-BR EU-ASIA EU-BR ASIA-BR", ("ASIA", "BR")),
    ],
)
def test_the_groups_outside_the_largest_cluster_stand_apart(
    groups: tuple[str, ...], pairs: str, apart: tuple[str, ...]
) -> None:
    assert standing_apart(groups, differing(pairs)) == apart


@pytest.mark.parametrize(("groups", "factor"), [(2, 1), (3, 1), (4, 3), (10, 36)])
def test_pairs_are_corrected_for_how_many_may_be_equal_once_any_differs(groups: int, factor: int) -> None:
    names = [str(number) for number in range(groups)]
    p_values = dict.fromkeys(itertools.combinations(names, 2), 0.01)
    assert set(corrected(p_values, groups, 0.001).values()) == {factor * 0.01}


def test_no_pair_is_surer_than_all_groups_together() -> None:
    assert corrected({("US", "EU"): 0.001}, 3, 0.2) == {("US", "EU"): 0.2}


def test_it_is_said_who_differs() -> None:
    pairs = list(itertools.combinations(THREE, 2))
    assert standing(("ASIA",), pairs) == "ASIA stands apart"
    assert standing(THREE, pairs) == "US, EU and ASIA, each from the others"
    assert standing((), pairs) == "pairs cannot show which"
    assert standing(("US", "EU"), [("US", "EU")]) == "US from EU"
