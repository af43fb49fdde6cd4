"""What a run will cost, for its plan: the job's own rows say what its answers take, if there are any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from beacon_cli.endpoints.configured import Endpoint, checked_lanes
from beacon_cli.errors import BeaconError
from beacon_cli.executor.execution import ANSWERED
from beacon_cli.job.lanes import Lane
from beacon_cli.job.model import Job
from beacon_cli.runs.request import RunRequest
from beacon_cli.settings import Settings

if TYPE_CHECKING:
    from beacon_cli.costs.estimate import Estimate
    from beacon_cli.costs.usage import UsageGroup


def estimated_cost(request: RunRequest, settings: Settings, job: Job, endpoints: Mapping[str, Endpoint]) -> Estimate:
    """Return what is left to ask of a job, and what that costs at its endpoints.

    A database that cannot be read counts as one without this job.
    """
    from beacon_cli.costs.estimate import estimated
    from beacon_cli.prices.book import PriceBook, lane_kind, lane_prices
    from beacon_cli.prices.price import FREE

    lanes = job.lanes_in(request.part)
    book = PriceBook(settings)
    prices = lane_prices(book, lanes, endpoints, local=request.local)
    stored = _Stored()
    if any(price != FREE for price in prices.values()):
        stored = _stored(request, settings, job, lanes)
    checked = set() if request.local or not request.check else set(checked_lanes(endpoints, lanes))
    per_lane = job.questions_in(request.part) * job.repeats
    calls = {lane: per_lane - stored.answered.get(lane, 0) for lane in lanes}
    calls = {lane: left + (lane in checked and left > 0) for lane, left in calls.items()}
    limits = request.limits(job, settings)
    shared = None if request.local else settings.models_in_one_container()
    found = estimated(job, request.part, limits, prices=prices, calls=calls, earlier=stored.earlier, shared=shared)
    if not stored.earlier:
        return replace(found, assumptions=(*stored.unread, *found.assumptions))
    from beacon_cli.costs.sums import RowPrices, summed

    kinds = {lane: lane_kind(lane, endpoints, local=request.local) for lane in lanes}
    spent = summed(stored.earlier, RowPrices(book, settings.vocabulary.regions, kinds)).dollars
    return replace(found, spent=spent)


@dataclass(frozen=True, slots=True)
class _Stored:
    """How many cells of each lane have an answer that stays, and what the job's rows say that they took.

    `unread` says that the database could not be read.
    """

    answered: Mapping[Lane, int] = field(default_factory=dict)
    earlier: Sequence[UsageGroup] = ()
    unread: tuple[str, ...] = ()


def _stored(request: RunRequest, settings: Settings, job: Job, lanes: tuple[Lane, ...]) -> _Stored:
    job_id = request.job_id or job.id
    if job_id is None or not request.may_be_stored(settings, job):
        return _Stored()
    from beacon_cli.costs.usage import read_usage
    from beacon_cli.runs.stored_summary import answered_cells
    from beacon_cli.store.connect import connect_readonly
    from beacon_cli.store.database import unmigrated_database

    stay = ANSWERED - set(request.again)
    try:
        with (
            unmigrated_database(settings, request.database_url, announced=False) as url,
            connect_readonly(url) as connection,
        ):
            earlier, _ = read_usage(connection, job_id)
            counts = answered_cells(connection, job_id, request.part, stay)
    except BeaconError as error:
        return _Stored(unread=(f"no answer is stored yet (not known: {error.message})",))
    return _Stored({lane: counts.get((lane.model_id, lane.region.label), 0) for lane in lanes}, earlier)
