from __future__ import annotations

import itertools
import random
from collections.abc import Sequence

import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon_cli.comparison.difference import Difference
from beacon_cli.comparison.distance import distances
from beacon_cli.comparison.layout import Sample
from beacon_cli.comparison.lexical import lexical
from tests.support.hostile_input import any_text
from tests.unit.comparison.samples import difference_of, exchanged_of, numbers, p_value, texts


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
    found = difference_of(answers)
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
    assert p_value(found) == pytest.approx(sum(each >= found.effect - 1e-12 for each in effects) / len(effects))
    assert exchanged_of(found).least_p_value == pytest.approx(2 / len(effects))


def statistic_of_energy(*groups: np.ndarray) -> float:
    """Return the distances inside groups as PERMANOVA and energy distance add them up, of numbers."""
    return -float(sum(np.abs(group[:, None] - group[None, :]).sum() / len(group) for group in groups))


def of_numbers(*groups: list[float], **options: int) -> Difference:
    """Return the test of answers that are numbers, which are as far apart as they differ."""
    answers = {f"g{number}": [f"{value:.6f}" for value in group] for number, group in enumerate(groups)}
    return difference_of(answers, numbers, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("sizes", [(3, 3), (4, 4), (3, 3, 3), (2, 3, 4), (2, 6)])
def test_the_p_value_is_that_of_scipy_when_exchanges_are_few(sizes: tuple[int, ...]) -> None:
    chance = random.Random(sum(sizes))
    groups = [[round(chance.gauss(number / 2, 1), 6) for _ in range(size)] for number, size in enumerate(sizes)]
    theirs = scipy.stats.permutation_test(
        [np.array(group) for group in groups], statistic_of_energy, n_resamples=np.inf, alternative="greater"
    )
    assert p_value(of_numbers(*groups)) == pytest.approx(theirs.pvalue)


@pytest.mark.parametrize("shift", [0.0, 0.4, 0.8])
def test_the_p_value_is_about_that_of_scipy_when_exchanges_are_random(shift: float) -> None:
    chance = random.Random(2)
    groups = [[round(chance.gauss(shift * number, 1), 6) for _ in range(6)] for number in range(3)]
    theirs = scipy.stats.permutation_test(
        [np.array(group) for group in groups],
        statistic_of_energy,
        n_resamples=5_000,
        alternative="greater",
        rng=np.random.default_rng(1),
    )
    ours = of_numbers(*groups)
    error = np.sqrt(theirs.pvalue * (1 - theirs.pvalue) / 5_000) + p_value(ours) * 500**-0.5
    assert abs(p_value(ours) - theirs.pvalue) < 4 * error + 0.001


def test_a_p_value_below_5_percent_has_every_exchange_behind_it() -> None:
    groups = [[0.0, 0.1, 0.3, 0.2, 0.5, 0.6], [5.0, 5.1, 5.3, 5.2, 5.5, 5.6], [9.0, 9.2, 9.4, 9.2, 9.5, 9.7]]
    assert p_value(of_numbers(*groups)) == pytest.approx(1 / 10_000)
    assert p_value(of_numbers(*groups, exchanges=99)) == pytest.approx(1 / 100)


def test_p_values_of_random_exchanges_are_valid() -> None:
    chance = random.Random(8)
    p_values = []
    for _ in range(400):
        groups = [[round(chance.gauss(0, 1), 6) for _ in range(5)] for _ in range(3)]
        p_values.append(p_value(of_numbers(*groups, exchanges=2_000)))
    for level in (0.05, 0.2, 0.5):
        assert np.mean(np.array(p_values) <= level) <= level + 3 * np.sqrt(level * (1 - level) / 400)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 6), min_size=2, max_size=3), st.randoms(use_true_random=False))
def test_neither_order_nor_names_matter(seed: int, sizes: list[int], order: random.Random) -> None:
    chance = random.Random(seed)
    groups = [texts(chance, size, number / 4) for number, size in enumerate([*sizes, 2])]
    found = difference_of({f"g{number}": group for number, group in enumerate(groups)}, exchanges=200)
    for group in groups:
        order.shuffle(group)
    order.shuffle(groups)
    again = difference_of({f"h{number}": group for number, group in enumerate(groups)}, exchanges=200)
    assert found.test == again.test
    assert (found.within, found.between) == pytest.approx((again.within, again.between))
    assert (found.low is None) == (again.low is None)
    assert betweens(found) == pytest.approx(betweens(again))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 1))
def test_the_scale_of_distances_scales_the_effect_and_nothing_else(seed: int, scale: float) -> None:
    chance = random.Random(seed)
    answers = {"US": texts(chance, 4), "EU": texts(chance, 3), "ASIA": texts(chance, 3, 0.4)}
    found = difference_of(answers, exchanges=500)
    scaled = difference_of(answers, lambda texts: scale * lexical(texts), exchanges=500)
    assert p_value(scaled) == p_value(found)
    assert scaled.effect == pytest.approx(scale * found.effect)
    assert found.low is not None
    assert scaled.low == pytest.approx(scale * found.low)


def betweens(found: Difference) -> list[float]:
    return sorted(pair.between for pair in found.pairs.values() if pair.between is not None)


def test_the_pairs_are_named_as_the_groups_came_and_average_to_the_mean_between() -> None:
    answers = {"US": ["a b", "a c"], "EU": ["a d", "a e", "x y"], "ASIA": ["x z"]}
    found = difference_of(answers)
    assert list(found.pairs) == [("US", "EU"), ("US", "ASIA"), ("EU", "ASIA")]
    assert (found.pairs["US", "ASIA"].between, found.pairs["US", "ASIA"].effect) == (1.0, None)
    assert found.pairs["EU", "ASIA"].between == pytest.approx((1 + 1 + 0.5) / 3)
    us_eu = found.pairs["US", "EU"]
    assert us_eu.between is not None
    assert us_eu.effect == pytest.approx(us_eu.between - (0.5 + 5 / 6) / 2)
    assert found.between == pytest.approx(np.mean(betweens(found)))


def test_no_region_counts_for_more_because_it_has_more_answers() -> None:
    tight, loose = ["a b c d"] * 8, ["a b x y", "a b z w"]
    found = difference_of({"US": tight, "EU": loose})
    assert found.within == pytest.approx((0 + 0.5) / 2)


def test_answers_that_only_scatter_more_are_different_too_also_where_they_are_more() -> None:
    same = [[0.0, 0.1, -0.1, 0.05, -0.05], [0.1, -0.2, 0.0, 0.15, -0.15]]
    wide = [-9.0, 8.0, -7.0, 6.5, -5.0, 4.8, -3.9, 2.8]
    assert p_value(of_numbers(*same, wide)) < 0.05


def test_the_interval_is_the_jackknife_of_the_effect() -> None:
    chance = random.Random(4)
    answers = {"US": texts(chance, 4), "EU": texts(chance, 3), "ASIA": texts(chance, 5, 0.4)}
    found = difference_of(answers)
    variance = 0.0
    for region, group in answers.items():
        without = [
            difference_of({**answers, region: [*group[:number], *group[number + 1 :]]}, exchanges=1).effect
            for number in range(len(group))
        ]
        variance += (len(group) - 1) * float(np.var(without))
    assert found.low is not None
    assert found.high is not None
    assert (found.low + found.high) / 2 == pytest.approx(found.effect)
    assert found.high - found.effect == pytest.approx(scipy.stats.t.ppf(0.975, 2) * np.sqrt(variance))


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
    found = difference_of(answers)
    assert (found.low, found.high) == (None, None)


def test_a_group_with_one_answer_is_tested_by_its_distance_from_others() -> None:
    found = difference_of({"US": ["a b", "a c", "a d", "a e"], "EU": ["x y"]})
    assert (found.between, found.within) == (1.0, 0.5)
    assert p_value(found) == exchanged_of(found).least_p_value == pytest.approx(1 / 5)


def test_distances_are_measured_once_for_each_text() -> None:
    asked: list[list[str]] = []

    def measure(texts: Sequence[str]) -> np.ndarray:
        asked.append(list(texts))
        return 1 - np.eye(len(texts))

    matrix = distances(["a", "b", "a", "b", "a"], measure)
    assert asked == [["a", "b"]]
    assert matrix.tolist() == [[float(row % 2 != column % 2) for column in range(5)] for row in range(5)]


def test_a_planted_difference_is_found_and_none_is_not() -> None:
    chance = random.Random(5)
    planted = difference_of({"US": texts(chance, 5), "EU": texts(chance, 5), "ASIA": texts(chance, 5, 0.9)})
    assert p_value(planted) < 0.001
    assert planted.low is not None
    assert planted.high is not None
    assert 0 < planted.low < planted.effect < planted.high
    none = difference_of({"US": texts(chance, 5), "EU": texts(chance, 5), "ASIA": texts(chance, 5)})
    assert p_value(none) > 0.05


def test_without_any_noise_a_difference_is_not_tested() -> None:
    apart = difference_of({"US": ["yes"] * 4, "EU": ["no"] * 4})
    assert (apart.test, apart.noiseless, apart.equal) == (None, True, False)
    same = difference_of({"US": ["yes"] * 4, "EU": ["yes"] * 4})
    assert (p_value(same), same.noiseless, same.equal) == (1.0, True, True)


def seeded(chance: random.Random, repeats: int, prefix: str = "") -> dict[str, list[str]]:
    """Return answers that are the same in all regions for each seed, but for a prefix in the last region."""
    mine = texts(chance, repeats)
    return {"US": mine, "EU": list(mine), "ASIA": [prefix + text for text in mine]}


def test_answers_to_shared_seeds_have_no_effect_where_only_the_seed_makes_them_alike() -> None:
    answers = seeded(random.Random(1), 6)
    assert difference_of(answers, paired=True).effect == pytest.approx(0)
    assert difference_of(answers).effect < -0.05


def test_the_paired_means_leave_out_answers_to_the_same_seed() -> None:
    found = difference_of({"US": ["a", "b"], "EU": ["a", "a b"]}, paired=True)
    assert found.between == pytest.approx((apart("a", "a b") + apart("b", "a")) / 2)
    assert found.within == pytest.approx((apart("a", "b") + apart("a", "a b")) / 2)


def test_a_prefix_on_every_answer_is_found_only_inside_seeds() -> None:
    answers = seeded(random.Random(1), 8, prefix="As an AI ")
    assert p_value(difference_of(answers)) > 0.9
    found = difference_of(answers, paired=True)
    inside, over_all = found.test.exchanges if found.test else ()
    assert inside.p_value <= 0.001
    assert over_all.p_value > 0.9
    assert p_value(found) == pytest.approx(2 * inside.p_value)


def test_a_p_value_inside_seeds_is_the_share_of_all_exchanges_inside_them() -> None:
    chance = random.Random(2)
    answers = {"US": texts(chance, 4), "EU": texts(chance, 4, 0.3), "ASIA": texts(chance, 4, 0.3)}
    matrix = lexical([text for block in zip(*answers.values(), strict=True) for text in block])

    def inside(labels: list[int]) -> float:
        return float(sum(matrix[a, b] for a in range(12) for b in range(12) if labels[a] == labels[b]))

    ways = itertools.product(itertools.permutations(range(3)), repeat=4)
    sums = [inside([label for block in way for label in block]) for way in ways]
    observed = inside([0, 1, 2] * 4)
    found = difference_of(answers, paired=True)
    assert found.test is not None
    assert found.test.exchanges[0].p_value == pytest.approx(np.mean(np.array(sums) <= observed + 1e-9))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
def test_in_seeds_neither_order_nor_names_matter(seed: int, order: random.Random) -> None:
    chance = random.Random(seed)
    columns = [texts(chance, 7, shift) for shift in (0, 0, 0.5)]
    found = difference_of(dict(zip(("US", "EU", "ASIA"), columns, strict=True)), paired=True, exchanges=200)
    repeats = list(range(7))
    order.shuffle(repeats)
    order.shuffle(columns)
    again = {f"g{number}": [column[repeat] for repeat in repeats] for number, column in enumerate(columns)}
    other = difference_of(again, paired=True, exchanges=200)
    assert found.test == other.test
    assert found.effect == pytest.approx(other.effect)
    assert found.low == pytest.approx(other.low)


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 10_000))
def test_relabelled_inside_seeds_the_p_value_is_uniform(seed: int) -> None:
    """With every relabelling as likely as the others, a p-value of at most x comes in at most a share x of them."""
    chance = random.Random(seed)
    blocks = list(zip(*(texts(chance, 3, shift) for shift in (0, 0.2, 0.6)), strict=True))
    p_values = []
    for way in itertools.product(itertools.permutations(range(3)), repeat=3):
        groups = {f"g{group}": [blocks[b][way[b][group]] for b in range(3)] for group in range(3)}
        found = difference_of(groups, paired=True)
        assert found.test is not None
        p_values.append(found.test.exchanges[0].p_value)
    for level in sorted(set(p_values)):
        assert np.mean(np.array(p_values) <= level + 1e-9) <= level + 1e-9


def test_the_paired_interval_leaves_out_one_seed_at_a_time() -> None:
    chance = random.Random(4)
    answers = {"US": texts(chance, 5), "EU": texts(chance, 5), "ASIA": texts(chance, 5, 0.4)}
    found = difference_of(answers, paired=True, exchanges=1)
    without = [
        difference_of(
            {name: [*mine[:seed], *mine[seed + 1 :]] for name, mine in answers.items()}, paired=True, exchanges=1
        ).effect
        for seed in range(5)
    ]
    error = np.sqrt(4 * np.var(without))
    assert found.low is not None
    assert found.upper is not None
    assert found.effect - found.low == pytest.approx(scipy.stats.t.ppf(0.975, 4) * error)
    assert found.upper - found.effect == pytest.approx(scipy.stats.t.ppf(0.95, 4) * error)


def test_a_seed_with_missing_cells_exchanges_what_it_has() -> None:
    groups = ["US", "EU", "ASIA", "US", "ASIA", "EU"]
    laid_out = Sample(groups, [0, 0, 0, 1, 1, 2], list("abcdef"), lexical(list("abcdef")), paired=True).laid_out()
    assert sorted(map(sum, laid_out.shape)) == [1, 2, 3]
    assert laid_out.sizes == (2, 2, 2)
    assert [groups[place] for place in laid_out.places] == [laid_out.groups[label] for label in laid_out.labels]


def test_the_group_that_is_furthest_from_the_others_is_named() -> None:
    chance = random.Random(5)
    answers = {"US": texts(chance, 5), "EU": texts(chance, 5, 0.7), "ASIA": texts(chance, 5)}
    assert difference_of(answers).most_apart == "EU"
