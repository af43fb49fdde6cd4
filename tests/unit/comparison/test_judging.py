from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import scipy

from beacon_cli.comparison.judging import judged
from beacon_cli.comparison.lexical import lexical
from beacon_cli.comparison.reply import Reply
from beacon_cli.comparison.verdicts import DEFAULT_TERMS as TERMS
from beacon_cli.comparison.verdicts import Judged, Judgement, Subject, Terms, Verdict
from beacon_cli.design.shapes import together_share
from tests.unit.comparison.samples import p_value, replies, texts

REGIONS = ("US", "EU", "ASIA")


def judgement(*subjects: Mapping[str, Sequence[str]], paired: bool = False, terms: Terms = TERMS) -> Judgement:
    """Return the verdicts on questions q0, q1 and so on, given the answers of each group."""
    given = ((Subject(f"q{number}", "m"), replies(groups)) for number, groups in enumerate(subjects))
    return judged(given, lexical, subjects=len(subjects), paired=paired, terms=terms)


def only(groups: Mapping[str, Sequence[str]], *, paired: bool = False, terms: Terms = TERMS) -> Judged:
    """Return the verdict on a single question."""
    (result,) = judgement(groups, paired=paired, terms=terms).results
    return result


def test_exactly_the_planted_difference_among_noise_is_different() -> None:
    chance = random.Random(11)
    answers = [
        {region: texts(chance, 5, 0.9 if (number, region) == (7, "ASIA") else 0) for region in REGIONS}
        for number in range(16)
    ]
    verdicts = {verdict.subject.question_id: verdict for verdict in judgement(*answers).results}
    assert [name for name, verdict in verdicts.items() if verdict.verdict == "different"] == ["q7"]
    assert all(verdict.q_value is not None for verdict in verdicts.values())


@pytest.mark.parametrize(
    ("groups", "reason"),
    [
        ({}, "no answer"),
        ({"US": ["a"], "EU": []}, "US only"),
        ({"US": ["a"], "EU": ["b"], "ASIA": ["c"]}, "one answer each"),
        ({"US": ["a", "a"], "EU": ["b"]}, "no noise"),
        ({"US": ["a b", "a c"], "EU": ["a d", "a e"]}, "too few answers"),
    ],
)
def test_what_cannot_be_tested_says_why(groups: dict[str, list[str]], reason: str) -> None:
    verdict = only(groups)
    assert (verdict.verdict, verdict.q_value) == ("untestable", None)
    assert reason in verdict.reason


@pytest.mark.parametrize(
    ("groups", "expected"),
    [
        (dict.fromkeys(REGIONS, ["4"] * 3), "deterministic_equal"),
        ({"US": ["a"] * 2, "EU": ["a"] * 2, "ASIA": ["b"] * 2}, "deterministic_different"),
        ({"US": ["a"] * 2, "EU": ["a"] * 2, "ASIA": ["b"]}, "untestable"),
        ({"US": ["a"] * 4, "EU": ["a"] * 4, "ASIA": ["a"]}, "not_shown"),
    ],
)
def test_where_every_repeat_is_the_same_the_verdict_is_by_content(
    groups: dict[str, list[str]], expected: Verdict
) -> None:
    assert only(groups).verdict == expected


def test_copies_of_one_answer_have_no_p_value_for_outcomes_nor_a_part_in_the_whole_job() -> None:
    found = judgement({"US": ["a"] * 5, "EU": ["a"] * 5, "ASIA": ["refused"] * 5})
    assert found.results[0].verdict == "deterministic_different"
    assert found.results[0].outcome_test is None
    assert found.pooled is None


def some(count: int, repeats: int, *, planted: int = 0) -> list[Judged]:
    """Return the verdicts on so many subjects, in the first `planted` of which every region has words of its own."""
    chance = random.Random(1)
    return list(judgement(*(groups(chance, repeats, own=number < planted) for number in range(count))).results)


def groups(chance: random.Random, repeats: int, *, own: bool) -> dict[str, list[str]]:
    return {
        region: [text.replace("w", region if own else "w") for text in texts(chance, repeats)] for region in REGIONS
    }


def test_the_p_values_are_corrected_together_as_benjamini_and_hochberg_do() -> None:
    verdicts = some(8, 5, planted=2)
    p_values = [p_value(verdict.difference) for verdict in verdicts if verdict.difference]
    expected = scipy.stats.false_discovery_control(p_values)
    assert [verdict.q_value for verdict in verdicts] == pytest.approx(list(expected))
    for verdict in verdicts:
        assert verdict.q_value is not None
        assert (verdict.verdict == "different") == (verdict.q_value <= 0.05)


def test_where_two_regions_agree_the_third_has_no_p_value_as_small_as_where_all_differ() -> None:
    chance = random.Random(6)
    alike = groups(chance, 3, own=False)
    lone = {**alike, "ASIA": groups(chance, 3, own=True)["ASIA"]}
    found = only(lone).difference
    assert found is not None
    assert 1 / 280 <= p_value(found) <= together_share(((3, 3, 3),)) == 10 / 280


def test_what_is_untestable_does_not_count_as_a_test() -> None:
    chance = random.Random(1)
    answers = {region: texts(chance, 5, 0) for region in REGIONS}
    untestable = [{"US": ["yes"] * 5, "EU": ["no"] * 5}] * 50
    assert judgement(*untestable, answers).results[-1].q_value == only(answers).q_value


def test_three_answers_of_three_regions_cannot_stand_alone_among_16_tests_but_can_together() -> None:
    lone = some(16, 3, planted=1)
    assert lone[0].difference is not None
    assert p_value(lone[0].difference) == 1 / 280
    assert {verdict.verdict for verdict in lone} == {"not_shown"}
    assert {verdict.reason for verdict in lone} == {"among 16 tests, so few answers cannot show a single difference"}
    assert [verdict.verdict for verdict in some(16, 3, planted=8)].count("different") >= 8


@pytest.mark.parametrize(("tests", "hardly"), [(99, False), (101, True)])
def test_where_two_regions_agree_the_third_needs_more_answers_to_stand_out_alone(tests: int, hardly: bool) -> None:
    same = {region: ["4", "4", "5", "4", "4"] for region in REGIONS}
    verdicts = judgement(*[same] * tests).results
    assert together_share(((5, 5, 5),)) == 126 / 126_126
    reason = f"among {tests} tests, so few answers can hardly show that one group differs"
    assert verdicts[0].reason == (reason if hardly else "")


def test_five_answers_can() -> None:
    verdicts = some(16, 5, planted=1)
    assert verdicts[0].verdict == "different"
    assert {verdict.reason for verdict in verdicts} == {""}
    assert all(verdict.detectable for verdict in verdicts[1:])


@pytest.mark.parametrize("rate", [0.05, 0.01])
def test_a_difference_that_stands_alone_is_found_among_many_tests_at_every_rate(rate: float) -> None:
    chance = random.Random(2)
    planted = groups(chance, 6, own=True)
    same = {region: ["4", "4", "5", "4", "4", "4"] for region in REGIONS}
    verdicts = judgement(planted, *[same] * 299, terms=Terms(rate)).results
    assert [verdict.verdict for verdict in verdicts].count("different") == 1
    assert verdicts[0].verdict == "different"
    if rate == 0.01:  # 9,999 exchanges are too few for it
        assert verdicts[0].difference is not None
        assert p_value(verdicts[0].difference) < 1 / 10_000


def test_too_many_tests_for_the_exchanges_are_not_blamed_on_the_answers() -> None:
    same = {region: [*["4"] * 9, "5"] for region in REGIONS}
    verdicts = judgement(*[same] * 11, terms=Terms(0.0001)).results
    assert verdicts[0].reason == "with 11 tests, there are too few exchanges to show a single difference"


def test_answers_are_counted_by_group_also_where_there_are_none() -> None:
    verdict = only({"US": ["a b", "a c", "b"], "EU": ["b", "c"], "ASIA": ["failed"]})
    assert verdict.answers == {"US": 3, "EU": 2, "ASIA": 0}
    assert verdict.outcomes == {"US": {"answered": 3}, "EU": {"answered": 2}, "ASIA": {"failed": 1}}
    assert (verdict.difference is not None, verdict.reason.endswith("without ASIA: no answer there")) == (True, True)


def test_more_answers_than_are_tested_are_said() -> None:
    chance = random.Random(2)
    verdict = only({"EU": texts(chance, 120), "ASIA": texts(chance, 120, 0.9)})
    assert (verdict.verdict, verdict.reason) == ("different", "only the first 100 answers of each were tested")
    assert verdict.answers == {"EU": 120, "ASIA": 120}


@pytest.mark.parametrize("outcome", ["empty", "blocked"])
def test_a_region_that_answers_without_text_is_a_finding_of_its_own(outcome: str) -> None:
    chance = random.Random(2)
    verdict = only({"US": texts(chance, 5), "EU": texts(chance, 5), "ASIA": [outcome] * 5})
    assert (verdict.verdict, verdict.apart) == ("no_text", ("ASIA",))
    assert verdict.reason == f"no text from ASIA: 5 {outcome}"
    assert only({"US": ["a"], "EU": [outcome]}).verdict == "no_text"


def test_no_text_anywhere_is_no_finding_of_one_region() -> None:
    assert only({"US": ["empty"] * 5, "EU": ["empty"] * 5}).verdict == "untestable"


def test_failures_are_not_silence() -> None:
    chance = random.Random(2)
    assert only({"US": texts(chance, 5), "EU": texts(chance, 5), "ASIA": ["failed"] * 5}).verdict != "no_text"


def test_outcomes_differ_where_texts_do_not() -> None:
    chance = random.Random(3)
    groups = {region: texts(chance, 8) for region in REGIONS}
    groups["ASIA"][:6] = ["empty"] * 6
    verdict = only(groups)
    assert verdict.verdict == "different"
    assert (verdict.apart, verdict.q_value is not None and verdict.q_value > 0.05) == (("ASIA",), True)
    assert verdict.outcome_test is not None
    assert verdict.least_q_value == verdict.outcome_test.q_value <= 0.05
    assert verdict.reason == "outcomes differ: US: 8 answered; EU: 8 answered; ASIA: 6 empty, 2 answered"


def test_the_test_of_outcomes_is_exact() -> None:
    """Of the 56 ways to choose which 3 of 8 cells are empty, 8 put them all into one of the two regions."""
    chance = random.Random(3)
    verdict = only({"US": texts(chance, 4), "EU": ["empty"] * 3 + texts(chance, 1)})
    assert verdict.outcome_test is not None
    assert verdict.outcome_test.p_value == pytest.approx(8 / 56)


def test_texts_and_outcomes_are_one_family() -> None:
    chance = random.Random(3)
    plain = {region: texts(chance, 8) for region in REGIONS}
    mixed = {**plain, "ASIA": ["empty", *plain["ASIA"][1:]]}
    first, second = judgement(plain, mixed).results
    assert second.outcome_test is not None
    assert first.difference is not None
    assert second.difference is not None
    p_values = [p_value(first.difference), p_value(second.difference), second.outcome_test.p_value]
    q_values = [first.q_value, second.q_value, second.outcome_test.q_value]
    assert q_values == pytest.approx(list(scipy.stats.false_discovery_control(p_values)))


def test_an_interval_never_contradicts_its_verdict() -> None:
    chance = random.Random(1)
    for shift in (0.0, 0.1, 0.2, 0.3, 0.5):
        for paired in (False, True):
            found = judgement(
                *({"US": texts(chance, 4), "EU": texts(chance, 4), "ASIA": texts(chance, 4, shift)} for _ in range(5)),
                paired=paired,
            )
            for result in found.results:
                difference = result.difference
                assert difference is not None
                assert difference.low is not None
                assert difference.high is not None
                assert difference.low <= 0 <= difference.high if result.verdict == "not_shown" else difference.low >= 0


def test_equivalence_needs_a_margin_and_a_bound_below_it() -> None:
    chance = random.Random(1)
    groups = {region: texts(chance, 20) for region in REGIONS}
    result = only(groups)
    assert result.verdict == "not_shown"
    assert result.difference is not None
    upper = result.difference.upper
    assert upper is not None
    assert only(groups, terms=Terms(margin=upper + 0.001)).verdict == "equivalent"
    assert only(groups, terms=Terms(margin=upper - 0.001)).verdict == "not_shown"


def test_a_difference_inside_the_margin_stays_one_and_says_so() -> None:
    chance = random.Random(1)
    groups = {"US": texts(chance, 20), "EU": texts(chance, 20), "ASIA": texts(chance, 20, 0.3)}
    result = only(groups, terms=Terms(margin=0.5))
    assert (result.verdict, result.reason) == ("different", "different, but within the margin")


def test_the_region_that_stands_apart_is_named_and_where_pairs_cannot_show_it_the_furthest() -> None:
    chance = random.Random(1)
    eight = only({"US": texts(chance, 8), "EU": texts(chance, 8), "ASIA": texts(chance, 8, 0.9)})
    assert (eight.verdict, eight.apart, eight.most_apart) == ("different", ("ASIA",), "ASIA")
    rest = [{region: texts(chance, 5) for region in REGIONS} for _ in range(15)]
    five, *_ = judgement({"US": texts(chance, 5), "EU": texts(chance, 5, 0.9), "ASIA": texts(chance, 5)}, *rest).results
    assert (five.verdict, five.apart, five.most_apart) == ("different", (), "EU")


OTHERS = ("R2", "R3", "R4")


def failing(*, repeats: int = 5) -> list[Reply]:
    """Return replies: all of US but one failed; the others answer alike, R4 a little otherwise."""
    chance = random.Random(2)
    given = replies({name: texts(chance, repeats, 0.2 if name == "R4" else 0) for name in ("US", *OTHERS)})
    return [
        replace(reply, outcome="failed", text="") if reply.group == "US" and reply.repeat else reply for reply in given
    ]


def test_where_the_outcomes_differ_the_region_is_named_by_them_and_no_margin_of_texts_is_told() -> None:
    [result] = judged([(Subject("q", "m"), failing())], lexical, subjects=1, terms=Terms(margin=1.0)).results
    assert result.verdict == "different"
    assert result.difference is not None
    assert result.difference.most_apart != "US"
    assert result.most_apart == "US"
    assert "outcomes differ" in result.reason
    assert "margin" not in result.reason


def test_only_texts_are_equivalent_where_outcomes_vary_as_well() -> None:
    chance = random.Random(1)
    given = replies({"US": texts(chance, 30), "EU": texts(chance, 30)})
    varied = [replace(reply, outcome="failed", text="") if reply.repeat < 3 else reply for reply in given]
    [result] = judged([(Subject("q", "m"), varied)], lexical, subjects=1, terms=Terms(margin=0.9)).results
    assert (result.verdict, result.reason) == (
        "equivalent",
        "the texts are equivalent; the margin says nothing of outcomes",
    )


def test_a_prefix_on_every_answer_to_a_shared_seed_is_found() -> None:
    chance = random.Random(1)
    answers = []
    for _ in range(16):
        mine = texts(chance, 5)
        answers.append({"US": mine, "EU": mine, "ASIA": [f"As an AI model {text}" for text in mine]})
    found = judgement(*answers, paired=True)
    assert {result.verdict for result in found.results} == {"different"}
    assert found.pooled is not None
    assert (found.pooled.apart, found.pooled.p_value) == (("ASIA",), 1 / 2000)
    assert {result.verdict for result in judgement(*answers).results} == {"not_shown"}
