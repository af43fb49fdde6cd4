"""Verifies all regions at the same time: reads what they serve, compares it, and asks each model on request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.client import Client, open_client, open_clients
from beacon_cli.settings import Settings
from beacon_cli.signals import run_interruptible
from beacon_cli.verification.compare import Comparison, compare
from beacon_cli.verification.fetch import Fetched, fetch
from beacon_cli.verification.findings import Finding, Target, finding, fitted_elsewhere
from beacon_cli.verification.installed import with_other_images
from beacon_cli.verification.named_models import verify_named
from beacon_cli.verification.openness import OPENNESS_SECONDS, is_on_modal, open_functions
from beacon_cli.verification.probe import probe_models
from beacon_cli.verification.reading import Reading
from beacon_cli.verification.report import Probe, RegionReport, VerifyReport
from beacon_cli.waiting import Waiting
from modal_deployment.registry import Model

NOTIFY_EVERY_SECONDS = 15.0
_CALLS = 3  # to one region at the same time: `models`, `health`, and one probe


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
    waiting = Waiting(notify, notify_every)
    verification = _Verification(settings, expected, probe, timeout, target, waiting, notify)
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
    notify: Callable[[str], None]

    async def of(self, endpoints: Mapping[str, Endpoint]) -> VerifyReport:
        opened = open_clients(
            self.settings.proxy_headers(),
            endpoints,
            vocabulary=self.settings.vocabulary,
            connect_timeout=self.settings.limits.connect_timeout,
            caps=dict.fromkeys(endpoints, _CALLS),
            notify=self.notify,
        )
        async with opened as clients, self.waiting.reported():
            reports = await asyncio.gather(
                *(self._region(endpoint, clients[region_id]) for region_id, endpoint in endpoints.items())
            )
        by_region = dict(zip(endpoints, reports, strict=True))
        return VerifyReport(self.target, self.probe, with_other_images(by_region, self.target))

    async def _region(self, endpoint: Endpoint, client: Client) -> RegionReport:
        """Verify a region, with the models that it is asked for in another way than the rest."""
        own, others = self._expected(endpoint)
        checks = []
        if own or not others:
            checks.append(_RegionCheck(self, endpoint, client, own).report())
        if others:
            checks.append(self._named(endpoint, client, others))
        first, *more = await asyncio.gather(*checks)
        return first.joined(more[0]) if more else first

    async def _named(self, endpoint: Endpoint, client: Client, model_ids: Sequence[str]) -> RegionReport:
        return await verify_named(
            client,
            endpoint,
            model_ids,
            regions=self.settings.vocabulary.regions,
            probe=self.probe,
            timeout=self.timeout,
            waiting=self.waiting,
        )

    def _expected(self, endpoint: Endpoint) -> tuple[dict[str, Model], list[str]]:
        """Return what a region should serve as one of Beacon's own kind, and the models that have other endpoints.

        A region of OpenAI's API, or without URLs of its own, serves what its table of models names; without a table,
        what is expected anywhere.
        """
        serves_all = endpoint.inference_url and (endpoint.api == "beacon" or not endpoint.models)
        model_ids = dict.fromkeys((*(self.expected if serves_all else ()), *endpoint.models))
        there = (endpoint.models_url, "beacon")
        own = {
            model_id: self.expected[model_id]
            for model_id in model_ids
            if model_id in self.expected and (endpoint.of(model_id).models_url, endpoint.of(model_id).api) == there
        }
        return own, [model_id for model_id in model_ids if model_id not in own]


@dataclass(frozen=True, slots=True)
class _RegionCheck:
    """The verification of one region as an endpoint of Beacon's own kind, which serves the models of a registry."""

    common: _Verification
    endpoint: Endpoint
    client: Client
    expected: Mapping[str, Model]

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
        comparison = Comparison() if listing is None else compare(listing, self.expected, target)
        probes, doubts = await self._probes(comparison)
        findings = [finding(code, message, target) for code, message in reading.deviations()]
        findings += [*comparison.findings, *await self._openness(reading), *doubts]
        if self._is_elsewhere:
            findings = [fitted_elsewhere(each, self.endpoint.region.id) for each in findings]
        return _region_report(reading, comparison, probes, findings, tuple(self.expected))

    @property
    def _is_elsewhere(self) -> bool:
        """Whether the region has a `base_url` of its own that is not on Modal."""
        configured = self.common.settings.regions.get(self.endpoint.region.id)
        own = self.common.target == "modal" and configured is not None and configured.base_url is not None
        return own and not is_on_modal(self.endpoint)

    async def _read(self, function: str, url: str) -> Fetched:
        timeout = self.common.timeout
        with self.common.waiting.on(f"{self.endpoint.region.label} {function}", timeout) as note:
            return await fetch(self.client, url, timeout, note)

    async def _probes(self, comparison: Comparison) -> tuple[dict[str, Probe], list[Finding]]:
        served = [model_id for model_id in self.expected if model_id in comparison.served]
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
        if not self.endpoint.access.sends_secrets(self.common.settings.proxy_headers()):
            if not is_on_modal(self.endpoint):
                return []
            message = "it answers without credentials, and none are configured"
            return [finding("open_endpoint", message, self.common.target, "warn")]
        with self.common.waiting.on(f"{self.endpoint.region.label} without credentials", OPENNESS_SECONDS):
            let_in = await self._let_in()
        if not let_in:
            return []
        message = f"{', '.join(let_in)}: requests without credentials are answered, although credentials are configured"
        return [finding("open_endpoint", message, self.common.target)]

    async def _let_in(self) -> list[str]:
        """Return the functions that answer a stranger, who comes the same way."""
        limits = self.common.settings.limits
        stranger = open_client(
            {},
            [self.endpoint],
            vocabulary=self.common.settings.vocabulary,
            connect_timeout=limits.connect_timeout,
            max_in_flight=_CALLS,
            proxy=self.endpoint.access.named_proxy(),
        )
        async with stranger as client:
            return await open_functions(client, self.endpoint, inference=self.common.probe)


def _region_report(
    reading: Reading,
    comparison: Comparison,
    probes: dict[str, Probe],
    findings: list[Finding],
    expected: tuple[str, ...],
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
        lock_sha256=reading.lock_sha256,
        says_region=reading.says_region,
        version=reading.health_text("version"),
        container_id=reading.health_text("container_id"),
        latency_seconds=reading.latency_seconds,
        cold_start_seconds=reading.cold_start_seconds,
        hops=reading.models.hops + reading.health.hops,
        probes=probes,
        findings=tuple(findings),
        expected=expected,
    )
