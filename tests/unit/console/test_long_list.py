from __future__ import annotations

import json
import weakref
from collections.abc import Iterator

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


def test_only_one_item_of_a_made_list_is_held_at_a_time() -> None:
    alive: weakref.WeakSet[Item] = weakref.WeakSet()
    most = 0

    def items() -> Iterator[Item]:
        nonlocal most
        for _ in range(50):
            alive.add(item := Item(number=1))
            most = max(most, len(alive))
            yield item
            del item

    for _ in MadeList(items).pieces():
        pass
    assert most <= 2


class Item(dict[str, int]):
    """An object that can be watched."""

    __hash__ = object.__hash__
