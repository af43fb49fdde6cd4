"""What a region's app serves, and with which functions. It is plain data, so that a container can be given it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

from modal_deployment.limits import MAX_WAITING
from modal_deployment.regions import BUILT_IN_REGIONS, Region, Regions
from modal_deployment.registry import BUILT_IN_MODELS, Model

INFERENCE = "inference"
STATUS = "status"
CONTENTS_VARIABLE = "BEACON_CONTENTS"  # in which a container finds what it serves
# A GPU costs while it idles: two minutes outlast the gap between two questions.
IDLE_SECONDS = 120

Containers = Literal["model", "region"]
"""`model`: a container for each model, which answers one request at a time. `region`: one for all models of a GPU."""


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
    """The region that an app answers for, the models that it serves, and with which containers.

    `snapshot`: containers start from a copy of the memory of one that had started. `lock_sha256` says what is installed
    in them.
    """

    region: Region
    models: tuple[Model, ...]
    containers: Containers = "model"
    snapshot: bool = False
    lock_sha256: str | None = None

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
        models = tuple(Model(**model) for model in document["models"])
        return cls(**{**document, "region": Region(**{**region, **sets}), "models": models})


def max_containers(function: GpuFunction, containers: Containers) -> int:
    """Return how many containers a function may have in a region at the same time."""
    return 1 if containers == "region" else len(function.models)


def max_inputs(function: GpuFunction, containers: Containers) -> int:
    """Return how many requests a container is given at the same time; the others wait at Modal.

    A container for a whole region is given enough of them for the queue of each of its models.
    """
    return len(function.models) * (1 + MAX_WAITING) if containers == "region" else 1


def gpu_snapshot(function: GpuFunction) -> bool:
    """Return whether the memory of a function's GPU is a part of a snapshot: where each container has one GPU."""
    return ":" not in function.gpu or function.gpu.endswith(":1")


def built_in(region_id: str) -> AppContents:
    """Return what is deployed in a built-in region unless something else is configured. Raises `KeyError`."""
    return AppContents(region=Regions(BUILT_IN_REGIONS)[region_id], models=BUILT_IN_MODELS)
