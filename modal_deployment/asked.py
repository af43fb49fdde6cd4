"""A question as it arrives at a region, whichever route it came by, and the body that it is read from."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from modal_deployment.generation import GenerationRequest
from modal_deployment.limits import MAX_BODY_BYTES
from modal_deployment.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Asked:
    """Which model is asked (an id that may be unknown), and what."""

    model: str
    generation: GenerationRequest


async def read_body(request: Request) -> bytes:
    """Return the body of `request`. Raises `Refusal` (413) for one over the limit, and `ClientDisconnect`."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
    return bytes(body)


def _too_large() -> Refusal:
    return Refusal(413, "body_too_large", f"the body is larger than {MAX_BODY_BYTES} bytes")
