"""Reading what an endpoint sent: ours, or one of the old deployment. Everything here is hostile input."""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane
from modal_deployment.regions import Region, UnknownRegionError, region_named, region_of_container

MAX_RETRY_AFTER_SECONDS = 60.0
_RETRIABLE_STATUSES = frozenset({408, 429, 500, 502, 503, 504})
_DEEPEST = 64
_OWN_COLUMNS = frozenset({"response", "receipt"})


@dataclass(frozen=True, slots=True)
class Reply:
    """A response as it came: status, the headers that matter, the whole body."""

    status: int
    body: bytes
    content_type: str = ""
    retry_after: str | None = None
    location: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """A usable answer. `response` may be empty; `output` is everything the endpoint said but its text and receipt."""

    response: str
    output: Mapping[str, Any]
    receipt: Mapping[str, Any] | None
    provider_id: str | None
    container_id: str | None
    container_region: str | None
    http_status: int


def read_answer(reply: Reply, lane: Lane) -> Answer:
    """Return the answer in a reply. Raises `AttemptError` for anything that is none, or comes from elsewhere."""
    if reply.status != 200:
        raise status_error(reply)
    document = read_object(reply)
    _refuse_reported_error(document, reply)
    response = document.get("response", "")
    if response is None:
        response = ""
    if "response" not in document or not isinstance(response, str):
        raise _malformed(reply, "it has no text in `response`")
    _refuse_other_origin(document, lane, reply)
    receipt = document.get("receipt")
    details = receipt.get("execution_details") if isinstance(receipt, dict) else None
    return Answer(
        response=response,
        output={key: value for key, value in document.items() if key not in _OWN_COLUMNS},
        receipt=receipt if isinstance(receipt, dict) else None,
        provider_id=_text(details, "provider_id"),
        container_id=_text(document, "container_id"),
        container_region=_text(document, "container_region"),
        http_status=reply.status,
    )


def read_object(reply: Reply) -> dict[str, Any]:
    """Return the JSON object in a reply's body. Raises `AttemptError` (`malformed_response`) when there is none."""
    try:
        document = json.loads(reply.body, parse_constant=_refuse_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise _malformed(reply, f"it is not JSON ({type(error).__name__})", retriable=True) from None
    if not isinstance(document, dict):
        raise _malformed(reply, "it is not a JSON object")
    if reply.body.count(b"[") + reply.body.count(b"{") > _DEEPEST and _depth(document) > _DEEPEST:
        raise _malformed(reply, f"it is nested more than {_DEEPEST} deep")
    return document


def status_error(reply: Reply) -> AttemptError:
    """Return what a status other than 200 means."""
    codes = {401: "unauthorized", 403: "unauthorized", 404: "unknown_model", 429: "rate_limited"}
    retriable = reply.status in _RETRIABLE_STATUSES
    code = codes.get(reply.status) or ("server_error" if retriable or reply.status >= 500 else "request_rejected")
    said = _said(reply)
    return AttemptError(
        code,
        f"HTTP {reply.status}{': ' + said if said else ''}",
        retriable=retriable,
        http_status=reply.status,
        retry_after=parse_retry_after(reply.retry_after),
    )


def parse_retry_after(value: str | None) -> float | None:
    """Return the seconds that a `Retry-After` asks for (RFC 9110, 10.2.3: a number or a date), capped; else None."""
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
    return min(max(seconds, 0.0), MAX_RETRY_AFTER_SECONDS)


def _refuse_reported_error(document: Mapping[str, Any], reply: Reply) -> None:
    """The old deployment reports errors as HTTP 200: `success: false`, or `status: error`."""
    if document.get("success") is True or (document.get("success") is None and document.get("status") == "success"):
        return
    said = document.get("error")
    if said is None and document.get("success") is None and document.get("status") is None:
        raise _malformed(reply, "it says neither success nor error")
    message = said.get("message") if isinstance(said, dict) else said
    raise AttemptError(
        "endpoint_error",
        f"the endpoint answered 200 with an error inside: {_cut(str(message))}",
        http_status=reply.status,
        raw=dict(document),
    )


def _refuse_other_origin(document: Mapping[str, Any], lane: Lane, reply: Reply) -> None:
    model, region, ran_in = (document.get(key) for key in ("model", "region", "container_region"))
    if model is not None and model != lane.model_id:
        raise AttemptError(
            "model_mismatch",
            f"asked {lane.model_id}, but the answer is from model {_cut(str(model))}",
            http_status=reply.status,
            raw=dict(document),
        )
    container = region_of_container(ran_in) if isinstance(ran_in, str) else None
    if (region is not None and _region(region) != lane.region) or container not in {None, lane.region}:
        elsewhere = f"{region} (container region {ran_in})" if ran_in else str(region)
        raise AttemptError(
            "region_mismatch",
            f"asked {lane.region.label}, but the answer is from region {_cut(elsewhere)}",
            http_status=reply.status,
            raw=dict(document),
        )


def _region(name: object) -> Region | None:
    try:
        return region_named(name) if isinstance(name, str) else None
    except UnknownRegionError:
        return None


def _depth(document: object) -> int:
    """Return how deep a JSON value is nested, without recursion: it may be deeper than Python's stack."""
    depth, level = 0, [document]
    while level:
        depth += 1
        level = [
            item
            for value in level
            if isinstance(value, dict | list)
            for item in (value.values() if isinstance(value, dict) else value)
        ]
    return depth


def _malformed(reply: Reply, why: str, *, retriable: bool = False) -> AttemptError:
    excerpt = _cut(reply.body[:300].decode("utf-8", "replace"))
    return AttemptError(
        "malformed_response",
        f"the answer cannot be used: {why}; it begins: {excerpt!r}",
        retriable=retriable,
        http_status=reply.status,
    )


def _said(reply: Reply) -> str:
    """Return what an error's body says, in the contract's form or any other."""
    try:
        error = read_object(reply).get("error")
    except AttemptError:
        return _cut(reply.body[:300].decode("utf-8", "replace")) if reply.content_type.startswith("text/plain") else ""
    if isinstance(error, dict):
        error = error.get("message")
    return _cut(str(error)) if error else ""


def _text(source: object, key: str) -> str | None:
    value = source.get(key) if isinstance(source, dict) else None
    return value if isinstance(value, str) else None


def _cut(text: str, limit: int = 200) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _finite(literal: str) -> float:
    if math.isinf(number := float(literal)):
        raise ValueError(f"{literal} is not a number that JSON can carry on")
    return number
