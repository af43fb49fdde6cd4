"""Completions in OpenAI's form, in the dialects of compatible servers: what becomes of each, and what is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.console.redaction import Redactor
from beacon_cli.door import Door
from beacon_cli.executor.answer import Answer, Reply
from beacon_cli.executor.failures import AttemptError
from beacon_cli.executor.openai_answer import KEPT_HEADERS, read_completion
from beacon_cli.job.lanes import Lane
from modal_deployment.regions import BUILT_IN_REGIONS
from tests.support.vocabulary import VOCABULARY

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "openai-endpoints.md"
LANE = Lane("m-small", BUILT_IN_REGIONS[0])
ASKED = {"model": "m", "messages": [{"role": "user", "content": "What?"}], "temperature": 0.1, "max_tokens": 500}


def completion(message: Any, *, finish_reason: str = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m", "choices": [choice], **more}


def read(body: Any, status: int = 200, headers: dict[str, str] | None = None, **how: Any) -> Answer:
    return read_completion(
        Reply(status, json.dumps(body).encode(), vocabulary=VOCABULARY, headers=headers or {}, **how), LANE, ASKED
    )


def refused(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        read(body, status, headers)
    return caught.value


@pytest.mark.parametrize(
    ("message", "status", "response", "thought"),
    [
        ({"content": "4"}, "completed", "4", None),
        (
            {"content": [{"type": "text", "text": "4 "}, {"type": "text", "text": "is it"}]},
            "completed",
            "4 is it",
            None,
        ),
        ({"content": None, "refusal": "I cannot help with that."}, "completed", "I cannot help with that.", None),
        ({"content": [{"type": "refusal", "refusal": "I cannot."}]}, "completed", "I cannot.", None),
        ({"content": None}, "empty", "", None),
        ({}, "empty", "", None),
        ({"content": " \n"}, "empty", " \n", None),
        ({"content": None, "tool_calls": [{"id": "1", "type": "function"}]}, "empty", "", None),
        ({"content": "4", "reasoning_content": "2 and 2"}, "completed", "4", "2 and 2"),
        ({"content": "4", "reasoning": "2 and 2"}, "completed", "4", "2 and 2"),
        ({"content": "<think>2 and 2</think>4"}, "completed", "<think>2 and 2</think>4", "2 and 2"),
        ({"content": "", "reasoning_content": "2 and 2"}, "empty", "", "2 and 2"),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "2 and 2"}]}, {"text": "4"}]},
            "completed",
            "4",
            "2 and 2",
        ),
        ({"content": [{"type": "image_url", "image_url": {"url": "data:"}}, 7, None]}, "empty", "", None),
    ],
)
def test_the_text_for_the_reader_is_found(message: Any, status: str, response: str, thought: str | None) -> None:
    answer = read(completion(message))
    assert (answer.status, answer.response, answer.thought) == (status, response, thought)
    assert (answer.why and answer.why.code) == ("thought_only" if status == "empty" and thought else None)


def test_what_an_answer_says_of_itself_is_read() -> None:
    usage = {"prompt_tokens": 9, "completion_tokens": 5}
    document = completion({"content": "It was"}, finish_reason="length", usage=usage, system_fingerprint="fp_1")
    answer = read({**document, "model": "m-2026-01-01"})
    claims = answer.claims
    assert (claims.finish_reason, claims.tokens, claims.model_revision) == ("length", 5, "m-2026-01-01")
    assert (claims.effective_system_prompt, claims.effective_region, answer.container_region) == (None, None, None)
    assert answer.output["system_fingerprint"] == "fp_1"
    assert answer.output["choices"] == [{"index": 0, "message": {}, "finish_reason": "length"}]


def test_the_name_that_was_asked_says_nothing_about_a_revision() -> None:
    answer = read(completion({"content": "4"}))
    assert (answer.claims.model_revision, answer.output["model"]) == (None, "m")


@pytest.mark.parametrize("tokens", [-1, 2**31, 1.5, "7", True, None])
def test_a_number_of_tokens_that_is_none_is_not_kept(tokens: object) -> None:
    assert read(completion({"content": "4"}, usage={"completion_tokens": tokens})).claims.tokens is None


@pytest.mark.parametrize(
    ("header", "value", "region"),
    [
        ("x-ms-region", "East US", "US"),
        ("x-ms-region", "Sweden Central", "EU"),
        ("x-ms-region", "Brazil South", "Brazil South"),
        ("x-groq-region", "us-west-1", "US"),
        ("cf-ray", "8f1-GRU", None),
    ],
)
def test_a_region_is_known_only_where_a_header_tells_the_services_own(
    header: str, value: str, region: str | None
) -> None:
    answer = read(completion({"content": "4"}), headers={header: value, "server": "x", "set-cookie": "a=b"})
    assert answer.claims.effective_region == region
    assert answer.output["headers"] == {header: value}


def test_what_was_sent_is_kept_without_the_messages_and_without_secrets() -> None:
    door = Door(Redactor({"canary-key": "***"}))
    asked = {**ASKED, "user": "canary-key", "reasoning_effort": "low"}
    headers = {"x-request-id": "req canary-key", "cf-ray": "r" * 500}
    reply = Reply(
        200, json.dumps(completion({"content": "4"})).encode(), vocabulary=VOCABULARY, headers=headers, door=door
    )
    output = read_completion(reply, LANE, asked).output
    assert output["sent"] == {
        "model": "m",
        "temperature": 0.1,
        "max_tokens": 500,
        "user": "***",
        "reasoning_effort": "low",
    }
    assert output["headers"]["x-request-id"] == "req ***"
    assert len(output["headers"]["cf-ray"]) == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (completion({"content": "It"}, finish_reason="content_filter"), 200),
        (completion({"content": None}, finish_reason="content_filter"), 200),
        ({"error": {"message": "no", "type": None, "code": "content_filter", "param": "prompt"}}, 400),
        ({"error": {"message": "no", "code": 403, "metadata": {"reasons": ["x"]}, "type": "moderation"}}, 200),
        ({"choices": [{"error": {"code": "content_filter", "message": "no"}, "message": {"content": ""}}]}, 200),
    ],
)
def test_a_filter_blocks_and_what_was_sent_is_kept(body: Any, status: int) -> None:
    answer = read(body, status)
    assert (answer.status, answer.why and answer.why.code) == ("blocked", "content_filtered")
    assert answer.output["sent"]["max_tokens"] == 500


@pytest.mark.parametrize("status", [200, 400])
def test_nothing_at_the_top_of_an_answer_is_read_as_one_of_beacons_own(status: int) -> None:
    top = {"region": "EU", "model_revision": "r", "tokens_generated": 9, "container_id": "c", "provider_id": "local-eu"}
    more = {"container_region": "eu-west", "system_prompt": "p", "metadata": {"region": "EU"}, "receipt": {"a": 1}}
    body = completion({"content": "4"}) if status == 200 else {"error": {"message": "no", "code": "content_filter"}}
    answer = read({**body, **top, **more, "response": "5"}, status)
    claims = answer.claims
    assert (claims.effective_region, claims.tokens, claims.effective_system_prompt) == (None, None, None)
    assert (answer.container_id, answer.container_region, answer.provider_id, answer.receipt) == (
        None,
        None,
        None,
        None,
    )
    assert (answer.response, claims.model_revision) == ("4" if status == 200 else None, None)
    assert answer.output["region"] == "EU"


def test_a_filtered_answer_keeps_the_text_that_came() -> None:
    assert read(completion({"content": "It"}, finish_reason="content_filter")).response == "It"
    assert read(completion({"content": None}, finish_reason="content_filter")).response is None


def test_a_phrase_that_the_question_holds_is_no_block() -> None:
    body = {"error": {"message": "cannot parse 'Content Exists Risk'", "code": "invalid"}}
    asked = {**ASKED, "messages": [{"role": "user", "content": "What does Content Exists Risk mean?"}]}
    with pytest.raises(AttemptError) as caught:
        read_completion(Reply(400, json.dumps(body).encode(), vocabulary=VOCABULARY), LANE, asked)
    assert caught.value.code == "request_rejected"


@pytest.mark.parametrize(
    ("body", "status", "code", "retriable"),
    [
        ({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}, 401, "unauthorized", False),
        ({"error": {"message": "busy", "code": "rate_limit_exceeded"}}, 429, "rate_limited", True),
        ({"error": {"message": "You exceeded your quota", "code": "insufficient_quota"}}, 429, "no_credit", False),
        ({"error": {"message": "no such model", "code": "model_not_found"}}, 404, "unknown_model", False),
        ({"error": "plain"}, 500, "server_error", True),
        ({"detail": [{"loc": ["body", "seed"], "msg": "extra"}]}, 422, "request_rejected", False),
        ({"error": {"code": 502, "message": "Provider returned error"}}, 200, "server_error", True),
        ({"error": {"code": 429, "message": "Rate limit exceeded"}}, 200, "rate_limited", True),
        ({"error": {"message": "it broke"}}, 200, "endpoint_error", False),
        ({"error": "it broke"}, 200, "endpoint_error", False),
        ({"choices": [{"error": {"code": 502, "message": "x"}, "finish_reason": "error"}]}, 200, "server_error", True),
        ({"choices": []}, 200, "malformed_response", False),
        ({"choices": "4"}, 200, "malformed_response", False),
        ({"choices": [{"text": "4"}]}, 200, "malformed_response", False),
        (completion({"content": 4}), 200, "malformed_response", False),
        (completion({"content": {"text": "4"}}), 200, "malformed_response", False),
        ([completion({"content": "4"})], 200, "malformed_response", False),
    ],
)
def test_errors_of_every_dialect_have_their_code(body: Any, status: int, code: str, retriable: bool) -> None:
    error = refused(body, status)
    assert (error.code, error.retriable, error.http_status) == (code, retriable, status)


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        ({"error": {"message": "Unsupported parameter", "param": "seed", "code": "unsupported_parameter"}}, "seed"),
        ({"message": "no", "param": "seed"}, "seed"),
        ({"detail": [{"loc": ["body", "seed"], "msg": "extra fields not permitted"}]}, "seed"),
        ({"error": {"message": "no seed here", "param": None}}, None),
        ({"error": "no"}, None),
    ],
)
def test_the_parameter_that_an_error_names_is_read(body: Any, parameter: str | None) -> None:
    assert refused(body, 400).parameter == parameter


def test_the_page_lists_the_headers_that_are_kept() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for header, meaning in KEPT_HEADERS.items():
        assert f"| `{header}` | {meaning} |" in text
