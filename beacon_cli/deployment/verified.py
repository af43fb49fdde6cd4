"""Records which version of an app a verification was about, and what it found, so that there is a way back to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping

from beacon_cli.deployment.credentials import has_credentials
from beacon_cli.deployment.production import Production, what_serves
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.endpoints.environment import environment_name
from beacon_cli.endpoints.versions import AppVersions, known_versions, record_versions
from beacon_cli.errors import EnvironmentFault
from beacon_cli.settings import Settings
from beacon_cli.signals import run_interruptible
from beacon_cli.verification.countdown import countdown
from beacon_cli.verification.report import RegionReport, VerifyReport
from beacon_cli.verification.request import Requested, verify_requested
from beacon_cli.waiting import Waiting
from modal_deployment.contents import app_name
from modal_deployment.registry import registry_sha256

_LOGGER = logging.getLogger(__name__)
_SECONDS = 10.0


def verify_and_record(requested: Requested, settings: Settings) -> VerifyReport:
    """Verify what was requested; record the outcome for the versions that served meanwhile, if Modal tells them.

    Modal is asked only with credentials, and only about regions that are its own: that adds some seconds, and at most
    `_SECONDS`, twice.
    """
    environment = environment_name(settings)
    names = _app_names(requested.endpoints, settings) if requested.target == "modal" and has_credentials() else {}
    before = _what_serves(environment, names) if names else {}
    report = verify_requested(requested, settings)
    record_outcome(settings, environment, report, before, requested.endpoints, _LOGGER.info)
    return report


def record_outcome(
    settings: Settings,
    environment: str,
    report: VerifyReport,
    before: Mapping[str, Production],
    endpoints: Mapping[str, Endpoint],
    notify: Callable[[str], None],
) -> None:
    """Record what a verification found, for each region where the version of `before` still serves at these endpoints.

    It says something about a version only where the region serves what `beacon.toml` names. `notify` is told what could
    not be recorded.
    """
    expected = registry_sha256(settings.vocabulary.deployed)
    judged = {region_id: region.ok for region_id, region in report.regions.items() if _says_something(region)}
    of_it = {
        region_id: production
        for region_id, production in before.items()
        if region_id in judged and (production.urls or {}).get("inference") == endpoints[region_id].inference_url
    }
    if not of_it:
        return
    after = _what_serves(environment, _app_names(of_it, settings))
    known = known_versions(settings, environment)
    changed = {
        region_id: known.get(region_id, AppVersions())
        .of_app(production.app_id)
        .verified(production.version, ok=judged[region_id], registry_sha256=expected)
        for region_id, production in of_it.items()
        if after.get(region_id) == production
    }
    if missing := [report.regions[region_id].region.label for region_id in of_it if region_id not in changed]:
        notify(f"{', '.join(missing)}: the verification is not recorded: Modal did not say that the version stayed")
    try:
        if changed:
            record_versions(settings, environment, changed)
    except EnvironmentFault as error:
        notify(error.message)


def _says_something(report: RegionReport) -> bool:
    """Return whether a report is about the version that serves: what it lists is expected, or it cannot be compared."""
    return report.reachable and (report.hash_matches is True or (report.hash_matches is None and report.ok))


def _app_names(region_ids: Iterable[str], settings: Settings) -> dict[str, str]:
    """Return the names of the regions' apps on Modal by region id, without regions that have URLs of their own."""
    deployed = {region.id for region in settings.vocabulary.deployed_regions}
    own = {region_id for region_id in region_ids if settings.endpoint_of(region_id) is not None}
    return {region_id: app_name(region_id) for region_id in region_ids if region_id in deployed - own}


def _what_serves(environment: str, names: Mapping[str, str]) -> dict[str, Production]:
    """Return what serves by region id; of no region, if Modal does not say it."""

    async def asked(waiting: Waiting) -> dict[str, Production]:
        async with waiting.reported():
            with waiting.on("Modal, which version serves", _SECONDS):
                return await what_serves(environment, names.values(), timeout=_SECONDS)

    try:
        with countdown() as (notify, every):
            found = run_interruptible(lambda: asked(Waiting(notify, every)))
    except EnvironmentFault as error:
        _LOGGER.info("%s", error.message)
        return {}
    return {region_id: found[name] for region_id, name in names.items() if name in found}
