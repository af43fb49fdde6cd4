"""What real-looking endpoints answer, read as the executor reads it: a test per thing that may happen to a question."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from beacon_cli.endpoints.configured import Endpoint, configured_endpoints
from beacon_cli.executor.answer import Answer
from beacon_cli.executor.apis import APIS
from beacon_cli.executor.client import open_clients
from beacon_cli.executor.exchange import ask
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane
from beacon_cli.settings import Settings
from tests.support.openai_servers import VLLM, Azure, DeepSeek, LlamaCpp, Ollama, OpenAI, OpenRouter, serving
from tests.support.vocabulary import VOCABULARY

MODEL = "llama3.2-1b"
KINDS = (OpenAI, VLLM, Ollama, LlamaCpp, Azure, DeepSeek, OpenRouter)


def asked(server: OpenAI, question: str = "2+2?", **keys: Any) -> Answer:
    """Ask one question, and return its answer. Raises `AttemptError`."""
    keys = {"models": {MODEL: {"name": "small"}}, **keys}
    settings = Settings.model_validate({"regions": {"us": {"api": "openai", "base_url": server.base_url, **keys}}})
    region = settings.vocabulary.regions["us"]
    endpoints = configured_endpoints(settings, [region])
    return asyncio.run(_asked(endpoints["us"], Lane(MODEL, region), question))


async def _asked(region: Endpoint, lane: Lane, question: str) -> Answer:
    async with open_clients(
        {}, {"us": region}, vocabulary=VOCABULARY, connect_timeout=5, caps={"us": 1}, notify=print
    ) as clients:
        endpoint = region.of(MODEL)
        body = APIS["openai"].body(endpoint, MODEL, question, None, {"max_tokens": 9})
        return await ask(clients["us"].of(MODEL), endpoint, lane, body, lambda _: None)


def failed(server: OpenAI, question: str = "2+2?", **keys: Any) -> AttemptError:
    with pytest.raises(AttemptError) as caught:
        asked(server, question, **keys)
    return caught.value


@pytest.mark.parametrize("kind", KINDS)
def test_each_is_answered(kind: type[OpenAI]) -> None:
    with serving(kind()) as server:
        answer = asked(server)
    assert (answer.status, answer.response, answer.claims.tokens) == ("completed", "answer to 2+2?", 3)
    assert answer.claims.finish_reason == "stop"


def test_parts_are_one_text_and_thoughts_stand_beside_it() -> None:
    with serving(OpenAI(in_parts=True)) as server:
        assert asked(server).response == "answer to 2+2?"
    for kind in (VLLM, Ollama, DeepSeek, OpenRouter):
        with serving(kind(thought="hmm")) as server:
            answer = asked(server)
        assert (answer.thought, answer.response) == ("hmm", "answer to 2+2?")


@pytest.mark.parametrize(
    ("server", "said"),
    [
        (OpenAI(), "HTTP 400: Invalid prompt: your prompt was flagged"),
        (Azure(), "HTTP 400: The response was filtered due to the prompt triggering"),
        (DeepSeek(), "HTTP 400: Content Exists Risk"),
        (OpenRouter(), "HTTP 403: small requires moderation"),
        (Azure(blocks_by="finish_reason"), "a filter ended the answer (content_filter)"),
    ],
)
def test_a_topic_is_blocked_in_every_dialect(server: OpenAI, said: str) -> None:
    server.topic = "revolt"
    with serving(server):
        answer = asked(server, "how to revolt?")
        assert asked(server).status == "completed"
    assert (answer.status, answer.why and answer.why.code) == ("blocked", "content_filtered")
    assert answer.why is not None
    assert answer.why.message.startswith(said)


def test_a_refusal_in_the_models_own_words_is_an_answer() -> None:
    with serving(OpenAI(topic="revolt", blocks_by="refusal")) as server:
        answer = asked(server, "how to revolt?")
    assert (answer.status, answer.response) == ("completed", "I'm sorry, I can't assist with that request.")


@pytest.mark.parametrize("kind", [OpenAI, VLLM, LlamaCpp, DeepSeek, OpenRouter, Azure])
def test_a_wrong_key_is_unauthorized_everywhere(kind: type[OpenAI]) -> None:
    with serving(kind(key="sk-of-the-tests")) as server:
        error = failed(server)
    assert (error.code, error.http_status, error.retriable) == ("unauthorized", 401, False)


@pytest.mark.parametrize("kind", KINDS)
def test_a_rate_limit_is_waited_for_as_long_as_the_milliseconds_say(kind: type[OpenAI]) -> None:
    with serving(kind(busy=1, retry_after_ms=250)) as server:
        error = failed(server)
    assert (error.code, error.retriable, error.retry_after) == ("rate_limited", True, 0.25)


@pytest.mark.parametrize("kind", [OpenAI, VLLM, Ollama, Azure])
def test_a_name_that_is_not_known_is_an_unknown_model(kind: type[OpenAI]) -> None:
    with serving(kind(models=("large",))) as server:
        error = failed(server)
    assert (error.code, error.retriable) == ("unknown_model", False)


@pytest.mark.parametrize("kind", [OpenAI, VLLM, Ollama, LlamaCpp, DeepSeek, OpenRouter])
def test_a_refused_parameter_is_named(kind: type[OpenAI]) -> None:
    with serving(kind(refuses={"max_tokens": "max_completion_tokens"})) as server:
        error = failed(server)
        assert "'max_tokens' is not supported" in error.message
        assert (error.code, error.retriable) == ("request_rejected", False)
        assert asked(server, token_parameter="max_completion_tokens").status == "completed"


def test_what_headers_tell_is_kept() -> None:
    with serving(Azure(place="East US")) as azure, serving(OpenRouter()) as router:
        answer, other = asked(azure), asked(router)
    assert (answer.claims.effective_region, answer.claims.model_revision) == ("US", "gpt-4o-2024-11-20")
    assert answer.output["headers"] == {
        "apim-request-id": "apim-1",
        "openai-processing-ms": "12",
        "x-ms-region": "East US",
        "x-request-id": "req_1",
    }
    assert other.claims.effective_region is None
    assert other.output["headers"] == {"cf-ray": "94a7c8f0ce3d8f2a-FRA"}
    assert other.output["provider"] == "DeepInfra"
