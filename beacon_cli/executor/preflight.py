"""Before the first question: does every region serve the models that it will be asked? And after the last: still?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

from beacon_cli.errors import CredentialsError, ModelNotServed
from beacon_cli.executor.client import get_object
from beacon_cli.executor.endpoints import Endpoint
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane
from beacon_cli.program_name import command

_TIMEOUT_SECONDS = 30.0
# By then every answer is stored: what a region says no more is not waited for.
_SECOND_LOOK_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Served:
    """What a region says that it serves. An old deployment tells no hash and no `revisions` (by model id)."""

    models: tuple[str, ...]
    registry_sha256: str | None
    revisions: Mapping[str, str]

    @classmethod
    def listed_in(cls, document: Mapping[str, Any]) -> Served | None:
        """Return what a `models` or `health` answer lists, None when it lists nothing."""
        listed, sha256 = document.get("models_available"), document.get("registry_sha256")
        if not isinstance(listed, list):
            return None
        registry = document.get("model_registry")
        models = registry.items() if isinstance(registry, dict) else ()
        return cls(
            tuple(sorted(str(model) for model in listed)),
            sha256 if isinstance(sha256, str) else None,
            {model_id: str(model.get("revision")) for model_id, model in models if isinstance(model, dict)},
        )

    def difference(self, later: Served) -> str | None:
        """Say how what is served `later` differs from this, None when it does not."""
        if self.models != later.models:
            return f"it served {_listing(self.models)} at the start, and {_listing(later.models)} at the end"
        for model_id, revision in self.revisions.items():
            if (now := later.revisions.get(model_id, revision)) != revision:
                return f"{model_id} was revision {revision} at the start, and {now} at the end"
        if None not in (hashes := (self.registry_sha256, later.registry_sha256)) and hashes[0] != hashes[1]:
            return f"its registry was {hashes[0]} at the start, and {hashes[1]} at the end"
        return None


async def require_models(
    clients: Mapping[str, httpx2.AsyncClient],
    endpoints: Mapping[str, Endpoint],
    lanes: Sequence[Lane],
    warn: Callable[[str], None],
) -> dict[str, Served]:
    """Read what each region serves and compare it with what the job asks there. It costs nothing: both are CPU GETs.

    Returns what is served by region id. A region whose `models` and `health` cannot be read is not in there, and is
    asked anyway, with a warning. Raises `ModelNotServed`, or `CredentialsError` when an endpoint refuses the
    credentials.
    """
    regions = {lane.region.id: lane.region for lane in lanes}
    answers = await asyncio.gather(
        *(_served(clients[region_id], endpoints[region_id], _TIMEOUT_SECONDS) for region_id in regions)
    )
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
            warn(f"what region {region.label} serves is not known ({answer.message}); it is asked anyway")
    missing = [
        f"{lane.model_id} in {lane.region.label}"
        for lane in lanes
        if lane.region.id in served and lane.model_id not in served[lane.region.id].models
    ]
    if missing:
        raise ModelNotServed(
            f"not served: {', '.join(missing)}; nothing was asked",
            hint=f"{command('verify endpoints')} shows what each region serves;"
            " deploy the model, or take it out of the job",
        )
    return served


async def registry_changes(
    clients: Mapping[str, httpx2.AsyncClient], endpoints: Mapping[str, Endpoint], before: Mapping[str, Served]
) -> dict[str, str]:
    """Read again what each region of `before` serves; return what changed, by region label.

    A region that does not say is left out: that it could not be read does not mean that it changed.
    """
    answers = await asyncio.gather(
        *(_served(clients[region_id], endpoints[region_id], _SECOND_LOOK_SECONDS) for region_id in before)
    )
    return {
        endpoints[region_id].region.label: difference
        for region_id, now in zip(before, answers, strict=True)
        if isinstance(now, Served) and (difference := before[region_id].difference(now)) is not None
    }


async def _served(client: httpx2.AsyncClient, endpoint: Endpoint, timeout: float) -> Served | AttemptError:
    """Return what `models` lists, else what `health` lists (old deployments), else why neither does."""
    problem: AttemptError | None = None
    for url in (endpoint.models_url, endpoint.health_url):
        try:
            async with asyncio.timeout(timeout):
                served = Served.listed_in(await get_object(client, url))
        except AttemptError as error:
            problem = problem or error
            continue
        except TimeoutError:
            problem = problem or AttemptError("answer_timeout", f"no answer in {timeout:.0f} s")
            continue
        if served is not None:
            return served
    return problem or AttemptError("malformed_response", "the answer lists no models")


def _listing(models: Sequence[str]) -> str:
    return ", ".join(models) or "nothing"
