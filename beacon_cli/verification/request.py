"""`beacon verify endpoints`, from its options to its report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from beacon_cli.endpoints.configured import Endpoint, configured_endpoints, regions_with_endpoints
from beacon_cli.endpoints.recorded import recorded_endpoints
from beacon_cli.errors import UsageError
from beacon_cli.settings import Settings
from beacon_cli.verification.countdown import countdown
from beacon_cli.verification.report import VerifyReport
from beacon_cli.verification.verify import verify_endpoints
from modal_deployment.regions import Region, UnknownRegionError


def verify_configured(
    settings: Settings, names: Iterable[str], *, local: bool, probe: bool, timeout: float
) -> VerifyReport:
    """Verify the configured endpoints, or `beacon serve` on this machine: the named regions, or all with endpoints.

    Raises `UsageError` for an unknown region, `ConfigError` for one that is not configured, and `Interrupted`.
    """
    named = _named(names, settings)
    with countdown() as (notify, every):
        if local:
            from beacon_cli.local.models import local_registry

            endpoints, registry = _served_here(named, settings), local_registry(settings)
        else:
            recorded = recorded_endpoints(settings)
            regions = named or regions_with_endpoints(settings, recorded)
            endpoints = configured_endpoints(settings, regions, recorded)
            registry = settings.vocabulary.registry
        report = verify_endpoints(
            settings,
            endpoints,
            expected=registry,
            probe=probe,
            timeout=timeout,
            notify=notify,
            target="local" if local else "modal",
            notify_every=every,
        )
    return replace(report, named=tuple(named))


def _named(names: Iterable[str], settings: Settings) -> list[Region]:
    try:
        return list(dict.fromkeys(map(settings.vocabulary.regions.named, names)))
    except UnknownRegionError as error:
        raise UsageError(str(error)) from None


def _served_here(regions: Iterable[Region], settings: Settings) -> dict[str, Endpoint]:
    """Return the endpoints of `beacon serve` with its default ports, of all regions if none is given."""
    from beacon_cli.local.foreground import chosen_ports

    known = settings.vocabulary.regions
    ports = chosen_ports([region.id for region in regions], None, known)
    return {region_id: Endpoint.at(known[region_id], f"http://127.0.0.1:{port}") for region_id, port in ports.items()}
