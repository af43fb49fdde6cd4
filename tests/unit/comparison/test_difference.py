from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from beacon_cli.comparison.difference import Difference, difference
from beacon_cli.comparison.distance import distances, lexical
from tests.support.hostile_input import any_text

WORDS = [f"w{number}" for number in range(60)]


def texts(chance: random.Random, count: int, shift: float = 0.0) -> list[str]:
    """Return answers of 30 words, a share `shift` of which comes from words of their own."""
    return [
        " ".join(chance.choice(WORDS[30:] if chance.random() < shift else WORDS[:30]) for _ in range(30))
        for _ in range(count)
    ]


def _gaps(answers: Sequence[str]) -> np.ndarray:
    numbers = np.array(answers, dtype=float)
    return np.array(np.abs(np.subtract.outer(numbers, numbers)))


def apart(one: str, other: str) -> float:
    return float(lexical([one, other])[0, 1])


@given(any_text, any_text)
def test_a_distance_is_symmetric_and_between_0_and_1(one: str, other: str) -> None:
    assert 0 <= apart(one, other) == apart(other, one) <= 1
    assert apart(one, one) == 0


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
    assert apart(one, other) == pytest.approx(distance)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("✅", "❌"),
        ("A+", "A−"),
        ("C++", "C#"),
        ("$5", "€5"),
        ("x<y", "x>y"),
        ("-4", "4"),
        ("की", "का"),
        ("5 %", "5"),
        ("so?", "so."),
        ("so!", "so"),
        ("“so”", "so"),
    ],
)
def test_what_is_no_letter_can_make_the_difference(one: str, other: str) -> None:
    assert apart(one, other) > 0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("cafe\u0301", "caf\u00e9"),
        ("\u22124", "-4"),
        ("4.", "(4)"),
        ("“so”", "«so»"),
        ("don’t", "don't"),
        ("何？", "何?"),
        ("**a** | b", "a b"),
    ],
)
def test_how_it_is_written_makes_none(one: str, other: str) -> None:
    assert apart(one, other) == 0


def test_the_p_value_is_the_share_of_all_exchanges_when_they_are_few() -> None:
    chance = random.Random(3)
    answers = {"US": texts(chance, 3), "EU": texts(chance, 3, 0.3)}
    found = difference(answers, lexical)
    everything = [*answers["US"], *answers["EU"]]

    def effect(first: tuple[int, ...]) -> float:
        second = [number for number in range(6) if number not in first]
        same = [
            apart(everything[a], everything[b])
            for group in (first, second)
            for a, b in itertools.combinations(group, 2)
        ]
        other = [apart(everything[a], everything[b]) for a in first for b in second]
        return float(np.mean(other) - np.mean(same))

    effects = [effect(first) for first in itertools.combinations(range(6), 3)]
    assert found.effect == pytest.approx(effect((0, 1, 2)))
    assert found.p_value == pytest.approx(sum(each >= found.effect - 1e-12 for each in effects) / len(effects))
    assert found.least_p_value == pytest.approx(2 / len(effects))


def statistic_of_energy(*groups: np.ndarray) -> float:
    """Return the distances inside groups as PERMANOVA and energy distance add them up, of numbers."""
    return -float(sum(np.abs(group[:, None] - group[None, :]).sum() / len(group) for group in groups))


def of_numbers(*groups: list[float], **options: int) -> Difference:
    """Return the test of answers that are numbers, which are as far apart as they differ."""
    answers = {f"g{number}": [f"{value:.6f}" for value in group] for number, group in enumerate(groups)}
    return difference(answers, _gaps, **options)


@pytest.mark.parametrize("sizes", [(3, 3), (4, 4), (3, 3, 3), (2, 3, 4), (2, 6)])
def test_the_p_value_is_that_of_scipy_when_exchanges_are_few(sizes: tuple[int, ...]) -> None:
    chance = random.Random(sum(sizes))
    groups = [[round(chance.gauss(number / 2, 1), 6) for _ in range(size)] for number, size in enumerate(sizes)]
    theirs = stats.permutation_test(
        [np.array(group) for group in groups], statistic_of_energy, n_resamples=np.inf, alternative="greater"
    )
    assert of_numbers(*groups).p_value == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("shift", [0.0, 0.4, 0.8])
def test_the_p_value_is_about_that_of_scipy_when_exchanges_are_random(shift: float) -> None:
    chance = random.Random(2)
    groups = [[round(chance.gauss(shift * number, 1), 6) for _ in range(6)] for number in range(3)]
    theirs = stats.permutation_test(
        [np.array(group) for group in groups],
        statistic_of_energy,
        n_resamples=5_000,
        alternative="greater",
        rng=np.random.default_rng(1),
    )
    ours = of_numbers(*groups)
    assert ours.p_value is not None
    error = np.sqrt(theirs.pvalue * (1 - theirs.pvalue) / 5_000) + ours.p_value * 500**-0.5
    assert abs(ours.p_value - theirs.pvalue) < 4 * error + 0.001


def test_a_p_value_below_5_percent_has_every_exchange_behind_it() -> None:
    groups = [[0.0, 0.1, 0.3, 0.2, 0.5, 0.6], [5.0, 5.1, 5.3, 5.2, 5.5, 5.6], [9.0, 9.2, 9.4, 9.2, 9.5, 9.7]]
    assert of_numbers(*groups).p_value == pytest.approx(1 / 10_000)
    assert of_numbers(*groups, exchanges=99).p_value == pytest.approx(1 / 100)


def test_p_values_of_random_exchanges_are_valid() -> None:
    chance = random.Random(8)
    p_values = []
    for seed in range(400):
        groups = [[round(chance.gauss(0, 1), 6) for _ in range(5)] for _ in range(3)]
        p_value = of_numbers(*groups, exchanges=2_000, seed=seed).p_value
        assert p_value is not None
        p_values.append(p_value)
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p_values) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 400)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 6), min_size=2, max_size=3), st.randoms(use_true_random=False))
def test_neither_order_nor_names_matter(seed: int, sizes: list[int], order: random.Random) -> None:
    chance = random.Random(seed)
    groups = [texts(chance, size, number / 4) for number, size in enumerate([*sizes, 2])]
    found = difference({f"g{number}": group for number, group in enumerate(groups)}, lexical, exchanges=200)
    for group in groups:
        order.shuffle(group)
    order.shuffle(groups)
    again = difference({f"h{number}": group for number, group in enumerate(groups)}, lexical, exchanges=200)
    assert (found.p_value, found.least_p_value) == (again.p_value, again.least_p_value)
    assert (found.within, found.between) == pytest.approx((again.within, again.between))
    assert (found.low is None) == (again.low is None)
    assert sorted(found.between_pairs.values()) == pytest.approx(sorted(again.between_pairs.values()))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1))
def test_the_scale_of_distances_scales_the_effect_and_nothing_else(seed: int, scale: float) -> None:
    chance = random.Random(seed)
    answers = {"US": texts(chance, 4), "EU": texts(chance, 3), "ASIA": texts(chance, 3, 0.4)}
    found = difference(answers, lexical, exchanges=500)
    scaled = difference(answers, lambda answers: scale * lexical(answers), exchanges=500)
    assert scaled.p_value == found.p_value
    assert scaled.effect == pytest.approx(scale * found.effect)
    assert found.low is not None
    assert scaled.low == pytest.approx(scale * found.low)


def test_the_pairs_are_named_as_the_groups_came_and_average_to_the_mean_between() -> None:
    answers = {"US": ["a b", "a c"], "EU": ["a d", "a e", "x y"], "ASIA": ["x z"]}
    found = difference(answers, lexical)
    assert list(found.between_pairs) == [("US", "EU"), ("US", "ASIA"), ("EU", "ASIA")]
    assert found.between_pairs[("US", "ASIA")] == 1.0
    assert found.between_pairs[("EU", "ASIA")] == pytest.approx((1 + 1 + 0.5) / 3)
    assert found.between == pytest.approx(np.mean(list(found.between_pairs.values())))


def test_no_region_counts_for_more_because_it_has_more_answers() -> None:
    tight, loose = ["a b c d"] * 8, ["a b x y", "a b z w"]
    found = difference({"US": tight, "EU": loose}, lexical)
    assert found.within == pytest.approx((0 + 0.5) / 2)


def test_answers_that_only_scatter_more_are_different_too_also_where_they_are_more() -> None:
    same = [[0.0, 0.1, -0.1, 0.05, -0.05], [0.1, -0.2, 0.0, 0.15, -0.15]]
    wide = [-9.0, 8.0, -7.0, 6.5, -5.0, 4.8, -3.9, 2.8]
    p_value = of_numbers(*same, wide).p_value
    assert p_value is not None
    assert p_value < 0.05


def test_the_interval_is_the_jackknife_of_the_effect() -> None:
    chance = random.Random(4)
    answers = {"US": texts(chance, 4), "EU": texts(chance, 3), "ASIA": texts(chance, 5, 0.4)}
    found = difference(answers, lexical)
    variance = 0.0
    for region, group in answers.items():
        without = [
            difference({**answers, region: [*group[:number], *group[number + 1 :]]}, lexical, exchanges=1).effect
            for number in range(len(group))
        ]
        variance += (len(group) - 1) * float(np.var(without))
    assert found.low is not None
    assert found.high is not None
    assert (found.low + found.high) / 2 == pytest.approx(found.effect)
    assert found.high - found.effect == pytest.approx(stats.t.ppf(0.975, 2) * np.sqrt(variance))


@pytest.mark.parametrize(
    "answers",
    [
        {"US": ["a b", "a c", "a d"], "EU": ["a e", "a f"]},
        {"US": ["a b", "a c", "a d"], "EU": ["a e"]},
        {"US": ["yes"] * 3, "EU": ["no"] * 3},
        {"US": ["yes"] * 3, "EU": ["yes"] * 3},
    ],
)
def test_two_answers_or_no_noise_have_no_interval(answers: dict[str, list[str]]) -> None:
    found = difference(answers, lexical)
    assert (found.low, found.high) == (None, None)


def test_a_group_with_one_answer_is_tested_by_its_distance_from_others() -> None:
    found = difference({"US": ["a b", "a c", "a d", "a e"], "EU": ["x y"]}, lexical)
    assert (found.between, found.within) == (1.0, 0.5)
    assert found.p_value == found.least_p_value == pytest.approx(1 / 5)


def test_distances_are_measured_once_for_each_two_texts() -> None:
    asked: list[str] = []

    def measure(answers: Sequence[str]) -> np.ndarray:
        asked.extend(answers)
        return 1 - np.eye(len(answers))

    matrix = distances(["a", "b", "a", "b", "a"], measure)
    assert asked == ["a", "b"]
    assert matrix.tolist() == [[float(row % 2 != column % 2) for column in range(5)] for row in range(5)]


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
