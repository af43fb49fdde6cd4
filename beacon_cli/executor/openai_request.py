"""A question in the form of OpenAI's chat completions, as compatible servers understand it.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from beacon_cli.endpoints.configured import Endpoint


def completion_request(
    endpoint: Endpoint, model_id: str, prompt: str, system_prompt: str | None, generation: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the body of a request.

    What the job sets beyond the usual (`extra`) comes before what the endpoint's own configuration adds, which has the
    last word.
    """
    messages = [] if system_prompt is None else [{"role": "system", "content": system_prompt}]
    body: dict[str, Any] = {
        "model": endpoint.name or model_id,
        "messages": [*messages, {"role": "user", "content": prompt}],
        **generation,
    }
    body |= body.pop("extra", {})
    if endpoint.token_parameter != "max_tokens" and "max_tokens" in body:
        body[endpoint.token_parameter] = body.pop("max_tokens")
    return {**body, **endpoint.extra}
