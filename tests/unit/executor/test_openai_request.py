"""What is sent to an endpoint that speaks OpenAI's chat completions, and that Beacon's own get what they got before."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.apis import APIS
from modal_deployment.regions import BUILT_IN_REGIONS

ENDPOINT = Endpoint(BUILT_IN_REGIONS[0], "http://h/v1/chat/completions", "http://h/v1/models", api="openai")
GENERATION = {"temperature": 0.7, "max_tokens": 50, "seed": 7}


def body(endpoint: Endpoint = ENDPOINT, system: str | None = None, **more: Any) -> dict[str, Any]:
    return APIS[endpoint.api].body(endpoint, "m", "What?", system, {**GENERATION, **more})


def test_the_question_is_a_message_and_the_system_prompt_stands_before_it() -> None:
    user = {"role": "user", "content": "What?"}
    assert body() == {"model": "m", "messages": [user], **GENERATION}
    assert body(system="Be kind.")["messages"] == [{"role": "system", "content": "Be kind."}, user]


def test_the_endpoints_own_name_and_token_parameter_are_used() -> None:
    sent = body(replace(ENDPOINT, name="deepseek-chat", token_parameter="max_completion_tokens"))
    assert (sent["model"], sent["max_completion_tokens"], "max_tokens" in sent) == ("deepseek-chat", 50, False)


def test_what_is_extra_is_sent_as_it_is_and_the_endpoints_has_the_last_word() -> None:
    endpoint = replace(ENDPOINT, extra={"reasoning_effort": "low", "temperature": 1})
    sent = body(endpoint, top_p=0.5, stop=["\n"], extra={"reasoning_effort": "high", "top_k": 5})
    assert {key: sent[key] for key in ("top_p", "stop", "reasoning_effort", "top_k", "temperature")} == {
        "top_p": 0.5,
        "stop": ["\n"],
        "reasoning_effort": "low",
        "top_k": 5,
        "temperature": 1,
    }
    assert "extra" not in sent


def test_beacons_own_endpoints_get_the_same_bytes_as_ever() -> None:
    own = Endpoint.at(BUILT_IN_REGIONS[0], "http://h")
    assert json.dumps(body(own, system="Be kind.")) == (
        '{"model": "m", "prompt": "What?", "temperature": 0.7, "max_tokens": 50, "seed": 7,'
        ' "system_prompt": "Be kind."}'
    )
