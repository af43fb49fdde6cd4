"""The check that every region serves the models of the job, before the first question, and again after the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beacon_cli.console.program_name import command
from beacon_cli.door import bounded
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import CredentialsError, ModelNotServed
from beacon_cli.executor.client import Client
from beacon_cli.executor.exchange import get_object
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane
from beacon_cli.waiting import Waiting

FIRST_LOOK_SECONDS = 30.0
"""Seconds to wait for a region's list of models before the first question, for both functions together."""

SECOND_LOOK_SECONDS = 3.0
"""The same after the last question. Every answer is stored by then, so a region that does not answer is skipped."""

_SHARE_OF_MODELS = 2 / 3  # `health` is asked only where `models` is no use
_NOTIFY_EVERY_SECONDS = 15.0
_MOST_MODELS = 1000
_NAMED = 10


@dataclass(frozen=True, slots=True)
class Served:
    """What a region reports that it serves. An old deployment reports no hash and no `revisions` (by model id)."""

    models: tuple[str, ...]
    registry_sha256: str | None
    revisions: Mapping[str, str]

    @classmethod
    def listed_in(cls, document: Mapping[str, Any]) -> Served | None:
        """Return what a `models` or `health` answer lists, None if it lists nothing."""
        listed, sha256 = document.get("models_available"), document.get("registry_sha256")
        if not isinstance(listed, list):
            return None
        registry = document.get("model_registry")
        models = list(registry.items() if isinstance(registry, dict) else ())[:_MOST_MODELS]
        return cls(
            tuple(sorted(bounded(str(model)) for model in listed[:_MOST_MODELS])),
            bounded(sha256) if isinstance(sha256, str) else None,
            {
                bounded(model_id): bounded(str(model.get("revision")))
                for model_id, model in models
                if isinstance(model, dict)
            },
        )

    def difference(self, later: Served) -> str | None:
        """Describe how `later` differs from this; None if it does not."""
        if self.models != later.models:
            return f"it served {_listing(self.models)} at the start, and {_listing(later.models)} at the end"
        for model_id, revision in self.revisions.items():
            if (now := later.revisions.get(model_id, revision)) != revision:
                return f"{model_id} was revision {revision} at the start, and {now} at the end"
        if None not in (hashes := (self.registry_sha256, later.registry_sha256)) and hashes[0] != hashes[1]:
            return f"its registry was {hashes[0]} at the start, and {hashes[1]} at the end"
        return None


async def require_models(
    clients: Mapping[str, Client],
    endpoints: Mapping[str, Endpoint],
    lanes: Sequence[Lane],
    warn: Callable[[str], None],
) -> dict[str, Served]:
    """Read what each region serves and compare it with the job. It costs nothing: both are GETs on CPU.

    Returns what is served, by region id. A region whose `models` and `health` cannot be read is not included; it is
    asked anyway, with a warning. Raises `ModelNotServed`, or `CredentialsError` if an endpoint refuses the credentials.
    """
    regions = {lane.region.id: lane.region for lane in lanes}
    answers = await _look(clients, endpoints, list(regions), FIRST_LOOK_SECONDS, warn)
    served = {}
    for region, answer in zip(regions.values(), answers, strict=True):
        if isinstance(answer, Served):
            served[region.id] = answer
        elif answer.code == "unauthorized":
            raise CredentialsError(
                f"region {region.label} refuses the credentials ({answer.message})",
                hint="set BEACON_PROXY_KEY and BEACON_PROXY_SECRET to a live proxy token",
            )
        else:
            warn(f"cannot find out which models region {region.label} serves ({answer.message}); it is asked anyway")
    missing = [
        f"{lane.model_id} in {lane.region.label}"
        for lane in lanes
        if lane.region.id in served and lane.model_id not in served[lane.region.id].models
    ]
    if missing:
        raise ModelNotServed(
            f"not served: {', '.join(missing)}; nothing was asked",
            hint=f"{command('verify endpoints')} shows what each region serves;"
            " deploy the model, or remove it from the job",
        )
    return served


async def registry_changes(
    clients: Mapping[str, Client],
    endpoints: Mapping[str, Endpoint],
    before: Mapping[str, Served],
    notify: Callable[[str], None],
) -> dict[str, str]:
    """Read again what each region in `before` serves, and return the changes by region label.

    A region that does not answer is left out: if it could not be read, it may not have changed.
    """
    answers = await _look(clients, endpoints, list(before), SECOND_LOOK_SECONDS, notify)
    return {
        endpoints[region_id].region.label: difference
        for region_id, now in zip(before, answers, strict=True)
        if isinstance(now, Served) and (difference := before[region_id].difference(now)) is not None
    }


async def _look(
    clients: Mapping[str, Client],
    endpoints: Mapping[str, Endpoint],
    region_ids: Sequence[str],
    seconds: float,
    notify: Callable[[str], None],
) -> list[Served | AttemptError]:
    """Return what each of these regions serves, in order, within `seconds`; `notify` gets lines on slow ones."""
    waiting = Waiting(notify, _NOTIFY_EVERY_SECONDS)
    async with waiting.reported():
        return await asyncio.gather(
            *(_served(clients[region_id], endpoints[region_id], seconds, waiting) for region_id in region_ids)
        )


async def _served(client: Client, endpoint: Endpoint, seconds: float, waiting: Waiting) -> Served | AttemptError:
    """Return what `models` lists, else what `health` lists (old deployments), else why neither does."""
    problem: AttemptError | None = None
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    with waiting.on(f"region {endpoint.region.label} to list its models", seconds):
        for url, share in ((endpoint.models_url, _SHARE_OF_MODELS), (endpoint.health_url, 1.0)):
            try:
                async with asyncio.timeout_at(end - seconds * (1 - share)):
                    served = Served.listed_in(await get_object(client, url))
            except AttemptError as error:
                problem = problem or error
                continue
            except TimeoutError:
                problem = problem or AttemptError("answer_timeout", f"no answer in {seconds:.0f} s")
                continue
            if served is not None:
                return served
    return problem or AttemptError("malformed_response", "the answer lists no models")


def _listing(models: Sequence[str]) -> str:
    more = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
    return (", ".join(models[:_NAMED]) or "nothing") + more
