"""JSON bodies of the endpoints: one renderer, one shape of error."""

from __future__ import annotations

import json
from collections.abc import Mapping

from starlette.responses import Response

from modal_deployment.refusal import Refusal


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
    return json_response(
        {"success": False, "error": error if refusal.kind is None else {**error, "type": refusal.kind}},
        status=refusal.status,
        headers={**(headers or {}), **({} if refusal.retry_after is None else {"Retry-After": refusal.retry_after})},
    )
