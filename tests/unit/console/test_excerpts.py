"""Excerpts of texts that differ show where they differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.console.excerpts import differing_excerpts

LONG = "You are a helpful assistant who answers in one sentence and says where"


@pytest.mark.parametrize(
    ("texts", "shown"),
    [
        ([], []),
        (["one", "two"], ["one", "two"]),
        ([f"{LONG} Europe is", f"{LONG} Asia is"], ["…where Europe is", "…where Asia is"]),
        ([f"{LONG} Europe is" + " x" * 50, LONG], ["…where Europe is x x x …", "…where"]),
        (["Why? " + LONG, "How? " + LONG], ["Why? You are a helpful …", "How? You are a helpful …"]),
        (["y" * 100 + "1", "y" * 100 + "2"], ["…yyyyyyyy1", "…yyyyyyyy2"]),
        (["one\ntwo\x1b", "one two"], ["one two\\x1b", "one two"]),
        ([LONG, LONG], ["You are a helpful assis…"] * 2),
    ],
)
def test_what_texts_begin_with_is_left_out_where_they_would_look_alike(texts: list[str], shown: list[str]) -> None:
    assert differing_excerpts(texts, 24) == shown


def test_of_three_texts_each_two_can_be_told_apart() -> None:
    shown = differing_excerpts(["A" + LONG + " US", "B" + LONG + " US", "B" + LONG + " EU"], 24)
    assert shown == ["AYou are a helpful assi…", "…where US", "…where EU"]


@given(st.text(max_size=300), st.text("abc", max_size=9), st.text("abc", max_size=9), st.integers(40, 90))
def test_excerpts_are_short_and_differ_if_the_texts_do(start: str, one: str, other: str, limit: int) -> None:
    shown = differing_excerpts([start + one, start + other], limit)
    assert all(len(each) <= limit for each in shown)
    assert (shown[0] == shown[1]) == (one == other)
