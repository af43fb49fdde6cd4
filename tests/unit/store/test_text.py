from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.store.text import original, original_json, storable, storable_json

anything = st.text(alphabet=st.characters(exclude_categories=()))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=8,
)


@given(anything)
def test_any_text_comes_back_as_it_was_and_is_utf8_without_nul(text: str) -> None:
    stored = storable(text)
    assert original(stored) == text
    assert "\x00" not in stored
    stored.encode()


@given(anything, anything)
def test_different_texts_are_stored_differently(one: str, other: str) -> None:
    assert (storable(one) == storable(other)) == (one == other)


@pytest.mark.parametrize("text", ["", "plain", "back\\slash", "ünïcödé 🎉", r"\u0000"])
def test_what_postgresql_can_hold_is_stored_as_it_is(text: str) -> None:
    assert storable(text) == text


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "\ue000mark", "both \\ and \x00"])
def test_what_it_cannot_hold_is_marked(text: str) -> None:
    assert storable(text).startswith("\ue000")


def test_json_is_made_storable_throughout() -> None:
    assert storable_json({"a\x00": ["\ud800", 1, None]}) == {storable("a\x00"): [storable("\ud800"), 1, None]}


@given(any_json)
def test_any_json_comes_back_as_it_was(value: object) -> None:
    assert original_json(storable_json(value)) == value
