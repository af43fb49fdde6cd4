"""Regions in trouble for tests of the executor alone: a transport, and a run in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpcore2

from beacon_cli.door import Door
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.cancellation import Stop
from beacon_cli.executor.client import Client
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.events import Event
from beacon_cli.executor.execution import Batching
from beacon_cli.executor.run import Assignment, Run, RunOutcome
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from tests.support.answers import good_answer
from tests.support.memory_recorder import MemoryRecorder
from tests.support.scripted_network import Answered, Request, ScriptedNetwork
from tests.support.virtual_time import run_virtually
from tests.support.vocabulary import REGIONS, VOCABULARY

Trouble = Callable[["Call"], Answered | None]
"""What a region does with a call; None: it answers."""


@dataclass(frozen=True)
class Call:
    """A POST: `number` counts those of its region from 1, `at` is when it came, in seconds from the start."""

    prompt: str
    model: str
    region: str
    number: int
    at: float


def failing(status: int, retry_after: float | None = None, code: str = "no") -> Answered:
    """Return a failure."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Answered(status, {"success": False, "error": {"code": code, "message": "no"}}, headers)


def refuse(call: Call) -> Answered:
    """Refuse a connection."""
    raise httpcore2.ConnectError("refused")


def reset(call: Call) -> Answered:
    """Break a connection."""
    raise httpcore2.ReadError("reset")


@dataclass
class TroubledWorld:
    """Endpoints that take `seconds` for each call; `troubles` are by region id."""

    troubles: dict[str, Trouble] = field(default_factory=dict)
    seconds: float = 1.0
    calls: list[Call] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    in_flight: Counter[str] = field(default_factory=Counter)
    peaks: Counter[str] = field(default_factory=Counter)

    async def answer(self, request: Request) -> Answered:
        region, body = request.region, request.body
        self.counts[region] += 1
        now = asyncio.get_running_loop().time()
        call = Call(body["prompt"], body["model"], region, self.counts[region], now)
        self.calls.append(call)
        self.in_flight[region] += 1
        self.peaks[region] = max(self.peaks[region], self.in_flight[region])
        try:
            if (trouble := self.troubles.get(region)) is not None and (response := trouble(call)) is not None:
                return response
            await asyncio.sleep(self.seconds)
            return Answered(200, good_answer(region, body["model"]))
        finally:
            self.in_flight[region] -= 1

    def of(self, region: str) -> list[Call]:
        """Return the calls of a region."""
        return [call for call in self.calls if call.region == region]


@dataclass(frozen=True)
class Told:
    """What a run did: its outcome, its rows, its events, and how many seconds it took."""

    outcome: RunOutcome
    recorder: MemoryRecorder
    events: list[Event]
    seconds: float

    def named(self, *kinds: type[Event]) -> list[Event]:
        """Return the events of these kinds."""
        return [event for event in self.events if type(event) in kinds]


def run_in(world: TroubledWorld, job: Job, limits: Limits, batching: Batching = "question") -> Told:
    """Run a job in virtual time."""
    recorder, events = MemoryRecorder(job), list[Event]()
    endpoints = {region.id: Endpoint.at(region, f"http://test/{region.id}") for region in REGIONS.values()}

    async def main() -> tuple[RunOutcome, float]:
        client = Client(ScriptedNetwork(world.answer), Door(), vocabulary=VOCABULARY)
        assignment = Assignment(job, "test-job", "run", batching, limits, 0, job.lanes())
        run = Run(assignment, recorder, dict.fromkeys(endpoints, client), endpoints, events.append, Stop(), Clock())
        return await run.execute(), asyncio.get_running_loop().time()

    outcome, seconds = run_virtually(main())
    return Told(outcome, recorder, events, seconds)
