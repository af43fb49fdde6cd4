from __future__ import annotations

import json

import pytest

from beacon_cli.console.long_list import LongList, MadeList
from beacon_cli.console.result import print_json


@pytest.mark.parametrize("count", [0, 1, 2, 50_000])
def test_a_long_list_is_printed_as_any_other(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    items = [{"number": number, "text": "naïve\n\u2028"} for number in range(count)]
    print_json({"data": {"before": [1], "items": LongList(iter(items)), "after": None}})
    assert json.loads(capsys.readouterr().out) == {"data": {"before": [1], "items": items, "after": None}}


def test_several_long_lists_keep_their_places(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"a": LongList([1]), "b": {"c": LongList([2, 3])}})
    assert json.loads(capsys.readouterr().out) == {"a": [1], "b": {"c": [2, 3]}}


@pytest.mark.parametrize("items", [[], [1], [{"a": [], "b": {"c": "x\ny"}}, [], {}, [[2], None]]])
def test_a_list_that_is_made_when_it_is_written_has_the_bytes_of_any_other(
    items: list[object], capsys: pytest.CaptureFixture[str]
) -> None:
    print_json({"data": {"before": 1, "items": MadeList(lambda: iter(items)), "after": LongList([1])}})
    made = capsys.readouterr().out
    print_json({"data": {"before": 1, "items": items, "after": LongList([1])}})
    assert made == capsys.readouterr().out


def test_the_items_of_a_made_list_are_made_as_they_are_written() -> None:
    items = iter([1, 2, 3])
    pieces = MadeList(lambda: items).pieces()
    assert next(pieces).endswith("1")
    assert next(items) == 2
