"""Modal's rates: those of the table that comes with Beacon, of a workspace, and of `[prices]` in `beacon.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beacon_cli.price_settings import PriceSettings

_TABLE = Path(__file__).with_name("modal.toml")
_WORDS = re.compile(r"[ -]+")


@dataclass(frozen=True, slots=True)
class Quoted:
    """A number, and where and when it was read."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per second: of a GPU by its kind, of a physical core (`cpu`) and of a GiB (`memory`); and the factors
    of broad and narrow regions. What is not known is not there.

    `cores` and `memory_gib` are what a container is taken to use beside its GPU.
    """

    gpu: Mapping[str, Quoted] = field(default_factory=dict)
    other: Mapping[str, Quoted] = field(default_factory=dict)
    cores: float | None = None
    memory_gib: float | None = None

    def over(self, others: Rates) -> Rates:
        """Return these rates, and the others where these have none."""
        return Rates(
            gpu={**others.gpu, **self.gpu},
            other={**others.other, **self.other},
            cores=others.cores if self.cores is None else self.cores,
            memory_gib=others.memory_gib if self.memory_gib is None else self.memory_gib,
        )


def table() -> Rates:
    """Return the table that comes with Beacon."""
    read = tomllib.loads(_TABLE.read_text(encoding="utf-8"))
    gpu, container, region = (read[name] for name in ("gpu", "container", "region"))
    return Rates(
        gpu={kind: Quoted(value, _source(gpu)) for kind, value in gpu["second"].items()},
        other={
            name: Quoted(part[name], _source(part))
            for part, names in ((container, ("cpu", "memory")), (region, ("broad", "narrow")))
            for name in names
        },
        **read["assumed"],
    )


def configured(settings: PriceSettings) -> Rates:
    """Return the rates of `[prices]`."""
    source = source_of(settings)
    given = {"cpu": settings.cpu, "memory": settings.memory}
    return Rates(
        gpu={kind_of(name): Quoted(value, source) for name, value in settings.gpu.items()},
        other={name: Quoted(value, source) for name, value in given.items() if value is not None},
        cores=settings.cores,
        memory_gib=settings.memory_gib,
    )


def source_of(settings: PriceSettings) -> str:
    """Return where the prices of `[prices]` are from, and of which day they are."""
    return f"{settings.source or 'beacon.toml'}, {settings.date}"


def kind_of(gpu: str) -> str:
    """Return the kind of a GPU in the table, from its name at Modal (`A10:2`, `H100!`) or its own (`Tesla T4`).

    A name without a size is the kind that Modal gives for it: https://modal.com/docs/guide/gpu.
    """
    words = _WORDS.split(gpu.partition(":")[0].upper().rstrip("!+"))
    words = [word for word in words if word not in {"NVIDIA", "TESLA"}]
    match words:
        case ["A100", *rest]:
            return "A100-80GB" if "80GB" in rest else "A100-40GB"
        case ["A10G", *_]:
            return "A10"
        case ["RTX", "PRO", "6000", *_]:
            return "RTX-PRO-6000"
        case [family, *_]:
            return family
    return gpu


def count_of(gpu: str) -> int:
    """Return how many GPUs a name at Modal asks for: 2 for `A10:2`."""
    count = gpu.partition(":")[2]
    return int(count) if count.isdecimal() else 1


def _source(part: Mapping[str, Any]) -> str:
    return f"{part['source']}, {part['date']}"
