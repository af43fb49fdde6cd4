"""Durations and limits."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from beacon_cli.job.limits import Limits, parse_duration


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (5, 5.0),
        ("5", 5.0),
        (0.5, 0.5),
        ("600s", 600),
        ("10m", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("250ms", 0.25),
        (" 1D ", 86400),
    ],
)
def test_a_duration_is_seconds_or_a_text_with_units(written: object, seconds: float) -> None:
    assert parse_duration(written) == seconds


@pytest.mark.parametrize("written", ["", "5 s", "-5s", "s", "5x", "1h 30m", None, True, [1]])
def test_anything_else_is_no_duration(written: object) -> None:
    with pytest.raises(ValueError, match="write a duration such as 600s"):
        parse_duration(written)


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan"), 31 * 86400])
def test_a_limit_is_positive_finite_and_at_most_thirty_days(seconds: float) -> None:
    with pytest.raises(ValidationError):
        Limits(answer_timeout=seconds)


def test_a_layer_overrides_only_what_it_sets() -> None:
    base = Limits(attempts=5)
    assert base.overridden_by({"attempts": None, "max_in_flight": 2}) == Limits(attempts=5, max_in_flight=2)
    assert base.overridden_by(Limits(attempts=3)).attempts == 3
    assert base.overridden_by(Limits()).attempts == 5
