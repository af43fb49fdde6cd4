from __future__ import annotations

import random

import pytest

from beacon_cli.comparison.judging import judged
from beacon_cli.comparison.lexical import lexical
from beacon_cli.comparison.pooled import Pooled
from beacon_cli.comparison.shown import small
from beacon_cli.comparison.tag_table import _bluntness as bluntness_of
from beacon_cli.comparison.tag_table import together
from beacon_cli.comparison.tagged import Tagged, by_tag
from beacon_cli.comparison.verdicts import Subject
from tests.unit.comparison.samples import replies, texts

REGIONS = ("US", "EU", "ASIA")


def tagged(
    shifts: dict[str, float], tags: dict[str, tuple[str | None, ...]], repeats: int = 5
) -> dict[str | None, Tagged]:
    """Return what is found for each tag, given by how much ASIA answers each question otherwise."""
    chance = random.Random(3)
    given = (
        (
            Subject(question, "m"),
            replies({region: texts(chance, repeats, shift if region == "ASIA" else 0) for region in REGIONS}),
        )
        for question, shift in shifts.items()
    )
    judgement = judged(given, lexical, subjects=len(shifts), tags=tags)
    return {each.tag: each for each in by_tag(judgement, tags, {})}


def test_a_tag_whose_questions_differ_more_is_told_from_the_others() -> None:
    shifts = {f"q{number}": 0.8 if number < 6 else 0.0 for number in range(12)}
    tags: dict[str, tuple[str | None, ...]] = {
        name: ("politics", "long") if shift else ("control",) for name, shift in shifts.items()
    }
    found = tagged(shifts, tags)
    assert list(found) == ["politics", "long", "control"]
    politics, control = found["politics"], found["control"]
    assert (politics.questions, politics.results, politics.different) == (6, 6, 6)
    assert politics.pooled is not None
    assert (politics.pooled.apart, politics.pooled.subjects) == (("ASIA",), 6)
    assert control.pooled is not None
    assert not control.pooled.different
    assert politics.effect is not None
    assert politics.low is not None
    assert politics.low > 0.05
    assert politics.contrast is not None
    assert control.contrast is not None
    assert politics.contrast.rest == pytest.approx(control.effect)
    assert politics.contrast.difference == pytest.approx(-control.contrast.difference)
    assert politics.contrast.q_value <= 0.05


def test_few_questions_cannot_show_that_tags_differ_and_one_tag_has_nothing_beside_it() -> None:
    found = tagged({"q0": 0.9, "q1": 0.0}, {"q0": ("a",), "q1": (None,)})
    assert found["a"].contrast is not None
    assert found["a"].contrast.p_value == found["a"].contrast.least == 1.0
    assert (found[None].questions, found[None].low) == (1, None)
    assert tagged({"q0": 0.9}, {"q0": ("a",)})["a"].contrast is None


def test_without_any_difference_between_tags_p_values_are_valid() -> None:
    from beacon_cli.comparison.tagged import _contrast

    chance = random.Random(1)
    small = 0
    for _ in range(200):
        effects = {f"q{number}": chance.gauss(0, 1) for number in range(12)}
        found = _contrast(effects, {f"q{number}" for number in range(5)})
        assert found is not None
        small += found.p_value <= 0.05
    assert small <= 20


def test_many_tags_without_any_effect_are_no_findings() -> None:
    """Each of 24 tags has a question of its own. Without a correction about one of them would differ by chance."""
    shifts = {f"q{number}": 0.0 for number in range(24)}
    found = tagged(shifts, {name: (f"tag {name}",) for name in shifts})
    assert not [each.tag for each in found.values() if each.pooled and each.pooled.different]


def test_a_single_tag_is_found_among_many_and_its_region_named() -> None:
    shifts = {f"q{number}": 0.9 if number < 4 else 0.0 for number in range(27)}
    found = tagged(shifts, {name: ("odd",) if shift else (f"tag {name}",) for name, shift in shifts.items()})
    assert [(each.tag, each.pooled.apart) for each in found.values() if each.pooled and each.pooled.different] == [
        ("odd", ("ASIA",))
    ]
    assert found["odd"].pooled is not None
    assert found["odd"].pooled.p_value <= 0.05


def test_a_tag_whose_regions_differ_says_so_where_pairs_cannot_show_which() -> None:
    pairs = {("US", "EU"): 0.06, ("US", "ASIA"): 0.07, ("EU", "ASIA"): 0.08}
    assert together(Pooled(0.01, 4, pairs, (), different=True)) == "differ; pairs cannot show which"
    assert together(Pooled(0.01, 4, {("US", "EU"): 0.01}, (), different=True)) == "US from EU"


def test_too_few_questions_for_the_level_of_this_look_are_told() -> None:
    found = tagged(
        {f"q{number}": 0.0 for number in range(6)}, {f"q{number}": (f"{number % 2}",) for number in range(6)}
    )
    assert [bluntness_of(found["0"], rate) for rate in (0.2, 0.05)] == [
        "",
        f"0: among so few questions, no p-value below {small(0.1)} is possible",
    ]


def test_without_repeats_there_is_no_effect_to_compare() -> None:
    found = tagged({"q0": 0.9, "q1": 0.0}, {"q0": ("a",), "q1": ("b",)}, repeats=1)
    assert {(each.effect, each.contrast, each.pooled) for each in found.values()} == {(None, None, None)}
