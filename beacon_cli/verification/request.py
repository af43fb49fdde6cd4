"""`beacon verify endpoints`, from its options to its report."""

from __future__ import annotations

from collections.abc import Iterable

from beacon_cli.endpoints.configured import Endpoint, configured_endpoints
from beacon_cli.endpoints.recorded import recorded_endpoints
from beacon_cli.errors import UsageError
from beacon_cli.settings import Settings
from beacon_cli.verification.countdown import countdown
from beacon_cli.verification.report import VerifyReport
from beacon_cli.verification.verify import verify_endpoints
from modal_deployment.regions import REGIONS, Region, UnknownRegionError, region_named
from modal_deployment.registry import REGISTRY


def verify_configured(
    settings: Settings, names: Iterable[str], *, local: bool, probe: bool, timeout: float
) -> VerifyReport:
    """Verify the named regions (none: all) of the configured endpoints, or of `beacon serve` on this machine.

    Raises `UsageError` for an unknown region, `ConfigError` for one that is not configured, and `Interrupted`.
    """
    regions = _regions(names)
    with countdown() as (notify, every):
        if local:
            from beacon_cli.local.models import local_registry

            endpoints, registry = _served_here(regions), local_registry(settings)
        else:
            endpoints, registry = configured_endpoints(settings, regions, recorded_endpoints(settings)), REGISTRY
        return verify_endpoints(
            settings,
            endpoints,
            expected=registry,
            probe=probe,
            timeout=timeout,
            notify=notify,
            target="local" if local else "modal",
            notify_every=every,
        )


def _regions(names: Iterable[str]) -> list[Region]:
    try:
        return list(dict.fromkeys(region_named(name) for name in names)) or list(REGIONS.values())
    except UnknownRegionError as error:
        raise UsageError(str(error)) from None


def _served_here(regions: Iterable[Region]) -> dict[str, Endpoint]:
    """Return the endpoints of `beacon serve` with its default ports."""
    from beacon_cli.local.foreground import chosen_ports

    ports = chosen_ports([region.id for region in regions], None, REGIONS)
    return {region_id: Endpoint.at(REGIONS[region_id], f"http://127.0.0.1:{port}") for region_id, port in ports.items()}
