"""Prepares a run of a claimed job: the one way, for `beacon run` and for the fleet's workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from beacon_cli.deployment.cancel import cancel_call
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.around_a_run import Recorder, TakesSlots
from beacon_cli.executor.cancellation import Stop
from beacon_cli.executor.caps import endpoint_caps
from beacon_cli.executor.check_calls import CheckCalls, check_endpoints
from beacon_cli.executor.client import Client, open_clients
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.events import EventHook, Notice
from beacon_cli.executor.listing import Listing
from beacon_cli.executor.preflight import require_models
from beacon_cli.executor.run import Assignment, Run
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from beacon_cli.prices.budget import Budget
from beacon_cli.runs.asked_endpoints import asked_endpoints
from beacon_cli.runs.cost_limit import budget_of
from beacon_cli.settings import Settings
from beacon_cli.store.job_store import Claim, JobStore


@dataclass(frozen=True, slots=True)
class Prepared:
    """A run, with its clients and endpoints by region id: none if every cell has its answer.

    `served` is what the endpoints reported before the first question, `checks` what their check calls took.
    """

    run: Run
    clients: Mapping[str, Client]
    endpoints: Mapping[str, Endpoint]
    served: Mapping[str, Listing]
    checks: CheckCalls


@asynccontextmanager
async def prepared_run(
    settings: Settings,
    store: JobStore,
    limits: Limits,
    emit: EventHook,
    stop: Stop,
    clock: Clock,
    *,
    database_url: str,
    check: bool = True,
    recorder: Recorder | None = None,
    slots: TakesSlots | None = None,
    servers: AbstractAsyncContextManager[Mapping[str, Endpoint]] | None = None,
) -> AsyncIterator[Prepared]:
    """Yield a run of the job that `store` has claimed, and close its connections afterwards.

    `check`: lanes at endpoints that are not Beacon's own are asked a tiny question first. `recorder` stores the
    executions instead of `store`. `slots` are shared with other runs. `servers` are used instead of the configured
    endpoints, and are started only if some cell has no answer. What the job cost so far is read from `database_url` if
    it has a limit (`limits.max_cost`). Raises `ConfigError`, `UsageError` for parameters that
    an endpoint does not understand, `ModelNotServed`, `RegionNotReady`, `RequestRefused`, `CredentialsError`, and what
    starting the servers raises.
    """
    claim = store.claim
    lanes = claim.job.lanes_in(claim.part)
    clients: Mapping[str, Client] = {}
    endpoints: Mapping[str, Endpoint] = {}
    served: Mapping[str, Listing] = {}
    checks = CheckCalls()
    purse: Budget | None = None

    def notify(text: str) -> None:
        emit(Notice(claim.job_id, clock.now(), text))

    async with AsyncExitStack() as stack:
        if not claim.nothing_to_ask:
            if servers is not None:
                endpoints = await stack.enter_async_context(servers)
            else:
                endpoints = asked_endpoints(settings, claim.job, lanes)
            purse = await budget_of(settings, claim, lanes, endpoints, limits, database_url, local=servers is not None)
            caps = endpoint_caps(lanes, limits)
            clients = await stack.enter_async_context(_clients(settings, endpoints, caps, limits, notify))
            served = await require_models(clients, endpoints, lanes, notify)
            checks = await check_endpoints(clients, endpoints, lanes, claim.job, limits, notify, ask_each=check)
        run = Run(
            _assignment(claim, limits, lanes),
            recorder or store,
            clients,
            endpoints,
            emit,
            stop,
            clock,
            cancel_call=_cancel_call if servers is None else None,
            slots=slots,
            purse=purse,
        )
        yield Prepared(run, clients, endpoints, served, checks)


def _clients(
    settings: Settings,
    endpoints: Mapping[str, Endpoint],
    caps: Mapping[str, int],
    limits: Limits,
    notify: Callable[[str], None],
) -> AbstractAsyncContextManager[Mapping[str, Client]]:
    return open_clients(
        settings.proxy_headers(),
        endpoints,
        vocabulary=settings.vocabulary,
        connect_timeout=limits.connect_timeout,
        caps=caps,
        notify=notify,
    )


def _assignment(claim: Claim, limits: Limits, lanes: tuple[Lane, ...]) -> Assignment:
    return Assignment(
        job=claim.job,
        job_id=claim.job_id,
        run_id=claim.run_id,
        batching=claim.batching,
        limits=limits,
        answered=claim.answered_in_part,
        part=claim.part,
        lanes=lanes,
    )


async def _cancel_call(call_id: str) -> bool:
    return await asyncio.to_thread(cancel_call, call_id)
