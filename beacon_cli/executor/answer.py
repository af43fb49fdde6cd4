"""Reads what an endpoint sent, of this or the old deployment. Everything here is hostile input."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from beacon_cli.door import Door, TooMuch, Unreadable
from beacon_cli.executor.blocks import BLOCKS, Reported, filter_reason
from beacon_cli.executor.claims import Claims
from beacon_cli.executor.execution import Status
from beacon_cli.executor.failures import AttemptError
from beacon_cli.executor.json_paths import Path, texts_at
from beacon_cli.executor.rate_limits import milliseconds_told, reset_told
from beacon_cli.executor.thoughts import split_thought
from beacon_cli.job.lanes import Lane
from modal_deployment.vocabulary import Vocabulary

LONGEST_RETRY_AFTER_SECONDS = 30 * 86400.0
"""The longest `Retry-After` that is believed: no time limit of a job is longer."""
_RETRIABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
# What has a column of its own, and what Beacon itself records beside answers of another API: no endpoint can say that.
_NOT_KEPT = frozenset({"response", "receipt", "sent", "asked_at"})
# What Beacon's own servers say of a failure that is not the request's: their code, and whether asking again may help.
_OWN_FAILURES = {"gpu_failed": True, "nan_logits": False}
_CODES = {401: "unauthorized", 403: "unauthorized", 404: "unknown_model", 407: "proxy_refused", 429: "rate_limited"}
# Where an answer has its thought, if not in its text: the names of DeepSeek and vLLM, and of OpenRouter.
_THOUGHTS: tuple[Path, ...] = (("reasoning_content",), ("reasoning",))
# Where an error names the parameter that it is about: OpenAI's form, that form without its envelope, FastAPI's.
_PARAMETERS: tuple[Path, ...] = (("error", "param"), ("param",), ("detail", 0, "loc", 1))
_LONGEST_BODY = 10_000  # characters that are kept of a block's body that is not JSON


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as received: status, the relevant headers, the whole body, and the door that it must still pass.

    `url` is where the request was sent; `vocabulary` says what names mean. The names of `headers` are in lower case.
    """

    status: int
    body: bytes | bytearray
    vocabulary: Vocabulary = field(kw_only=True, compare=False, repr=False)
    content_type: str = ""
    retry_after: str | None = None
    location: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict, compare=False)
    door: Door = field(default_factory=Door, compare=False)
    url: str = ""

    @property
    def excerpt(self) -> str:
        """The beginning of the body, on one line."""
        return self.door.excerpt(self.body)


@dataclass(frozen=True, slots=True)
class Why:
    """Why there is no answer to be read by people: one of `ERROR_CODES`, and a sentence."""

    code: str
    message: str


THOUGHT_ONLY = Why("thought_only", "the model wrote a thought, and no answer after it")


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a question at its endpoint: `completed`, `empty` or `blocked`.

    `response` is the text as received, with its thought; None if there is none. `output` is the rest of what the
    endpoint sent, but not the receipt. `why` is set for blocked answers, and for thoughts without an answer.
    """

    status: Status
    response: str | None
    thought: str | None
    output: Mapping[str, Any]
    receipt: Mapping[str, Any] | None
    provider_id: str | None
    container_id: str | None
    container_region: str | None
    http_status: int
    claims: Claims
    why: Why | None


def read_answer(reply: Reply, lane: Lane, asked: Mapping[str, Any] | None = None) -> Answer:
    """Return the answer in a reply to the request `asked`, or the provider's refusal to have it answered.

    Raises `AttemptError` for everything else, for answers from elsewhere, and for answers to another question.
    """
    prompt = str((asked or {}).get("prompt", ""))
    if reply.status != 200:
        return _blocked(status_error(reply, prompt=prompt), reply)
    document = read_object(reply)
    filter_ended = filtered(document, reply)
    if filter_ended is not None and not document.get("response"):
        _refuse_other_origin(document, lane, reply)
        return _answer(document, reply, filter_ended)
    if (error := _reported_error(document, reply, prompt)) is not None:
        return _blocked(error, reply)
    if not isinstance(document.get("response", 0), str | None):
        raise malformed(reply, "it has no text in `response`")
    _refuse_other_origin(document, lane, reply)
    _refuse_other_question(document.get("receipt"), lane, asked or {}, reply)
    return _answer(document, reply, filter_ended)


def read_object(reply: Reply) -> dict[str, Any]:
    """Return the JSON object in a reply's body.

    Raises `AttemptError`: `malformed_response` if there is none, `response_too_large` if it has too many values.
    """
    try:
        document = reply.door.document(reply.body)
    except TooMuch as error:
        raise AttemptError(
            "response_too_large", f"the answer was rejected: {error}", http_status=reply.status
        ) from None
    except Unreadable as error:
        raise malformed(reply, str(error), retriable=error.may_be_cut_off) from None
    if not isinstance(document, dict):
        raise malformed(reply, "it is not a JSON object")
    return document


def status_error(reply: Reply, *, prompt: str = "") -> AttemptError:
    """Return the error for a status other than 200. Its `raw` is set if the provider refused the prompt."""
    said = _said(reply)
    reported = Reported.read(said, prompt=prompt)
    meaning = reported.meaning(reply.status)
    own = next((code for code in reported.codes if code in _OWN_FAILURES), None) if reply.status >= 500 else None
    retriable = meaning is None and reply.status in _RETRIABLE_STATUSES and _OWN_FAILURES.get(own or "", True)
    fallback = "server_error" if retriable or reply.status >= 500 else "request_rejected"
    shown = first_message(reported, reply) if meaning or isinstance(said, dict | list) or _is_plain(reply) else ""
    return AttemptError(
        meaning or own or _CODES.get(reply.status, fallback),
        f"HTTP {reply.status}{': ' + shown if shown else ''}",
        retriable=retriable,
        http_status=reply.status,
        retry_after=told_wait(reply),
        raw=(said if isinstance(said, dict) else {"body": said}) if meaning in BLOCKS else None,
        parameter=reply.door.name(next(texts_at(said, _PARAMETERS), None)),
    )


def told_wait(reply: Reply) -> float | None:
    """Return how many seconds the endpoint asks us to wait, capped; None if it does not say."""
    for seconds in (milliseconds_told(reply.headers), parse_retry_after(reply.retry_after), reset_told(reply.headers)):
        if seconds is not None:
            return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)
    return None


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds in a `Retry-After` (RFC 9110, 10.2.3: a number or a date), capped; else None."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(max(seconds, 0.0), LONGEST_RETRY_AFTER_SECONDS)


def _answer(document: Mapping[str, Any], reply: Reply, block: Why | None) -> Answer:
    response = document.get("response")
    if not isinstance(response, str):
        response = None if block else ""
    marked, text = split_thought(response or "")
    thought = next(texts_at(document, _THOUGHTS), marked)
    has_text = bool(text.strip())
    receipt = document.get("receipt")
    details = receipt.get("execution_details") if isinstance(receipt, dict) else None
    return Answer(
        status="blocked" if block else "completed" if has_text else "empty",
        response=response,
        thought=thought,
        output={key: value for key, value in document.items() if key not in _NOT_KEPT},
        receipt=receipt if isinstance(receipt, dict) else None,
        provider_id=_name(reply, details, "provider_id"),
        container_id=_name(reply, document, "container_id"),
        container_region=_name(reply, document, "container_region"),
        http_status=reply.status,
        claims=Claims.read(document, reply.door, reply.vocabulary.regions),
        why=block or (THOUGHT_ONLY if thought and not has_text else None),
    )


def _blocked(error: AttemptError, reply: Reply) -> Answer:
    why = block_or_raise(error)
    return _answer(error.raw or {}, reply, why)


def block_or_raise(error: AttemptError) -> Why:
    """Return the refusal that an error is. Raises every other error."""
    if error.code not in BLOCKS:
        raise error
    return Why(error.code, error.message)


def filtered(document: Mapping[str, Any], reply: Reply) -> Why | None:
    """Return why an answer was filtered, None if it was not."""
    reason = reply.door.name(filter_reason(document))
    return None if reason is None else Why("content_filtered", f"a filter ended the answer ({reason})")


def _reported_error(document: dict[str, Any], reply: Reply, prompt: str) -> AttemptError | None:
    """Return the error in an answer of HTTP 200: `success: false`, or `status: error` of the old deployment."""
    if document.get("success") is True or (document.get("success") is None and document.get("status") == "success"):
        return None
    if document.get("error") is None and document.get("success") is None and document.get("status") is None:
        return malformed(reply, "it reports neither success nor an error")
    return error_inside(document, reply, prompt)


def error_inside(document: dict[str, Any], reply: Reply, prompt: str) -> AttemptError:
    """Return the error that an answer of HTTP 200 is."""
    reported = Reported.read(document, prompt=prompt)
    return AttemptError(
        reported.meaning(reply.status) or "endpoint_error",
        f"the endpoint answered 200 with an error inside: {first_message(reported, reply)}",
        http_status=reply.status,
        raw=document,
    )


def _refuse_other_origin(document: Mapping[str, Any], lane: Lane, reply: Reply) -> None:
    model, region, ran_in = (document.get(key) for key in ("model", "region", "container_region"))
    if model is not None and model != lane.model_id:
        raise AttemptError(
            "model_mismatch",
            f"asked {lane.model_id}, but the answer is from model {reply.door.text(str(model))}",
            http_status=reply.status,
            raw=dict(document),
        )
    regions = reply.vocabulary.regions
    named = [] if region is None else [regions.or_none(region)]
    if isinstance(ran_in, str) and (container := regions.of_container(ran_in)) is not None:
        named.append(container)
    if any(place is None or place.id != lane.region.id for place in named):
        elsewhere = f"{region} (container region {ran_in})" if ran_in else str(region)
        raise AttemptError(
            "region_mismatch",
            f"asked {lane.region.label}, but the answer is from region {reply.door.text(elsewhere)}",
            http_status=reply.status,
            raw=dict(document),
        )


def _refuse_other_question(receipt: object, lane: Lane, asked: Mapping[str, Any], reply: Reply) -> None:
    """Raise `AttemptError` if the receipt names something that we did not ask: it is another question's answer."""
    if not isinstance(receipt, dict):
        return
    output, details = receipt.get("output"), receipt.get("execution_details")
    for key in ("prompt", "system_prompt"):
        named, ours = output.get(key) if isinstance(output, dict) else None, asked.get(key)
        if isinstance(named, str) and isinstance(ours, str) and not _same(named, reply.door.secrets.clean(ours)):
            raise wrong_prompt(f"its receipt names another {key}: {reply.door.text(named, 80)!r}", reply.status)
    model = details.get("model") if isinstance(details, dict) else None
    known = reply.vocabulary.models.get(lane.model_id)
    if isinstance(model, str) and model not in {lane.model_id, known.source if known else lane.model_id}:
        raise wrong_prompt(f"its receipt is from model {reply.door.text(model, 80)}", reply.status)


def wrong_prompt(why: str, status: int | None) -> AttemptError:
    """Return the error for an answer to another question; its text is not kept."""
    return AttemptError("wrong_prompt", f"the answer belongs to another question: {why}", http_status=status)


def _same(one: str, other: str) -> bool:
    """Return whether texts are the same, except for outer white space and characters that some JSON libraries lack."""
    return one == other or _held_by_all(one) == _held_by_all(other)


def _held_by_all(text: str) -> str:
    return "".join("?" if "\ud800" <= c <= "\udfff" or c == "\ufffd" else c for c in text.strip())


def malformed(reply: Reply, why: str, *, retriable: bool = False) -> AttemptError:
    """Return the error for a reply that is no answer in the endpoint's API."""
    return AttemptError(
        "malformed_response",
        f"the answer cannot be used: {why}; it begins: {reply.excerpt!r}",
        retriable=retriable,
        http_status=reply.status,
    )


def _said(reply: Reply) -> Any:
    """Return the document in the body of an error, or its text."""
    try:
        return reply.door.document(reply.body)
    except Unreadable:
        return reply.door.excerpt(reply.body, _LONGEST_BODY)


def first_message(reported: Reported, reply: Reply) -> str:
    """Return the outermost message of an error, on one line."""
    return reply.door.text(next(iter(reported.messages), ""))


def _is_plain(reply: Reply) -> bool:
    return reply.content_type.startswith("text/plain")


def _name(reply: Reply, source: object, key: str) -> str | None:
    return reply.door.name(source.get(key)) if isinstance(source, dict) else None
