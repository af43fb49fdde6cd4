"""What a region serves is asked before the first question and after the last: within a time, and not in silence."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable

import pytest

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor import preflight
from beacon_cli.executor.client import open_client
from beacon_cli.executor.listing import Listing
from beacon_cli.executor.preflight import difference, registry_changes, require_models
from beacon_cli.job.lanes import Lane
from tests.support.raw_server import Request, http, raw_server
from tests.support.vocabulary import REGIONS, VOCABULARY

LANE = Lane("llama3.2-1b", REGIONS["us"])
LISTED = http(200, {"models_available": [LANE.model_id]})

WAITING = r"waiting for region US to list its models \(\d s left\)"

Look = Callable[[Request, asyncio.StreamWriter], Awaitable[bytes]]


async def _for_ever(request: Request, writer: asyncio.StreamWriter) -> bytes:
    await asyncio.sleep(60)
    return b""


async def _only_health(request: Request, writer: asyncio.StreamWriter) -> bytes:
    return LISTED if request.path.endswith("health") else await _for_ever(request, writer)


def looked(handler: Look, *, again: bool = False) -> tuple[dict[str, Listing], list[str], float]:
    """Return what is known of the region, what was said meanwhile, and how long it took."""
    said: list[str] = []

    async def main() -> dict[str, Listing]:
        async with raw_server(handler) as server:
            endpoints = {"us": Endpoint.at(REGIONS["us"], server.url)}
            async with open_client(
                {}, endpoints.values(), connect_timeout=5, max_in_flight=2, vocabulary=VOCABULARY
            ) as client:
                if not again:
                    return await require_models({"us": client}, endpoints, [LANE], said.append)
                before = {"us": Listing((LANE.model_id,))}
                assert await registry_changes({"us": client}, endpoints, before, said.append) == {}
                return before

    began = time.monotonic()
    return asyncio.run(main()), said, time.monotonic() - began


def test_a_region_that_says_nothing_is_named_after_two_seconds_and_left_in_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(preflight, "FIRST_LOOK_SECONDS", 3.0)
    served, said, seconds = looked(_for_ever)
    assert served == {}
    waiting, given_up = said
    assert re.fullmatch(WAITING, waiting)
    assert given_up == ("cannot find out which models region US serves (no answer in 3 s); it is asked anyway")
    assert 2.9 < seconds < 30


def test_a_region_that_does_not_serve_this_country_is_asked_anyway() -> None:
    async def elsewhere(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return http(403, {"error": {"code": "unsupported_country_region_territory", "message": "not here"}})

    served, said, _ = looked(elsewhere)
    assert served == {}
    assert said == ["cannot find out which models region US serves (HTTP 403: not here); it is asked anyway"]


def test_health_is_asked_within_the_same_time_where_models_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "FIRST_LOOK_SECONDS", 4.0)
    served, _, seconds = looked(_only_health)
    assert served["us"].ids == (LANE.model_id,)
    assert seconds > 2.6


def test_the_second_look_takes_three_seconds_in_all() -> None:
    _, said, seconds = looked(_for_ever, again=True)
    [waiting] = said
    assert re.fullmatch(WAITING, waiting)
    assert seconds < 30


def test_what_a_region_lists_is_bounded() -> None:
    many = {f"m{number}": {"revision": "r" * 10_000} for number in range(60)}
    listing = http(200, {"models_available": [LANE.model_id, "x" * 300_000, *many], "model_registry": many})

    async def lists(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return listing

    served, _, _ = looked(lists)
    revisions = [served["us"].revision(model_id) or "" for model_id in many]
    assert max(map(len, (*served["us"].ids, *revisions))) == 200
    assert len(difference(served["us"], Listing(())) or "") < 3000
