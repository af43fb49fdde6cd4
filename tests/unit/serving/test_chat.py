"""The routes of OpenAI's API, called in process over ASGI: what is asked, answered and refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from modal_deployment.generation import Generated, GenerationRequest, Turn
from modal_deployment.limits import (
    MAX_BODY_BYTES,
    MAX_PROMPT_CHARACTERS,
    MAX_SYSTEM_PROMPT_CHARACTERS,
    MAX_TOKENS,
)
from modal_deployment.refusal import Refusal
from modal_deployment.request_id import HEADER
from tests.support.toy_region import Toy, in_client

PATH = "/v1/chat/completions"
USER = {"role": "user", "content": "What is 2+2?"}
SYSTEM = {"role": "system", "content": "be brief"}


def post(body: bytes | dict[str, Any], toy: Toy | None = None, path: str = PATH) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body)
    response = in_client(lambda client: client.post(path, content=content), toy or Toy())
    assert isinstance(response, httpx2.Response)
    return response


def chat(*messages: dict[str, Any], toy: Toy | None = None, **options: Any) -> httpx2.Response:
    return post({"model": "m-1", "messages": messages or [USER], **options}, toy)


def asked(*messages: dict[str, Any], **options: Any) -> GenerationRequest:
    toy = Toy()
    response = chat(*messages, toy=toy, **options)
    assert response.status_code == 200, response.text
    return toy.requests[0]


def error_of(response: httpx2.Response) -> tuple[int, str, str | None]:
    document = response.json()
    assert set(document) == {"error"}
    error = document["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["message"]
    return response.status_code, error["code"], error["param"]


class Thinking(Toy):
    def generate(self, request: GenerationRequest) -> Generated:
        return Generated("4", 3, "length", thought="easy", prompt_tokens=12)


def test_an_answer_has_the_fields_of_openais() -> None:
    document = chat(toy=Thinking()).json()
    assert document.pop("id").startswith("chatcmpl-")
    assert document.pop("created") > 1_700_000_000
    assert document == {
        "object": "chat.completion",
        "model": "m-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "4", "refusal": None, "reasoning_content": "easy"},
                "logprobs": None,
                "finish_reason": "length",
            }
        ],
        "usage": {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15},
        "system_fingerprint": "abc123",
    }


def test_what_is_not_known_is_not_made_up() -> None:
    document = chat().json()
    assert "usage" not in document
    assert "reasoning_content" not in document["choices"][0]["message"]


def test_both_routes_build_the_same_request() -> None:
    toy = Toy()
    options = {"temperature": 0.7, "max_tokens": 9, "seed": 5}
    chat(SYSTEM, USER, toy=toy, **options)
    ours = {"model": "m-1", "prompt": USER["content"], "system_prompt": SYSTEM["content"], **options}
    post(ours, toy, path="/inference")
    chat(toy=toy)
    post({"model": "m-1", "prompt": USER["content"]}, toy, path="/inference")
    said = [
        (request.messages(), request.temperature, request.max_tokens, request.seed, request.top_p, request.stop)
        for request in toy.requests
    ]
    assert said[0] == said[1]
    assert said[2] == said[3]


def test_a_conversation_keeps_its_turns() -> None:
    request = asked(SYSTEM, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}, USER)
    assert (request.system_prompt, request.prompt) == ("be brief", "What is 2+2?")
    assert request.history == (Turn("user", "Hi"), Turn("assistant", "Hello"))


def test_parts_of_text_are_one_text_and_a_developer_is_a_system() -> None:
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "2+2?"}]
    request = asked({"role": "developer", "content": "be brief"}, {"role": "user", "content": parts})
    assert (request.system_prompt, request.prompt) == ("be brief", "What is 2+2?")


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_either_name_limits_the_answer(name: str) -> None:
    assert asked(**{name: 7}).max_tokens == 7


@pytest.mark.parametrize(("stop", "texts"), [("x", ("x",)), (["x", "y"], ("x", "y")), (None, ()), ([], ())])
def test_stop_is_a_text_or_several(stop: object, texts: tuple[str, ...]) -> None:
    assert asked(stop=stop, top_p=0.5).stop == texts


def test_what_clients_send_by_themselves_is_accepted_where_it_changes_nothing() -> None:
    neutral = {
        "n": 1,
        "stream": False,
        "top_p": 1,
        "presence_penalty": 0.0,
        "frequency_penalty": 0,
        "response_format": {"type": "text"},
        "user": "somebody",
        "temperature": None,
        "max_tokens": None,
        "tools": None,
    }
    replayed: dict[str, Any] = {
        "role": "assistant",
        "content": "4",
        "refusal": None,
        "tool_calls": None,
        "annotations": [],
    }
    assert asked(USER, replayed, {"role": "user", "content": "Why?"}, **neutral).temperature == 0.1


@pytest.mark.parametrize(
    ("option", "code"),
    [
        ({"n": 2}, "unsupported_value"),
        ({"stream": True}, "unsupported_value"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "unsupported_value"),
        ({"response_format": {"type": "json_object"}}, "unsupported_value"),
        ({"presence_penalty": 0.5}, "unsupported_value"),
        ({"logprobs": True}, "unsupported_value"),
        ({"reasoning_effort": "low"}, "unsupported_parameter"),
        ({"top_k": 4}, "unsupported_parameter"),
        ({"temperature": 2.1}, "invalid_value"),
        ({"temperature": "hot"}, "invalid_value"),
        ({"top_p": 0}, "invalid_value"),
        ({"max_tokens": MAX_TOKENS + 1}, "invalid_value"),
        ({"max_completion_tokens": 0}, "invalid_value"),
        ({"max_completion_tokens": 5, "max_tokens": 6}, "invalid_value"),
        ({"seed": -1}, "invalid_value"),
        ({"stop": ""}, "invalid_value"),
        ({"stop": ["x"] * 5}, "invalid_value"),
        ({"stop": 5}, "invalid_value"),
        ({"model": None}, "invalid_value"),
    ],
)
def test_what_cannot_be_done_is_400_and_named(option: dict[str, Any], code: str) -> None:
    status, said, parameter = error_of(chat(**option))
    assert (status, said) == (400, code)
    assert (parameter or "").split(".")[0] == next(iter(option))


@pytest.mark.parametrize(
    ("messages", "code", "parameter"),
    [
        ([], "invalid_value", "messages"),
        ([SYSTEM], "invalid_value", "messages"),
        ([USER, SYSTEM], "invalid_value", "messages"),
        ([SYSTEM, SYSTEM, USER], "invalid_value", "messages"),
        ([USER, {"role": "assistant", "content": "4"}], "invalid_value", "messages"),
        ([{"role": "user", "content": ""}], "invalid_value", "messages"),
        ([{"role": "user"}], "missing_required_parameter", "messages.0.content"),
        ([{"role": "user", "content": None}], "invalid_value", "messages.0.content"),
        ([{"role": "tool", "content": "4"}], "invalid_value", "messages.0.role"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "invalid_value", "messages.0.content"),
        ([{**USER, "tool_calls": [{}]}], "unsupported_parameter", "messages.0.tool_calls"),
        (
            [{"role": "user", "content": "x" * (MAX_PROMPT_CHARACTERS + 1)}],
            "string_above_max_length",
            "messages",
        ),
        (
            [{"role": "system", "content": "x" * (MAX_SYSTEM_PROMPT_CHARACTERS + 1)}, USER],
            "string_above_max_length",
            "messages",
        ),
    ],
)
def test_messages_that_are_no_question_are_400(messages: list[Any], code: str, parameter: str) -> None:
    assert error_of(post({"model": "m-1", "messages": messages})) == (400, code, parameter)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 5000])
def test_a_body_that_is_no_object_of_text_is_400(body: bytes) -> None:
    assert error_of(post(body))[:2] == (400, "invalid_value")


def test_a_body_over_the_limit_is_413() -> None:
    assert error_of(post(b" " * (MAX_BODY_BYTES + 1)))[:2] == (413, "body_too_large")


def test_an_unknown_model_is_404_and_the_served_ones_are_named() -> None:
    response = chat(model="M-1")
    assert error_of(response) == (404, "model_not_found", "model")
    assert response.json()["error"]["message"].endswith("served: m-1")


@pytest.mark.parametrize(
    ("refusal", "status", "code", "kind"),
    [
        (Refusal(422, "prompt_too_long", "no"), 400, "context_length_exceeded", "invalid_request_error"),
        (Refusal(429, "queue_full", "no", retry_after="7"), 429, "rate_limit_exceeded", "rate_limit_error"),
        (Refusal(451, "legal", "no", kind="forbidden"), 451, "legal", "forbidden"),
        (Refusal(503, "warming_up", "no"), 503, "warming_up", "server_error"),
    ],
)
def test_a_refusal_comes_in_openais_form(refusal: Refusal, status: int, code: str, kind: str) -> None:
    class Refusing(Toy):
        def generate(self, request: GenerationRequest) -> Generated:
            raise refusal

    response = chat(toy=Refusing())
    assert error_of(response) == (status, code, None)
    assert response.json()["error"]["type"] == kind
    assert response.headers.get("retry-after") == refusal.retry_after


def test_a_generators_exception_is_500_without_its_text() -> None:
    response = chat({"role": "user", "content": "raise"})
    assert error_of(response)[:2] == (500, "generation_failed")
    assert "canary" not in response.text


def test_the_id_of_a_request_comes_back() -> None:
    sent = "0123456789abcdef" * 2
    body = {"model": "m-1", "messages": [USER]}
    response = in_client(lambda client: client.post(PATH, json=body, headers={HEADER: sent}), Toy())
    assert response.headers[HEADER] == sent


def test_both_routes_share_a_models_one_slot() -> None:
    toy = Toy()

    async def test(client: httpx2.AsyncClient) -> httpx2.Response:
        ours = {"model": "m-1", "prompt": "wait"}
        running = asyncio.ensure_future(client.post("/inference", json=ours))
        await asyncio.to_thread(toy.started.acquire)
        refused = await client.post(PATH, json={"model": "m-1", "messages": [USER]})
        toy.release.set()
        await running
        return refused

    refused = in_client(test, toy, max_waiting=0)
    assert error_of(refused) == (429, "rate_limit_exceeded", None)
    assert int(refused.headers["retry-after"]) >= 1


def test_the_models_are_listed() -> None:
    response = in_client(lambda client: client.get("/v1/models"), Toy())
    assert response.json() == {
        "object": "list",
        "data": [{"id": "m-1", "object": "model", "created": 0, "owned_by": "beacon"}],
    }


@pytest.mark.parametrize(("method", "path", "status"), [("GET", PATH, 405), ("GET", "/v1/embeddings", 404)])
def test_what_is_not_there_is_refused_in_openais_form(method: str, path: str, status: int) -> None:
    response = in_client(lambda client: client.request(method, path), Toy())
    assert error_of(response)[0] == status
    assert "POST /v1/chat/completions" in response.json()["error"]["message"]
