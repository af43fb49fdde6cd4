"""The APIs that Beacon speaks to endpoints: how a question is written in each, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.answer import Answer, Reply, read_answer
from beacon_cli.executor.openai_answer import read_completion
from beacon_cli.executor.openai_request import completion_request
from beacon_cli.job.lanes import Lane
from beacon_cli.region_settings import Api


@dataclass(frozen=True, slots=True)
class SpokenApi:
    """One API.

    `body` takes the endpoint, the model's id, the prompt, the system prompt and how the answer is generated, and
    returns the JSON object of the request. `read` takes the reply, the lane and that object, and returns the answer or
    raises `AttemptError`. `hops` says that 303s lead to the answer.
    """

    body: Callable[[Endpoint, str, str, str | None, Mapping[str, Any]], dict[str, Any]]
    read: Callable[[Reply, Lane, Mapping[str, Any]], Answer]
    hops: bool


def inference_request(
    _endpoint: Endpoint, model_id: str, prompt: str, system_prompt: str | None, generation: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the body of a request to an endpoint of Beacon's own kind."""
    body = {"model": model_id, "prompt": prompt, **generation}
    if system_prompt is not None:
        body["system_prompt"] = system_prompt
    return body


APIS: Mapping[Api, SpokenApi] = {
    "beacon": SpokenApi(inference_request, read_answer, hops=True),
    "openai": SpokenApi(completion_request, read_completion, hops=False),
}
