"""The configured endpoints of each region."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from beacon_cli.console.program_name import command
from beacon_cli.endpoints.access import Access
from beacon_cli.endpoints.environment import environment_name
from beacon_cli.endpoints.function_urls import urls_of_functions
from beacon_cli.errors import ConfigError, NoEndpoint
from beacon_cli.job.lanes import Lane
from beacon_cli.network.proxies import DIRECT_HOSTS
from beacon_cli.region_settings import Api, RegionModelSettings, RegionSettings, TokenParameter
from beacon_cli.urls import normal_url
from modal_deployment.contents import INFERENCE, STATUS, GpuFunction, gpu_functions
from modal_deployment.regions import Region

if TYPE_CHECKING:
    from beacon_cli.settings import Settings

# A label of a host name; Modal shortens longer ones in its own way.
_LONGEST_LABEL = 63
# The environments whose name is no part of a host name: the workspace's default one, and the one that it begins with.
_WITHOUT_SUFFIX = ("", "main")
# Where the URLs of an endpoint lie below its base URL, by name.
_PATHS: Mapping[Api, Mapping[str, str]] = {
    "beacon": {"inference": "inference", "models": "models", "health": "health"},
    "openai": {"inference": "chat/completions", "models": "models"},
}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one region is asked, and how: `inference_url` takes the POST; `models_url` and `health_url` are GETs.

    An endpoint of one's own may have no `health_url`. `api` is what it speaks; `name` is what it calls the model, None
    if it is the model's id; `extra` is sent with every question. `models` has the endpoints of single models, by id,
    where they differ.
    """

    region: Region
    inference_url: str
    models_url: str
    health_url: str = ""
    api: Api = "beacon"
    access: Access = field(default_factory=Access)
    name: str | None = None
    token_parameter: TokenParameter = "max_tokens"
    extra: Mapping[str, Any] = field(default_factory=dict)
    models: Mapping[str, Endpoint] = field(default_factory=dict)

    @property
    def urls(self) -> tuple[str, ...]:
        """All URLs that there are."""
        return tuple(url for url in (self.inference_url, self.models_url, self.health_url) if url)

    @property
    def all(self) -> tuple[Endpoint, ...]:
        """The endpoint of the region, if it has one, and those of single models."""
        return (*((self,) if self.inference_url else ()), *self.models.values())

    def identity(self, model_id: str) -> tuple[object, ...]:
        """What is equal if a model is asked at one endpoint: the URL, what is sent beside the question, the way."""
        extra = json.dumps(self.extra, sort_keys=True)
        return (normal_url(self.inference_url), self.name or model_id, extra, self.access.told_apart_by)

    def of(self, model_id: str) -> Endpoint:
        """Return where and how a model is asked in this region."""
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
        endpoint = cls(
            region,
            inference_url=urls["inference"],
            models_url=urls["models"],
            health_url=urls.get("health", ""),
        )
        models = {
            model.id: replace(endpoint, inference_url=urls[function.name])
            for function in functions
            if function.name != INFERENCE and function.name in urls
            for model in function.models
        }
        return replace(endpoint, models=models)


def regions_with_endpoints(settings: Settings, recorded: Collection[str]) -> list[Region]:
    """Return the regions whose endpoints' URLs are configured, and those that are deployed on Modal.

    Where the settings say nothing of Modal, but name endpoints of one's own, these are the `recorded` ones.
    """
    vocabulary = settings.vocabulary
    own = {region_id for region_id in vocabulary.regions if settings.endpoint_of(region_id) is not None}
    says_modal = settings.modal.workspace or settings.modal.regions or not own
    on_modal = {region.id for region in vocabulary.deployed_regions} if says_modal else set(recorded)
    return [region for region in vocabulary.regions.values() if region.id in own | on_modal]


def configured_endpoints(
    settings: Settings,
    regions: Iterable[Region],
    recorded: Mapping[str, Endpoint] | None = None,
    model_ids: Collection[str] | None = None,
) -> dict[str, Endpoint]:
    """Return the configured endpoints by region id, to ask the models `model_ids`, or those that turn out later.

    A region's own configuration has priority, then the record of the last deployment to the configured workspace, then
    the workspace's name. Raises `NoEndpoint` for a region without one, and `ConfigError` for two regions that ask the
    same endpoint (unless `same_endpoint` says that this is meant), or if credentials would be sent unencrypted.
    """
    endpoints = {region.id: _endpoint(region, settings, (recorded or {}).get(region.id)) for region in regions}
    _refuse_same_endpoint(settings, endpoints, model_ids)
    require_encrypted(settings, endpoints.values())
    return endpoints


def require_encrypted(settings: Settings, endpoints: Iterable[Endpoint]) -> None:
    """Raise `ConfigError` if credentials would be sent unencrypted to one of these endpoints."""
    modal = settings.proxy_headers()
    for endpoint in endpoints:
        for each in endpoint.all:
            if each.access.sends_secrets(modal):
                _refuse_clear_text(each)


def require_lanes(endpoints: Mapping[str, Endpoint], lanes: Iterable[Lane]) -> None:
    """Raise `ConfigError` for a model that has no endpoint in its region, where only other models have one."""
    for lane in lanes:
        region, endpoint = lane.region, endpoints.get(lane.region.id)
        if endpoint is not None and not endpoint.of(lane.model_id).inference_url:
            raise ConfigError(
                f"no endpoint is configured for {lane.model_id} in region {region.label}",
                hint=f'set regions.{region.id}.base_url, or regions.{region.id}.models."{lane.model_id}".base_url,'
                " in beacon.toml",
            )


def checked_lanes(endpoints: Mapping[str, Endpoint], lanes: Iterable[Lane]) -> list[Lane]:
    """Return the lanes whose endpoints are not Beacon's own: each costs a check call before the first question."""
    return [lane for lane in lanes if endpoints[lane.region.id].of(lane.model_id).api != "beacon"]


def _is_in_workspace(endpoint: Endpoint, workspace: str | None) -> bool:
    host = urlsplit(endpoint.inference_url).hostname or ""
    return workspace is None or host.startswith((f"{workspace.lower()}--", f"{workspace.lower()}-"))


def modal_urls(region: Region, workspace: str, environment: str, functions: Iterable[GpuFunction]) -> dict[str, str]:
    """Return the URLs that Modal gives a region's app in an environment of a workspace, by name.

    An environment has a *web suffix* in its URLs: its name, unless somebody changed it, and none for `main`, with which
    a workspace begins (https://modal.com/docs/guide/environments). Raises `ConfigError` if Modal would shorten the
    URLs, which it does in its own way.
    """
    owner = workspace if environment in _WITHOUT_SUFFIX else f"{workspace}-{environment}"
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


def _endpoint(region: Region, settings: Settings, recorded: Endpoint | None) -> Endpoint:
    configured = settings.regions.get(region.id) or RegionSettings()
    place = f"regions.{region.id}"
    endpoint = _without_models(region, configured, settings, recorded)
    if endpoint.inference_url:
        access = Access.configured(configured, place)
        on_other_gpus = {model_id: replace(each, access=access) for model_id, each in endpoint.models.items()}
        endpoint = replace(endpoint, access=access, models=on_other_gpus)
    models = {
        model_id: _of_model(endpoint.of(model_id), configured, model, f'{place}.models."{model_id}"')
        for model_id, model in configured.models.items()
    }
    for model_id in configured.models_elsewhere:
        models[model_id] = _without_modals_key(models[model_id], configured.models[model_id], settings)
    own = {model_id: each for model_id, each in models.items() if each.inference_url}
    return replace(endpoint, models={**endpoint.models, **own})


def _without_models(
    region: Region, configured: RegionSettings, settings: Settings, recorded: Endpoint | None
) -> Endpoint:
    if configured.base_url or configured.inference_url or configured.models_url or configured.health_url:
        return replace(
            Endpoint.of_urls(region, _configured_urls(region, configured)),
            api=configured.api or "beacon",
            token_parameter=configured.token_parameter or "max_tokens",
        )
    if any(model.base_url for model in configured.models.values()):
        return Endpoint(region, "", "", api=configured.api or "beacon")
    if configured.api != "openai" and recorded is not None and _is_in_workspace(recorded, settings.modal.workspace):
        return recorded
    deployed = any(region.id == known.id for known in settings.vocabulary.deployed_regions)
    if configured.api != "openai" and settings.modal.workspace and deployed:
        functions = gpu_functions(settings.vocabulary.deployed)
        urls = modal_urls(region, settings.modal.workspace, environment_name(settings), functions)
        return Endpoint.of_urls(region, urls, functions)
    raise NoEndpoint(
        f"no endpoint is configured for region {region.label}",
        hint=f"add --local to ask servers on this machine; or {_where_to_ask(region, configured, deployed=deployed)},"
        " in beacon.toml",
    )


def _where_to_ask(region: Region, configured: RegionSettings, *, deployed: bool) -> str:
    """Return which key says where a region is asked."""
    base_url = f"set regions.{region.id}.base_url"
    if configured.api == "openai":
        return base_url
    deploy = f"deploy it ({command('deploy modal')}), or set modal.workspace"
    on_modal = deploy if deployed else f'add "{region.id}" to modal.regions'
    return f"{on_modal}, or {base_url}"


def _of_model(endpoint: Endpoint, configured: RegionSettings, model: RegionModelSettings, place: str) -> Endpoint:
    """Return how a model is asked whose table differs from its region's."""
    asking = configured.asking(model)
    api = asking.api or "beacon"
    base_url = model.base_url or (configured.base_url if api != endpoint.api else None)
    found = Endpoint.of_urls(endpoint.region, _urls_below(base_url, api)) if base_url else endpoint
    return replace(
        found,
        api=api,
        access=Access.configured(asking, place) if found.inference_url else Access(),
        name=model.name,
        token_parameter=asking.token_parameter or "max_tokens",
        extra=model.extra or {},
        models={},
    )


def _without_modals_key(endpoint: Endpoint, model: RegionModelSettings, settings: Settings) -> Endpoint:
    """Return the endpoint of a model at another host, to which the credentials of Modal's proxy do not go.

    Raises `ConfigError` where there are some, and the model's table does not say what is sent instead.
    """
    if endpoint.access.auth != "modal":
        return endpoint
    if settings.proxy_headers() and model.headers_env is None:
        raise ConfigError(
            f"{endpoint.inference_url} is at a host that no URL of region {endpoint.region.label} names, so"
            " BEACON_PROXY_KEY and BEACON_PROXY_SECRET are not sent there by themselves",
            hint='in the table of that model, set auth = "none", or headers_env = {"Modal-Key" = "BEACON_PROXY_KEY",'
            ' "Modal-Secret" = "BEACON_PROXY_SECRET"}',
        )
    return replace(endpoint, access=replace(endpoint.access, auth="none"))


def _urls_below(base_url: str, api: Api) -> dict[str, str]:
    """Return the URLs below a base URL, by name.

    Its query, such as Azure's `?api-version=…`, stays at their ends.
    """
    parts = urlsplit(base_url)
    base = parts.path.rstrip("/")
    return {name: parts._replace(path=f"{base}/{path}").geturl() for name, path in _PATHS[api].items()}


def _configured_urls(region: Region, configured: RegionSettings) -> dict[str, str]:
    api = configured.api or "beacon"
    below = _urls_below(configured.base_url, api) if configured.base_url else {}
    urls = {}
    for name in _PATHS[api]:
        url = getattr(configured, f"{name}_url") or below.get(name)
        if url is None:
            raise ConfigError(
                f"regions.{region.id}.{name}_url is not configured",
                hint="set it, or base_url, in beacon.toml",
            )
        urls[name] = str(url)
    return urls


def _refuse_same_endpoint(
    settings: Settings, endpoints: Mapping[str, Endpoint], model_ids: Collection[str] | None
) -> None:
    """Raise `ConfigError` if two regions ask the same endpoint for the same model.

    Without `model_ids` these are the models that the regions' tables name, or any model where no table names one.
    """
    compared = {
        region_id: endpoint
        for region_id, endpoint in endpoints.items()
        if not ((configured := settings.regions.get(region_id)) and configured.same_endpoint)
    }
    named = {model_id for endpoint in compared.values() for model_id in endpoint.models}
    first: dict[object, Endpoint] = {}
    for model_id in sorted(named or {""}) if model_ids is None else model_ids:
        for region_id, endpoint in compared.items():
            asked = endpoint.of(model_id)
            if not asked.inference_url:
                continue
            other = first.setdefault((model_id, asked.identity(model_id)), asked)
            if other.region is not endpoint.region:
                raise ConfigError(
                    f"regions {other.region.label} and {endpoint.region.label} have the same inference URL,"
                    f" {asked.inference_url}{f', for {model_id}' if model_id else ''}: nothing would be compared",
                    hint=f"correct one of them; where it is meant, set regions.{region_id}.same_endpoint = true",
                )


def _refuse_clear_text(endpoint: Endpoint) -> None:
    direct = {host.strip("[]") for host in DIRECT_HOSTS}
    proxy = endpoint.access.way
    for url in endpoint.urls:
        parts = urlsplit(url)
        stays_here = parts.hostname in direct and (proxy is None or urlsplit(proxy).hostname in direct)
        if parts.scheme == "http" and not stays_here:
            named = endpoint.access.secrets_named
            what = f"the key in {named}" if named else "the proxy credentials"
            through = "" if parts.hostname not in direct else " through a proxy on another machine"
            raise ConfigError(
                f"{what} would be sent unencrypted to {parts.hostname}{through} ({endpoint.region.label})",
                hint=f"use https (or {', '.join(DIRECT_HOSTS)}), or "
                + ("remove the key from beacon.toml" if named else "unset BEACON_PROXY_KEY and BEACON_PROXY_SECRET"),
            )
