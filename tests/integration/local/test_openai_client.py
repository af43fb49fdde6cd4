"""The servers on this machine, asked by OpenAI's own client as any program that uses it would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from beacon_cli.config import load_settings
from beacon_cli.local.servers import local_servers
from beacon_cli.settings import Settings
from tests.support.local_models import scripted_settings
from tests.support.vocabulary import REGIONS

if TYPE_CHECKING:  # importing it takes most of a second, so only whoever runs these tests does it
    from openai import AsyncOpenAI

SCRIPT = {
    "default": "{model} in {place}",
    "rules": [
        {"prompt": "slow", "latency": 0.6, "response": "at last"},
        {"prompt": "think", "response": "4", "reasoning_content": "2 and 2", "finish_reason": "length"},
        {"prompt": "busy", "times": 1, "error": {"status": 429, "code": "busy", "message": "later", "retry_after": 0}},
        {"prompt": "forbidden", "error": {"status": 451, "code": "legal", "type": "law", "message": "not here"}},
    ],
}

Test = Callable[["AsyncOpenAI"], Coroutine[Any, Any, None]]


def with_client(settings: Settings, model_id: str, test: Test, **options: Any) -> None:
    from openai import AsyncOpenAI

    async def run() -> None:
        async with (
            local_servers(settings, [REGIONS["eu"]], model_ids=[model_id]) as servers,
            AsyncOpenAI(base_url=f"{servers['eu'].base_url}/v1", api_key="unused", max_retries=1, **options) as client,
        ):
            await test(client)

    asyncio.run(run())


async def say(client: AsyncOpenAI, prompt: str, model: str = "demo", **options: Any) -> str:
    messages: Any = [{"role": "user", "content": prompt}]
    done = await client.chat.completions.create(model=model, messages=messages, **options)
    return str(done.choices[0].message.content)


def test_the_client_is_answered_and_refused_as_by_openai(tmp_path: Path) -> None:
    import openai

    async def test(client: AsyncOpenAI) -> None:
        assert [model.id async for model in client.models.list()] == ["demo"]
        messages: Any = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "think"}]
        done = await client.chat.completions.create(model="demo", messages=messages, seed=1)
        (choice,) = done.choices
        assert (choice.message.content, choice.finish_reason, done.model) == ("4", "length", "demo")
        assert choice.message.model_extra == {"reasoning_content": "2 and 2"}
        assert done.usage is not None
        assert (done.usage.prompt_tokens, done.usage.completion_tokens, done.usage.total_tokens) == (3, 1, 4)
        assert len(done.system_fingerprint or "") == 64
        assert await say(client, "busy") == "demo in Europe", "it asks again after a 429"
        with pytest.raises(openai.NotFoundError) as unknown:
            await say(client, "Hi", model="none")
        assert (unknown.value.code, unknown.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.BadRequestError) as streamed:
            await client.chat.completions.create(model="demo", messages=messages, stream=True)
        assert (streamed.value.code, streamed.value.param) == ("unsupported_value", "stream")
        with pytest.raises(openai.APIStatusError) as forbidden:
            await say(client, "forbidden")
        assert (forbidden.value.status_code, forbidden.value.code, forbidden.value.type) == (451, "legal", "law")

    with_client(scripted_settings(tmp_path, {"demo": SCRIPT}), "demo", test)


def test_the_client_follows_the_redirects_of_a_slow_answer(tmp_path: Path) -> None:
    async def test(client: AsyncOpenAI) -> None:
        assert await say(client, "slow") == "at last"

    with_client(scripted_settings(tmp_path, {"demo": SCRIPT}, local={"hop_after": 0.2}), "demo", test)


def test_proxy_credentials_travel_as_default_headers(tmp_path: Path) -> None:
    import openai

    async def test(client: AsyncOpenAI) -> None:
        assert await say(client, "Hi") == "demo in Europe"
        with pytest.raises(openai.AuthenticationError) as refused:
            await say(client.with_options(default_headers={"Modal-Secret": "wrong"}), "Hi")
        assert refused.value.code == "invalid_api_key"

    settings = scripted_settings(tmp_path, {"demo": SCRIPT}, proxy_key="key", proxy_secret="secret")
    with_client(settings, "demo", test, default_headers={"Modal-Key": "key", "Modal-Secret": "secret"})


def test_a_real_model_gives_the_same_answer_by_both_routes() -> None:
    import openai

    model, system, prompt = "smollm2-135m", "You are a pirate.", "Who are you?"
    sampling: dict[str, Any] = {"temperature": 0.9, "max_tokens": 16, "seed": 3}

    async def test(client: AsyncOpenAI) -> None:
        messages: Any = [{"role": "system", "content": system}, {"role": "user", "content": prompt}]
        done = await client.chat.completions.create(model=model, messages=messages, **sampling)
        ours = {"model": model, "prompt": prompt, "system_prompt": system, **sampling}
        async with httpx2.AsyncClient(timeout=60) as plain:
            answer = (await plain.post(str(client.base_url.join("../inference")), json=ours)).json()
        assert done.choices[0].message.content == answer["response"]
        assert done.system_fingerprint == answer["model_revision"]
        assert done.usage is not None
        assert done.usage.completion_tokens == answer["tokens_generated"]
        assert done.usage.prompt_tokens > 10
        options: dict[str, Any] = {"temperature": 0, "max_tokens": 16, "top_p": 0.5}
        whole = await say(client, "Count to 20.", model, **options)
        stop = whole.split()[2]
        assert await say(client, "Count to 20.", model, stop=["never", stop], **options) == whole.partition(stop)[0]
        with pytest.raises(openai.BadRequestError) as too_long:
            await say(client, "word " * 5000, model)
        assert too_long.value.code == "context_length_exceeded"

    with_client(load_settings(), model, test)
