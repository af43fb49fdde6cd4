"""Before the first question: does every region serve the models that it will be asked?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import httpx2

from beacon_cli.errors import CredentialsError, ModelNotServed
from beacon_cli.executor.client import get_object
from beacon_cli.executor.endpoints import Endpoint
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane

_TIMEOUT_SECONDS = 30.0


async def require_models(
    client: httpx2.AsyncClient,
    endpoints: Mapping[str, Endpoint],
    lanes: Sequence[Lane],
    warn: Callable[[str], None],
) -> None:
    """Read what each region serves and compare it with what the job asks there. It costs nothing: both are CPU GETs.

    A region whose `models` and `health` cannot be read is asked anyway, with a warning. Raises `ModelNotServed`, or
    `CredentialsError` when an endpoint refuses the credentials.
    """
    regions = {lane.region.id: lane.region for lane in lanes}
    served = await asyncio.gather(*(_served(client, endpoints[region_id]) for region_id in regions))
    missing = []
    for region, models in zip(regions.values(), served, strict=True):
        if isinstance(models, AttemptError):
            if models.code == "unauthorized":
                raise CredentialsError(
                    f"region {region.label} refuses the credentials ({models.message})",
                    hint="set BEACON_PROXY_KEY and BEACON_PROXY_SECRET to a live proxy token",
                )
            warn(f"what region {region.label} serves is not known ({models.message}); it is asked anyway")
            continue
        missing += [
            f"{lane.model_id} in {region.label}"
            for lane in lanes
            if lane.region == region and lane.model_id not in models
        ]
    if missing:
        raise ModelNotServed(
            f"not served: {', '.join(missing)}; nothing was asked",
            hint="beacon verify endpoints shows what each region serves; deploy it, or take the model out of the job",
        )


async def _served(client: httpx2.AsyncClient, endpoint: Endpoint) -> list[str] | AttemptError:
    """Return the ids that `models` lists, else those that `health` lists (old deployments), else why neither does."""
    problem: AttemptError | None = None
    for url in (endpoint.models_url, endpoint.health_url):
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                listed = (await get_object(client, url)).get("models_available")
        except AttemptError as error:
            problem = problem or error
            continue
        except TimeoutError:
            problem = problem or AttemptError("answer_timeout", f"no answer in {_TIMEOUT_SECONDS:.0f} s")
            continue
        if isinstance(listed, list):
            return [str(model) for model in listed]
    return problem or AttemptError("malformed_response", "the answer lists no models")
