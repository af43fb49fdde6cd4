"""What spans and metrics say of a cell and of what became of it, in the names of the GenAI conventions.

The names are those of https://github.com/open-telemetry/semantic-conventions-genai; what these conventions do not name
begins with `beacon.`. Texts of an endpoint are taken only where they look like a name: nothing that is written for a
reader gets into a span this way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.execution import ANSWERED, Cell, Execution
from beacon_cli.executor.json_paths import value_at
from beacon_cli.job.generation import Generation, seed_of
from beacon_cli.job.lanes import Lane, Question
from beacon_cli.prices.price import usage_of

Attributes = dict[str, str | int | float | bool | list[str]]

OPERATION = "chat"

# The providers that the conventions name, by the end of the host name.
_PROVIDERS = {
    "openai.azure.com": "azure.ai.openai",
    "services.ai.azure.com": "azure.ai.inference",
    "api.deepseek.com": "deepseek",
    "api.groq.com": "groq",
    "api.mistral.ai": "mistral_ai",
    "api.perplexity.ai": "perplexity",
    "api.x.ai": "x_ai",
    "api.cohere.com": "cohere",
    "api.anthropic.com": "anthropic",
    "generativelanguage.googleapis.com": "gcp.gemini",
    "aiplatform.googleapis.com": "gcp.vertex_ai",
}
_PORTS = {"http": 80, "https": 443}
_NAME = re.compile(r"(?!/|[A-Za-z]:/|.*://)[\w.:/@+#-]{1,200}", re.ASCII)  # no path of a file, no URL
_COMPARED = 20  # characters of an id and a text: the old system's ids are texts, or begin with them


def lane_attributes(lane: Lane, endpoint: Endpoint) -> Attributes:
    """Return what is the same for every call of a lane; `endpoint` is that of its model."""
    return {
        "gen_ai.operation.name": OPERATION,
        "gen_ai.provider.name": _provider(endpoint),
        "gen_ai.request.model": as_name(endpoint.name) or lane.model_id,
        **server_attributes(endpoint),
        "beacon.model.id": lane.model_id,
        "beacon.region": lane.region.label,
    }


def server_attributes(endpoint: Endpoint) -> Attributes:
    """Return the host and the port that are asked."""
    parts = urlsplit(endpoint.inference_url)
    return {"server.address": parts.hostname or "", "server.port": parts.port or _PORTS.get(parts.scheme, 0)}


def generation_attributes(generation: Generation) -> Attributes:
    """Return what is sent with every question, but the seed."""
    sent: dict[str, Any] = {
        "gen_ai.request.temperature": generation.temperature,
        "gen_ai.request.max_tokens": generation.max_tokens,
        "gen_ai.request.top_p": generation.top_p,
        "gen_ai.request.stop_sequences": [sendable(stop) for stop in generation.stop] if generation.stop else None,
    }
    return {name: value for name, value in sent.items() if value is not None}


def cell_attributes(cell: Cell, generation: Generation) -> Attributes:
    """Return what tells a cell from the others of its lane."""
    found: Attributes = {**question_attributes(cell.question), "beacon.repeat": cell.repeat, "beacon.arm": cell.arm}
    if generation.seed is not None:
        found["gen_ai.request.seed"] = seed_of(generation.seed, repeat=cell.repeat, arm=cell.arm)
    return found


def question_attributes(question: Question) -> Attributes:
    """Return the id of a question, unless it is its text: the number of the batch then says which one it is."""
    named, text = _compared(question.id), _compared(question.text)
    is_text = text.startswith(named[:_COMPARED]) or text[:_COMPARED] in named
    return {} if is_text else {"beacon.question.id": question.id}


def outcome_attributes(execution: Execution) -> Attributes:
    """Return what became of a cell: ids, numbers and codes, but nothing of what was written."""
    output: Mapping[str, Any] = execution.output_data or {}
    usage = usage_of(execution)
    names = {
        "error.type": error_type(execution),
        "gen_ai.response.id": value_at(output, ("id",)),
        "gen_ai.response.model": value_at(output, ("model",)),
        "beacon.container.id": execution.container_id,
        "beacon.container.region": execution.container_region,
        "beacon.error_code": execution.error_code,
        "beacon.function_call_id": execution.function_call_id,
        "beacon.model.revision": execution.model_revision,
    }
    found: Attributes = {key: name for key, value in names.items() if (name := as_name(value)) is not None}
    found |= {"beacon.status": execution.status, "beacon.attempts": execution.attempts, "beacon.hops": execution.hops}
    if (reason := as_name(execution.finish_reason)) is not None:
        found["gen_ai.response.finish_reasons"] = [reason]
    if usage.input_tokens:
        found["gen_ai.usage.input_tokens"] = usage.input_tokens
    if execution.tokens is not None:
        found["gen_ai.usage.output_tokens"] = execution.tokens
    return found


def error_type(execution: Execution) -> str | None:
    """Return the code of a failure; a refusal of the provider is an answer."""
    return None if execution.status in ANSWERED else execution.error_code or execution.status


def as_name(value: object) -> str | None:
    """Return a value that looks like a name or an id, else None: an endpoint may write anything there."""
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def sendable(text: str) -> str:
    """Return a text without halves of characters: the format cannot hold them, and one would lose a whole batch."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _compared(text: str) -> str:
    """Return a text without what an id made of it may lack: white space, capitals, characters that nobody sees."""
    return "".join(character for character in text if character.isprintable() and character != " ").casefold()


def _provider(endpoint: Endpoint) -> str:
    if endpoint.api == "beacon":
        return "beacon"
    host = urlsplit(endpoint.inference_url).hostname or ""
    return next((name for end, name in _PROVIDERS.items() if host == end or host.endswith(f".{end}")), "openai")
