"""Watching a job for several viewers: what is sent, to whom, and when the reading ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, cast

import pytest

from beacon_cli.dashboard import watching
from beacon_cli.dashboard.watching import Value, Watches
from beacon_cli.errors import BeaconError, StoreError


class Script:
    """Gives one reading after the other, then the last one again."""

    def __init__(self, *readings: Mapping[str, Value] | BeaconError) -> None:
        self.readings = list(readings)
        self.reads = 0
        self.closed = 0
        self.is_closed = asyncio.Event()

    def read(self) -> Mapping[str, Value]:
        self.reads += 1
        reading = self.readings[min(self.reads, len(self.readings)) - 1]
        if isinstance(reading, BeaconError):
            raise reading
        return reading

    def close(self) -> None:
        self.closed += 1
        self.is_closed.set()


@pytest.fixture(autouse=True)
def looks_come_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LOOK_SECONDS", 0.01)


def parsed(event: str) -> tuple[str, dict[str, Any]]:
    head, data, *_ = event.split("\n")
    return head.removeprefix("id: "), json.loads(data.removeprefix("data: "))


async def closed(events: AsyncIterator[str]) -> None:
    await cast(Any, events).aclose()


def test_only_what_changed_is_sent() -> None:
    async def main() -> list[dict[str, Any]]:
        script = Script({"a": "1", "b": "1"}, {"a": "1", "b": "2"}, {"a": "1", "b": "2"}, {"a": "3", "b": "2"})
        events = Watches().of("j", lambda: script).events("")
        found = [parsed(await anext(events))[1] for _ in range(3)]
        await closed(events)
        return found

    assert asyncio.run(main()) == [{"a": "1", "b": "1", "problem": ""}, {"b": "2"}, {"a": "3"}]


def test_a_viewer_that_comes_back_gets_what_it_missed_and_a_stranger_everything() -> None:
    async def main() -> list[dict[str, Any]]:
        script = Script({"a": "1", "b": "1"}, {"a": "2", "b": "1"})
        watch = Watches().of("j", lambda: script)
        stays = watch.events("")
        last, _ = parsed(await anext(stays))
        await anext(stays)
        found = []
        for given in (last, "", "other.1", "x", f"{last}x"):
            again = watch.events(given)
            found.append(parsed(await anext(again))[1])
            await closed(again)
        await closed(stays)
        return found

    missed, *whole = asyncio.run(main())
    assert missed == {"a": "2"}
    assert whole == [{"a": "2", "b": "1", "problem": ""}] * 4


def test_viewers_share_one_reading_which_ends_with_the_last_of_them() -> None:
    async def main() -> None:
        script, watches = Script({"a": "1"}), Watches()
        viewers = [watches.of("j", lambda: script).events("") for _ in range(5)]
        for viewer in viewers:
            await anext(viewer)
        assert (len(watches), script.closed) == (1, 0)
        for viewer in viewers:
            await closed(viewer)
        await script.is_closed.wait()
        assert len(watches) == 0

    asyncio.run(main())


def test_nothing_new_for_long_is_a_comment_so_that_dead_viewers_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_SILENT_SECONDS", 0.05)

    async def main() -> str:
        events = Watches().of("j", lambda: Script({"a": "1"})).events("")
        await anext(events)
        silence = await anext(events)
        await closed(events)
        return silence

    assert asyncio.run(main()) == ":\n\n"


def test_a_database_that_is_away_is_a_problem_that_passes() -> None:
    async def main() -> list[dict[str, Any]]:
        script = Script({"a": "1"}, StoreError("the database failed"), {"a": "1"})
        events = Watches().of("j", lambda: script).events("")
        found = [parsed(await anext(events))[1] for _ in range(3)]
        await closed(events)
        return found

    assert asyncio.run(main()) == [{"a": "1", "problem": ""}, {"problem": "the database failed"}, {"problem": ""}]


def test_at_the_end_of_the_dashboard_the_events_of_all_viewers_end() -> None:
    async def main() -> list[str]:
        watches = Watches()
        events = watches.of("j", lambda: Script({"a": "1"})).events("")
        await anext(events)
        watches.end()
        return [event async for event in events]

    assert [event for event in asyncio.run(main()) if event != ":\n\n"] == []
