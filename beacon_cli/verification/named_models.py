"""Verifies the models of a region that are asked by OpenAI's API, each under the name that it has there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beacon_cli.console.printable import excerpt
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.answer import Reply, read_object, status_error
from beacon_cli.executor.blocks import BLOCKS
from beacon_cli.executor.client import Client
from beacon_cli.executor.listing import Listing, read_listing
from beacon_cli.verification.fetch import Fetched, fetch
from beacon_cli.verification.findings import Finding, finding_at
from beacon_cli.verification.probe import probe_models
from beacon_cli.verification.report import Probe, RegionReport
from beacon_cli.waiting import Waiting
from modal_deployment.regions import Regions

# Of an endpoint that has no list of models, or does not show it to this key: a key may be allowed to ask only.
_NO_LIST = frozenset({403, 404, 405, 501})
_UNANSWERED = frozenset({"unreachable", "no_answer", "tls_failed", "proxy_refused"})
# What a question would meet as well as the list did.
_IN_THE_WAY = frozenset({*_UNANSWERED, "unauthorized", "blocked_here", "no_credit"})
_NAMED = 5  # of the models that are listed, in one message


@dataclass(frozen=True, slots=True)
class _List:
    """A list of models: who has it, the names that it should hold by model id, and what came of reading it."""

    endpoint: Endpoint
    names: Mapping[str, str]
    fetched: Fetched

    @property
    def listing(self) -> Listing | None:
        return None if self.fetched.document is None else read_listing(self.fetched.document)

    @property
    def problem(self) -> tuple[str, str] | None:
        """The code of a finding and its message, if nothing could be read."""
        if self.fetched.problem is not None:
            return self.fetched.problem.code, self.fetched.problem.message
        if self.listing is None:
            return "models_unlisted", f"{self.endpoint.models_url} answers without a list of models"
        return None

    @property
    def missing(self) -> tuple[str, ...]:
        """The ids of the models whose names are not listed."""
        listed = self.listing.ids if self.listing is not None else (*self.names.values(),)
        return tuple(model_id for model_id, name in self.names.items() if name not in listed)


async def verify_named(
    client: Client,
    endpoint: Endpoint,
    model_ids: Sequence[str],
    *,
    regions: Regions,
    probe: bool,
    timeout: float,
    waiting: Waiting,
) -> RegionReport:
    """Look for the names of these models in what the region lists, and with `probe` ask each of them.

    Each list is read once. Each request has `timeout` seconds.
    """
    lists = await asyncio.gather(*_reading(client, endpoint, model_ids, timeout, waiting))
    askable = [
        model_id
        for each in lists
        if each.problem is None or each.problem[0] not in _IN_THE_WAY
        for model_id in each.names
    ]
    probes, doubts = await probe_models(
        client, endpoint, askable if probe else (), target="modal", regions=regions, timeout=timeout, waiting=waiting
    )
    found = [finding for each in lists for finding in _findings(each, probes)]
    return _report(endpoint, model_ids, lists, probes, (*found, *doubts))


def _reading(
    client: Client, endpoint: Endpoint, model_ids: Sequence[str], timeout: float, waiting: Waiting
) -> Iterator[Awaitable[_List]]:
    """Yield the reading of each list that these models should be in."""
    names: dict[tuple[str, Client], dict[str, str]] = {}
    for model_id in model_ids:
        way = endpoint.of(model_id).models_url, client.of(model_id)
        names.setdefault(way, {})[model_id] = endpoint.of(model_id).name or model_id
    for wanted in names.values():
        first = next(iter(wanted))
        yield _read(client.of(first), endpoint.of(first), wanted, timeout, waiting)


async def _read(
    client: Client, endpoint: Endpoint, names: Mapping[str, str], timeout: float, waiting: Waiting
) -> _List:
    with waiting.on(f"{endpoint.region.label} list of {', '.join(names.values())}", timeout) as note:
        return _List(endpoint, names, await fetch(client, endpoint.models_url, timeout, note, list_document))


def list_document(reply: Reply) -> dict[str, Any]:
    """Return the JSON object of a list of models. Raises `AttemptError`: its code is `models_unlisted` for no list."""
    if reply.status == 200:
        return read_object(reply)
    error = status_error(reply)
    if reply.status in _NO_LIST and error.code not in BLOCKS:
        error.code = "models_unlisted"
    raise error


def _findings(read: _List, probes: Mapping[str, Probe]) -> Iterator[Finding]:
    answered = {model_id for model_id in read.names if model_id in probes and probes[model_id].ok}
    if read.problem is not None and not (read.problem[0] == "models_unlisted" and answered == {*read.names}):
        yield finding_at(read.endpoint, *read.problem, "modal")
    for model_id in read.missing:
        name = read.names[model_id]
        known_as = f" (as {name})" if name != model_id else ""
        message = f"not listed: {model_id}{known_as}; it lists {_listed(read.listing)}"
        yield finding_at(read.endpoint, "missing_model", message, "modal", "warn" if model_id in answered else None)


def _listed(listing: Listing | None) -> str:
    ids = () if listing is None else listing.ids
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return (", ".join(map(excerpt, ids[:_NAMED])) or "nothing") + more


def _report(
    endpoint: Endpoint,
    model_ids: Sequence[str],
    lists: Sequence[_List],
    probes: Mapping[str, Probe],
    findings: tuple[Finding, ...],
) -> RegionReport:
    listings = [each.listing for each in lists if each.listing is not None]
    fetched = [each.fetched for each in lists]
    answered = any(got.problem is None or got.problem.code not in _UNANSWERED for got in fetched)
    return RegionReport(
        region=endpoint.region,
        reachable=answered,
        source="models" if listings else None,
        models_served=tuple(dict.fromkeys(name for listing in listings for name in listing.ids)),
        missing=tuple(model_id for each in lists for model_id in each.missing),
        extra=(),
        renamed={},
        registry_sha256=None,
        hash_matches=None,
        lock_sha256=None,
        says_region=next((probe.region for probe in probes.values() if probe.region), None),
        version=None,
        container_id=None,
        latency_seconds=max((got.latency_seconds for got in fetched if got.latency_seconds is not None), default=None),
        cold_start_seconds=max((got.cold_start_seconds or 0 for got in fetched), default=0) or None,
        hops=0,
        probes=probes,
        findings=findings,
        expected=tuple(model_ids),
        api="openai",
    )
