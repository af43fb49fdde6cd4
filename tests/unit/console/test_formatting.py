from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.console.formatting import duration, p_text, percent, repeat_label, size


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.0, "100 %"),
        (99_999 / 100_000, "99.9 %"),
        (11 / 12, "91.7 %"),
        (0.29, "29 %"),
        (1 / 3000, "<0.1 %"),
        (1 / 100_000, "<0.1 %"),
        (0.0, "0 %"),
    ],
)
def test_shares_are_rounded_but_never_to_all_or_nothing(share: float, words: str) -> None:
    assert percent(share) == words


@given(part=st.integers(0, 10**7), rest=st.integers(0, 10**7))
def test_only_all_is_a_hundred_percent(part: int, rest: int) -> None:
    whole = part + rest
    assert (percent(part, whole) == "100 %") == (rest == 0)
    assert (percent(part, whole) == "0 %") == (part == 0 and rest > 0)


@pytest.mark.parametrize(
    ("p_value", "text"),
    [(1.0, "1.000"), (0.0424, "0.042"), (0.0053, "0.0053"), (0.00031, "0.00031"), (0.00001, "0.000010")],
)
def test_a_small_p_value_has_the_digits_that_tell_it_from_a_level(p_value: float, text: str) -> None:
    assert p_text(p_value) == text


def test_no_p_value_is_told_below_what_exchanges_can_show() -> None:
    assert p_text(0.0) == p_text(0.0000099) == "<0.00001"


@pytest.mark.parametrize(("seconds", "text"), [(4.24, "4.2s"), (185, "3m 05s"), (7800, "2h 10m"), (59.99, "1m 00s")])
def test_a_duration_is_shown_short(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(1, "1 byte"), (999, "999 bytes"), (3_400, "3.4 kB"), (98_362_432, "98 MB"), (1_250_000_000, "1.2 GB")],
)
def test_a_size_is_in_units_of_a_thousand(count: int, text: str) -> None:
    assert size(count) == text


def test_people_count_repeats_from_one() -> None:
    assert [repeat_label(repeat) for repeat in range(2)] == ["#1", "#2"]
