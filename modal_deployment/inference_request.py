"""Reading and validating the body of `POST inference`, with every limit that a caller can run into."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from modal_deployment.limits import (
    MAX_BODY_BYTES,
    MAX_PROMPT_CHARACTERS,
    MAX_SYSTEM_PROMPT_CHARACTERS,
    MAX_TOKENS,
)
from modal_deployment.refusal import Refusal


class InferenceRequest(BaseModel):
    """The body of `POST inference`. Lengths are in characters.

    `region` is what routers of the old system send along. It is not read: an endpoint answers from where it is.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    model: str
    prompt: str = Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS)
    temperature: float = Field(default=0.1, ge=0, le=2, allow_inf_nan=False)
    max_tokens: int = Field(default=500, ge=1, le=MAX_TOKENS)
    system_prompt: str | None = Field(default=None, max_length=MAX_SYSTEM_PROMPT_CHARACTERS)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    region: object = None


async def read_inference_request(request: Request) -> InferenceRequest:
    """Return the validated body of `request`.

    Raises `Refusal` (413 for a body over the limit, 422 naming the field), and `ClientDisconnect`.
    """
    body = await _read_limited(request)
    try:
        return InferenceRequest.model_validate_json(bytes(body))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:80]
        raise Refusal(422, "invalid_request", f"{field or 'body'}: {first['msg']}") from None


async def _read_limited(request: Request) -> bytearray:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
    return body


def _too_large() -> Refusal:
    return Refusal(413, "body_too_large", f"the body is larger than {MAX_BODY_BYTES} bytes")
