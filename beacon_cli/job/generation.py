"""How answers are generated: the values that are sent with every call."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from beacon_cli.console.printable import excerpt
from beacon_cli.console.secret_names import secret_named_in
from modal_deployment.limits import (
    DEFAULT_MAX_TOKENS,
    DEFAULT_TEMPERATURE,
    MAX_STOP_CHARACTERS,
    MAX_STOPS,
    MAX_TOKENS,
)

MAX_SEED = 2**31 - 1
ARM_SEEDS = 1_000_000
"""How far the seeds of a control are from those of its region: more than a job may have repeats."""
# What Beacon itself writes into a request, by the names of OpenAI's API and of its own; `n` is what `repeats` are for.
_SET_BY_BEACON = frozenset(
    {
        *("model", "messages", "prompt", "system_prompt", "stream", "stream_options", "n"),
        *("temperature", "max_tokens", "max_completion_tokens", "seed", "top_p", "stop"),
    }
)
# A stored job has these keys even without a value; later ones only where they are given, so that the hash stays.
_ALWAYS_STORED = frozenset({"temperature", "max_tokens", "seed"})


def _listed(stop: object) -> object:
    if isinstance(stop, str):
        return [stop]
    if not isinstance(stop, list):
        raise ValueError(f"must be a text, or a list of 1 to {MAX_STOPS} texts")
    return stop


def _without_repeats(stops: list[str]) -> list[str]:
    if repeated := next((stop for stop in stops if stops.count(stop) > 1), None):
        raise ValueError(f'"{excerpt(repeated, 40)}" is repeated')
    return stops


def _foreign(extra: dict[str, Any]) -> dict[str, Any]:
    """Return what is sent as it is. Raises `ValueError` for what Beacon sets itself, and for a credential."""
    for key in extra:
        if key in _SET_BY_BEACON:
            raise ValueError(f"{key} is set by Beacon itself: leave it out here")
    if credential := secret_named_in(extra):
        raise ValueError(f"{excerpt(credential, 40)} looks like a credential, and would be stored with the job")
    return extra


_Stop = Annotated[str, Field(min_length=1, max_length=MAX_STOP_CHARACTERS)]
_STOP_SCHEMA = {
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": MAX_STOP_CHARACTERS},
        {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": MAX_STOP_CHARACTERS},
            "minItems": 1,
            "maxItems": MAX_STOPS,
        },
    ]
}
_Stops = Annotated[
    list[_Stop],
    Field(min_length=1, max_length=MAX_STOPS),
    AfterValidator(_without_repeats),
    BeforeValidator(_listed),
    WithJsonSchema(_STOP_SCHEMA),
]
_Extra = Annotated[dict[str, Any], Field(min_length=1), AfterValidator(_foreign)]


def seed_of(seed: int, *, repeat: int, arm: int) -> int:
    """Return the seed of a cell: the same in every region, and another one for each repeat and each arm."""
    return (seed + repeat + arm * ARM_SEEDS) % (MAX_SEED + 1)


class Generation(BaseModel):
    """How answers are generated: sent with every call."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    temperature: float = Field(
        default=DEFAULT_TEMPERATURE,
        ge=0,
        le=2,
        description="How random an answer is; 0 always takes the most likely token.",
    )
    max_tokens: int = Field(
        default=DEFAULT_MAX_TOKENS, ge=1, le=MAX_TOKENS, description="The maximum length of an answer, in tokens."
    )
    seed: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SEED,
        description="Makes random answers reproducible: repeat n is asked with seed + n, and"
        " in a control with 1,000,000 more. Default: the endpoint's own.",
    )
    top_p: float | None = Field(
        default=None,
        gt=0,
        le=1,
        description="Only the most likely tokens whose probabilities add up to this are chosen from."
        " Default: the endpoint's own.",
    )
    stop: _Stops | None = Field(
        default=None, description="A text that ends an answer, or a list of them; it is not part of the answer."
    )
    extra: _Extra | None = Field(
        default=None,
        description="Further parameters for OpenAI-compatible endpoints, sent as they are.",
    )

    def spec(self) -> dict[str, Any]:
        """Return the values as JSON, as stored with the job."""
        values = self.model_dump()
        return {key: value for key, value in values.items() if value is not None or key in _ALWAYS_STORED}
