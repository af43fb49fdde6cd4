"""The request for a deployment, and its plan, without any network access."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from beacon_cli import __version__
from beacon_cli.endpoints.configured import modal_urls
from beacon_cli.errors import ConfigError, UsageError
from beacon_cli.settings import ModalSettings, Settings
from modal_deployment.regions import REGIONS, Region, UnknownRegionError, region_named
from modal_deployment.registry import REGISTRY, registry_sha256

Strategy = Literal["recreate", "rolling"]


@dataclass(frozen=True, slots=True)
class DeployRequest:
    """What to deploy. An empty `environment` is the workspace's default one; `timeout` is in seconds."""

    regions: tuple[Region, ...]
    environment: str
    strategy: Strategy
    timeout: float


def chosen_regions(names: Iterable[str]) -> tuple[Region, ...]:
    """Return the named regions without repetition (none named: all). Raises `UsageError` for an unknown one."""
    try:
        chosen = {region.id: region for region in map(region_named, names)}
    except UnknownRegionError as error:
        raise UsageError(str(error)) from None
    return tuple((chosen or REGIONS).values())


def deployment_plan(request: DeployRequest, settings: Settings) -> dict[str, Any]:
    """Return the plan as JSON; URLs are the expected ones, and null if no workspace is configured."""
    from modal_deployment.app import HUGGING_FACE_SECRET, WEIGHTS_VOLUME

    apps = {region.id: _region_plan(region, request, settings) for region in request.regions}
    return {
        "environment": request.environment,
        "strategy": request.strategy,
        "version": __version__,
        "registry_sha256": registry_sha256(REGISTRY.values()),
        "models": list(REGISTRY),
        "secrets": [HUGGING_FACE_SECRET],
        "volumes": [WEIGHTS_VOLUME],
        "max_gpu_containers": len(REGISTRY) * len(request.regions),
        "web_endpoints": sum(len(app["functions"]) for app in apps.values()),
        "regions": apps,
    }


def _region_plan(region: Region, request: DeployRequest, settings: Settings) -> dict[str, Any]:
    from modal_deployment.app import ANSWER_SECONDS, IDLE_SECONDS, STARTUP_SECONDS, app_name

    urls = _expected_urls(region, request.environment, settings)
    gpus = sorted({model.gpu for model in REGISTRY.values() if model.gpu is not None})
    on_gpu = {
        "gpu": ", ".join(gpus),
        "max_containers": len(REGISTRY),
        "timeout_seconds": ANSWER_SECONDS,
        "startup_timeout_seconds": STARTUP_SECONDS,
        "scaledown_window_seconds": IDLE_SECONDS,
    }
    on_cpu = {"gpu": None, "max_containers": 1}
    functions = {
        name: {"label": f"{app_name(region.id)}-{name}", "url": urls.get(name), **where}
        for name, where in (("inference", on_gpu), ("status", on_cpu))
    }
    return {
        "app_name": app_name(region.id),
        "modal_region": region.modal_region,
        "functions": functions,
        "urls": urls or None,
    }


def _expected_urls(region: Region, environment: str, settings: Settings) -> dict[str, str]:
    """Return the URLs that Modal gives a region in the configured workspace; none if it is unknown."""
    if not settings.modal.workspace:
        return {}
    try:
        return modal_urls(region, ModalSettings(workspace=settings.modal.workspace, environment=environment or None))
    except ConfigError:  # Modal shortens so long a host name in its own way
        return {}
