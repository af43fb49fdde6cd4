from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon_cli.comparison.pooled import Pool, Pooled
from tests.unit.comparison.samples import numbers, sample, texts

REGIONS = ("US", "EU", "ASIA")


def pooled(chance: random.Random, questions: int, repeats: int, shift: float, *, paired: bool = False) -> Pooled:
    pool = Pool(0.05)
    for _ in range(questions):
        answers = {region: texts(chance, repeats, shift if region == "ASIA" else 0) for region in REGIONS}
        pool.add(sample(answers, paired=paired))
    found = pool.result()
    assert found is not None
    return found


@pytest.mark.parametrize("paired", [False, True])
def test_a_difference_too_small_for_any_question_is_found_over_all_and_its_region_is_named(paired: bool) -> None:
    found = pooled(random.Random(1), 30, 5, 0.35, paired=paired)
    assert (found.p_value, found.apart, found.different, found.subjects) == (1 / 2000, ("ASIA",), True, 30)
    assert found.pairs["US", "EU"] > 0.05


def test_its_p_values_are_valid() -> None:
    p_values = [pooled(random.Random(seed), 4, 3, 0.0).p_value for seed in range(100)]
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p_values) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 100)


def test_for_one_question_it_is_the_share_of_exchanges_up_to_chance() -> None:
    values = [0.0, 1.0, 2.5, 7.0, 8.0, 9.0]
    pool = Pool(0.05)
    pool.add(sample({"US": [str(each) for each in values[:3]], "EU": [str(each) for each in values[3:]]}, numbers))
    found = pool.result()
    assert found is not None
    assert found.p_value == pytest.approx(2 / 20, abs=0.03)
    assert found.pairs == {("US", "EU"): found.p_value}


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.permutations(range(3)))
def test_names_and_order_do_not_matter(seed: int, order: list[int]) -> None:
    chance = random.Random(seed)
    columns = [texts(chance, 4, shift) for shift in (0, 0, 0.4)]
    found = []
    for names, shuffled in ((REGIONS, range(3)), (("x", "y", "z"), order)):
        pool = Pool(0.05)
        pool.add(sample({name: columns[place] for name, place in zip(names, shuffled, strict=True)}))
        found.append(pool.result())
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].p_value == found[1].p_value


def test_copies_and_single_groups_take_no_part() -> None:
    pool = Pool(0.05)
    pool.add(sample({"US": ["a"] * 4, "EU": ["b"] * 4}))
    pool.add(sample({"US": ["a", "b"]}))
    pool.add(sample({}))
    assert pool.result() is None


def test_answers_that_no_exchange_can_tell_apart_show_nothing() -> None:
    pool = Pool(0.05)
    mine = texts(random.Random(1), 4)
    for _ in range(5):
        pool.add(sample(dict.fromkeys(REGIONS, mine), paired=True))
    found = pool.result()
    assert found is not None
    assert (found.p_value, set(found.pairs.values()), found.apart) == (1.0, {1.0}, ())


def test_every_two_of_many_regions_are_compared() -> None:
    chance = random.Random(1)
    names = [f"r{number}" for number in range(5)]
    pool = Pool(0.05)
    for _ in range(10):
        pool.add(sample({name: texts(chance, 5, 0.6 if name == "r3" else 0) for name in names}))
    found = pool.result()
    assert found is not None
    assert list(found.pairs) == list(itertools.combinations(names, 2))
    assert found.apart == ("r3",)
