"""How the answers of a job will be judged, planned before the first one."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MeasureName = Literal["lexical", "semantic"]
AcceptedName = Literal[
    "model",
    "model_revision",
    "gpu",
    "precision",
    "libraries",
    "generator",
    "registry",
    "system_prompt",
    "sampling",
    "region",
    "prompt",
    "cache",
    "control",
    "cut_off",
    "repeats",
    "time",
]

FALSE_DISCOVERY_RATE = 0.05
"""The share of `different` verdicts, over all tests of a comparison, that may be wrong."""


def _without_repeats(names: list[AcceptedName]) -> list[AcceptedName]:
    if repeated := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"{repeated} is repeated")
    return names


class Analysis(BaseModel):
    """How the answers will be judged: stored with the job, and the default of `compare` and `report`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    measure: MeasureName = Field(
        default="lexical", description="How the distance between two answers is measured, as --measure."
    )
    rate: float = Field(
        default=FALSE_DISCOVERY_RATE,
        ge=0.0001,
        le=0.5,
        description="The maximum share of the verdicts `different` that may be wrong, as --rate.",
    )
    margin: float | None = Field(
        default=None,
        ge=0.0001,
        le=1,
        description="The smallest effect that matters, as --margin. Default: none, so nothing is `equivalent`.",
    )
    accept: Annotated[list[AcceptedName], AfterValidator(_without_repeats)] = Field(
        default=[], description="What may differ between regions, or need not hold, as --accept."
    )

    def spec(self) -> dict[str, Any]:
        """Return the values as JSON, as stored with the job; the order of accepted names makes no difference."""
        return {**self.model_dump(), "accept": sorted(self.accept)}

    @property
    def sha256(self) -> str:
        """The SHA-256 of `spec` as canonical JSON."""
        return analysis_sha256(self.spec())

    def __str__(self) -> str:
        margin = "no margin" if self.margin is None else f"margin {self.margin:g}"
        accepted = f"accept {' '.join(sorted(self.accept))}" if self.accept else "nothing accepted"
        return f"{self.measure}, rate {self.rate:g}, {margin}, {accepted}"


def analysis_sha256(spec: dict[str, Any]) -> str:
    """Return the SHA-256 of an analysis as canonical JSON."""
    canonical = json.dumps(spec, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
