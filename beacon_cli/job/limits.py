"""The limits of a job: calls in flight, attempts, time and cost."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
# [0-9], not \d: that matches the digits of every script, but in JSON Schema only those of ASCII.
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h|d))+")
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)")
# A shorter time limit is impossible to meet, and a sign of a wrong unit.
_SHORTEST_SECONDS = 0.001
_LONGEST_SECONDS = 30 * 86400


def parse_duration(value: object) -> float:
    """Return a duration in seconds from a number of seconds or a text such as `600s`, `1h30m`, `250ms`.

    Raises `ValueError` for anything else.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str) and _SECONDS.fullmatch(text := value.strip()):
        return float(text)
    if isinstance(value, str) and _DURATION.fullmatch(text := value.strip().lower()):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
    raise ValueError("write a duration such as 600s, 10m, 2h or 1h30m")


def _long_enough(seconds: float) -> float:
    if seconds < _SHORTEST_SECONDS:
        raise ValueError("write 1ms or more")
    return seconds


def _zero_or_long_enough(seconds: float) -> float:
    return _long_enough(seconds) if seconds else seconds


_SECONDS_AS_TEXT = PlainSerializer(lambda seconds: f"{seconds:g}s", return_type=str, when_used="json")
_NUMBER_OF_SECONDS = {"type": "number", "minimum": _SHORTEST_SECONDS, "maximum": _LONGEST_SECONDS}
_TEXT_OF_DURATION = {"type": "string", "pattern": f"^{_DURATION.pattern}$"}

Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(gt=0, le=_LONGEST_SECONDS),
    AfterValidator(_long_enough),
    _SECONDS_AS_TEXT,
    WithJsonSchema({"anyOf": [_NUMBER_OF_SECONDS, _TEXT_OF_DURATION]}),
]
DurationOrZero = Annotated[
    float,
    BeforeValidator(parse_duration),
    Field(ge=0, le=_LONGEST_SECONDS),
    AfterValidator(_zero_or_long_enough),
    _SECONDS_AS_TEXT,
    WithJsonSchema({"anyOf": [{"const": 0}, _NUMBER_OF_SECONDS, _TEXT_OF_DURATION]}),
]


class Limits(BaseModel):
    """The limits of a job: calls in flight, attempts per cell, how long things may take, and what they may cost."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    max_in_flight: int = Field(default=10, ge=1, le=1000, description="Maximum number of calls in flight per job.")
    per_endpoint: int | None = Field(
        default=None,
        ge=1,
        le=1000,
        description="Maximum number of calls in flight to one region. Default: the number of the job's models there.",
    )
    attempts: int = Field(default=3, ge=1, le=20, description="Maximum number of attempts per cell; 1 means no retry.")
    slot_timeout: Duration = Field(
        default=3600.0, description="Maximum time that a cell waits while no slot becomes free."
    )
    connect_timeout: Duration = Field(default=10.0, description="Maximum time for connecting to an endpoint.")
    answer_timeout: Duration = Field(
        default=600.0,
        description="Maximum time for one attempt, including every hop and the whole body.",
    )
    region_patience: DurationOrZero = Field(
        default=900.0,
        description="How long a region in trouble is paused before the run gives it up; 0 means that regions are never"
        " paused, and each cell only has its own attempts.",
    )
    job_timeout: Duration = Field(default=7200.0, description="Maximum time for one run of the job.")
    min_success_rate: float = Field(
        default=1.0, ge=0, le=1, description="Minimum share of cells that must be completed for exit code 0."
    )
    max_cost: float | None = Field(
        default=None,
        gt=0,
        le=1_000_000,
        description="Maximum cost of the job in US dollars, over all of its runs and by what its rows say: nothing is"
        " asked that could pass it. Default: no limit.",
    )

    def overridden_by(self, layer: Limits | Mapping[str, Any]) -> Limits:
        """Return these limits, overridden by what `layer` sets explicitly (a flag that is None sets nothing)."""
        values = layer.model_dump(exclude_unset=True) if isinstance(layer, Limits) else dict(layer)
        given = {key: value for key, value in values.items() if value is not None}
        return Limits(**{**self.model_dump(exclude_unset=True), **given})
