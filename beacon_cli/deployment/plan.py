"""The request for a deployment, and its plan, without any network access."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from beacon_cli import __version__
from beacon_cli.endpoints.configured import modal_urls
from beacon_cli.errors import ConfigError
from beacon_cli.settings import Settings
from modal_deployment.contents import (
    IDLE_SECONDS,
    STATUS,
    AppContents,
    Containers,
    GpuFunction,
    app_name,
    gpu_functions,
    gpu_snapshot,
    max_containers,
    max_inputs,
)
from modal_deployment.regions import Region
from modal_deployment.registry import Model, registry_sha256

Strategy = Literal["recreate", "rolling"]

# How many web endpoints a workspace on Modal's Starter plan can have deployed, as its errors said in January 2026
# ("reached limit of 8 web endpoints"). Larger plans allow more, and only Modal knows which one a workspace has.
STARTER_ENDPOINTS = 8


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What to deploy. An empty `environment` is the workspace's default one; `timeout` is in seconds."""

    regions: tuple[Region, ...]
    models: tuple[Model, ...]
    environment: str
    strategy: Strategy
    timeout: float
    containers: Containers = "model"
    snapshot: bool = False

    @property
    def functions(self) -> tuple[GpuFunction, ...]:
        """The functions on GPUs, the same in each region."""
        return gpu_functions(self.models)

    @property
    def web_endpoints(self) -> int:
        """How many web endpoints all regions need together: one for each function."""
        return (len(self.functions) + 1) * len(self.regions)

    @property
    def registry_sha256(self) -> str:
        """The hash over the models."""
        return registry_sha256(self.models)

    def contents(self, region: Region) -> AppContents:
        """Return what the app of a region serves."""
        return AppContents(region=region, models=self.models, containers=self.containers, snapshot=self.snapshot)

    @property
    def gpu_containers(self) -> int:
        """How many containers on GPUs a region may have at the same time."""
        return sum(max_containers(function, self.containers) for function in self.functions)


def functions_data(functions: Iterable[GpuFunction]) -> dict[str, Any]:
    """Return the functions as JSON: by name their GPU and their models' ids."""
    return {
        function.name: {"gpu": function.gpu, "models": [model.id for model in function.models]}
        for function in functions
    }


def deployment_plan(request: DeployRequest, settings: Settings) -> dict[str, Any]:
    """Return the plan as JSON; URLs are the expected ones, and null if no workspace is configured."""
    from modal_deployment.app import HUGGING_FACE_SECRET
    from modal_deployment.images import lock_sha256
    from modal_deployment.weights import WEIGHTS_VOLUME

    apps = {region.id: _region_plan(region, request, settings) for region in request.regions}
    return {
        "environment": request.environment,
        "strategy": request.strategy,
        "version": __version__,
        "registry_sha256": request.registry_sha256,
        "models": [model.id for model in request.models],
        "functions": functions_data(request.functions),
        "secrets": [HUGGING_FACE_SECRET],
        "volumes": [WEIGHTS_VOLUME],
        "containers": request.containers,
        "snapshot": request.snapshot,
        "lock_sha256": lock_sha256(),
        "max_gpu_containers": request.gpu_containers * len(request.regions),
        "web_endpoints": request.web_endpoints,
        "starter_plan_endpoints": STARTER_ENDPOINTS,
        "regions": apps,
    }


def _region_plan(region: Region, request: DeployRequest, settings: Settings) -> dict[str, Any]:
    from modal_deployment.app import label

    urls = _expected_urls(region, request, settings)
    functions = {function.name: _gpu_function_plan(function, request) for function in request.functions}
    functions[STATUS] = {"gpu": None, "max_containers": 1, "models": []}
    return {
        "app_name": app_name(region.id),
        "modal_region": region.modal_region,
        "functions": {
            name: {"label": label(region.id, name), "url": urls.get(name), **function}
            for name, function in functions.items()
        },
        "urls": urls or None,
    }


def _gpu_function_plan(function: GpuFunction, request: DeployRequest) -> dict[str, Any]:
    from modal_deployment.app import ANSWER_SECONDS, STARTUP_SECONDS

    return {
        "gpu": function.gpu,
        "max_containers": max_containers(function, request.containers),
        "max_inputs": max_inputs(function, request.containers),
        "snapshot": _snapshot(function) if request.snapshot else None,
        "models": [model.id for model in function.models],
        "timeout_seconds": ANSWER_SECONDS,
        "startup_timeout_seconds": STARTUP_SECONDS,
        "scaledown_window_seconds": IDLE_SECONDS,
    }


def _snapshot(function: GpuFunction) -> str:
    return "memory and GPU" if gpu_snapshot(function) else "memory"


def _expected_urls(region: Region, request: DeployRequest, settings: Settings) -> dict[str, str]:
    """Return the URLs that Modal gives a region in the configured workspace; none if it is unknown."""
    if not settings.modal.workspace:
        return {}
    try:
        return modal_urls(region, settings.modal.workspace, request.environment, request.functions)
    except ConfigError:  # Modal shortens so long a host name in its own way
        return {}
