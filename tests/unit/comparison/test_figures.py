from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.comparison.figures import Rate, Spread, Tally, rate, spread
from beacon_cli.comparison.refusal import Judgement
from tests.unit.comparison.executions import execution


def wilson(count: int, of: int) -> tuple[float, float]:
    """Return the interval of Wilson (1927), from its formula."""
    z, share = 1.959963984540054, count / of
    middle = (share + z * z / (2 * of)) / (1 + z * z / of)
    margin = z / (1 + z * z / of) * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return middle - margin, middle + margin


@given(st.integers(1, 500), st.data())
def test_a_rate_has_wilsons_interval(of: int, data: st.DataObject) -> None:
    count = data.draw(st.integers(0, of))
    found = rate(count, of)
    assert (found.low, found.high) == pytest.approx(wilson(count, of), abs=1e-9)
    assert found.rate == count / of
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low <= found.rate <= found.high <= 1


def test_nothing_to_count_has_no_rate() -> None:
    assert rate(0, 0) == Rate(0, 0, None, None, None)


def test_none_of_many_is_still_not_certainly_none() -> None:
    found = rate(0, 24)
    assert found.low == 0.0
    assert found.high == pytest.approx(0.138, abs=0.001)


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], Spread(None, None, None)),
        ([7], Spread(7, 7, 7)),
        ([4, 1], Spread(2.5, 4, 4)),
        (range(1, 21), Spread(10.5, 19, 20)),
        (range(1, 22), Spread(11, 20, 21)),
        (range(1, 101), Spread(50.5, 95, 100)),
    ],
)
def test_the_spread_of_numbers(numbers: Any, expected: Spread) -> None:
    assert spread(list(numbers)) == expected


@given(st.lists(st.integers(0, 1000), min_size=1))
def test_95_percent_do_not_exceed_the_95th_percentile_and_fewer_do_not_exceed_a_smaller_one(numbers: list[int]) -> None:
    p95 = spread(numbers).p95
    assert p95 is not None
    assert sum(number <= p95 for number in numbers) * 100 >= 95 * len(numbers)
    assert sum(number < p95 for number in numbers) * 100 < 95 * len(numbers)


def test_executions_are_counted_by_what_became_of_them() -> None:
    tally = Tally()
    for each, judged in (
        (execution(response="four words of it", seconds=2.0, hops=2), Judgement("answer")),
        (execution(response="I cannot answer.", seconds=4.0), Judgement("refusal", "I cannot answer")),
        (execution(response="Tyvärr inte det.", seconds=3.0), Judgement("unknown")),
        (execution(status="empty", response=""), None),
        (execution(status="failed", response=None, hops=1), None),
        (execution(status="timeout", response=None), None),
        (execution(status="cancelled", response=None), None),
    ):
        tally.add(each, judged, length=len((each.response or "").split()))
    figures = tally.figures()
    assert figures.executions == 7
    assert (figures.refusal.count, figures.refusal.of) == (1, 2)
    assert (figures.empty.count, figures.empty.of) == (1, 4)
    assert (figures.failure.count, figures.failure.of) == (2, 6)
    assert figures.words == Spread(3.0, 4, 4)
    assert figures.seconds == Spread(3.0, 4.0, 4.0)
    assert (figures.hops, figures.hopped) == (3, 2)


def test_the_figures_of_nothing_are_all_empty_and_fit_into_json() -> None:
    data = Tally().figures().as_data()
    assert data["refusal"] == {"count": 0, "of": 0, "rate": None, "low": None, "high": None}
    assert data["words"] == data["seconds"] == {"median": None, "p95": None, "max": None}
