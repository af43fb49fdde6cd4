"""A region in trouble is paused as a whole: the whole executor in virtual time, on a transport of the test's own."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon_cli.executor.events import AttemptFailed, RegionCheckFailed, RegionDown, RegionPaused, RegionResumed
from beacon_cli.executor.execution import Batching
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.limits import Limits
from tests.support.jobs import make_job
from tests.support.scripted_network import Answered
from tests.support.troubled_region import Call, Trouble, TroubledWorld, failing, refuse, reset, run_in

REGION_EVENTS = (RegionPaused, RegionCheckFailed, RegionResumed, RegionDown)
PATIENT = Limits(job_timeout=1_000_000)


def busy_until(seconds: float, retry_after: float | None = None) -> Trouble:
    return lambda call: failing(429, retry_after) if call.at < seconds else None


def gone_until(seconds: float) -> Trouble:
    return lambda call: refuse(call) if call.at < seconds else None


def test_a_busy_region_is_paused_and_no_cell_is_lost() -> None:
    world = TroubledWorld({"eu": busy_until(30)})
    told = run_in(world, make_job(3), PATIENT)
    assert told.outcome.status == "completed"
    assert told.outcome.troubles["EU"].pauses == 1
    before = [call for call in world.of("eu") if call.at < 30]
    assert len(before) <= 2 + 5  # those in flight, and checks after 1, 2, 4, 8 and 16 s
    checks = [call.at for call in before[2:]]
    assert checks == sorted(set(checks))


def test_the_other_regions_go_on_and_the_barrier_waits() -> None:
    world = TroubledWorld({"eu": gone_until(60)})
    told = run_in(world, make_job(2), Limits(max_in_flight=2, job_timeout=1_000_000))
    assert told.outcome.status == "completed"
    first = [call for call in world.calls if call.prompt == "Question 0?"]
    assert max(call.at for call in first if call.region != "eu") < 5
    assert min(call.at for call in world.calls if call.prompt == "Question 1?") > 60


@pytest.mark.parametrize(
    "trouble", [lambda call: failing(503), reset, lambda call: failing(408)], ids=["503", "reset", "408"]
)
def test_a_cell_that_alone_meets_a_failure_of_the_server_fails_and_its_region_stays_open(trouble: Trouble) -> None:
    world = TroubledWorld({"eu": lambda call: trouble(call) if call.prompt == "Question 1?" else None})
    told = run_in(world, make_job(3, models=["llama3.2-1b"]), PATIENT)
    failed = [execution for execution in told.recorder.executions if execution.status == "failed"]
    assert [(execution.cell.question.id, execution.attempts) for execution in failed] == [("q1", 3)]
    assert told.named(*REGION_EVENTS) == []


@pytest.mark.parametrize(
    "trouble", [lambda call: failing(500), reset, lambda call: failing(504)], ids=["500", "reset", "504"]
)
def test_two_cells_in_a_row_that_meet_a_failure_of_the_server_pause_their_region(trouble: Trouble) -> None:
    world = TroubledWorld({"eu": lambda call: trouble(call) if call.at < 40 else None})
    told = run_in(world, make_job(1), PATIENT)
    assert told.outcome.status == "completed"
    assert told.outcome.troubles["EU"].pauses == 1


def test_a_good_answer_in_between_keeps_the_region_open() -> None:
    def every_second_cell(call: Call) -> Answered | None:
        return failing(500) if int(call.prompt[9]) % 2 else None

    world = TroubledWorld({"eu": every_second_cell})
    told = run_in(world, make_job(6, models=["llama3.2-1b"]), PATIENT)
    assert told.named(*REGION_EVENTS) == []
    assert told.outcome.counts["failed"] == 3


def test_failed_checks_are_no_attempts() -> None:
    world = TroubledWorld({"eu": busy_until(100)})
    told = run_in(world, make_job(1, models=["llama3.2-1b"]), PATIENT)
    [row] = [execution for execution in told.recorder.executions if execution.cell.lane.region.id == "eu"]
    assert (row.status, row.attempts) == ("completed", 2)
    assert len(world.of("eu")) > 3
    assert row.seconds < 2  # of the call that was answered, not of the pause


def test_the_trouble_of_a_region_uses_up_no_attempts() -> None:
    world = TroubledWorld({"eu": busy_until(10)})
    told = run_in(world, make_job(2, repeats=3), Limits(attempts=1, per_endpoint=1))
    assert told.outcome.counts == {"completed": 2 * 2 * 3 * 3}


def test_a_check_that_is_not_answered_in_time_costs_no_cell() -> None:
    def slow_after_trouble(call: Call) -> Answered | None:
        return failing(429) if call.number == 1 else None

    world = TroubledWorld({"eu": slow_after_trouble}, seconds=5)
    limits = Limits(answer_timeout=1, region_patience=40, job_timeout=1_000_000)
    told = run_in(world, make_job(1, regions=["EU"]), limits)
    assert told.outcome.counts == {}
    assert told.outcome.troubles["EU"].down is not None


@pytest.mark.parametrize("retry_after", [0, 0.5])
def test_a_retry_after_of_no_time_does_not_turn_the_backoff_off(retry_after: float) -> None:
    world = TroubledWorld({"eu": busy_until(100, retry_after=retry_after)})
    run_in(world, make_job(1), PATIENT)
    assert len([call for call in world.of("eu") if call.at < 100]) <= 2 + 8


def test_a_cell_that_rests_leaves_at_once_when_its_region_goes_down() -> None:
    world = TroubledWorld({"eu": lambda call: failing(503, 3600)})
    told = run_in(world, make_job(1), Limits(region_patience=12, job_timeout=1_000_000))
    assert told.outcome.troubles["EU"].down is not None
    assert told.seconds < 10


def test_checks_are_made_by_the_waiting_cells_in_turn() -> None:
    world = TroubledWorld({"eu": gone_until(50)})
    run_in(world, make_job(1), PATIENT)
    checks = [call.model for call in world.of("eu") if 0 < call.at < 50]
    assert len(checks) >= 4
    assert all(one != other for one, other in itertools.pairwise(checks))


def test_retry_after_is_kept_although_it_is_longer_than_a_minute() -> None:
    world = TroubledWorld({"eu": busy_until(200, retry_after=200)})
    told = run_in(world, make_job(1), PATIENT)
    assert told.outcome.status == "completed"
    assert not [call for call in world.of("eu") if 0 < call.at < 200]


def test_a_wait_longer_than_the_patience_means_down_at_once() -> None:
    world = TroubledWorld({"eu": busy_until(5000, retry_after=3600)})
    told = run_in(world, make_job(3), PATIENT)
    assert told.seconds < 10
    assert [type(event) for event in told.named(*REGION_EVENTS)] == [RegionDown]
    assert told.outcome.status == "partial"
    assert sum(told.outcome.counts.values()) == 12


def test_a_region_that_stays_away_is_given_up_and_its_cells_have_no_row() -> None:
    world = TroubledWorld({"eu": refuse})
    told = run_in(world, make_job(4), Limits(region_patience=20))
    assert 20 <= told.seconds < 30
    assert {execution.cell.lane.region.id for execution in told.recorder.executions} == {"us", "apac"}
    assert told.outcome.counts == {"completed": 16}
    assert told.outcome.status == "partial"
    down = told.outcome.troubles["EU"]
    assert down.down == "the connection failed: refused"
    assert down.paused_seconds == pytest.approx(20, abs=0.01)
    assert [type(event) for event in told.named(*REGION_EVENTS)][-1] is RegionDown
    assert {call.prompt for call in world.of("eu")} == {"Question 0?"}
    assert max(call.at for call in world.of("eu")) == pytest.approx(20)  # the last check


@pytest.mark.parametrize("batching", ["region", "lane"])
def test_a_walker_of_a_region_that_is_down_ends(batching: Batching) -> None:
    world = TroubledWorld({"eu": refuse})
    told = run_in(world, make_job(4), Limits(region_patience=20), batching)
    assert told.outcome.counts == {"completed": 16}
    assert {call.prompt for call in world.of("eu")} == {"Question 0?"}


def test_without_credit_a_region_is_down_at_once() -> None:
    def out_of_credit(call: Call) -> None:
        raise AttemptError("no_credit", "HTTP 402: no credit", http_status=402)

    world = TroubledWorld({"eu": out_of_credit})
    told = run_in(world, make_job(2, models=["llama3.2-1b"]), PATIENT)
    assert len(world.of("eu")) == 1
    assert told.seconds < 5
    [row] = [execution for execution in told.recorder.executions if execution.status == "failed"]
    assert row.error_code == "no_credit"
    assert told.outcome.troubles["EU"].down is not None


def test_the_region_opens_at_half_its_cap() -> None:
    world = TroubledWorld({"eu": busy_until(3)})
    world.peaks.clear()
    job = make_job(1, repeats=10, models=["llama3.2-1b"], regions=["EU"])
    told = run_in(world, job, Limits(per_endpoint=4))
    assert told.outcome.status == "completed"
    after = sorted(call.at for call in world.of("eu") if call.at >= 3)
    opened = after[0] + 1  # the check is answered a second later
    assert [sum(at == pytest.approx(opened + second, abs=0.01) for at in after) for second in range(3)] == [2, 4, 3]


def test_a_pause_does_not_count_for_the_slot_timeout() -> None:
    world = TroubledWorld({"eu": gone_until(100)})
    told = run_in(world, make_job(1, repeats=3), Limits(slot_timeout=10))
    assert told.outcome.status == "completed"


def test_without_patience_each_cell_has_its_own_attempts() -> None:
    world = TroubledWorld({"eu": refuse})
    told = run_in(world, make_job(2), Limits(region_patience=0))
    assert told.outcome.counts == {"completed": 8, "failed": 4}
    assert len(world.of("eu")) == 4 * 3
    assert told.named(*REGION_EVENTS) == []


def test_the_events_tell_the_pause() -> None:
    world = TroubledWorld({"eu": busy_until(2)})
    told = run_in(world, make_job(1, models=["llama3.2-1b"]), PATIENT)
    paused, failed, resumed = told.named(*REGION_EVENTS)
    assert isinstance(paused, RegionPaused)
    assert (paused.region, paused.why) == ("EU", "HTTP 429: no")
    assert 0.75 <= paused.next_check_seconds <= 1.25
    assert paused.patience_seconds == 900
    assert isinstance(failed, RegionCheckFailed)
    assert 1.5 <= failed.next_check_seconds <= 2.5
    assert isinstance(resumed, RegionResumed)
    assert (resumed.region, resumed.pauses) == ("EU", 1)
    assert [event.waits for event in told.named(AttemptFailed) if isinstance(event, AttemptFailed)] == [True, True]


class Flaky:
    """A region that is in trouble now and then."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.bad: dict[int, int] = {}

    def __call__(self, call: Call) -> Answered | None:
        kind = self.bad.setdefault(int(call.at // 7), self.random.choice([0, 0, 1, 2, 3, 4]))
        if kind in {0, 4} and not (kind == 4 and self.random.random() < 0.3):
            return None
        troubles: list[Trouble] = [reset, refuse, lambda call: failing(429, 3), lambda call: failing(503)]
        return troubles[kind - 1](call)


modes: st.SearchStrategy[Batching] = st.sampled_from(["question", "region", "lane"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.integers(0, 2**16),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sampled_from([5, 40, 900]),
    modes,
)
def test_in_any_trouble_every_cell_has_one_row_or_none_and_caps_hold(
    seed: int, in_flight: int, per_endpoint: int, attempts: int, patience: float, batching: Batching
) -> None:
    world = TroubledWorld({"us": Flaky(seed), "eu": Flaky(seed + 1)})
    job = make_job(3, repeats=2)
    limits = Limits(
        max_in_flight=in_flight,
        per_endpoint=per_endpoint,
        attempts=attempts,
        region_patience=patience,
        job_timeout=1_000_000,
    )
    told = run_in(world, job, limits, batching)
    rows = told.recorder.executions
    assert set(Counter(row.cell for row in rows).values()) == {1}
    assert all(row.attempts >= 1 for row in rows)
    assert all(peak <= per_endpoint for peak in world.peaks.values())
    lost = {row.cell.lane.region.label for row in rows if row.status != "completed"}
    down = {label for label, troubles in told.outcome.troubles.items() if troubles.down}
    assert len(rows) == job.expected or down
    assert "ASIA" not in lost | down
