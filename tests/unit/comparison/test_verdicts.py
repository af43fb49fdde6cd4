from __future__ import annotations

import random

import pytest

from beacon_cli.comparison.distance import lexical
from beacon_cli.comparison.verdicts import Subject, judged
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
