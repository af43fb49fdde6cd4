"""JSON bodies of the endpoints: one renderer, and one shape of error for each API."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from modal_deployment.refusal import Refusal

OPENAI_PREFIX = "/v1/"
"""Paths below it belong to OpenAI's API, all others to Beacon's contract."""

# By Beacon's code of the same reason.
_OPENAI_CODES = {
    "unauthorized": (401, "invalid_api_key"),
    "unknown_model": (404, "model_not_found"),
    "prompt_too_long": (400, "context_length_exceeded"),
    "queue_full": (429, "rate_limit_exceeded"),
}
_OPENAI_TYPES = {429: "rate_limit_error"}


def json_response(
    document: Mapping[str, object], *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return `document` as JSON in ASCII, which can carry any text, even lone surrogates."""
    return Response(
        json.dumps(document, separators=(",", ":"), allow_nan=False),
        status_code=status,
        headers=dict(headers) if headers else None,
        media_type="application/json",
    )


def refused(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """Return a refusal with its HTTP status, as `{"success": false, "error": {"code", "message"}}`."""
    error = {"code": refusal.code, "message": refusal.message}
    return _refused(
        {"success": False, "error": error if refusal.kind is None else {**error, "type": refusal.kind}},
        refusal.status,
        refusal,
        headers,
    )


def refused_as_openai(refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    """Return a refusal as OpenAI's API would: `{"error": {"message", "type", "param", "code"}}`.

    The codes are those of https://platform.openai.com/docs/guides/error-codes where it has one for the reason.
    """
    status, code = _OPENAI_CODES.get(refusal.code, (refusal.status, refusal.code))
    kind = refusal.kind or _OPENAI_TYPES.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    error = {"message": refusal.message, "type": kind, "param": refusal.parameter, "code": code}
    return _refused({"error": error}, status, refusal, headers)


def refused_at(path: str, refusal: Refusal) -> Response:
    """Return a refusal in the shape of the API that a path belongs to."""
    return refused_as_openai(refusal) if path.startswith(OPENAI_PREFIX) else refused(refusal)


def _refused(
    document: Mapping[str, object], status: int, refusal: Refusal, headers: Mapping[str, str] | None
) -> Response:
    retry_after = {} if refusal.retry_after is None else {"Retry-After": refusal.retry_after}
    return json_response(document, status=status, headers={**(headers or {}), **retry_after})
