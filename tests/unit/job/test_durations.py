"""Durations: ASCII digits, and no time limit that nothing can keep."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from beacon_cli.job.limits import Limits

REFUSED = ["\u0661s", "\uff15s", "1\u0660", 1e-300, "0.0001ms", float("nan"), float("inf"), 0, -1]


@pytest.mark.parametrize("value", REFUSED)
def test_these_are_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        Limits.model_validate({"answer_timeout": value})


@pytest.mark.parametrize(("value", "seconds"), [("1ms", 0.001), ("1h30m", 5400), (" 5S ", 5), (0.5, 0.5), ("7", 7)])
def test_these_are_taken(value: object, seconds: float) -> None:
    assert Limits.model_validate({"answer_timeout": value}).answer_timeout == pytest.approx(seconds)
