"""Asking over real sockets: hops, refusals, truncation, deadlines, limits."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.attempts import Asker, Progress
from beacon_cli.executor.client import open_client
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.events import AttemptFailed, Event, HopFollowed
from beacon_cli.executor.execution import Cell, Execution
from beacon_cli.job.generation import MAX_SEED
from beacon_cli.job.lanes import Lane, Question
from beacon_cli.job.limits import Limits
from tests.support.answers import good_answer
from tests.support.open_turn import open_turn
from tests.support.raw_server import RawServer, Request, http, raw_server
from tests.support.vocabulary import REGIONS, VOCABULARY

US = REGIONS["us"]
CELL = Cell(Question("math_basic", "What is 2+2?"), Lane("llama3.2-1b", US))
GOOD = http(200, good_answer("us", "llama3.2-1b"))
SECRET = {"Modal-Key": "canary-key", "Modal-Secret": "canary-secret"}

Handler = Callable[[Request, asyncio.StreamWriter], Awaitable[bytes | None]]


async def ask(
    server: RawServer,
    events: list[Event],
    url: str | None = None,
    cell: Cell = CELL,
    generation: Mapping[str, Any] = MappingProxyType({"temperature": 0.1, "max_tokens": 5}),
    **limits: Any,
) -> Execution:
    chosen = Limits(**{"attempts": 1, "answer_timeout": 5, **limits})
    endpoint = Endpoint.at(US, url or server.url)
    async with open_client(
        SECRET, [endpoint], connect_timeout=chosen.connect_timeout, max_in_flight=4, vocabulary=VOCABULARY
    ) as client:
        clock = Clock()
        asker = Asker({"us": client}, {"us": endpoint}, generation, chosen, clock, events.append, "j")
        return await asker.execute(Progress(cell, None, clock.now(), clock.now()), open_turn())


def served(handler: Handler, **how: Any) -> tuple[Execution, RawServer, list[Event]]:
    events: list[Event] = []

    async def main() -> tuple[Execution, RawServer, list[Event]]:
        async with raw_server(handler) as server:
            return await ask(server, events, **how), server, events

    return asyncio.run(main())


def replying(*replies: bytes) -> Handler:
    """Return a handler that gives these replies in order, the last one again and again."""
    left = list(replies)

    async def handler(request: Request, writer: asyncio.StreamWriter) -> bytes:
        return left.pop(0) if len(left) > 1 else left[0]

    return handler


def hop(number: int) -> bytes:
    return http(303, Location=f"/inference?__modal_function_call_id=fc-{number}")


def test_an_answer_is_recorded_whole() -> None:
    execution, server, _ = served(replying(GOOD))
    assert (execution.status, execution.response, execution.http_status) == ("completed", "4", 200)
    assert (execution.provider_id, execution.container_id) == ("provider-us", "local-us-1-llama3.2-1b")
    assert execution.receipt_data is not None
    assert execution.output_data is not None
    assert "response" not in execution.output_data
    assert server.requests[0].json == {
        "model": "llama3.2-1b",
        "prompt": "What is 2+2?",
        "temperature": 0.1,
        "max_tokens": 5,
    }


@pytest.mark.parametrize(("seed", "repeat", "sent"), [(7, 0, 7), (7, 2, 9), (MAX_SEED, 1, 0)])
def test_each_repeat_is_asked_with_a_seed_of_its_own(seed: int, repeat: int, sent: int) -> None:
    cell = replace(CELL, repeat=repeat)
    _, server, _ = served(replying(GOOD), cell=cell, generation={"temperature": 0.7, "seed": seed})
    assert server.requests[0].json["seed"] == sent


def test_nineteen_303s_are_followed_by_gets_and_counted() -> None:
    execution, server, events = served(replying(*(hop(n) for n in range(19)), GOOD), answer_timeout=60)
    assert execution.status == "completed"
    assert execution.hops == 19
    assert execution.function_call_id == "fc-18"
    assert [request.method for request in server.requests] == ["POST"] + ["GET"] * 19
    assert len([event for event in events if isinstance(event, HopFollowed)]) == 19


def test_after_a_303_every_error_is_answered_by_another_get() -> None:
    execution, server, _ = served(replying(hop(1), http(408), http(500), b"", http(503), GOOD), attempts=3)
    assert execution.status == "completed"
    assert [request.method for request in server.requests] == ["POST"] + ["GET"] * 5
    assert (execution.attempts, execution.hops) == (1, 1)


def test_a_result_that_is_gone_is_lost_and_never_asked_for_again() -> None:
    execution, server, _ = served(replying(hop(1), http(404)), attempts=3)
    assert (execution.status, execution.error_code) == ("failed", "result_lost")
    assert [request.method for request in server.requests] == ["POST", "GET"]


def test_a_result_that_cannot_be_read_is_never_asked_for_by_another_post() -> None:
    execution, server, _ = served(replying(hop(1), http(200, b"{cut")), attempts=3)
    assert (execution.status, execution.error_code) == ("failed", "malformed_response")
    assert [request.method for request in server.requests] == ["POST", "GET"]


def test_303_for_ever_ends_at_the_deadline_with_the_call_id() -> None:
    execution, _, _ = served(replying(hop(7)), answer_timeout=1.0)
    assert (execution.status, execution.error_code) == ("timeout", "answer_timeout")
    assert execution.function_call_id == "fc-7"


@pytest.mark.parametrize(
    ("location", "code"),
    [
        ("http://127.0.0.2:9/inference", "redirect_cross_origin"),
        ("http://localhost:9/inference", "redirect_cross_origin"),
        ("//example.invalid/inference", "redirect_cross_origin"),
        ("file:///etc/passwd", "redirect_refused"),
        ("javascript:alert(1)", "redirect_refused"),
        ("http://user:pass@127.0.0.1/inference", "redirect_refused"),
        ("", "redirect_refused"),
    ],
)
def test_a_303_that_leads_elsewhere_is_refused(location: str, code: str) -> None:
    execution, server, _ = served(replying(http(303, Location=location)), attempts=3)
    assert (execution.status, execution.error_code) == ("failed", code)
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_other_redirects_are_never_followed_and_the_other_server_sees_nothing(status: int) -> None:
    async def main() -> None:
        async with raw_server(replying(GOOD)) as other:
            reply = http(status, Location=f"{other.url}/inference")
            async with raw_server(replying(reply)) as server:
                execution = await ask(server, [], attempts=3)
        assert (execution.status, execution.error_code) == ("failed", "redirect_refused")
        assert other.requests == []

    asyncio.run(main())


def test_a_cross_origin_303_shows_the_other_server_no_header_and_no_prompt() -> None:
    async def main() -> None:
        async with (
            raw_server(replying(GOOD)) as other,
            raw_server(replying(http(303, Location=f"{other.url}/x"))) as server,
        ):
            execution = await ask(server, [])
        assert execution.error_code == "redirect_cross_origin"
        assert other.requests == []

    asyncio.run(main())


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_errors_are_tried_again(status: int) -> None:
    execution, server, events = served(replying(http(status, Retry_After="0"), GOOD), attempts=3)
    assert (execution.status, execution.attempts, len(server.requests)) == ("completed", 2, 2)
    assert [event.attempt for event in events if isinstance(event, AttemptFailed)] == [1]


@pytest.mark.parametrize(
    ("status", "code"),
    [(400, "request_rejected"), (401, "unauthorized"), (404, "unknown_model"), (413, "request_rejected")],
)
def test_refusals_are_not_tried_again(status: int, code: str) -> None:
    body = {"success": False, "error": {"code": "x", "message": "not like this"}}
    execution, server, _ = served(replying(http(status, body)), attempts=3)
    assert (execution.status, execution.error_code, execution.attempts) == ("failed", code, 1)
    assert execution.error_message is not None
    assert "not like this" in execution.error_message
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [200, 400, 403, 422, 451])
def test_a_block_is_no_failure_and_is_not_asked_twice(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON_PROXY_KEY", SECRET["Modal-Key"])
    body = {"success": False, "error": {"code": "content_filter", "message": f"not with {SECRET['Modal-Key']}"}}
    execution, server, events = served(replying(http(status, body)), attempts=3)
    assert (execution.status, execution.attempts, len(server.requests), events) == ("blocked", 1, 1, [])
    assert execution.error_code == ("legal_blocked" if status == 451 else "content_filtered")
    assert execution.output_data == {"success": False, "error": {"code": "content_filter", "message": "not with ***"}}
    assert (execution.error_message or "").endswith("not with ***")


def test_a_block_after_a_303_is_read_as_one() -> None:
    blocked = http(400, {"error": {"code": "content_filter", "message": "filtered"}})
    execution, server, _ = served(replying(hop(1), blocked), attempts=3)
    assert (execution.status, execution.error_code, execution.hops) == ("blocked", "content_filtered", 1)
    assert [request.method for request in server.requests] == ["POST", "GET"]


@pytest.mark.parametrize(("status", "code"), [(402, "x"), (429, "insufficient_quota")])
def test_without_credit_nothing_is_tried_again(status: int, code: str) -> None:
    reply = http(status, {"error": {"code": code, "message": "pay"}}, Retry_After="0")
    execution, server, _ = served(replying(reply, GOOD), attempts=3)
    assert (execution.status, execution.error_code, len(server.requests)) == ("failed", "no_credit", 1)


def test_attempts_one_means_no_retry() -> None:
    execution, server, events = served(replying(http(503)), attempts=1)
    assert (execution.status, execution.error_code, len(server.requests)) == ("failed", "server_error", 1)
    assert [event.retry_in for event in events if isinstance(event, AttemptFailed)] == [None]


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        GOOD[:-5],
        b"HTTP/1.1 200 x\r\nConnection: close\r\n\r\n" + GOOD.split(b"\r\n\r\n", 1)[1][:-9],
        http(200, b"<html>"),
    ],
    ids=["reset", "shorter than its Content-Length", "truncated without one", "html"],
)
def test_a_broken_answer_is_tried_again_and_never_half_recorded(reply: bytes) -> None:
    execution, server, _ = served(replying(reply, GOOD), attempts=2)
    assert (execution.status, execution.response, len(server.requests)) == ("completed", "4", 2)


def test_a_refused_connection_is_tried_again() -> None:
    async def main() -> None:
        async with raw_server(replying(GOOD)) as server:
            pass
        execution = await ask(server, [], attempts=2)
        assert (execution.status, execution.error_code) == ("failed", "connection_failed")
        assert execution.attempts == 2

    asyncio.run(main())


async def _never(request: Request, writer: asyncio.StreamWriter) -> bytes:
    await asyncio.sleep(60)
    return GOOD


async def _drip(request: Request, writer: asyncio.StreamWriter) -> bytes:
    for byte in GOOD:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)
    return b""


@pytest.mark.parametrize("handler", [_never, _drip])
def test_silence_and_dripping_end_at_the_total_deadline(handler: Handler) -> None:
    execution, server, _ = served(handler, answer_timeout=1.0, attempts=3)
    assert (execution.status, execution.error_code) == ("timeout", "answer_timeout")
    assert len(server.requests) == 1
    assert 0.9 < execution.seconds < 30


def test_a_large_answer_is_cut_off() -> None:
    async def flood(request: Request, writer: asyncio.StreamWriter) -> bytes:
        writer.write(b"HTTP/1.1 200 x\r\nConnection: close\r\n\r\n")
        for _ in range(400):
            writer.write(b"x" * 2**20)
            await writer.drain()
        return b""

    execution, _, _ = served(flood)
    assert (execution.status, execution.error_code) == ("failed", "response_too_large")


def test_a_compressed_answer_is_refused_before_it_is_unpacked() -> None:
    execution, server, _ = served(replying(http(200, gzip.compress(b"0" * 2**20), Content_Encoding="gzip")))
    assert execution.error_code == "malformed_response"
    assert server.requests[0].headers["accept-encoding"] == "identity"


def test_a_region_or_model_other_than_asked_is_failed() -> None:
    elsewhere, _, _ = served(replying(http(200, good_answer("eu", "llama3.2-1b"))), attempts=3)
    assert (elsewhere.status, elsewhere.error_code, elsewhere.attempts) == ("failed", "region_mismatch", 1)
    other, _, _ = served(replying(http(200, good_answer("us", "mistral-7b"))), attempts=3)
    assert (other.status, other.error_code, other.attempts) == ("failed", "model_mismatch", 1)


def test_an_answer_whose_container_ran_in_another_region_is_failed() -> None:
    answer = good_answer("us", "llama3.2-1b", container_region="europe-west4")
    execution, _, _ = served(replying(http(200, answer)), attempts=3)
    assert (execution.status, execution.error_code, execution.attempts) == ("failed", "region_mismatch", 1)
    unknown, _, _ = served(replying(http(200, good_answer("us", "llama3.2-1b", container_region="moon-1"))))
    assert unknown.status == "completed"


@pytest.mark.parametrize("depth", [70, 900, 90_000])
def test_an_answer_that_is_nested_without_end_is_refused(depth: int) -> None:
    body = b'{"success": true, "response": "4", "deep": ' + b"[" * depth + b"]" * depth + b"}"
    execution, _, _ = served(replying(http(200, body)))
    assert (execution.status, execution.error_code) == ("failed", "malformed_response")


def test_a_header_that_cannot_be_sent_is_not_shown() -> None:
    async def main() -> Execution:
        async with raw_server(replying(GOOD)) as server:
            SECRET["Modal-Key"] = "canary\r"
            try:
                return await ask(server, [])
            finally:
                SECRET["Modal-Key"] = "canary-key"

    execution = asyncio.run(main())
    assert execution.error_code == "connection_failed"
    assert "canary" not in (execution.error_message or "")


@pytest.mark.parametrize("text", ["", " \n\t", None])
def test_an_answer_without_text_is_empty(text: str | None) -> None:
    execution, _, _ = served(replying(http(200, {**good_answer("us", "llama3.2-1b"), "response": text})))
    assert (execution.status, execution.error_code) == ("empty", None)


@pytest.mark.parametrize(
    "body",
    [
        {"status": "error", "error": "CUDA out of memory"},
        {"success": False, "error": "CUDA out of memory"},
        {"success": False, "error": {"message": "CUDA out of memory"}},
    ],
)
def test_errors_of_the_old_deployment_come_as_200(body: dict[str, Any]) -> None:
    execution, server, _ = served(replying(http(200, body)), attempts=3)
    assert (execution.status, execution.error_code, len(server.requests)) == ("failed", "endpoint_error", 1)
    assert "CUDA out of memory" in (execution.error_message or "")


def test_an_answer_of_the_old_deployment_is_taken() -> None:
    execution, _, _ = served(replying(http(200, {"status": "success", "response": "4", "region": "us-east"})))
    assert (execution.status, execution.container_id) == ("completed", None)


def test_loopback_goes_direct_whatever_proxy_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    execution, _, _ = served(replying(GOOD))
    assert execution.status == "completed"


def test_an_endpoint_on_ipv6_only_works() -> None:
    async def main() -> None:
        async with raw_server(replying(GOOD), host="::1") as server:
            execution = await ask(server, [])
        assert execution.status == "completed"

    asyncio.run(main())
