"""The table `[prices]` of `beacon.toml`: what calls cost, in US dollars."""

from __future__ import annotations

import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from beacon_cli.region_settings import readable

Dollars = Annotated[float, Field(ge=0, le=1_000_000)]


class UsagePrices(BaseModel):
    """What calls cost: `input` and `output` per 1,000,000 tokens, or `second` per second that an answer takes."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    input: Dollars | None = None
    output: Dollars | None = None
    second: Dollars | None = None

    @property
    def is_given(self) -> bool:
        """Whether there is a price."""
        return self.second is not None or self.input is not None

    @model_validator(mode="after")
    def _one_form(self) -> UsagePrices:
        if (self.input is None) != (self.output is None):
            raise ValueError("give both input and output, in US dollars per 1,000,000 tokens")
        if self.second is not None and self.input is not None:
            raise ValueError("give either input and output (per 1,000,000 tokens), or second")
        return self


class RegionPrices(UsagePrices):
    """What calls to a region cost. `multiplier` is what Modal multiplies its prices by there."""

    multiplier: Annotated[float, Field(gt=0, le=100)] | None = None
    models: dict[str, UsagePrices] = {}


class PriceSettings(BaseModel):
    """Prices that are known better than those that come with Beacon; `date` is when they were read, `source` where.

    `gpu` (per second), `cpu` (per core and second) and `memory` (per GiB and second) are Modal's; `cores` and
    `memory_gib` are what a container is taken to use.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    date: datetime.date | None = None
    source: Annotated[str, AfterValidator(readable)] | None = None
    gpu: dict[str, Dollars] = {}
    cpu: Dollars | None = None
    memory: Dollars | None = None
    cores: Annotated[float, Field(gt=0, le=1000)] | None = None
    memory_gib: Annotated[float, Field(gt=0, le=100_000)] | None = None
    models: dict[str, UsagePrices] = {}
    regions: dict[str, RegionPrices] = {}

    @model_validator(mode="after")
    def _dated(self) -> PriceSettings:
        if self.date is None and self.model_fields_set - {"date", "source"}:
            raise ValueError("set date to the day on which you read these prices, such as date = 2026-11-01")
        tomorrow = datetime.datetime.now(datetime.UTC).date() + datetime.timedelta(days=1)  # it may be there already
        if self.date is not None and self.date > tomorrow:
            raise ValueError(f"date {self.date} is in the future; set it to the day on which you read these prices")
        return self
