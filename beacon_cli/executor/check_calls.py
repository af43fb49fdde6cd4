"""The check of endpoints that are not Beacon's own, before the first question: what they list, and a check call each.

What such an endpoint accepts, only it knows. One tiny question per lane, with the job's own parameters, finds a refused
parameter, a wrong name or a wrong key before a whole job fails on it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beacon_cli.console.formatting import quantity
from beacon_cli.endpoints.configured import Endpoint, checked_lanes
from beacon_cli.errors import ModelNotServed, RequestRefused
from beacon_cli.executor.apis import APIS
from beacon_cli.executor.client import Client
from beacon_cli.executor.exchange import ask, get
from beacon_cli.executor.failures import REFUSED, AttemptError, credentials_refused
from beacon_cli.executor.json_paths import value_at
from beacon_cli.executor.listing import Listing, listing_document, read_listing
from beacon_cli.executor.signs import Sign, sign_of
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from beacon_cli.waiting import Waiting

QUESTION = "What is 2+2?"
_LISTING_SECONDS = 30.0
_REPORT_EVERY_SECONDS = 15.0
_NAMED = 10
# An endpoint that says this has no list of models at all, or not in a form that is known.
_NO_LIST = frozenset({404, 405, 501})
_TOKENS = ("total_tokens", "completion_tokens")
_OTHER_NAME = {"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}


@dataclass(frozen=True, slots=True)
class CheckCalls:
    """What the check calls took: their number, and the tokens that the endpoints counted for them."""

    calls: int = 0
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class _Place:
    """A lane, with what it takes to ask it."""

    lane: Lane
    endpoint: Endpoint
    client: Client

    @property
    def name(self) -> str:
        return self.endpoint.name or self.lane.model_id

    def __str__(self) -> str:
        return f"{self.lane.model_id} in {self.lane.region.label}"


async def check_endpoints(
    clients: Mapping[str, Client],
    endpoints: Mapping[str, Endpoint],
    lanes: Sequence[Lane],
    job: Job,
    limits: Limits,
    notify: Callable[[str], None],
    *,
    ask_each: bool,
) -> CheckCalls:
    """Read what these endpoints list, and with `ask_each` ask each lane one tiny question.

    An endpoint in trouble is asked anyway, with a warning: so is one that lists no models. Raises `CredentialsError`,
    `RequestRefused` for a request that an endpoint does not accept, and `ModelNotServed`.
    """
    checking = _Checking(job, limits, Waiting(notify, _REPORT_EVERY_SECONDS), notify)
    places = [
        _Place(lane, endpoints[lane.region.id].of(lane.model_id), clients[lane.region.id].of(lane.model_id))
        for lane in checked_lanes(endpoints, lanes)
    ]
    if not places:
        return CheckCalls()
    async with checking.waiting.reported():
        listings = await checking.listings(places)
        if not ask_each:
            checking.warn_of_unlisted(places, listings)
            return CheckCalls()
        return await checking.ask_all(places, listings)


@dataclass(frozen=True, slots=True)
class _Checking:
    """What is the same for all lanes."""

    job: Job
    limits: Limits
    waiting: Waiting
    notify: Callable[[str], None]

    async def listings(self, places: Sequence[_Place]) -> dict[tuple[str, Client], Listing | AttemptError | None]:
        """Return what each list of models says, by its URL and client; None for one in an unknown form.

        Raises `CredentialsError` for a list that is refused with 401.
        """
        first = {(place.endpoint.models_url, place.client): place for place in places}
        found = await asyncio.gather(*(self._listing(place) for place in first.values()))
        for place, answer in zip(first.values(), found, strict=True):
            if isinstance(answer, AttemptError) and (answer.code in REFUSED and answer.http_status != 403):
                raise credentials_refused(place.endpoint, answer.message, answer.code)
        return dict(zip(first, found, strict=True))

    async def _listing(self, place: _Place) -> Listing | AttemptError | None:
        label = place.lane.region.label
        with self.waiting.on(f"region {label} to list its models", _LISTING_SECONDS):
            try:
                async with asyncio.timeout(_LISTING_SECONDS):
                    document = await get(place.client, place.endpoint.models_url, lambda _: None, listing_document)
            except TimeoutError:
                return AttemptError("answer_timeout", f"no answer in {_LISTING_SECONDS:.0f} s")
            except AttemptError as error:
                return None if error.http_status in _NO_LIST else error
        return read_listing(document)

    def warn_of_unlisted(
        self, places: Sequence[_Place], listings: Mapping[tuple[str, Client], Listing | AttemptError | None]
    ) -> None:
        """Warn of models that are not listed, and of lists that cannot be read."""
        for place in places:
            listing = listings[place.endpoint.models_url, place.client]
            if isinstance(listing, Listing) and place.name not in listing.ids:
                self.notify(f"warning: {place} is not in the endpoint's list as {place.name!r}; it is asked anyway")
            elif isinstance(listing, AttemptError):
                self.notify(f"cannot find out whether {place} is served ({listing.message}); it is asked anyway")

    async def ask_all(
        self, places: Sequence[_Place], listings: Mapping[tuple[str, Client], Listing | AttemptError | None]
    ) -> CheckCalls:
        """Ask each lane, one after the other in each region. Raises the first refusal."""
        calls = quantity(len(places), "check call")
        self.notify(f"{calls} before the first question (--no-check leaves them out)")
        regions: dict[str, list[_Place]] = {}
        for place in places:
            regions.setdefault(place.lane.region.id, []).append(place)
        asking = [asyncio.create_task(self._ask_region(group, listings)) for group in regions.values()]
        try:
            tokens = sum(await asyncio.gather(*asking))
        finally:  # one refusal ends the run: the other regions are asked no more
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        self.notify(f"{calls} made, {quantity(tokens, 'token')}")
        return CheckCalls(len(places), tokens)

    async def _ask_region(
        self, places: Sequence[_Place], listings: Mapping[tuple[str, Client], Listing | AttemptError | None]
    ) -> int:
        tokens = 0
        for place in places:
            listing = listings[place.endpoint.models_url, place.client]
            tokens += await self._ask(place, listing if isinstance(listing, Listing) else None)
        return tokens

    async def _ask(self, place: _Place, listing: Listing | None) -> int:
        """Ask a lane, and return the tokens that it took."""
        lane, seconds = place.lane, self.limits.answer_timeout
        body = APIS[place.endpoint.api].body(
            place.endpoint,
            lane.model_id,
            QUESTION,
            self.job.prompt_system(lane.region),
            self.job.generation.model_dump(exclude_none=True),
        )
        try:
            with self.waiting.on(f"{place} to answer a check call", seconds):
                async with asyncio.timeout(seconds):
                    answer = await ask(place.client, place.endpoint, lane, body, lambda _: None)
        except TimeoutError:
            self.notify(f"{place} did not answer a check call in {seconds:g} s; it is asked anyway")
            return 0
        except AttemptError as error:
            self._judge(place, error, body, listing)
            return 0
        place.client.accepted |= answer.http_status != 403
        return next((count for key in _TOKENS if type(count := value_at(answer.output, ("usage", key))) is int), 0)

    def _judge(self, place: _Place, error: AttemptError, body: Mapping[str, Any], listing: Listing | None) -> None:
        """Warn of an endpoint in trouble. Raises the error of one that refuses what the job would ask."""
        if error.code in REFUSED:
            raise credentials_refused(place.endpoint, error.message, error.code)
        if error.code == "unknown_model":
            raise ModelNotServed(
                f"not served: {place} as {place.name!r} ({error.message}); nothing was asked",
                hint=_what_is_listed(listing)
                + f"check base_url in beacon.toml, and the name in {_own_table(place)}.name",
            )
        if sign_of(error) is Sign.WORKING:
            raise RequestRefused(
                f"{place} does not accept the job's questions ({error.message}); nothing was asked",
                hint=_remedy(place, error, body, self.job),
            )
        self.notify(f"{place} did not answer a check call ({error.message}); it is asked anyway")


def _what_is_listed(listing: Listing | None) -> str:
    if listing is None or not listing.ids:
        return ""
    more = f" and {len(listing.ids) - _NAMED} more" if len(listing.ids) > _NAMED else ""
    return f"it lists {', '.join(listing.ids[:_NAMED])}{more}; "


def _own_table(place: _Place) -> str:
    return f'regions.{place.lane.region.id}.models."{place.lane.model_id}"'


def _remedy(place: _Place, error: AttemptError, body: Mapping[str, Any], job: Job) -> str:
    """Return where the parameter is set that an endpoint refuses, as far as it names one."""
    named = _parameter(error, body)
    extra = job.generation.model_dump().get("extra") or {}
    if named in place.endpoint.extra:
        return f"{named} is set in {_own_table(place)}.extra of beacon.toml"
    if named in extra:
        return f"{named} is set in generation.extra of the job"
    if named in _OTHER_NAME:
        return (
            f"{named} is generation.max_tokens of the job; if the endpoint wants another name for it, set"
            f' regions.{place.lane.region.id}.token_parameter = "{_OTHER_NAME[named]}" in beacon.toml'
        )
    if named in {"temperature", "seed", "top_p", "stop"}:
        return f"{named} is set in generation of the job"
    if named is not None and named.startswith("messages") and job.prompt_system(place.lane.region):
        return "the job has a system prompt, which not every model accepts"
    return f"{_own_table(place)} of beacon.toml and generation of the job say what is sent; --no-check asks anyway"


def _parameter(error: AttemptError, body: Mapping[str, Any]) -> str | None:
    """Return the parameter that an error is about: as it says, else as its text names one that was sent."""
    if error.parameter is not None:
        return error.parameter
    sent = sorted((key for key in body if key != "model"), key=len, reverse=True)
    return next((key for key in sent if re.search(rf"\b{re.escape(key)}\b", error.message)), None)
