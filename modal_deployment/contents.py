"""What a region's app serves, and with which functions. It is plain data, so that a container can be given it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from modal_deployment.regions import BUILT_IN_REGIONS, Region, Regions
from modal_deployment.registry import BUILT_IN_MODELS, Model

INFERENCE = "inference"
STATUS = "status"
# A GPU costs while it idles: two minutes outlast the gap between two questions.
IDLE_SECONDS = 120


def app_name(region_id: str) -> str:
    """Return the name of a region's app, which also begins the address of each of its functions."""
    return f"project-beacon-hf-{region_id}"


@dataclass(frozen=True, slots=True)
class GpuFunction:
    """A function on a GPU: the name of its kind, such as `T4`, and the models that each of its containers loads."""

    name: str
    gpu: str
    models: tuple[Model, ...]


def gpu_functions(models: Iterable[Model]) -> tuple[GpuFunction, ...]:
    """Return the functions that serve these models: one for each kind of GPU, in the order of the models.

    The first one is `inference`, whatever its GPU; the others have the GPU in their names. A model without a GPU is in
    none.
    """
    kinds: dict[str, list[Model]] = {}
    for model in models:
        if model.gpu is not None:
            kinds.setdefault(model.gpu, []).append(model)
    return tuple(
        GpuFunction(name=f"{INFERENCE}-{_in_a_name(gpu)}" if number else INFERENCE, gpu=gpu, models=tuple(served))
        for number, (gpu, served) in enumerate(kinds.items())
    )


def _in_a_name(gpu: str) -> str:
    """Return a GPU as a part of a function's name and of its address: `H100!` is `h100-exact`, `A10:2` is `a10-x2`."""
    return gpu.lower().replace("!", "-exact").replace(":", "-x")


@dataclass(frozen=True, slots=True)
class AppContents:
    """The region that an app answers for, and the models that it serves."""

    region: Region
    models: tuple[Model, ...]

    @property
    def functions(self) -> tuple[GpuFunction, ...]:
        """The functions on GPUs."""
        return gpu_functions(self.models)

    def as_json(self) -> str:
        """Return it as text; `from_json` reads it."""
        return json.dumps(asdict(self), default=sorted)

    @classmethod
    def from_json(cls, text: str) -> AppContents:
        """Return what `as_json` wrote."""
        document = json.loads(text)
        region = document["region"]
        sets = {name: frozenset(region[name]) for name in ("aliases", "container_prefixes")}
        return cls(region=Region(**{**region, **sets}), models=tuple(Model(**model) for model in document["models"]))


def built_in(region_id: str) -> AppContents:
    """Return what is deployed in a built-in region unless something else is configured. Raises `KeyError`."""
    return AppContents(region=Regions(BUILT_IN_REGIONS)[region_id], models=BUILT_IN_MODELS)
