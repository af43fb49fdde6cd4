"""The three endpoints, called in process over ASGI: validation, statuses, receipts, the slot and its queue."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import datetime
from typing import Any

import httpx2
import pytest

from modal_deployment.applications import region_app
from modal_deployment.generation import Generated, GenerationRequest
from modal_deployment.limits import (
    MAX_BODY_BYTES,
    MAX_PROMPT_CHARACTERS,
    MAX_SYSTEM_PROMPT_CHARACTERS,
    MAX_TOKENS,
)
from modal_deployment.registry import registry_document, registry_sha256
from modal_deployment.request_id import HEADER
from modal_deployment.serving import Service
from tests.support.toy_region import MODEL, Toy, facts, in_client
from tests.support.vocabulary import REGIONS, REGISTRY

DEVICE = {
    "name": "Tesla T4",
    "dtype": "float16",
    "driver": "580.95.05",
    "torch": "2.13.0",
    "transformers": "5.23.0",
    "tokenizers": "0.23.3",
}
ASKED = {"model": "m-1", "prompt": "What is 2+2?"}


def post(body: bytes | str | object, toy: Toy | None = None) -> httpx2.Response:
    content = body if isinstance(body, (bytes, str)) else json.dumps(body)
    response = in_client(lambda client: client.post("/inference", content=content), toy or Toy())
    assert isinstance(response, httpx2.Response)
    return response


def get(path: str) -> httpx2.Response:
    response = in_client(lambda client: client.get(path), Toy())
    assert isinstance(response, httpx2.Response)
    return response


def error_of(response: httpx2.Response) -> tuple[int, str, str]:
    document = response.json()
    assert set(document) == {"success", "error"}
    assert document["success"] is False
    assert set(document["error"]) == {"code", "message"}
    return response.status_code, document["error"]["code"], document["error"]["message"]


def test_an_answer_carries_every_field_of_the_contract() -> None:
    document = post({**ASKED, "system_prompt": "be brief", "seed": 7, "temperature": 0, "max_tokens": 5}).json()
    receipt = document.pop("receipt")
    seconds = document.pop("inference_time")
    assert document == {
        "success": True,
        "response": "?2+2 si tahW",
        "model": "m-1",
        "region": "us",
        "tokens_generated": 3,
        "finish_reason": "stop",
        "container_id": "ta-1",
        "container_region": "us-east-1",
        "gpu": "Tesla T4",
        "device": DEVICE,
        "model_revision": "abc123",
    }
    details = receipt["execution_details"]
    started, completed = (datetime.fromisoformat(details.pop(key)) for key in ("started_at", "completed_at"))
    assert started.tzinfo is not None
    assert started <= completed
    assert receipt == {
        "schema_version": "v0.1.0",
        "execution_details": {"provider_id": "modal-us", "region": "us", "model": "m-1", "duration": seconds},
        "output": {
            "response": "?2+2 si tahW",
            "prompt": "What is 2+2?",
            "system_prompt": "be brief",
            "tokens_generated": 3,
            "metadata": {"temperature": 0.0, "max_tokens": 5, "seed": 7, "finish_reason": "stop"},
        },
        "provenance": {
            "provider": "modal",
            "architecture": "toy",
            "model_registry": registry_sha256([MODEL]),
            "model_revision": "abc123",
            "version": "9.9",
            "device": DEVICE,
        },
    }


@pytest.mark.parametrize("body", [ASKED, {"model": "m-1"}], ids=["an answer", "a refusal"])
@pytest.mark.parametrize(
    ("sent", "back"), [("0123456789abcdef" * 2, True), ("0123456789ABCDEF" * 2, False), ("x", False), ("", False)]
)
def test_the_id_of_a_request_comes_back_with_what_answers_it(body: object, sent: str, back: bool) -> None:
    response = in_client(lambda client: client.post("/inference", json=body, headers={HEADER: sent}), Toy())
    assert response.headers.get(HEADER) == (sent if back else None)


def test_top_p_and_stop_reach_the_generator_and_the_receipt_only_where_they_are_given() -> None:
    toy = Toy()
    document = post({**ASKED, "top_p": 0.5, "stop": ["END", "\n"]}, toy).json()
    assert (toy.requests[0].top_p, toy.requests[0].stop) == (0.5, ("END", "\n"))
    metadata = document["receipt"]["output"]["metadata"]
    assert (metadata["top_p"], metadata["stop"]) == (0.5, ["END", "\n"])
    assert not {"top_p", "stop"} & set(post(ASKED).json()["receipt"]["output"]["metadata"])


def test_a_generator_gets_what_was_asked_and_the_documented_defaults() -> None:
    toy = Toy()
    post(ASKED, toy)
    request = toy.requests[0]
    assert (request.top_p, request.stop) == (None, ())
    assert (request.prompt, request.system_prompt, request.temperature, request.max_tokens, request.seed) == (
        *("What is 2+2?", None),
        *(0.1, 500, None),
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prompt": None}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 5}, "prompt"),
        ({"prompt": "x" * (MAX_PROMPT_CHARACTERS + 1)}, "prompt"),
        ({"system_prompt": "x" * (MAX_SYSTEM_PROMPT_CHARACTERS + 1)}, "system_prompt"),
        ({"model": None}, "model"),
        ({"max_tokens": MAX_TOKENS + 1}, "max_tokens"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"max_tokens": 5.5}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"temperature": -0.1}, "temperature"),
        ({"temperature": 2.01}, "temperature"),
        ({"temperature": "0.1"}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"temperature": float("inf")}, "temperature"),
        ({"seed": 1.5}, "seed"),
        ({"seed": -1}, "seed"),
        ({"seed": 2**63}, "seed"),
        ({"stream": True}, "stream"),
    ],
)
def test_a_bad_field_is_422_and_named(change: dict[str, object], field: str) -> None:
    status, code, message = error_of(post({**ASKED, **change}))
    assert (status, code) == (422, "invalid_request")
    assert message.startswith(f"{field}: ")


@pytest.mark.parametrize("region", ["US", "eu-west", "", 7, None, {"name": ["ASIA"]}])
def test_the_region_that_old_routers_send_is_accepted_and_changes_nothing(region: object) -> None:
    toy = Toy()
    document = post({**ASKED, "region": region}, toy).json()
    assert (document["success"], document["region"]) == (True, "us")
    assert "region" not in document["receipt"]["output"]["metadata"]
    [with_it], other = toy.requests, Toy()
    post(ASKED, other)
    [without] = other.requests
    assert (with_it.prompt, with_it.system_prompt, with_it.seed) == (
        without.prompt,
        without.system_prompt,
        without.seed,
    )


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b"[" * 5000),
        b'{"model": "m-1", "prompt": "\\ud800"}',
    ],
)
def test_a_body_that_is_no_object_of_text_is_422(body: bytes) -> None:
    assert error_of(post(body))[:2] == (422, "invalid_request")


def test_values_at_the_limits_are_answered() -> None:
    widest = "\U0001f600"
    body = {
        "model": "m-1",
        "prompt": widest * MAX_PROMPT_CHARACTERS,
        "system_prompt": widest * MAX_SYSTEM_PROMPT_CHARACTERS,
        "max_tokens": MAX_TOKENS,
        "temperature": 2,
        "seed": 2**63 - 1,
    }
    assert post(body).status_code == 200


def test_a_body_over_the_limit_is_413_declared_or_streamed() -> None:
    async def streamed(client: httpx2.AsyncClient) -> httpx2.Response:
        async def chunks() -> Any:
            for _ in range(MAX_BODY_BYTES // 65536 + 1):
                yield b" " * 65536

        return await client.post("/inference", content=chunks())

    assert error_of(post(b" " * (MAX_BODY_BYTES + 1)))[:2] == (413, "body_too_large")
    assert error_of(in_client(streamed, Toy()))[:2] == (413, "body_too_large")


@pytest.mark.parametrize(
    "model", ["../m-1", "hf://org/M-1", "m-1 ", "M-1", "m\u20111", "\uff4d-1", "", "org/M-1", "m-1\0", "x" * 10_000]
)
def test_a_model_is_matched_exactly_or_404(model: str) -> None:
    status, code, message = error_of(post({**ASKED, "model": model}))
    assert (status, code) == (404, "unknown_model")
    assert message.endswith("served: m-1")


def test_a_generators_exception_is_500_without_its_text_in_body_or_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.DEBUG):
        response = post({**ASKED, "prompt": "raise"})
    assert error_of(response)[:2] == (500, "generation_failed")
    assert "canary" not in response.text + caplog.text
    assert "RuntimeError at " in caplog.text


def test_a_generators_refusal_keeps_its_status_and_retry_after() -> None:
    response = post({**ASKED, "prompt": "refuse"})
    assert error_of(response) == (503, "warming_up", "soon")
    assert response.headers["retry-after"] == "7"


def test_prompts_and_answers_stay_out_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "modal_deployment"):
        post({**ASKED, "prompt": "prompt-canary"})
    assert "canary" not in caplog.text


def test_models_answers_with_the_registry_and_its_hash() -> None:
    document = get("/models").json()
    assert document == {
        "models_available": ["m-1"],
        "model_registry": registry_document([MODEL]),
        "registry_sha256": registry_sha256([MODEL]),
        "lock_sha256": None,
        "region": "us",
    }


def test_health_says_what_where_and_which_version() -> None:
    assert get("/health").json() == {
        "status": "healthy",
        "models_available": ["m-1"],
        "region": "us",
        "container_id": "ta-0",
        "version": "9.9",
        "device": None,
    }


def test_models_and_health_need_no_generator() -> None:
    async def ask(client: httpx2.AsyncClient) -> list[str]:
        return list((await client.get("/models")).json()["models_available"])

    async def run() -> list[str]:
        bare = Service(REGIONS["eu"], REGISTRY.values(), facts=facts, version="1")
        transport = httpx2.ASGITransport(app=region_app(bare))
        async with httpx2.AsyncClient(transport=transport, base_url="http://region") as client:
            return await ask(client)

    assert asyncio.run(run()) == sorted(REGISTRY)


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/redoc", "/inference/", "/models/x", "/metrics"])
def test_there_is_nothing_besides_the_three_routes(path: str) -> None:
    assert error_of(get(path))[:2] == (404, "not_found")


def test_the_wrong_method_is_405_and_no_answer_allows_other_origins() -> None:
    assert error_of(get("/inference"))[:2] == (405, "method_not_allowed")
    response = in_client(
        lambda client: client.options(
            "/models", headers={"Origin": "http://evil", "Access-Control-Request-Method": "GET"}
        ),
        Toy(),
    )
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control")]


def test_one_call_runs_at_a_time_and_a_full_queue_is_429_with_retry_after() -> None:
    toy = Toy()

    async def test(client: httpx2.AsyncClient) -> None:
        def ask(prompt: str) -> asyncio.Task[httpx2.Response]:
            return asyncio.ensure_future(client.post("/inference", json={**ASKED, "prompt": prompt}))

        calls = [ask(f"wait {number}") for number in range(3)]
        await asyncio.to_thread(toy.started.acquire)
        refused = await ask("one too many")
        assert len(toy.requests) == 1
        toy.release.set()
        answers = await asyncio.gather(*calls)
        assert error_of(refused)[:2] == (429, "queue_full")
        assert int(refused.headers["retry-after"]) >= 1
        assert [answer.status_code for answer in answers] == [200] * 3
        assert [request.prompt for request in toy.requests] == ["wait 0", "wait 1", "wait 2"]
        assert (await ask("room again")).status_code == 200

    in_client(test, toy, max_waiting=2)


def test_cancelling_takes_a_request_out_of_the_queue_or_stops_it() -> None:
    """Modal cancels the coroutine; a generator that stops late keeps its slot until then."""
    toy = Toy()

    async def test(client: httpx2.AsyncClient) -> None:
        running = asyncio.ensure_future(client.post("/inference", json={**ASKED, "prompt": "wait"}))
        await asyncio.to_thread(toy.started.acquire)
        waiting = asyncio.ensure_future(client.post("/inference", json={**ASKED, "prompt": "never asked"}))
        await asyncio.sleep(0.02)
        waiting.cancel()
        running.cancel()
        await asyncio.wait((waiting, running))
        assert (await client.post("/inference", json=ASKED)).status_code == 200
        assert [request.prompt for request in toy.requests] == ["wait", ASKED["prompt"]]
        assert toy.requests[0].cancelled.is_set()

    in_client(test, toy)


def test_an_answer_with_a_lone_surrogate_arrives_as_it_is() -> None:
    class Odd(Toy):
        def generate(self, request: GenerationRequest) -> Generated:
            return Generated("\ud800\0\x1b", 1, "stop")

    assert json.loads(post(ASKED, Odd()).content)["response"] == "\ud800\0\x1b"
