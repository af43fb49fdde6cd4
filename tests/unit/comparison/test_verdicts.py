from __future__ import annotations

import random

import pytest
from scipy import stats

from beacon_cli.comparison.arrangements import together_share
from beacon_cli.comparison.distance import lexical
from beacon_cli.comparison.verdicts import Judged, Subject, judged
from tests.unit.comparison.test_difference import texts

REGIONS = ("US", "EU", "ASIA")


def test_exactly_the_planted_difference_among_noise_is_different() -> None:
    chance = random.Random(11)
    answers = {
        Subject(f"q{number}", "m"): {
            region: texts(chance, 5, 0.9 if (number, region) == (7, "ASIA") else 0) for region in REGIONS
        }
        for number in range(16)
    }
    verdicts = {verdict.subject.question_id: verdict for verdict in judged(answers.items(), lexical, subjects=16)}
    assert [name for name, verdict in verdicts.items() if verdict.verdict == "different"] == ["q7"]
    assert all(verdict.q_value is not None for verdict in verdicts.values())


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ({}, "no answer"),
        ({"US": ["a"], "EU": []}, "US only"),
        ({"US": ["a"], "EU": ["b"], "ASIA": ["c"]}, "one answer each"),
        ({"US": ["a", "a"], "EU": ["b", "b"]}, "no noise"),
        ({"US": ["a b", "a c"], "EU": ["a d", "a e"]}, "too few answers"),
    ],
)
def test_what_cannot_be_tested_says_why(groups: dict[str, list[str]], reason: str) -> None:
    (verdict,) = judged([(Subject("q", "m"), groups)], lexical, subjects=1)
    assert (verdict.verdict, verdict.q_value) == ("untestable", None)
    assert reason in verdict.reason


def test_equal_answers_everywhere_are_indistinguishable() -> None:
    (verdict,) = judged([(Subject("q", "m"), {region: ["4"] * 3 for region in REGIONS})], lexical, subjects=1)
    assert (verdict.verdict, verdict.q_value) == ("indistinguishable", 1.0)


def some(count: int, repeats: int, *, planted: int = 0) -> list[Judged]:
    """Return the verdicts on so many subjects, in the first `planted` of which every region has words of its own."""
    chance = random.Random(1)
    answers = [(Subject(f"q{number}", "m"), groups(chance, repeats, own=number < planted)) for number in range(count)]
    return judged(answers, lexical, subjects=count)


def groups(chance: random.Random, repeats: int, *, own: bool) -> dict[str, list[str]]:
    return {
        region: [text.replace("w", region if own else "w") for text in texts(chance, repeats)] for region in REGIONS
    }


def test_the_p_values_are_corrected_together_as_benjamini_and_hochberg_do() -> None:
    verdicts = some(8, 5, planted=2)
    p_values = [verdict.difference.p_value for verdict in verdicts if verdict.difference]
    assert [verdict.q_value for verdict in verdicts] == pytest.approx(list(stats.false_discovery_control(p_values)))
    for verdict in verdicts:
        assert verdict.q_value is not None
        assert (verdict.verdict == "different") == (verdict.q_value <= 0.05)


def test_where_two_regions_agree_the_third_has_no_p_value_as_small_as_where_all_differ() -> None:
    chance = random.Random(6)
    alike = groups(chance, 3, own=False)
    lone = {**alike, "ASIA": groups(chance, 3, own=True)["ASIA"]}
    (verdict,) = judged([(Subject("q", "m"), lone)], lexical, subjects=1)
    assert verdict.difference is not None
    assert verdict.difference.p_value is not None
    assert 1 / 280 <= verdict.difference.p_value <= together_share((3, 3, 3)) == 10 / 280


def test_what_is_untestable_does_not_count_as_a_test() -> None:
    chance = random.Random(1)
    answers = [(Subject("q", "m"), {region: texts(chance, 5, 0) for region in REGIONS})]
    untestable = [(Subject(f"u{number}", "m"), {"US": ["yes"] * 5, "EU": ["no"] * 5}) for number in range(50)]
    (alone,) = judged(answers, lexical, subjects=1)
    assert judged([*untestable, *answers], lexical, subjects=1)[-1].q_value == alone.q_value


def test_three_answers_of_three_regions_cannot_stand_alone_among_16_tests_but_can_together() -> None:
    lone = some(16, 3, planted=1)
    assert lone[0].difference is not None
    assert lone[0].difference.p_value == lone[0].difference.least_p_value == 1 / 280
    assert {verdict.verdict for verdict in lone} == {"indistinguishable"}
    assert {verdict.reason for verdict in lone} == {"among 16 tests, so few answers cannot show a single difference"}
    assert [verdict.verdict for verdict in some(16, 3, planted=8)].count("different") >= 8


@pytest.mark.parametrize(("tests", "hardly"), [(99, False), (101, True)])
def test_where_two_regions_agree_the_third_needs_more_answers_to_stand_out_alone(tests: int, hardly: bool) -> None:
    same = {region: ["4"] * 5 for region in REGIONS}
    verdicts = judged(((Subject(f"q{number}", "m"), same) for number in range(tests)), lexical, subjects=tests)
    assert together_share((5, 5, 5)) == 126 / 126_126
    reason = f"among {tests} tests, so few answers can hardly show that one group differs"
    assert verdicts[0].reason == (reason if hardly else "")


def test_five_answers_can() -> None:
    verdicts = some(16, 5, planted=1)
    assert verdicts[0].verdict == "different"
    assert {verdict.reason for verdict in verdicts} == {""}


@pytest.mark.parametrize("rate", [0.05, 0.01])
def test_a_difference_that_stands_alone_is_found_among_many_tests_at_every_rate(rate: float) -> None:
    chance = random.Random(2)
    planted = groups(chance, 6, own=True)
    same = {region: ["4"] * 6 for region in REGIONS}
    answers = [(Subject(f"q{number}", "m"), same if number else planted) for number in range(600)]
    verdicts = judged(answers, lexical, subjects=600, rate=rate)
    assert [verdict.verdict for verdict in verdicts].count("different") == 1
    assert verdicts[0].verdict == "different"


def test_too_many_tests_for_the_exchanges_are_not_blamed_on_the_answers() -> None:
    same = {region: ["4"] * 10 for region in REGIONS}
    verdicts = judged(((Subject(f"q{number}", "m"), same) for number in range(60)), lexical, subjects=60, rate=0.0001)
    assert verdicts[0].reason == "with 60 tests, there are too few exchanges to show a single difference"


def test_answers_are_counted_by_group_also_where_there_are_none() -> None:
    (verdict,) = judged(
        [(Subject("q", "m"), {"US": ["a b", "a c", "b"], "EU": ["b", "c"], "ASIA": []})], lexical, subjects=1
    )
    assert verdict.answers == {"US": 3, "EU": 2, "ASIA": 0}
    assert verdict.difference is not None


def test_a_region_without_an_answer_and_more_answers_than_are_tested_are_said() -> None:
    chance = random.Random(2)
    groups = {"US": [], "EU": texts(chance, 120), "ASIA": texts(chance, 120, 0.9)}
    (verdict,) = judged([(Subject("q", "m"), groups)], lexical, subjects=1)
    assert verdict.verdict == "different"
    assert verdict.reason == "without US: no answer there; only the first 100 answers of each were tested"
    assert verdict.answers == {"US": 0, "EU": 120, "ASIA": 120}
