from __future__ import annotations

import random

import numpy as np
import pytest
import scipy

from beacon_cli.comparison.pile import Pile


def test_one_stratum_of_two_groups_is_fishers_exact_test() -> None:
    pile = Pile()
    pile.add({"US": (0, 10), "EU": (5, 10)})
    found = pile.result()
    assert found is not None
    assert found.group == "EU"
    assert found.p_value == pytest.approx(scipy.stats.fisher_exact([[0, 10], [5, 5]]).pvalue, abs=0.012)


def test_what_piles_up_in_many_strata_is_found_though_no_stratum_shows_it() -> None:
    pile = Pile()
    for _ in range(12):
        pile.add({"US": (0, 5), "EU": (0, 5), "ASIA": (1, 5)})
    found = pile.result()
    assert found is not None
    assert (found.group, found.p_value) == ("ASIA", 1 / 2000)


def test_where_one_question_fails_everywhere_nothing_piles_up() -> None:
    pile = Pile()
    pile.add({"US": (5, 5), "EU": (5, 5)})
    pile.add({"US": (0, 5), "EU": (0, 5)})
    assert pile.result() is None


def test_its_p_values_are_valid() -> None:
    chance = random.Random(1)
    p_values = []
    for _ in range(200):
        pile = Pile()
        for _ in range(6):
            pile.add({name: (sum(chance.random() < 0.2 for _ in range(5)), 5) for name in ("US", "EU", "ASIA")})
        found = pile.result()
        p_values.append(found.p_value if found else 1.0)
    for level in (0.05, 0.2):
        assert np.mean(np.array(p_values) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 200)
