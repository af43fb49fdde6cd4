"""The configured endpoints of each region."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from beacon_cli.errors import ConfigError
from beacon_cli.network.proxies import DIRECT_HOSTS
from modal_deployment.contents import INFERENCE, STATUS, GpuFunction, gpu_functions
from modal_deployment.regions import Region

if TYPE_CHECKING:
    from beacon_cli.settings import ModalSettings, RegionSettings, Settings

# A label of a host name; Modal shortens longer ones in its own way.
_LONGEST_LABEL = 63


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one region is asked: `inference_url` takes the POST; `models_url` and `health_url` are GETs on CPU.

    `models` has the endpoints of single models, by id, where they differ: on Modal, those that need another GPU.
    """

    region: Region
    inference_url: str
    models_url: str
    health_url: str
    models: Mapping[str, Endpoint] = field(default_factory=dict)

    @property
    def urls(self) -> tuple[str, ...]:
        """All URLs, each once."""
        further = (each.inference_url for each in self.models.values())
        return tuple(dict.fromkeys((self.inference_url, self.models_url, self.health_url, *further)))

    def of(self, model_id: str) -> Endpoint:
        """Return where a model is asked in this region."""
        return self.models.get(model_id, self)

    @classmethod
    def at(cls, region: Region, base_url: str) -> Endpoint:
        """Return the endpoint whose three paths lie under `base_url`."""
        base = base_url.rstrip("/")
        return cls.of_urls(region, {name: f"{base}/{name}" for name in ("inference", "models", "health")})

    @classmethod
    def of_urls(cls, region: Region, urls: Mapping[str, str], functions: Iterable[GpuFunction] = ()) -> Endpoint:
        """Return the endpoint from its URLs by name, with the models of `functions` asked at the URLs of these.

        A function without a URL is not there: its models are asked at `inference`, which refuses them.
        """
        endpoint = cls(region, inference_url=urls["inference"], models_url=urls["models"], health_url=urls["health"])
        models = {
            model.id: replace(endpoint, inference_url=urls[function.name])
            for function in functions
            if function.name != INFERENCE and function.name in urls
            for model in function.models
        }
        return replace(endpoint, models=models)


def regions_with_endpoints(settings: Settings) -> list[Region]:
    """Return the regions that are deployed on Modal, and those whose endpoints' URLs are configured."""
    vocabulary = settings.vocabulary
    return [
        region
        for region in vocabulary.regions.values()
        if region in vocabulary.deployed_regions or settings.endpoint_of(region.id) is not None
    ]


def configured_endpoints(
    settings: Settings, regions: Iterable[Region], recorded: Mapping[str, Endpoint] | None = None
) -> dict[str, Endpoint]:
    """Return the endpoints of the `modal` target by region id.

    A region's own configuration has priority, then the record of the last deployment to the configured workspace, then
    the workspace's name. Raises `ConfigError` for a region without an endpoint, for two regions with the same inference
    URL (unless `same_endpoint` says that this is meant), or if credentials would be sent unencrypted.
    """
    endpoints = {}
    for region in regions:
        configured = settings.endpoint_of(region.id)
        known = (recorded or {}).get(region.id)
        if configured is not None:
            endpoints[region.id] = Endpoint.of_urls(region, _configured_urls(region, configured))
        elif known is not None and _is_in_workspace(known, settings.modal.workspace):
            endpoints[region.id] = known
        else:
            endpoints[region.id] = _on_modal(region, settings)
    _refuse_same_endpoint(settings, endpoints)
    if settings.proxy_headers():
        for endpoint in endpoints.values():
            _refuse_clear_text(endpoint)
    return endpoints


def _is_in_workspace(endpoint: Endpoint, workspace: str | None) -> bool:
    host = urlsplit(endpoint.inference_url).hostname or ""
    return workspace is None or host.startswith((f"{workspace.lower()}--", f"{workspace.lower()}-"))


def urls_of_functions(functions: Mapping[str, str]) -> dict[str, str]:
    """Return a region's URLs by name, from the addresses of the functions of its app on Modal."""
    status = functions[STATUS].rstrip("/")
    urls = {
        "inference": functions[INFERENCE],
        "models": f"{status}/models",
        "health": f"{status}/health",
        "status": status,
    }
    return urls | {name: url for name, url in functions.items() if name not in urls}


def modal_urls(region: Region, modal: ModalSettings, functions: Iterable[GpuFunction]) -> dict[str, str]:
    """Return the URLs that Modal gives a region's app in the configured workspace, by name.

    Raises `ConfigError` if Modal would shorten them, which it does in its own way.
    """
    owner = f"{modal.workspace}-{modal.environment}" if modal.environment else modal.workspace
    hosts = {
        name: f"{owner}--project-beacon-hf-{region.id}-{name}"
        for name in (INFERENCE, *(function.name for function in functions), STATUS)
    }
    if any(len(host) > _LONGEST_LABEL for host in hosts.values()):
        raise ConfigError(
            f"modal.workspace and modal.environment give a host name that is too long ({owner})",
            hint=f"set regions.{region.id}.inference_url, models_url and health_url to the URLs that Modal shows",
        )
    return urls_of_functions({name: f"https://{host}.modal.run" for name, host in hosts.items()})


def _on_modal(region: Region, settings: Settings) -> Endpoint:
    deployed = any(region.id == known.id for known in settings.vocabulary.deployed_regions)
    if settings.modal.workspace and deployed:
        functions = gpu_functions(settings.vocabulary.deployed)
        return Endpoint.of_urls(region, modal_urls(region, settings.modal, functions), functions)
    raise ConfigError(
        f"no endpoint is configured for region {region.label}",
        hint="add --local to ask servers on this machine; or "
        + ("set modal.workspace" if deployed else f'add "{region.id}" to modal.regions')
        + f", or set regions.{region.id}.base_url, in beacon.toml",
    )


def _configured_urls(region: Region, configured: RegionSettings) -> dict[str, str]:
    base = configured.base_url.rstrip("/") if configured.base_url else None
    urls = {}
    for name in ("inference", "models", "health"):
        url = getattr(configured, f"{name}_url") or (f"{base}/{name}" if base else None)
        if url is None:
            raise ConfigError(
                f"regions.{region.id}.{name}_url is not configured",
                hint="set it, or base_url, in beacon.toml",
            )
        urls[name] = str(url)
    return urls


def _refuse_same_endpoint(settings: Settings, endpoints: Mapping[str, Endpoint]) -> None:
    first: dict[str, Region] = {}
    for region_id, endpoint in endpoints.items():
        configured = settings.regions.get(region_id)
        if configured is not None and configured.same_endpoint:
            continue
        other = first.setdefault(endpoint.inference_url.rstrip("/"), endpoint.region)
        if other is not endpoint.region:
            raise ConfigError(
                f"regions {other.label} and {endpoint.region.label} have the same inference URL,"
                f" {endpoint.inference_url}: nothing would be compared",
                hint=f"correct one of them; where it is meant, set regions.{region_id}.same_endpoint = true",
            )


def _refuse_clear_text(endpoint: Endpoint) -> None:
    direct = {host.strip("[]") for host in DIRECT_HOSTS}
    for url in endpoint.urls:
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname not in direct:
            raise ConfigError(
                f"the proxy credentials would be sent unencrypted to {parts.hostname} ({endpoint.region.label})",
                hint=f"use https (or {', '.join(DIRECT_HOSTS)}), or unset BEACON_PROXY_KEY and BEACON_PROXY_SECRET",
            )
