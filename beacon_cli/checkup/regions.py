"""The endpoints: each reachable, with credentials that it accepts, and a clock that agrees with ours.

Only lists of models are read, which costs nothing and wakes no GPU.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any

from beacon_cli.checkup.condition import Condition, failure
from beacon_cli.checkup.database import CLOCK_HINT
from beacon_cli.clocks import clock_problem, seconds_ahead
from beacon_cli.console.program_name import command
from beacon_cli.endpoints.configured import Endpoint, configured_endpoints, regions_with_endpoints
from beacon_cli.endpoints.recorded import recorded_endpoints
from beacon_cli.errors import BeaconError, ConfigError, NoEndpoint
from beacon_cli.executor.answer import Reply
from beacon_cli.executor.client import Client, open_clients
from beacon_cli.executor.listing import listing_document
from beacon_cli.network.proxies import route
from beacon_cli.settings import Settings
from beacon_cli.verification.fetch import Fetched, fetch
from beacon_cli.verification.findings import finding_at
from beacon_cli.verification.named_models import list_document

ANSWER_SECONDS = 10.0
"""How long an endpoint may take."""

_CONNECT_SECONDS = 5.0
_AT_ONCE = 4


def usable_endpoints(settings: Settings) -> tuple[dict[str, Endpoint], list[Condition]]:
    """Return the endpoints by region id, and what is wrong with how the others are configured."""
    recorded = recorded_endpoints(settings)
    found: dict[str, Endpoint] = {}
    wrong: list[Condition] = []
    missing: list[NoEndpoint] = []
    for region in regions_with_endpoints(settings, recorded):
        try:
            found |= configured_endpoints(settings, [region], recorded)
        except NoEndpoint as error:
            missing.append(error)
        except ConfigError as error:
            wrong.append(failure(f"endpoint.{region.id}", error))
    try:
        configured_endpoints(settings, [endpoint.region for endpoint in found.values()], recorded)
    except ConfigError as error:  # two regions ask the same endpoint
        wrong.append(failure("endpoints", error))
    if missing and (found or wrong):
        wrong += [Condition("endpoints", "warning", error.message, error.hint) for error in missing]
    elif missing:
        wrong.append(Condition("endpoints", "skipped", "none is configured", missing[0].hint))
    return found, wrong


def look_at_endpoints(settings: Settings) -> list[Condition]:
    """Return how each endpoint is; all are asked at the same time, each for at most `ANSWER_SECONDS`."""
    endpoints, wrong = usable_endpoints(settings)
    return [*asyncio.run(_all(settings, endpoints)), *wrong]


async def _all(settings: Settings, endpoints: dict[str, Endpoint]) -> list[Condition]:
    found = await asyncio.gather(*(_region(settings, endpoint) for endpoint in endpoints.values()))
    return [condition for conditions in found for condition in conditions]


async def _region(settings: Settings, endpoint: Endpoint) -> list[Condition]:
    """Return how the endpoint of a region is, and those of models in it that are asked elsewhere."""
    opened = open_clients(
        settings.proxy_headers(),
        {endpoint.region.id: endpoint},
        vocabulary=settings.vocabulary,
        connect_timeout=min(settings.limits.connect_timeout, _CONNECT_SECONDS),
        caps={endpoint.region.id: _AT_ONCE},
        notify=lambda _: None,
    )
    try:
        async with opened as clients:
            client = clients[endpoint.region.id]
            return await asyncio.gather(*(look.condition() for look in _looks(settings, endpoint, client)))
    except BeaconError as error:
        return [failure(f"endpoint.{endpoint.region.id}", error)]


def _looks(settings: Settings, endpoint: Endpoint, client: Client) -> Iterator[_Look]:
    """Yield a look at each list of models, once for each way to it."""
    seen: set[object] = set()
    name = f"endpoint.{endpoint.region.id}"
    asked = [("", endpoint)] if endpoint.inference_url else []
    for model_id, each in (*asked, *endpoint.models.items()):
        way = (each.models_url, each.access)
        if way not in seen:
            seen.add(way)
            own = client.of(model_id) if model_id else client
            secret = each.access.sends_secrets(settings.proxy_headers())
            yield _Look(f"{name}.{model_id}" if model_id and endpoint.inference_url else name, each, own, secret)


@dataclass(slots=True)
class _Look:
    """Reads a list of models once, with what its headers say of the time."""

    name: str
    endpoint: Endpoint
    client: Client
    sends_secret: bool
    ahead: float | None = field(default=None, init=False)

    async def condition(self) -> Condition:
        began = time.time()

        def read(reply: Reply) -> dict[str, Any]:
            self.ahead = _seconds_ahead(reply, began)
            return (list_document if self.endpoint.api == "openai" else listing_document)(reply)

        return self._judged(await fetch(self.client, self.endpoint.models_url, ANSWER_SECONDS, lambda _: None, read))

    def _judged(self, got: Fetched) -> Condition:
        url = self.endpoint.models_url
        if got.problem is not None and got.problem.code == "no_answer":
            hint = f"a cold region takes longer: {command('verify endpoints')} waits for it"
            return Condition(self.name, "warning", got.problem.message, hint)
        if got.problem is not None:
            found = finding_at(self.endpoint, got.problem.code, got.problem.message, "modal")
            return Condition(self.name, "failed" if found.severity == "fail" else "warning", found.message, found.hint)
        way = route(url, self.client.proxy)
        through = "" if way == "directly" else f" {way}"
        accepted = "the credentials are accepted" if self.sends_secret else "no credentials are sent"
        what = f"{url} answers{through} in {got.latency_seconds or 0:.2f} s; {accepted}"
        if (problem := clock_problem(self.ahead or 0.0, "this endpoint's")) is not None:
            return Condition(self.name, "warning", f"{what}; {problem}", CLOCK_HINT)
        return Condition(self.name, "ok", what)


def _seconds_ahead(reply: Reply, began: float) -> float | None:
    """Return by how much this machine's clock is ahead of the one that dated a reply; None if it has no usable date.

    A cache says in `Age` for how many seconds it kept the reply: https://www.rfc-editor.org/rfc/rfc9111#name-age
    """
    try:
        dated = parsedate_to_datetime(reply.headers.get("date", "")).timestamp()
        age = int(reply.headers.get("age", "0"))
    except (ValueError, OverflowError):
        return None
    return seconds_ahead(began, dated + age, time.time())
