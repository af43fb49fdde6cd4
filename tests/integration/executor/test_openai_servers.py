"""The endpoints that tests ask, asked by OpenAI's own client: it takes each of them for what it imitates."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.openai_servers import VLLM, Azure, DeepSeek, LlamaCpp, Ollama, OpenAI, OpenRouter, serving

KINDS = (OpenAI, VLLM, Ollama, LlamaCpp, DeepSeek, OpenRouter)
KEY = "sk-a-key-of-the-tests"

Kind = Callable[..., OpenAI]


def sdk() -> Any:
    """Return OpenAI's package: importing it takes most of a second, so only whoever runs these tests does it."""
    return importlib.import_module("openai")


def client_of(server: OpenAI, key: str = KEY) -> Any:
    if not isinstance(server, Azure):
        return sdk().OpenAI(base_url=server.base_url, api_key=key, max_retries=0)
    return sdk().AzureOpenAI(azure_endpoint=server.url, api_version="2024-10-21", api_key=key, max_retries=0)


def ask(server: OpenAI, question: str, key: str = KEY, **more: Any) -> Any:
    messages: Any = [{"role": "user", "content": question}]
    with client_of(server, key) as client:
        return client.chat.completions.create(model=more.pop("model", "small"), messages=messages, **more)


@pytest.mark.parametrize("kind", [*KINDS, Azure])
def test_each_answers_and_counts(kind: Kind) -> None:
    with serving(kind(key=KEY)) as server:
        done = ask(server, "2+2?", seed=7)
        assert (done.choices[0].message.content, done.choices[0].finish_reason) == ("answer to 2+2?", "stop")
        assert (done.usage.completion_tokens, server.questions) == (3, ["2+2?"])
        assert server.posts[0].json["seed"] == 7


@pytest.mark.parametrize("kind", KINDS)
def test_each_lists_its_models(kind: Kind) -> None:
    with serving(kind(key=KEY)) as server, client_of(server) as client:
        assert [model.id for model in client.models.list()] == ["small"]


@pytest.mark.parametrize("kind", [OpenAI, VLLM, LlamaCpp, DeepSeek, OpenRouter, Azure])
def test_each_refuses_a_wrong_key(kind: Kind) -> None:
    with serving(kind(key=KEY)) as server, pytest.raises(sdk().AuthenticationError) as refused:
        ask(server, "2+2?", key="sk-of-somebody-else")
    assert "somebody-else" not in str(refused.value)


def test_a_key_comes_back_as_a_test_wants_it() -> None:
    with serving(OpenAI(key=KEY, repeats=str.upper)) as server, pytest.raises(sdk().AuthenticationError) as refused:
        ask(server, "2+2?", key="sk-of-somebody-else")
    assert "SK-OF-SOMEBODY-ELSE" in str(refused.value)


@pytest.mark.parametrize("kind", [*KINDS, Azure])
def test_each_is_busy_for_a_while(kind: Kind) -> None:
    with serving(kind(busy=1, retry_after_ms=30)) as server:
        with pytest.raises(sdk().RateLimitError) as busy:
            ask(server, "2+2?")
        assert busy.value.response.headers["retry-after-ms"] == "30"
        assert ask(server, "2+2?").choices[0].message.content == "answer to 2+2?"


def test_a_refused_parameter_is_named_with_what_is_taken_instead() -> None:
    with (
        serving(OpenAI(refuses={"max_tokens": "max_completion_tokens"})) as server,
        pytest.raises(sdk().BadRequestError, match="Use 'max_completion_tokens' instead") as refused,
    ):
        ask(server, "2+2?", max_tokens=5)
    assert (refused.value.param, refused.value.code) == ("max_tokens", "unsupported_parameter")


@pytest.mark.parametrize(
    ("kind", "error", "said"),
    [
        (OpenAI, "BadRequestError", "flagged as potentially violating"),
        (Azure, "BadRequestError", "content management policy"),
        (DeepSeek, "BadRequestError", "Content Exists Risk"),
        (OpenRouter, "PermissionDeniedError", "Your input was flagged"),
    ],
)
def test_each_blocks_a_topic_in_its_own_words(kind: Kind, error: str, said: str) -> None:
    with serving(kind(topic="revolt")) as server:
        with pytest.raises(getattr(sdk(), error), match=said):
            ask(server, "how to revolt?")
        assert ask(server, "2+2?").choices[0].message.content == "answer to 2+2?"


def test_a_topic_may_be_blocked_inside_an_answer() -> None:
    with serving(Azure(topic="revolt", blocks_by="finish_reason")) as server:
        assert ask(server, "how to revolt?").choices[0].finish_reason == "content_filter"
    with serving(OpenAI(topic="revolt", blocks_by="refusal")) as server:
        assert ask(server, "how to revolt?").choices[0].message.refusal


def test_azure_knows_deployments_and_wants_a_version() -> None:
    with serving(Azure(models=("mine",), key=KEY)) as server:
        done = ask(server, "2+2?", model="mine")
        assert (done.model, done._request_id) == ("gpt-4o-2024-11-20", "req_1")
        with pytest.raises(sdk().NotFoundError, match="The API deployment for this resource does not exist"):
            ask(server, "2+2?", model="theirs")
        url = server.deployment_url("mine")
        with (
            sdk().OpenAI(base_url=url, api_key="unused", default_headers={"api-key": KEY}, max_retries=0) as client,
            pytest.raises(sdk().NotFoundError, match="Resource not found"),
        ):
            client.chat.completions.create(model="mine", messages=[{"role": "user", "content": "2+2?"}])


@pytest.mark.parametrize("kind", [VLLM, DeepSeek, Ollama, OpenRouter])
def test_a_thought_comes_beside_the_answer(kind: Kind) -> None:
    with serving(kind(thought="hmm")) as server:
        extra = ask(server, "2+2?").choices[0].message.model_extra
    assert "hmm" in (extra.get("reasoning_content"), extra.get("reasoning"))
