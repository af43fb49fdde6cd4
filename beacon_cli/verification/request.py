"""`beacon verify endpoints`, from its options to its report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from beacon_cli.console.unknown_region import unknown_region
from beacon_cli.endpoints.configured import Endpoint, configured_endpoints, regions_with_endpoints
from beacon_cli.endpoints.recorded import recorded_endpoints
from beacon_cli.settings import Settings
from beacon_cli.verification.countdown import countdown
from beacon_cli.verification.findings import Target
from beacon_cli.verification.report import VerifyReport
from beacon_cli.verification.verify import verify_endpoints
from modal_deployment.regions import Region, UnknownRegionError
from modal_deployment.registry import Model


@dataclass(frozen=True, slots=True)
class Requested:
    """What is to be verified: endpoints by region id, the models that they should serve, and how.

    `named` are the regions that the command names, if it names any; `timeout` is in seconds.
    """

    endpoints: Mapping[str, Endpoint]
    expected: Mapping[str, Model]
    target: Target
    named: tuple[Region, ...]
    probe: bool
    timeout: float


def requested_verification(
    settings: Settings, names: Iterable[str], *, local: bool, probe: bool, timeout: float
) -> Requested:
    """Return the configured endpoints, or `beacon serve` on this machine: the named regions, or all with endpoints.

    Raises `UsageError` for an unknown region, and `ConfigError` for one that is not configured.
    """
    named = _named(names, settings)
    if local:
        from beacon_cli.local.models import local_registry

        endpoints, expected = _served_here(named, settings), local_registry(settings)
    else:
        recorded = recorded_endpoints(settings)
        regions = named or regions_with_endpoints(settings, recorded)
        endpoints, expected = configured_endpoints(settings, regions, recorded), settings.vocabulary.registry
    target: Target = "local" if local else "modal"
    return Requested(endpoints, expected, target, tuple(named), probe, timeout)


def verify_requested(requested: Requested, settings: Settings) -> VerifyReport:
    """Verify what was requested, and count the seconds on stderr. Raises `Interrupted`."""
    with countdown() as (notify, every):
        report = verify_endpoints(
            settings,
            requested.endpoints,
            expected=requested.expected,
            probe=requested.probe,
            timeout=requested.timeout,
            notify=notify,
            target=requested.target,
            notify_every=every,
        )
    return replace(report, named=requested.named)


def _named(names: Iterable[str], settings: Settings) -> list[Region]:
    try:
        return list(dict.fromkeys(map(settings.vocabulary.regions.named, names)))
    except UnknownRegionError as error:
        raise unknown_region(error) from None


def _served_here(regions: Iterable[Region], settings: Settings) -> dict[str, Endpoint]:
    """Return the endpoints of `beacon serve` with its default ports, of all regions if none is given."""
    from beacon_cli.local.foreground import chosen_ports

    known = settings.vocabulary.regions
    ports = chosen_ports([region.id for region in regions], None, known)
    return {region_id: Endpoint.at(known[region_id], f"http://127.0.0.1:{port}") for region_id, port in ports.items()}
