"""A clock that differs from the database's: told, and for a worker no start."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest

from beacon_cli.errors import EnvironmentFault
from beacon_cli.store.schema import Facts, look_at_clock

FACTS = Facts(180001, False, False, "UTF8", "shop", "operator", "beacon", (), 0.0)


@pytest.mark.parametrize(
    ("ahead", "told"), [(0.0, None), (-4.9, None), (60.0, "1m 00s ahead of"), (-3600, "1h 00m behind")]
)
def test_a_difference_of_more_than_seconds_is_told(
    ahead: float, told: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "beacon_cli"):
        look_at_clock(replace(FACTS, ahead=ahead))
    wanted = f"warning: this machine's clock is {told} the database's, so the times in the rows will be wrong"
    assert caplog.messages == ([wanted] if told else [])


def test_a_worker_may_be_seconds_off_and_not_minutes() -> None:
    look_at_clock(replace(FACTS, ahead=299), must_agree=True)
    with pytest.raises(
        EnvironmentFault, match="9600h 00m ahead of the database's; a worker requires a difference below 5m 00s"
    ):
        look_at_clock(replace(FACTS, ahead=400 * 86400), must_agree=True)
