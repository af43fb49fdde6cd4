"""Each number of repeats of a growing job is a look, and all looks together spend no more than the rate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.comparison.looks import Looks, looks_at
from beacon_cli.comparison.verdicts import Terms
from beacon_cli.design.shapes import MOST_ANSWERS
from beacon_cli.records.stages import Stage

START = datetime(2026, 1, 1, tzinfo=UTC)


def stages(*repeats: int, day: int = 0) -> list[Stage]:
    """Return stages of a job that grows each day, the first one on this day."""
    return [Stage(number, START + timedelta(days=day + place)) for place, number in enumerate(repeats)]


def grown(*repeats: int) -> Looks:
    return looks_at({"job": stages(*repeats)})


@pytest.mark.parametrize(
    ("repeats", "levels"),
    [
        ((5,), [0.04]),
        ((20,), [0.0475]),
        ((5, 10), [0.04, 0.005]),
        ((3, 5, 10, 20), [0.05 * 2 / 3, 0.05 * 2 / 15, 0.005, 0.0025]),
    ],
)
def test_a_look_spends_what_its_repeats_allow_and_no_look_before_it_took(
    repeats: tuple[int, ...], levels: list[float]
) -> None:
    assert grown(*repeats).levels(0.05) == pytest.approx(levels)
    terms = grown(*repeats).terms(Terms(0.05, margin=0.1))
    assert terms.rate == pytest.approx(levels[-1])
    assert terms.margin == 0.1


@given(st.sets(st.integers(1, 1000), min_size=1), st.sets(st.integers(1, 1000), min_size=1), st.integers(-9, 9))
def test_all_looks_at_one_job_or_two_stay_below_the_rate(one: set[int], other: set[int], later: int) -> None:
    both = {"one": stages(*sorted(one)), "other": stages(*sorted(other), day=later)}
    for looks in (looks_at({"one": both["one"]}), looks_at(both)):
        levels = looks.levels(0.05)
        assert all(level > 0 for level in levels)
        assert sum(levels) < 0.05


def test_one_repeat_is_no_look() -> None:
    assert grown(1).looks == ()
    assert grown(1).terms(Terms(0.05)) == Terms(0.05)
    assert grown(1).told(0.05) == ""
    assert grown(1).as_data(0.05) == {"look": 0, "level": 0.05, "looks": []}
    assert grown(1, 5) == grown(5)


def test_more_repeats_than_are_tested_are_no_further_look() -> None:
    assert grown(50, MOST_ANSWERS, MOST_ANSWERS + 50) == grown(50, MOST_ANSWERS)


def test_two_jobs_are_looked_at_from_when_both_have_answers_and_at_each_growth_of_one() -> None:
    looks = looks_at({"one": stages(3, 5), "other": stages(4, 8, day=1)})
    assert [dict(look) for look in looks.looks] == [
        {"one": 3, "other": 4},
        {"one": 5, "other": 4},
        {"one": 5, "other": 8},
    ]
    assert looks.levels(0.05) == pytest.approx([0.05 * (17 / 24), 0.05 / 15, 0.05 / 16])


def test_people_are_told_at_which_look_they_are_and_what_counts() -> None:
    assert grown(5).told(0.05) == (
        "first look, at 5 repeats: results count up to p or q 0.04; the rest of 0.05 is kept for repeats to come"
    )
    assert grown(5, 10).told(0.05) == (
        "look 2 (5 repeats, then 10 repeats): results count up to p or q 0.005; of 0.05, 0.04 went to the looks before"
    )
    assert looks_at({"one": stages(5), "other": stages(1)}).told(0.1).startswith("first look, at 5 and 1 repeats: ")


def test_the_json_has_every_look_with_its_level() -> None:
    assert grown(5, 10).as_data(0.05) == {
        "look": 2,
        "level": pytest.approx(0.005),
        "looks": [
            {"repeats": {"job": 5}, "level": pytest.approx(0.04)},
            {"repeats": {"job": 10}, "level": pytest.approx(0.005)},
        ],
    }
