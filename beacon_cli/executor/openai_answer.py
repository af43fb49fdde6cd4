"""Reads a completion in OpenAI's form, in the dialects of compatible servers. Everything here is hostile input.

Sources: https://platform.openai.com/docs/api-reference/chat/object; `reasoning_content` of DeepSeek and vLLM,
`reasoning` of OpenRouter; parts of the type `thinking` of Mistral; errors inside an answer of HTTP 200 of OpenRouter
(https://openrouter.ai/docs/api-reference/errors).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from beacon_cli.door import bounded
from beacon_cli.executor.answer import (
    THOUGHT_ONLY,
    Answer,
    Reply,
    Why,
    block_or_raise,
    error_inside,
    filtered,
    malformed,
    read_object,
    status_error,
)
from beacon_cli.executor.blocks import finish_reason
from beacon_cli.executor.claims import MOST_TOKENS, Claims, known_label
from beacon_cli.executor.failures import AttemptError
from beacon_cli.executor.json_paths import value_at
from beacon_cli.executor.thoughts import split_thought
from beacon_cli.job.lanes import Lane

KEPT_HEADERS: Mapping[str, str] = {
    "x-request-id": "the request, at OpenAI and most others",
    "request-id": "the request, at Anthropic",
    "apim-request-id": "the request, at Azure",
    "x-ms-region": "the region of the service, at Azure",
    "x-groq-region": "the region of the service, at Groq",
    "cf-ray": "the request at Cloudflare; its end is the airport of the data centre that took it",
    "x-amz-cf-pop": "the place of Amazon CloudFront that took the request",
    "x-amz-cf-id": "the request at Amazon CloudFront",
    "x-served-by": "the servers of Fastly that took the request, with their airports",
    "x-vercel-id": "the regions of Vercel that took the request",
    "fly-region": "the region of Fly.io that took the request",
    "openai-processing-ms": "how long OpenAI worked on it, in milliseconds",
    "openai-version": "the version of OpenAI's API",
}
"""The headers of an answer that are kept in `output_data.headers`, with what they tell."""

# Those that tell where the service itself is. The others tell only where the request came in.
_REGION_HEADERS = ("x-ms-region", "x-groq-region")
_HTTP_ERRORS = range(400, 600)


def read_completion(reply: Reply, lane: Lane, asked: Mapping[str, Any]) -> Answer:  # noqa: ARG001 - as for each API
    """Return the answer in a reply to the request `asked`, or the provider's refusal to have it answered.

    Raises `AttemptError` for everything else. A model that answers under another name than it was asked by is no error:
    a name may stand for a dated version.
    """
    prompt = "\n".join(str(message["content"]) for message in asked.get("messages", ()))
    if reply.status != 200:
        return _blocked(status_error(reply, prompt=prompt), reply, asked)
    document = read_object(reply)
    choice = value_at(document, ("choices", 0))
    message = value_at(choice, ("message",))
    if (error := _error_inside(document, choice)) is not None:
        return _blocked(_reported(error, reply, prompt), reply, asked)
    if not isinstance(message, dict):
        raise malformed(reply, "it has no message in `choices`")
    return _answer(document, message, reply, asked, filtered(document, reply))


def _blocked(error: AttemptError, reply: Reply, asked: Mapping[str, Any]) -> Answer:
    """Return the refusal that an error is. Raises every other error."""
    why = block_or_raise(error)
    return _answer(error.raw or {}, {}, reply, asked, why)


def _error_inside(document: Mapping[str, Any], choice: object) -> object:
    """Return the error in an answer of HTTP 200, None if there is none."""
    return document.get("error") or value_at(choice, ("error",)) or None


def _reported(error: object, reply: Reply, prompt: str) -> AttemptError:
    code = value_at(error, ("code",))
    if isinstance(code, int) and code in _HTTP_ERRORS:
        told = status_error(replace(reply, status=code), prompt=prompt)
        told.http_status = reply.status
        told.message = f"the endpoint answered 200 with an error inside: {told.message}"
        return told
    return error_inside({"error": error}, reply, prompt)


def _answer(
    document: Mapping[str, Any], message: Mapping[str, Any], reply: Reply, asked: Mapping[str, Any], block: Why | None
) -> Answer:
    response = _text(message, reply)
    marked, text = split_thought(response or "")
    thought = _thought(message) or marked
    has_text = bool(text.strip())
    if response is None and block is None:
        response = ""
    return Answer(
        status="blocked" if block else "completed" if has_text else "empty",
        response=response,
        thought=thought,
        output=_output(document, message, reply, asked),
        receipt=None,
        provider_id=None,
        container_id=None,
        container_region=None,
        http_status=reply.status,
        claims=_claims(document, reply, asked),
        why=block or _thought_only(thought, has_text=has_text),
    )


def _thought_only(thought: str | None, *, has_text: bool) -> Why | None:
    return THOUGHT_ONLY if thought and not has_text else None


def _text(message: Mapping[str, Any], reply: Reply) -> str | None:
    """Return the text for the reader, or that with which the model refused; None if there is neither."""
    content = message.get("content")
    if isinstance(content, list):
        content = "".join(_texts(content, "text")) or "".join(_texts(content, "refusal")) or None
    if not isinstance(content, str | None):
        raise malformed(reply, "it has no text in `content`")
    refusal = message.get("refusal")
    return content or (refusal if isinstance(refusal, str) and refusal else content)


def _texts(parts: Iterable[object], key: str) -> list[str]:
    return [text for part in parts if isinstance(text := value_at(part, (key,)), str)]


def _thought(message: Mapping[str, Any]) -> str | None:
    for key in ("reasoning_content", "reasoning"):
        if isinstance(thought := message.get(key), str) and thought.strip():
            return thought
    content = message.get("content")
    parts = [value_at(part, ("thinking",)) for part in content] if isinstance(content, list) else []
    texts = [text for part in parts for text in ([part] if isinstance(part, str) else _texts(_listed(part), "text"))]
    return "\n\n".join(texts) or None


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _output(
    document: Mapping[str, Any], message: Mapping[str, Any], reply: Reply, asked: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what is kept beside the text: the rest of the answer, the headers that tell something, what was sent."""
    output = dict(document)
    if isinstance(message.get("content"), str):
        first = {**output["choices"][0], "message": {key: value for key, value in message.items() if key != "content"}}
        output["choices"] = [first, *output["choices"][1:]]
    return output | _around(reply, asked)


def _around(reply: Reply, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the headers that tell something, what was sent beside the messages, and where."""
    clean = reply.door.secrets.clean_value
    return {
        "headers": {name: bounded(clean(value)) for name, value in reply.headers.items() if name in KEPT_HEADERS},
        "sent": clean({key: value for key, value in asked.items() if key != "messages"}),
        "asked_at": clean(reply.url),
    }


def _claims(document: Mapping[str, Any], reply: Reply, asked: Mapping[str, Any]) -> Claims:
    """Return what the answer says about itself; that it has the name that was asked says nothing about a revision."""
    door, model = reply.door, document.get("model")
    tokens = value_at(document, ("usage", "completion_tokens"))
    place = next((reply.headers[name] for name in _REGION_HEADERS if reply.headers.get(name)), None)
    return Claims(
        finish_reason=door.name(finish_reason(document)),
        tokens=tokens if type(tokens) is int and 0 <= tokens <= MOST_TOKENS else None,
        model_revision=None if model == asked["model"] else door.name(model),
        effective_region=place and (known_label("".join(place.split()), reply.vocabulary.regions) or door.name(place)),
    )
