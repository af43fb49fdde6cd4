"""The first difference between two documents is named by its path."""

from __future__ import annotations

from typing import Any

import pytest

from beacon_cli.bundle.differences import first_difference


@pytest.mark.parametrize(
    ("stored", "computed", "told"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": [1, {"b": "x"}]}, {"a": [1, {"b": "y"}]}, 'a[1].b: stored "x", computed "y"'),
        ({"a": 1}, {}, "a: only stored"),
        ({}, {"a": 1}, "a: only computed"),
        ({"a": [1, 2]}, {"a": [1]}, "a: stored 2 values, computed 1"),
        ({"a": 1}, {"a": True}, "a: stored 1, computed true"),
        ({"a": None}, {"a": 0}, "a: stored null, computed 0"),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, None),
        ({"a": 0.3}, {"a": 0.3001}, "a: stored 0.3, computed 0.3001"),
        ({"a": 1}, {"a": 1.0}, "a: stored 1, computed 1.0"),
        ({"a": "\x1b[31m"}, {"a": ""}, 'a: stored "\\u001b[31m", computed ""'),
        ([], {}, ": stored [], computed {}"),
    ],
)
def test_the_first_difference_is_told(stored: Any, computed: Any, told: str | None) -> None:
    assert first_difference(stored, computed) == told
