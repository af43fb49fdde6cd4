"""Asks each model one tiny question: the only proof that a region can answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from beacon_cli.console.printable import excerpt
from beacon_cli.door import bounded
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.answer import Answer
from beacon_cli.executor.apis import APIS
from beacon_cli.executor.client import Client
from beacon_cli.executor.exchange import ask
from beacon_cli.executor.failures import LONGEST_OWN_WAIT_SECONDS, AttemptError
from beacon_cli.job.lanes import Lane
from beacon_cli.region_settings import Api
from beacon_cli.verification.findings import Finding, Target, code_of_failure, finding_at
from beacon_cli.verification.report import Probe
from beacon_cli.waiting import Note, Waiting
from modal_deployment.regions import Regions

QUESTION = "What is 2+2?"
# Some models of commercial APIs take no temperature but their own.
_GENERATION: Mapping[Api, Mapping[str, Any]] = {
    "beacon": {"max_tokens": 8, "temperature": 0},
    "openai": {"max_tokens": 16},
}
_ATTEMPTS = 3
_PAUSE_SECONDS = 0.5


async def probe_models(
    client: Client,
    endpoint: Endpoint,
    model_ids: Iterable[str],
    *,
    target: Target,
    regions: Regions,
    timeout: float,
    waiting: Waiting,
) -> tuple[dict[str, Probe], list[Finding]]:
    """Ask the models one after another, each within `timeout` seconds, and return the results by model id."""
    probes: dict[str, Probe] = {}
    findings: list[Finding] = []
    for model_id in model_ids:
        with waiting.on(f"{endpoint.region.label} {model_id}", timeout) as note:
            lane = Lane(model_id, endpoint.region)
            probing = _Probing(client.of(model_id), endpoint.of(model_id), lane, regions, note)
            probe, found = await probing.run(timeout)
        probes[model_id] = probe
        findings += [finding_at(endpoint.of(model_id), code, message, target) for code, message in found]
    return probes, findings


def tiny_question(endpoint: Endpoint, model_id: str) -> dict[str, Any]:
    """Return the body of the request with which a model is probed; the endpoint is that of the model."""
    return APIS[endpoint.api].body(endpoint, model_id, QUESTION, None, _GENERATION[endpoint.api])


class _Probing:
    """The probe of one model."""

    def __init__(self, client: Client, endpoint: Endpoint, lane: Lane, regions: Regions, note: Note) -> None:
        self._client = client
        self._endpoint = endpoint
        self._lane = lane
        self._regions = regions
        self._note = note
        self._hops = 0
        self._started = time.monotonic()

    async def run(self, timeout: float) -> tuple[Probe, list[tuple[str, str]]]:
        """Return the probe, and its findings as pairs of code and message."""
        try:
            async with asyncio.timeout(timeout):
                answer = await self._answer()
        except TimeoutError:
            error = AttemptError("answer_timeout", f"no complete answer in {timeout:g} s", timed_out=True)
            return self._failed(error)
        except AttemptError as error:
            return self._failed(error)
        if answer.status == "blocked" and answer.why is not None:
            return self._failed(AttemptError(answer.why.code, answer.why.message, raw=dict(answer.output)))
        reported = answer.output.get("region") if self._endpoint.api == "beacon" else answer.claims.effective_region
        probe = self._probe(reported, answer.container_id, answer.container_region, None)
        probe = replace(probe, model_revision=text(answer.claims.model_revision))
        return probe, list(self._doubts(answer) if self._endpoint.api == "beacon" else self._doubts_of_others(answer))

    async def _answer(self) -> Answer:
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._ask()
            except AttemptError as error:
                if not error.retriable:
                    raise
                self._note(error.message)
                await asyncio.sleep(min(error.retry_after or _PAUSE_SECONDS, LONGEST_OWN_WAIT_SECONDS))
        return await self._ask()

    async def _ask(self) -> Answer:
        body = tiny_question(self._endpoint, self._lane.model_id)
        return await ask(self._client, self._endpoint, self._lane, body, self._hop)

    def _hop(self, _call_id: str | None) -> None:
        self._hops += 1
        self._note(f"HTTP 303, hop {self._hops}")

    def _doubts(self, answer: Answer) -> Iterable[tuple[str, str]]:
        model_id, ran_in = self._lane.model_id, answer.container_region
        if self._regions.of_container(ran_in) is None:
            place = f"{excerpt(ran_in)}, which is in no known region" if ran_in else "not reported"
            yield "container_region_unknown", f"where {model_id} really ran is {place}"
        if answer.status == "empty":
            yield "empty_answer", f"{model_id} answered without text"

    def _doubts_of_others(self, answer: Answer) -> Iterable[tuple[str, str]]:
        """Yield the same of an endpoint that promises nothing; a model that thinks may spend all its tokens on that."""
        says, region = answer.claims.effective_region, self._lane.region
        named = self._regions.or_none(says)
        if says is not None and named is None:
            yield "container_region_unknown", f"where {self._lane.model_id} answered is {excerpt(says)}"
        elif named not in {None, region}:
            yield "region_mismatch", f"asked {region.label}, but {self._lane.model_id} answered from {says}"
        if answer.status == "empty" and answer.claims.finish_reason != "length":
            yield "empty_answer", f"{self._lane.model_id} answered without text"

    def _failed(self, error: AttemptError) -> tuple[Probe, list[tuple[str, str]]]:
        raw = error.raw or {}
        probe = self._probe(raw.get("region"), raw.get("container_id"), raw.get("container_region"), error.code)
        return probe, [(code_of_failure(error.code), f"{self._lane.model_id}: {error.message} ({error.code})")]

    def _probe(self, region: object, container_id: object, container_region: object, error: str | None) -> Probe:
        return Probe(
            ok=error is None,
            region=text(region),
            container_id=text(container_id),
            container_region=text(container_region),
            latency_seconds=time.monotonic() - self._started,
            hops=self._hops,
            error=error,
        )


def text(value: object) -> str | None:
    """Return a value of an answer, bounded, if it is text."""
    return bounded(value) if isinstance(value, str) else None
