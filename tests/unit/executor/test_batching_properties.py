"""The promises of sequential question batching, under random latencies, failures and cancellations.

The whole executor runs here, with the real HTTP client on a transport of the test's own and a clock that jumps.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpcore2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon_cli.door import Door
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import CredentialsError
from beacon_cli.executor.around_a_run import CancelCall
from beacon_cli.executor.cancellation import Stop, StopReason
from beacon_cli.executor.caps import endpoint_caps
from beacon_cli.executor.client import Client
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.events import Event
from beacon_cli.executor.execution import Batching
from beacon_cli.executor.run import Assignment, Run, RunOutcome
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from tests.support.answers import good_answer
from tests.support.jobs import make_job
from tests.support.memory_recorder import MemoryRecorder
from tests.support.scripted_network import Answered, Request, ScriptedNetwork
from tests.support.virtual_time import run_virtually
from tests.support.vocabulary import REGIONS, VOCABULARY


@dataclass
class World:
    """The endpoints of a job: they count what is in flight, and fail as often as they are told to."""

    seed: int
    failures: float
    in_flight: Counter[str] = field(default_factory=Counter)
    peak: Counter[str] = field(default_factory=Counter)
    calls: list[tuple[str, str, str, float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    async def answer(self, request: Request) -> Answered:
        region, body = request.region, request.body
        loop = asyncio.get_running_loop()
        started = loop.time()
        for name in (region, "all"):
            self.in_flight[name] += 1
            self.peak[name] = max(self.peak[name], self.in_flight[name])
        try:
            await asyncio.sleep(self.random.uniform(0, 5))
            if self.random.random() < self.failures:
                return self.fail()
            return Answered(200, good_answer(region, body["model"]))
        finally:
            for name in (region, "all"):
                self.in_flight[name] -= 1
            self.calls.append((body["prompt"], body["model"], region, started, loop.time()))

    def fail(self) -> Answered:
        kind = self.random.choice(["500", "429", "404", "html", "reset", "empty", "elsewhere"])
        if kind == "reset":
            raise httpcore2.ReadError("reset")
        if kind == "html":
            return Answered(200, "<html>busy</html>")
        if kind == "empty":
            return Answered(200, {"success": True, "response": " "})
        if kind == "elsewhere":
            return Answered(200, {"success": True, "response": "4", "region": "mars"})
        return Answered(int(kind), {"success": False, "error": {"code": kind, "message": "no"}})


def execute_job(
    job: Job,
    limits: Limits,
    batching: Batching,
    world: World,
    stop_after: float | None = None,
    cancel_call: CancelCall | None = None,
) -> tuple[RunOutcome, MemoryRecorder, list[Event], float | None]:
    recorder = MemoryRecorder(job)
    events: list[Event] = []
    endpoints = {region.id: Endpoint.at(region, f"http://test/{region.id}") for region in REGIONS.values()}
    stopped_at: list[float] = []

    async def main() -> RunOutcome:
        stop = Stop()
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            stopped_at.append(loop.time())
            stop.request(StopReason("cancelled", "stopped by the test", 2))

        if stop_after is not None:
            loop.call_later(stop_after, interrupt)
        client = Client(ScriptedNetwork(world.answer), Door(), vocabulary=VOCABULARY)
        assignment = Assignment(job, "test-job", "run", batching, limits, 0, job.lanes())
        clients = dict.fromkeys(endpoints, client)
        run = Run(assignment, recorder, clients, endpoints, events.append, stop, Clock(), cancel_call)
        return await run.execute()

    outcome = run_virtually(main())
    return outcome, recorder, events, stopped_at[0] if stopped_at else None


shapes = st.fixed_dictionaries(
    {
        "questions": st.integers(1, 4),
        "repeats": st.integers(1, 3),
        "models": st.sampled_from(
            [
                ["llama3.2-1b"],
                ["llama3.2-1b", "qwen2.5-1.5b"],
                [{"id": "llama3.2-1b", "regions": ["US"]}, "qwen2.5-1.5b"],
            ]
        ),
    }
)
limits = st.builds(
    Limits,
    max_in_flight=st.integers(1, 8),
    per_endpoint=st.none() | st.integers(1, 4),
    attempts=st.integers(1, 3),
    job_timeout=st.just(100_000),
    region_patience=st.just(0),
)
modes: st.SearchStrategy[Batching] = st.sampled_from(["question", "region", "lane"])
worlds = st.builds(World, seed=st.integers(0, 2**16), failures=st.sampled_from([0.0, 0.3, 1.0]))
some = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def job_of(shape: dict[str, Any]) -> Job:
    return make_job(**shape)


def assert_caps_held(job: Job, limits: Limits, world: World) -> None:
    assert world.peak["all"] <= limits.max_in_flight
    for region, cap in endpoint_caps(job.lanes(), limits).items():
        assert world.peak[region] <= cap


def assert_barriers_held(world: World, batching: Batching) -> None:
    """Inside one walker no call of a question starts before the last call of the question before it has ended."""
    walkers: dict[object, list[tuple[str, float, float]]] = {}
    for prompt, model, region, started, ended in world.calls:
        key = {"question": None, "region": region, "lane": (model, region)}[batching]
        walkers.setdefault(key, []).append((prompt, started, ended))
    for calls in walkers.values():
        ended_by_question: dict[str, float] = {}
        for prompt, _, ended in calls:
            ended_by_question[prompt] = max(ended, ended_by_question.get(prompt, 0))
        for prompt, started, _ in calls:
            assert all(started >= end for other, end in ended_by_question.items() if other < prompt)


@some
@given(shapes, limits, modes, worlds)
def test_every_cell_is_recorded_exactly_once_inside_the_caps_and_behind_the_barriers(
    shape: dict[str, Any], limits: Limits, batching: Batching, world: World
) -> None:
    job = job_of(shape)
    outcome, recorder, _, _ = execute_job(job, limits, batching, world)
    cells = Counter(execution.cell for execution in recorder.executions)
    assert set(cells.values()) == {1}
    assert len(cells) == job.expected
    assert_caps_held(job, limits, world)
    assert_barriers_held(world, batching)
    assert all(execution.attempts <= limits.attempts for execution in recorder.executions)
    assert sum(execution.attempts for execution in recorder.executions) == len(world.calls)
    assert outcome.peak_in_flight <= limits.max_in_flight
    answered = sum(execution.status in {"completed", "empty"} for execution in recorder.executions)
    expected = "completed" if answered == job.expected else "partial" if answered else "failed"
    assert outcome.status == recorder.finished == expected


@some
@given(shapes, limits, modes, worlds, st.floats(0.0, 20.0))
def test_a_stopped_run_starts_nothing_more_and_records_what_was_in_flight_as_cancelled(
    shape: dict[str, Any], limits: Limits, batching: Batching, world: World, stop_after: float
) -> None:
    job = job_of(shape)
    outcome, recorder, _, stopped_at = execute_job(job, limits, batching, world, stop_after)
    cells = Counter(execution.cell for execution in recorder.executions)
    assert all(count == 1 for count in cells.values())
    assert_caps_held(job, limits, world)
    assert_barriers_held(world, batching)
    if stopped_at is None:
        assert outcome.status in {"completed", "partial", "failed"}
        return
    assert all(started <= stopped_at for *_, started, _ in world.calls)
    cancelled = [execution for execution in recorder.executions if execution.status == "cancelled"]
    assert all(execution.error_code == "cancelled" and execution.started_at for execution in cancelled)
    assert outcome.status in {"cancelled", "completed"}


@some
@given(shapes, limits, worlds, st.floats(0.0, 20.0))
def test_a_stopped_run_that_is_resumed_ends_with_one_answer_for_every_cell(
    shape: dict[str, Any], limits: Limits, world: World, stop_after: float
) -> None:
    job = job_of(shape)
    world.failures = 0.0
    _, recorder, _, _ = execute_job(job, limits, "question", world, stop_after)
    first = {execution.cell for execution in recorder.executions if execution.status == "completed"}
    asked_before = len(world.calls)

    async def resume() -> RunOutcome:
        endpoints = {region.id: Endpoint.at(region, f"http://test/{region.id}") for region in REGIONS.values()}
        client = Client(ScriptedNetwork(world.answer), Door(), vocabulary=VOCABULARY)
        assignment = Assignment(job, "test-job", "run-2", "question", limits, len(first), job.lanes())
        clients = dict.fromkeys(endpoints, client)
        return await Run(assignment, recorder, clients, endpoints, lambda event: None, Stop(), Clock()).execute()

    run_virtually(resume())
    completed = Counter(e.cell for e in recorder.executions if e.status == "completed")
    assert set(completed.values()) == {1}
    assert len(completed) == job.expected
    assert len(world.calls) - asked_before == job.expected - len(first)


def test_the_jobs_time_limit_cancels_what_is_in_flight_and_names_itself() -> None:
    job = make_job(50)
    outcome, recorder, events, _ = execute_job(job, Limits(job_timeout=7), "question", World(1, 0.0))
    assert outcome.status == "cancelled"
    assert outcome.stopped is not None
    assert outcome.stopped.code == "job_timeout"
    cancelled = [execution for execution in recorder.executions if execution.status == "cancelled"]
    assert cancelled
    assert {execution.error_code for execution in cancelled} == {"job_timeout"}
    assert any("stopping" in getattr(event, "text", "") for event in events)


def test_a_cell_that_gets_no_slot_in_time_is_a_timeout_that_names_the_limit() -> None:
    job = make_job(1)
    limits = Limits(max_in_flight=1, slot_timeout=0.001)
    _, recorder, _, _ = execute_job(job, limits, "question", World(3, 0.0))
    late = [execution for execution in recorder.executions if execution.status == "timeout"]
    assert late
    assert {(e.error_code, e.attempts, e.started_at) for e in late} == {("slot_timeout", 0, None)}


def test_a_long_queue_that_moves_is_no_reason_to_give_up() -> None:
    job = make_job(1, repeats=40, models=["llama3.2-1b"], regions=["US"])
    _, recorder, _, _ = execute_job(job, Limits(slot_timeout=6), "question", World(3, 0.0))
    assert {execution.status for execution in recorder.executions} == {"completed"}


def test_refused_credentials_stop_the_run_at_once() -> None:
    class Closed(World):
        async def answer(self, request: Request) -> Answered:
            self.calls.append(("", "", "", 0, 0))
            return Answered(401, {"success": False, "error": {"code": "unauthorized", "message": "who?"}})

    world = Closed(1, 0.0)
    with pytest.raises(CredentialsError, match="refuses the credentials"):
        execute_job(make_job(20), Limits(), "region", world)
    assert len(world.calls) <= 6


def test_a_fault_in_one_walker_stops_the_others() -> None:
    class Broken(World):
        async def answer(self, request: Request) -> Answered:
            if request.region == "us":
                raise RuntimeError("a fault of beacon")
            return await super().answer(request)

    world = Broken(1, 0.0)
    with pytest.raises(RuntimeError, match="a fault of beacon"):
        execute_job(make_job(50), Limits(), "lane", world)
    assert len(world.calls) <= 6


def test_two_models_in_three_regions_never_need_more_than_six_containers() -> None:
    job = make_job(5, repeats=4)
    world = World(5, 0.0)
    execute_job(job, Limits(), "question", world)
    assert world.peak["all"] == 6
    assert (world.peak["us"], world.peak["eu"], world.peak["apac"]) == (2, 2, 2)


@pytest.mark.parametrize("ended", [True, False, None])
def test_a_call_that_is_given_up_after_a_303_is_cancelled_or_named(ended: bool | None) -> None:
    class Hopping(World):
        async def answer(self, request: Request) -> Answered:
            if request.method == "GET":
                await asyncio.sleep(1000)
            return Answered(303, None, {"Location": "?__modal_function_call_id=fc-1"})

    asked: list[str] = []

    async def cancel_call(call_id: str) -> bool:
        asked.append(call_id)
        return bool(ended)

    job = make_job(1, models=["llama3.2-1b"], regions=["US"])
    _, recorder, _, _ = execute_job(
        job, Limits(), "question", Hopping(1, 0.0), 5, cancel_call=None if ended is None else cancel_call
    )
    (execution,) = recorder.executions
    assert (execution.status, execution.function_call_id) == ("cancelled", "fc-1")
    assert asked == ([] if ended is None else ["fc-1"])
    said = "was cancelled" if ended else "may still be running"
    assert f"call fc-1 {said}" in (execution.error_message or "")
    assert execution.output_data == {"remote_call_ended": bool(ended)}
