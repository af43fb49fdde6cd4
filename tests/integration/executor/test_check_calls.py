"""Endpoints that are not Beacon's own are asked a tiny question first: what it finds, and what it does not stop."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from beacon_cli.endpoints.configured import configured_endpoints
from beacon_cli.errors import BeaconError, CredentialsError, ModelNotServed, RequestRefused
from beacon_cli.executor.check_calls import CheckCalls, check_endpoints
from beacon_cli.executor.client import open_clients
from beacon_cli.job.limits import Limits
from beacon_cli.settings import Settings
from tests.support.jobs import make_job
from tests.support.openai_region import Answer, Asked, OpenAiRegion, completion, openai_region, refusal
from tests.support.raw_server import http
from tests.support.vocabulary import VOCABULARY

MODEL = "llama3.2-1b"


def checked(
    served: OpenAiRegion, *, ask: bool = True, model: dict[str, Any] | None = None, **keys: Any
) -> tuple[CheckCalls, list[str]]:
    """Check a region; return what it took and what was said. Raises what the check raises."""
    said: list[str] = []
    us = {"api": "openai", "base_url": served.url, "models": {MODEL: {"name": "m-small", **(model or {})}}}
    settings = Settings.model_validate({"regions": {"us": us}})
    job = make_job(models=[MODEL], regions=["US"], **keys)
    endpoints = configured_endpoints(settings, [lane.region for lane in job.lanes()])

    async def main() -> CheckCalls:
        limits = Limits(answer_timeout=60.0)
        async with open_clients(
            {}, endpoints, vocabulary=VOCABULARY, connect_timeout=5, caps={"us": 1}, notify=said.append
        ) as clients:
            return await check_endpoints(clients, endpoints, job.lanes(), job, limits, said.append, ask_each=ask)

    return asyncio.run(main()), said


def refused(answer: Answer, **how: Any) -> BeaconError:
    with openai_region(OpenAiRegion(answer=answer)) as served, pytest.raises(BeaconError) as caught:
        checked(served, **how)
    return caught.value


def test_each_lane_is_asked_once_with_the_jobs_own_parameters() -> None:
    with openai_region() as served:
        took, said = checked(
            served,
            model={"extra": {"top_k": 5}},
            generation={"seed": 7, "temperature": 0.7, "max_tokens": 50},
            system_prompt="You are in {place}.",
        )
    assert took == CheckCalls(calls=1, tokens=17)
    (asked,) = served.asked
    assert asked.body == {
        "model": "m-small",
        "messages": [
            {"role": "system", "content": "You are in the US."},
            {"role": "user", "content": "What is 2+2?"},
        ],
        "temperature": 0.7,
        "max_tokens": 50,
        "seed": 7,
        "top_k": 5,
    }
    assert said == [
        "1 check call before the first question (--no-check leaves them out)",
        "1 check call made, 17 tokens",
    ]


def test_without_a_check_only_the_list_is_read_and_an_unlisted_name_is_told() -> None:
    with openai_region(OpenAiRegion(models=["other"])) as served:
        took, said = checked(served, ask=False)
    assert (took, served.asked, served.paths) == (CheckCalls(), [], ["/v1/models"])
    assert said == ["warning: llama3.2-1b in US is not in the endpoint's list as 'm-small'; it is asked anyway"]


def test_an_endpoint_without_a_list_is_no_obstacle() -> None:
    with openai_region(OpenAiRegion(models=None)) as served:
        assert checked(served)[0].calls == 1
        assert checked(served, ask=False) == (CheckCalls(), [])


def _of_a_parameter(name: str, message: str = "no") -> Answer:
    return lambda _asked: refusal(400, message, code="unsupported_parameter", param=name)


@pytest.mark.parametrize(
    ("answer", "how", "hint"),
    [
        (_of_a_parameter("seed"), {"generation": {"seed": 7}}, "seed is set in generation of the job"),
        (
            _of_a_parameter("top_k"),
            {"model": {"extra": {"top_k": 5}}},
            'top_k is set in regions.us.models."llama3.2-1b".extra',
        ),
        (
            _of_a_parameter("max_tokens"),
            {},
            'set regions.us.token_parameter = "max_completion_tokens" in beacon.toml',
        ),
        (
            _of_a_parameter("messages[0].role"),
            {"system_prompt": "Be kind."},
            "the job has a system prompt, which not every model accepts",
        ),
        (
            lambda _asked: http(400, {"message": "temperature must be 1"}),
            {},
            "temperature is set in generation of the job",
        ),
        (lambda _asked: http(400, {"message": "no"}), {}, "--no-check asks anyway"),
        (lambda _asked: http(200, b"<html>"), {}, "--no-check asks anyway"),
        (lambda _asked: http(302, Location="https://elsewhere"), {}, "--no-check asks anyway"),
    ],
)
def test_what_an_endpoint_does_not_accept_is_one_error_that_says_where_it_is_set(
    answer: Answer, how: dict[str, Any], hint: str
) -> None:
    error = refused(answer, **how)
    assert isinstance(error, RequestRefused)
    assert error.exit_code == 3
    assert error.message.startswith("llama3.2-1b in US does not accept the job's questions (")
    assert error.message.endswith("; nothing was asked")
    assert hint in error.hint


def test_a_name_that_is_not_served_is_named_with_those_that_are_listed() -> None:
    with openai_region(OpenAiRegion(models=["m-large", "m-tiny"])) as served, pytest.raises(ModelNotServed) as caught:
        checked(served)
    assert caught.value.message.startswith("not served: llama3.2-1b in US as 'm-small' (HTTP 404: ")
    assert caught.value.hint.startswith("it lists m-large, m-tiny; check base_url in beacon.toml")


def test_a_wrong_key_is_found_without_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("US_KEY", "sk-wrong")
    with openai_region(OpenAiRegion(key="sk-right")) as served, pytest.raises(CredentialsError) as caught:
        checked(served, model={"key_env": "US_KEY"})
    assert caught.value.message == "region US refuses the credentials (HTTP 401: Incorrect API key provided)"
    assert caught.value.hint == "set US_KEY to a valid key"
    assert served.asked == []


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda _asked: http(429, {"error": {"message": "busy"}}), "(HTTP 429: busy)"),
        (lambda _asked: http(503, b""), "(HTTP 503)"),
        (lambda _asked: b"", "(the connection failed: "),
        (lambda _asked: http(402, {"error": {"message": "pay"}}), "(HTTP 402: pay)"),
    ],
)
def test_an_endpoint_in_trouble_is_asked_anyway(answer: Answer, words: str) -> None:
    with openai_region(OpenAiRegion(answer=answer)) as served:
        took, said = checked(served)
    assert took == CheckCalls(1, 0)
    assert f"llama3.2-1b in US did not answer a check call {words}" in said[1]
    assert said[1].endswith("; it is asked anyway")


def test_a_filtered_answer_to_the_check_call_is_no_obstacle() -> None:
    def filtered(asked: Asked) -> bytes:
        return http(200, completion(asked, None, finish_reason="content_filter"))

    with openai_region(OpenAiRegion(answer=filtered)) as served:
        assert checked(served)[0] == CheckCalls(1, 17)
