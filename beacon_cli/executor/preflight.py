"""The check that every region serves the models of the job, before the first question, and again after the last."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from beacon_cli.console.program_name import command
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import ModelNotServed, RegionNotReady
from beacon_cli.executor.client import Client
from beacon_cli.executor.exchange import get
from beacon_cli.executor.failures import REFUSED, AttemptError, credentials_refused
from beacon_cli.executor.listing import NOT_RUNNING, Listing, listing_document, read_listing
from beacon_cli.job.lanes import Lane
from beacon_cli.waiting import Waiting
from modal_deployment.regions import Region

FIRST_LOOK_SECONDS = 30.0
"""Seconds to wait for a region's list of models before the first question, for both functions together."""

SECOND_LOOK_SECONDS = 3.0
"""The same after the last question. Every answer is stored by then, so a region that does not answer is skipped."""

_SHARE_OF_MODELS = 2 / 3  # `health` is asked only where `models` is no use
_REPORT_EVERY_SECONDS = 15.0
_NAMED = 10


@dataclass(frozen=True, slots=True)
class _Site:
    """One list of models: that of a region, or of a model that is asked elsewhere."""

    region: Region
    models_url: str
    health_url: str
    client: Client

    @classmethod
    def of(cls, client: Client, endpoint: Endpoint) -> _Site:
        return cls(endpoint.region, endpoint.models_url, endpoint.health_url, client)


async def require_models(
    clients: Mapping[str, Client],
    endpoints: Mapping[str, Endpoint],
    lanes: Sequence[Lane],
    warn: Callable[[str], None],
) -> dict[str, Listing]:
    """Read what each region serves and compare it with what the job asks there. It costs nothing: both are CPU GETs.

    This is for endpoints of Beacon's own kind; `check_calls` is for the others.
    Returns what is served, by region id. A region whose `models` and `health` cannot be read is not included; it is
    asked anyway, with a warning. Raises `RegionNotReady` for regions whose app is stopped or paused, or that serve none
    of the job's models there, `ModelNotServed` for a region that serves some of them, and `CredentialsError` if an
    endpoint refuses the credentials.
    """
    sites: dict[_Site, list[Lane]] = {}
    for lane in lanes:
        endpoint = endpoints[lane.region.id].of(lane.model_id)
        if endpoint.api == "beacon":
            site = _Site.of(clients[lane.region.id].of(lane.model_id), endpoint)
            sites.setdefault(site, []).append(lane)
    answers = await _look(list(sites), FIRST_LOOK_SECONDS, warn)
    served: dict[_Site, Listing] = {}
    not_ready: dict[str, str] = {}
    for site, answer in zip(sites, answers, strict=True):
        label = site.region.label
        if isinstance(answer, Listing):
            served[site] = answer
            site.client.accepted = True
        elif answer.code in REFUSED:
            raise credentials_refused(
                endpoints[site.region.id].of(sites[site][0].model_id), answer.message, answer.code
            )
        elif answer.code in NOT_RUNNING:
            not_ready[label] = answer.message
        else:
            warn(f"cannot find out which models region {label} serves ({answer.message}); it is asked anyway")
    found = [(sites[site], listing) for site, listing in served.items()]
    _require_ready(found, not_ready, regions=len({lane.region.id for lane in lanes}))
    if missing := [
        f"{lane.model_id} in {lane.region.label}"
        for asked, listing in found
        for lane in asked
        if lane.model_id not in listing.ids
    ]:
        raise ModelNotServed(
            f"not served: {', '.join(missing)}; nothing was asked",
            hint=f"{command('verify endpoints')} shows what each region serves;"
            " deploy the model, or remove it from the job",
        )
    return {
        site.region.id: listing
        for site, listing in served.items()
        if site.models_url == endpoints[site.region.id].models_url
    }


def _require_ready(
    found: Iterable[tuple[Sequence[Lane], Listing]], not_ready: Mapping[str, str], *, regions: int
) -> None:
    """Raise `RegionNotReady` if a region cannot answer at all; `not_ready` says why, by label.

    `found` has what is listed for which lanes; `regions` is the number of all regions that are asked.
    """
    why = dict(not_ready)
    for wanted, listing in found:
        if not any(lane.model_id in listing.ids for lane in wanted):
            models = ", ".join(lane.model_id for lane in wanted)
            why[wanted[0].region.label] = f"it serves {_listing(listing)}, and not {models}"
    if why:
        hint = f"{command('verify endpoints')} shows what is wrong, and what to do"
        if len(why) < regions:
            hint += f"; to ask the other regions only, add {' '.join(f'--without {label}' for label in why)}"
        raise RegionNotReady(
            f"{'; '.join(f'region {label} cannot answer: {text}' for label, text in why.items())}; nothing was asked",
            hint=hint,
        )


async def registry_changes(
    clients: Mapping[str, Client],
    endpoints: Mapping[str, Endpoint],
    before: Mapping[str, Listing],
    notify: Callable[[str], None],
) -> dict[str, str]:
    """Read again what each region in `before` serves, and return the changes by region label.

    A region that does not answer is left out: if it could not be read, it may not have changed.
    """
    sites = [_Site.of(clients[region_id], endpoints[region_id]) for region_id in before]
    answers = await _look(sites, SECOND_LOOK_SECONDS, notify)
    return {
        endpoints[region_id].region.label: changed
        for region_id, now in zip(before, answers, strict=True)
        if isinstance(now, Listing) and (changed := difference(before[region_id], now)) is not None
    }


async def _look(sites: Sequence[_Site], seconds: float, notify: Callable[[str], None]) -> list[Listing | AttemptError]:
    """Return what is served at each of these sites, in their order, within `seconds`; `notify` gets what is late."""
    waiting = Waiting(notify, _REPORT_EVERY_SECONDS)
    async with waiting.reported():
        return await asyncio.gather(*(_served(site, seconds, waiting) for site in sites))


async def _served(site: _Site, seconds: float, waiting: Waiting) -> Listing | AttemptError:
    """Return what `models` lists, else what `health` lists (old deployments), else why neither does."""
    problem: AttemptError | None = None
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    with waiting.on(f"region {site.region.label} to list its models", seconds):
        for url, share in ((site.models_url, _SHARE_OF_MODELS), (site.health_url, 1.0)):
            try:
                async with asyncio.timeout_at(end - seconds * (1 - share)):
                    served = read_listing(await get(site.client, url, lambda _: None, listing_document))
            except AttemptError as error:
                problem = problem or error
                continue
            except TimeoutError:
                problem = problem or AttemptError("answer_timeout", f"no answer in {seconds:.0f} s")
                continue
            if served is not None:
                return served
    return problem or AttemptError("malformed_response", "the answer lists no models")


def difference(before: Listing, now: Listing) -> str | None:
    """Return how what is served now differs from what was served before, None when it does not."""
    if sorted(before.ids) != sorted(now.ids):
        return f"it served {_listing(before)} at the start, and {_listing(now)} at the end"
    for model_id in before.entries:
        was, is_now = before.revision(model_id), now.revision(model_id)
        if is_now is not None and is_now != was:
            return f"{model_id} was revision {was} at the start, and {is_now} at the end"
    if None not in (hashes := (before.sha256, now.sha256)) and hashes[0] != hashes[1]:
        return f"its registry was {hashes[0]} at the start, and {hashes[1]} at the end"
    return None


def _listing(listing: Listing) -> str:
    models = sorted(listing.ids)
    more = f" and {len(models) - _NAMED} more" if len(models) > _NAMED else ""
    return (", ".join(models[:_NAMED]) or "nothing") + more
