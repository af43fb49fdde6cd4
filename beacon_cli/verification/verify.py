"""Verifies all regions at the same time: reads what they serve, compares it, and asks each model on request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.client import Client, log_routes, open_client
from beacon_cli.settings import Settings
from beacon_cli.signals import run_interruptible
from beacon_cli.verification.compare import Comparison, compare
from beacon_cli.verification.fetch import Fetched, fetch
from beacon_cli.verification.findings import Finding, Target, finding
from beacon_cli.verification.openness import OPENNESS_SECONDS, is_on_modal, open_functions
from beacon_cli.verification.probe import probe_models
from beacon_cli.verification.reading import Reading
from beacon_cli.verification.report import Probe, RegionReport, VerifyReport
from beacon_cli.waiting import Waiting
from modal_deployment.registry import Model

NOTIFY_EVERY_SECONDS = 15.0


def verify_endpoints(
    settings: Settings,
    endpoints: Mapping[str, Endpoint],
    *,
    expected: Mapping[str, Model],
    probe: bool,
    timeout: float,
    notify: Callable[[str], None],
    target: Target = "modal",
    notify_every: float = NOTIFY_EVERY_SECONDS,
) -> VerifyReport:
    """Verify endpoints (by region id) against a registry, all at the same time, and return the report.

    Reading a region takes at most `timeout` seconds, asking it without credentials `OPENNESS_SECONDS`, and each probe
    `timeout`. `notify` gets a progress line every `notify_every` seconds while something is waited for. Problems of the
    endpoints are in the report. Raises `Interrupted`, on a signal, and `EnvironmentFault` when certificates or a proxy
    that the environment names cannot be used.
    """
    verification = _Verification(settings, expected, probe, timeout, target, Waiting(notify, notify_every))
    return run_interruptible(lambda: verification.of(endpoints))


@dataclass(frozen=True, slots=True)
class _Verification:
    """The parts that are the same for all regions."""

    settings: Settings
    expected: Mapping[str, Model]
    probe: bool
    timeout: float
    target: Target
    waiting: Waiting

    async def of(self, endpoints: Mapping[str, Endpoint]) -> VerifyReport:
        open_one = partial(
            open_client,
            endpoints=endpoints.values(),
            vocabulary=self.settings.vocabulary,
            connect_timeout=self.settings.limits.connect_timeout,
            max_in_flight=3 * len(endpoints),
        )
        log_routes(endpoints.values())
        async with (
            open_one(self.settings.proxy_headers()) as client,
            open_one({}) as anonymous,
            self.waiting.reported(),
        ):
            reports = await asyncio.gather(
                *(_RegionCheck(self, endpoint, client, anonymous).report() for endpoint in endpoints.values())
            )
        return VerifyReport(self.target, self.probe, tuple(self.expected), dict(zip(endpoints, reports, strict=True)))


@dataclass(frozen=True, slots=True)
class _RegionCheck:
    """The verification of one region."""

    common: _Verification
    endpoint: Endpoint
    client: Client
    anonymous: Client

    async def report(self) -> RegionReport:
        """Read, compare, and ask."""
        reading = Reading(
            self.endpoint.region,
            self.common.settings.vocabulary.regions,
            *await asyncio.gather(
                self._read("models", self.endpoint.models_url), self._read("health", self.endpoint.health_url)
            ),
        )
        target, listing = self.common.target, reading.listing
        comparison = Comparison() if listing is None else compare(listing, self.common.expected, target)
        probes, doubts = await self._probes(comparison)
        findings = [finding(code, message, target) for code, message in reading.deviations()]
        findings += [*comparison.findings, *await self._openness(reading), *doubts]
        return _region_report(reading, comparison, probes, findings)

    async def _read(self, function: str, url: str) -> Fetched:
        timeout = self.common.timeout
        with self.common.waiting.on(f"{self.endpoint.region.label} {function}", timeout) as note:
            return await fetch(self.client, url, timeout, note)

    async def _probes(self, comparison: Comparison) -> tuple[dict[str, Probe], list[Finding]]:
        served = [model_id for model_id in self.common.expected if model_id in comparison.served]
        return await probe_models(
            self.client,
            self.endpoint,
            served if self.common.probe else (),
            target=self.common.target,
            regions=self.common.settings.vocabulary.regions,
            timeout=self.common.timeout,
            waiting=self.common.waiting,
        )

    async def _openness(self, reading: Reading) -> list[Finding]:
        """Judge whether strangers have access; reported only if something answered that could let them in."""
        if reading.models.document is None and reading.health.document is None:
            return []
        if not self.common.settings.proxy_headers():
            if not is_on_modal(self.endpoint):
                return []
            message = "it answers without credentials, and none are configured"
            return [finding("open_endpoint", message, self.common.target, "warn")]
        with self.common.waiting.on(f"{self.endpoint.region.label} without credentials", OPENNESS_SECONDS):
            let_in = await open_functions(self.anonymous, self.endpoint, inference=self.common.probe)
        if not let_in:
            return []
        message = f"{', '.join(let_in)}: requests without credentials are answered, although credentials are configured"
        return [finding("open_endpoint", message, self.common.target)]


def _region_report(
    reading: Reading, comparison: Comparison, probes: dict[str, Probe], findings: list[Finding]
) -> RegionReport:
    return RegionReport(
        region=reading.region,
        reachable=reading.reachable,
        source=reading.source,
        models_served=comparison.served,
        missing=comparison.missing,
        extra=comparison.extra,
        renamed=comparison.renamed,
        registry_sha256=comparison.sha256,
        hash_matches=comparison.hash_matches,
        says_region=reading.says_region,
        version=reading.health_text("version"),
        container_id=reading.health_text("container_id"),
        latency_seconds=reading.latency_seconds,
        cold_start_seconds=reading.cold_start_seconds,
        hops=reading.models.hops + reading.health.hops,
        probes=probes,
        findings=tuple(findings),
    )
