from __future__ import annotations

import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon_cli.comparison.difference import difference
from beacon_cli.comparison.distance import lexical, words
from tests.support.hostile_input import any_text

WORDS = [f"w{number}" for number in range(60)]


def texts(chance: random.Random, count: int, shift: float = 0.0) -> list[str]:
    """Return answers of 30 words, a share `shift` of which comes from words of their own."""
    return [
        " ".join(chance.choice(WORDS[30:] if chance.random() < shift else WORDS[:30]) for _ in range(30))
        for _ in range(count)
    ]


@given(any_text, any_text)
def test_a_distance_is_symmetric_and_between_0_and_1(one: str, other: str) -> None:
    assert 0 <= lexical(one, other) == lexical(other, one) <= 1
    assert lexical(one, one) == 0


@pytest.mark.parametrize(
    ("one", "other", "distance"),
    [
        ("Paris.", "paris", 0.0),
        ("The answer is 4", "The answer is 5", 0.25),
        ("", "anything", 1.0),
        ("", "", 0.0),
        ("北京市", "北京", 0.2),
    ],
)
def test_the_lexical_distance_is_the_share_of_words_that_are_not_common(one: str, other: str, distance: float) -> None:
    assert lexical(one, other) == pytest.approx(distance)


def test_words_are_words_in_any_script() -> None:
    assert words("L'été, 4 fois; 北京です naïve_x") == ["l", "été", "4", "fois", "北", "京", "で", "す", "naïve", "x"]


def test_the_p_value_is_the_share_of_all_exchanges_when_they_are_few() -> None:
    chance = random.Random(3)
    answers = {"US": texts(chance, 3), "EU": texts(chance, 3, 0.3)}
    found = difference(answers, lexical)
    everything = [*answers["US"], *answers["EU"]]

    def effect(first: tuple[int, ...]) -> float:
        second = [number for number in range(6) if number not in first]
        same = [
            lexical(everything[a], everything[b])
            for group in (first, second)
            for a, b in itertools.combinations(group, 2)
        ]
        other = [lexical(everything[a], everything[b]) for a in first for b in second]
        return float(np.mean(other) - np.mean(same))

    effects = [effect(first) for first in itertools.combinations(range(6), 3)]
    assert found.effect == pytest.approx(effect((0, 1, 2)))
    assert found.p_value == pytest.approx(sum(each >= found.effect - 1e-12 for each in effects) / len(effects))
    assert found.least_p_value == pytest.approx(2 / len(effects))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_the_same_answers_give_the_same_p_value_in_any_order_of_regions(seed: int) -> None:
    chance = random.Random(seed)
    answers = {"US": texts(chance, 3), "EU": texts(chance, 2), "ASIA": texts(chance, 3, 0.5)}
    found = difference(answers, lexical)
    again = difference(dict(reversed(answers.items())), lexical)
    assert (found.within, found.between, found.p_value) == pytest.approx((again.within, again.between, again.p_value))


def test_a_planted_difference_is_found_and_none_is_not() -> None:
    chance = random.Random(5)
    planted = difference({"US": texts(chance, 5), "EU": texts(chance, 5), "ASIA": texts(chance, 5, 0.9)}, lexical)
    assert planted.p_value is not None
    assert planted.p_value < 0.001
    assert planted.low is not None
    assert planted.high is not None
    assert 0 < planted.low < planted.effect < planted.high
    none = difference({"US": texts(chance, 5), "EU": texts(chance, 5), "ASIA": texts(chance, 5)}, lexical)
    assert none.p_value is not None
    assert none.p_value > 0.05


def test_without_any_noise_a_difference_is_not_tested() -> None:
    assert difference({"US": ["yes"] * 4, "EU": ["no"] * 4}, lexical).p_value is None
    assert difference({"US": ["yes"] * 4, "EU": ["yes"] * 4}, lexical).p_value == 1.0
