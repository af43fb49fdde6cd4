from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.wording import duration, percent


@pytest.mark.parametrize(
    ("share", "words"),
    [(1.0, "100 %"), (99_999 / 100_000, "99.9 %"), (11 / 12, "91.6 %"), (0.29, "29 %"), (0.9, "90 %"), (0.0, "0 %")],
)
def test_percentages_are_never_rounded_up(share: float, words: str) -> None:
    assert percent(share) == words


@given(part=st.integers(0, 10**7), rest=st.integers(0, 10**7))
def test_only_all_is_a_hundred_percent(part: int, rest: int) -> None:
    whole = part + rest
    assert (percent(part, whole) == "100 %") == (rest == 0)


@pytest.mark.parametrize(("seconds", "text"), [(4.24, "4.2s"), (185, "3m 05s"), (7800, "2h 10m"), (59.99, "1m 00s")])
def test_a_duration_is_shown_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text
