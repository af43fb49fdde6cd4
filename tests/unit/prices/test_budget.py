"""`limits.max_cost` in the executor: what may still be asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from beacon_cli.door import Door
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import UsageError
from beacon_cli.executor.cancellation import Stop
from beacon_cli.executor.client import Client
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.events import Event, Notice
from beacon_cli.executor.execution import Cell
from beacon_cli.executor.run import Assignment, Run, RunOutcome
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from beacon_cli.prices.budget import Budget, require_priced
from beacon_cli.prices.price import Price, Unpriced, usage_of
from tests.support.answers import good_answer
from tests.support.jobs import make_job
from tests.support.memory_recorder import MemoryRecorder
from tests.support.scripted_network import Answered, Request, ScriptedNetwork
from tests.support.virtual_time import run_virtually
from tests.support.vocabulary import REGIONS, VOCABULARY

SECOND = Price(per_second=0.01, basis="a cent a second")
LIMITS = Limits(max_in_flight=6, per_endpoint=6, region_patience=0)


def run(
    job: Job, budget: Budget, recorder: MemoryRecorder, seconds: float, limits: Limits = LIMITS
) -> tuple[RunOutcome, list[Event]]:
    """Ask a job whose answers say that they took so many seconds."""
    events: list[Event] = []
    endpoints = {region.id: Endpoint.at(region, f"http://test/{region.id}") for region in REGIONS.values()}

    async def answer(request: Request) -> Answered:
        await asyncio.sleep(seconds)
        return Answered(200, good_answer(request.region, request.body["model"], inference_time=seconds))

    async def main() -> RunOutcome:
        client = Client(ScriptedNetwork(answer), Door(), vocabulary=VOCABULARY)
        assignment = Assignment(job, "test-job", "run", "question", limits, 0, job.lanes())
        clients = dict.fromkeys(endpoints, client)
        return await Run(
            assignment, recorder, clients, endpoints, events.append, Stop(), Clock(), purse=budget
        ).execute()

    return run_virtually(main()), events


def spent(recorder: MemoryRecorder, prices: Mapping[Lane, Price]) -> float:
    return sum(prices[execution.cell.lane].of(usage_of(execution)) for execution in recorder.executions)


def test_nothing_is_asked_that_could_pass_the_limit_and_what_is_in_flight_is_kept() -> None:
    job = make_job(20, repeats=2, generation={"max_tokens": 100})
    prices = dict.fromkeys(job.lanes(), SECOND)
    recorder = MemoryRecorder(job)
    outcome, events = run(job, Budget(job, 1.01, 0.0, prices), recorder, seconds=2)
    assert spent(recorder, prices) == pytest.approx(1.0)
    assert {execution.status for execution in recorder.executions} == {"completed"}
    assert (outcome.status, recorder.finished) == ("partial", "partial")
    assert outcome.stopped is not None
    assert outcome.stopped.message == (
        "limits.max_cost is $1.01: $1.00 are spent, and the next call could pass it; to go on, set it to $1.02 or more"
    )
    assert [event.text for event in events if isinstance(event, Notice)] == [f"stopping… {outcome.stopped.message}"]


def test_a_raised_limit_goes_on_with_what_was_spent() -> None:
    job = make_job(3, generation={"max_tokens": 100})
    prices = dict.fromkeys(job.lanes(), SECOND)
    recorder = MemoryRecorder(job)
    first, _ = run(job, Budget(job, 0.2, 0.0, prices), recorder, seconds=2)
    stored = len(recorder.executions)
    assert (first.status, 0 < stored < 18) == ("partial", True)
    again, _ = run(job, Budget(job, 0.2, spent(recorder, prices), prices), recorder, seconds=2)
    assert (again.status, len(recorder.executions)) == ("partial", stored)
    last, _ = run(job, Budget(job, 10, spent(recorder, prices), prices), recorder, seconds=2)
    assert (last.status, last.stopped, len(recorder.executions)) == ("completed", None, 18)


def test_a_limit_that_allows_no_call_asks_nothing() -> None:
    job = make_job(1)
    recorder = MemoryRecorder(job)
    outcome, _ = run(job, Budget(job, 0.01, 0.0, dict.fromkeys(job.lanes(), SECOND)), recorder, seconds=2)
    assert (outcome.status, recorder.executions) == ("failed", [])


def test_a_limit_that_was_exceeded_says_so_and_what_would_be_enough() -> None:
    job = make_job(1, generation={"max_tokens": 10}, limits={"max_cost": 0.01})
    lane = job.lanes()[0]
    cell = Cell(next(iter(job.questions)), lane)
    assert Budget(job, 0.01, 0.054, {lane: SECOND}, {lane: 60.5}).exhausted(cell) == (
        "limits.max_cost of $0.010 was exceeded: $0.054 are spent; to go on, set it to $0.66 or more in the job file"
    )


def test_the_longest_call_of_earlier_runs_is_what_the_next_one_may_cost() -> None:
    job = make_job(1, generation={"max_tokens": 10})
    lane = job.lanes()[0]
    cell = Cell(next(iter(job.questions)), lane)

    async def taken(max_cost: float) -> bool:
        return await Budget(job, max_cost, 0.0, {lane: SECOND}, {lane: 60.0}).take(cell)

    assert asyncio.run(taken(0.6))
    assert not asyncio.run(taken(0.59))


def test_a_call_with_a_price_per_token_is_counted_with_the_most_that_it_can_cost() -> None:
    job = make_job([{"id": "q", "text": "é" * 100}], generation={"max_tokens": 10}, system_prompt="ab")
    lane = job.lanes()[0]
    [question] = job.questions
    cell, other = Cell(question, lane), Cell(question, lane, 1)
    most = (200 + 2 + 50) * 0.001 + 10 * 0.01
    price = Price(per_input=0.001, per_output=0.01)

    async def taken(max_cost: float) -> bool:
        return await Budget(job, max_cost, 0.0, {lane: price}).take(cell)

    assert asyncio.run(taken(most))
    assert not asyncio.run(taken(most - 0.0001))

    async def waits_for_another() -> bool:
        budget = Budget(job, most * 1.5, 0.0, {lane: price})
        assert await budget.take(cell)
        second = asyncio.create_task(budget.take(other))
        await asyncio.sleep(0)
        assert not second.done()
        budget.give_back(cell)
        return await second

    assert asyncio.run(waits_for_another())


def test_a_limit_needs_every_price() -> None:
    lane = make_job(1).lanes()[0]
    with pytest.raises(UsageError) as caught:
        require_priced({lane: Unpriced("nobody knows", "ask somebody")}, 2.5)
    assert caught.value.message == "limits.max_cost ($2.50) cannot be kept for llama3.2-1b in US: nobody knows"
    assert (caught.value.hint, caught.value.exit_code) == ("ask somebody", 2)
