"""The regions that are known, what names stand for them, and where each is asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from beacon_cli.endpoints.configured import Endpoint, configured_endpoints
from beacon_cli.endpoints.environment import environment_name
from beacon_cli.endpoints.recorded import recorded_apps, recorded_endpoints
from beacon_cli.errors import ConfigError
from beacon_cli.known.known_models import BUILT_IN, CONFIGURED
from beacon_cli.region_settings import RegionSettings
from beacon_cli.settings import Settings
from modal_deployment.regions import BUILT_IN_REGIONS, Region
from modal_deployment.registry import registry_sha256


@dataclass(frozen=True, slots=True)
class KnownRegion:
    """A region; `origins` are where it is described, as for a model.

    `deploy` says that it is one of `modal.regions`. `deployed_at` is when this machine deployed it last (ISO 8601), and
    `current` whether just what `modal.models` says now; None if it never did. `registry_sha256` is the hash of what it
    deployed, and None after a rollback: what is served then is not known here. `endpoint` is where questions are sent,
    and None if that is not known, for the reason `problem`; `inference_urls` are those of models that are asked
    elsewhere.
    """

    region: Region
    origins: tuple[str, ...]
    api: str
    deploy: bool
    deployed_at: str | None
    current: bool | None
    registry_sha256: str | None
    endpoint: str | None
    inference_urls: Mapping[str, str]
    problem: str | None

    def as_data(self) -> dict[str, Any]:
        """Return it as in the JSON document."""
        return {
            "id": self.region.id,
            "label": self.region.label,
            "place": self.region.place,
            "modal_region": self.region.modal_region,
            "aliases": sorted(self.region.aliases),
            "container_prefixes": sorted(self.region.container_prefixes),
            "from": list(self.origins),
            "api": self.api,
            "deploy": self.deploy,
            "deployed_at": self.deployed_at,
            "current": self.current,
            "registry_sha256": self.registry_sha256,
            "endpoint": self.endpoint,
            "inference_urls": dict(self.inference_urls),
            "problem": self.problem,
        }


def known_regions(settings: Settings) -> list[KnownRegion]:
    """Return every region that is known, without asking anybody."""
    vocabulary = settings.vocabulary
    apps = recorded_apps(settings, environment_name(settings))
    wanted = registry_sha256(vocabulary.deployed)
    built_in = {region.id for region in BUILT_IN_REGIONS}
    found = []
    for region in vocabulary.regions.values():
        endpoint, problem = _endpoint(settings, region)
        origins = ((BUILT_IN, region.id in built_in), (CONFIGURED, region.id in settings.regions))
        entry = apps.get(region.id)
        sha256 = None if entry is None else entry.get("registry_sha256")
        found.append(
            KnownRegion(
                region=region,
                origins=tuple(origin for origin, holds in origins if holds),
                api=settings.regions.get(region.id, RegionSettings()).api or "beacon",
                deploy=region in vocabulary.deployed_regions,
                deployed_at=None if entry is None else str(entry.get("deployed_at")),
                current=None if entry is None else sha256 == wanted,
                registry_sha256=sha256,
                endpoint=None if endpoint is None else endpoint.inference_url or None,
                inference_urls={} if endpoint is None else _inference_urls(endpoint),
                problem=problem,
            )
        )
    return found


def _inference_urls(endpoint: Endpoint) -> dict[str, str]:
    elsewhere = (item for item in endpoint.models.items() if item[1].inference_url != endpoint.inference_url)
    return {model_id: each.inference_url for model_id, each in elsewhere}


def _endpoint(settings: Settings, region: Region) -> tuple[Endpoint | None, str | None]:
    """Return where a region is asked, or why that is not known."""
    try:
        found = configured_endpoints(settings, [region], recorded_endpoints(settings))
    except ConfigError as error:
        return None, error.message
    return found[region.id], None
