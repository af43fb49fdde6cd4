"""The request for a deployment, and its plan, without any network access."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from beacon_cli import __version__
from beacon_cli.endpoints.configured import modal_urls
from beacon_cli.errors import ConfigError
from beacon_cli.settings import ModalSettings, Settings
from modal_deployment.contents import STATUS, AppContents, GpuFunction, gpu_functions
from modal_deployment.regions import Region
from modal_deployment.registry import Model, registry_sha256

Strategy = Literal["recreate", "rolling"]


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What to deploy. An empty `environment` is the workspace's default one; `timeout` is in seconds."""

    regions: tuple[Region, ...]
    models: tuple[Model, ...]
    environment: str
    strategy: Strategy
    timeout: float

    @property
    def functions(self) -> tuple[GpuFunction, ...]:
        """The functions on GPUs, the same in each region."""
        return gpu_functions(self.models)

    @property
    def registry_sha256(self) -> str:
        """The hash over the models."""
        return registry_sha256(self.models)

    def contents(self, region: Region) -> AppContents:
        """Return what the app of a region serves."""
        return AppContents(region=region, models=self.models)


def functions_data(functions: Iterable[GpuFunction]) -> dict[str, Any]:
    """Return the functions as JSON: by name their GPU and their models' ids."""
    return {
        function.name: {"gpu": function.gpu, "models": [model.id for model in function.models]}
        for function in functions
    }


def deployment_plan(request: DeployRequest, settings: Settings) -> dict[str, Any]:
    """Return the plan as JSON; URLs are the expected ones, and null if no workspace is configured."""
    from modal_deployment.app import HUGGING_FACE_SECRET, WEIGHTS_VOLUME

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
        "max_gpu_containers": len(request.models) * len(request.regions),
        "web_endpoints": sum(len(app["functions"]) for app in apps.values()),
        "regions": apps,
    }


def _region_plan(region: Region, request: DeployRequest, settings: Settings) -> dict[str, Any]:
    from modal_deployment.app import app_name, label

    urls = _expected_urls(region, request, settings)
    functions = {function.name: _gpu_function_plan(function) for function in request.functions}
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


def _gpu_function_plan(function: GpuFunction) -> dict[str, Any]:
    from modal_deployment.app import ANSWER_SECONDS, STARTUP_SECONDS
    from modal_deployment.idling import IDLE_SECONDS

    return {
        "gpu": function.gpu,
        "max_containers": len(function.models),
        "models": [model.id for model in function.models],
        "timeout_seconds": ANSWER_SECONDS,
        "startup_timeout_seconds": STARTUP_SECONDS,
        "scaledown_window_seconds": IDLE_SECONDS,
    }


def _expected_urls(region: Region, request: DeployRequest, settings: Settings) -> dict[str, str]:
    """Return the URLs that Modal gives a region in the configured workspace; none if it is unknown."""
    if not settings.modal.workspace:
        return {}
    modal = ModalSettings(workspace=settings.modal.workspace, environment=request.environment or None)
    try:
        return modal_urls(region, modal, request.functions)
    except ConfigError:  # Modal shortens so long a host name in its own way
        return {}
