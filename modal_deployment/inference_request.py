"""The body of `POST inference`, with every limit that a caller can run into."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from modal_deployment.asked import Asked
from modal_deployment.generation import GenerationRequest
from modal_deployment.limits import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_TEMPERATURE,
    MAX_PROMPT_CHARACTERS,
    MAX_STOP_CHARACTERS,
    MAX_STOPS,
    MAX_SYSTEM_PROMPT_CHARACTERS,
    MAX_TOKENS,
)
from modal_deployment.refusal import Refusal

_Stop = Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARACTERS)]


class InferenceRequest(BaseModel):
    """The body of `POST inference`. Lengths are in characters.

    `region` is what routers of the old system send along. It is not read: an endpoint answers from where it is.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    model: str
    prompt: str = Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS)
    temperature: float = Field(default=DEFAULT_TEMPERATURE, ge=0, le=2, allow_inf_nan=False)
    max_tokens: int = Field(default=DEFAULT_MAX_TOKENS, ge=1, le=MAX_TOKENS)
    system_prompt: str | None = Field(default=None, max_length=MAX_SYSTEM_PROMPT_CHARACTERS)
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    top_p: float | None = Field(default=None, gt=0, le=1, allow_inf_nan=False)
    stop: list[_Stop] = Field(default=[], max_length=MAX_STOPS)
    region: object = None


def read_inference_request(body: bytes) -> Asked:
    """Return what a body asks. Raises `Refusal` (422, naming the field)."""
    try:
        request = InferenceRequest.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"])[:80]
        raise Refusal(422, "invalid_request", f"{field or 'body'}: {first['msg']}") from None
    return Asked(
        request.model,
        GenerationRequest(
            prompt=request.prompt,
            system_prompt=request.system_prompt,
            temperature=request.temperature,
            max_tokens=request.max_tokens,
            seed=request.seed,
            top_p=request.top_p,
            stop=tuple(request.stop),
        ),
    )
