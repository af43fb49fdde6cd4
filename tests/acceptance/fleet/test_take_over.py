"""Workers that die, stand still, lose their database or are told to stop: the others go on, and the caps hold."""

from __future__ import annotations

import signal
import time

import pytest

from tests.support.fleet import Fleet, until
from tests.support.tcp_postgres import TcpPostgres


def three_jobs(fleet: Fleet, questions: int) -> list[str]:
    """Submit three jobs, before there is a worker."""
    names = ["one", "two", "three"]
    for name in names:
        fleet.submit(name, questions=questions)
    return names


@pytest.mark.fault(1, "SIGKILL to one worker of three, SIGSTOP to another")
def test_jobs_of_workers_that_die_or_stand_still_are_taken_over(fleet: Fleet) -> None:
    names = three_jobs(fleet, questions=5)
    fleet.beacon.environment |= {"BEACON_FLEET__PER_ACCOUNT": "5"}  # less than two in each of three regions
    fleet.regions.answers = 20
    fleet.start_workers(3, "--jobs", "1")
    killed, stopped = fleet.holder_of("one"), fleet.holder_of("two")
    until(lambda: fleet.answered() == 20 and sum(fleet.regions.in_flight.values()) == 5, 300, fleet.everything)
    killed.kill()
    stopped.send_signal(signal.SIGSTOP)
    fleet.regions.answers = None
    fleet.wait_until_done(*names)
    stopped.send_signal(signal.SIGCONT)
    assert stopped.wait(300) == 75, fleet.log(stopped)
    assert "declared this worker lost" in fleet.log(stopped)
    fleet.assert_nothing_lost_or_doubled(3 * 5 * 6, per_account=5)
    asked_again = sum(count - 1 for count in fleet.regions.seen.values())
    assert asked_again <= 6, "more than what was in flight in the two workers"


@pytest.mark.fault(13, "PostgreSQL restarted under two workers")
def test_a_database_that_restarts_costs_no_answer(fleet: Fleet, postgres: TcpPostgres) -> None:
    names = three_jobs(fleet, questions=4)
    fleet.regions.answers = 12
    fleet.start_workers(2, "--jobs", "2")
    until(lambda: fleet.answered() == 12 and sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
    postgres.stop("immediate")
    fleet.regions.answers = None
    time.sleep(1)
    postgres.start()
    fleet.wait_until_done(*names)
    fleet.assert_nothing_lost_or_doubled(3 * 4 * 6)
    assert set(fleet.regions.seen.values()) == {1}, "a cell was asked twice"


def test_a_worker_that_is_told_to_stop_finishes_its_calls_and_hands_its_job_on(fleet: Fleet) -> None:
    fleet.regions.answers = 6
    worker = fleet.worker()
    fleet.submit("one", questions=6)
    until(lambda: fleet.answered() == 6 and sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
    worker.send_signal(signal.SIGTERM)
    until(lambda: "draining" in fleet.log(worker), 300, fleet.everything)
    fleet.regions.answers = None
    assert worker.wait(300) == 143, fleet.log(worker)
    assert fleet.statuses() == {"one": "created"}
    assert fleet.regions.cut_prompts == []
    fleet.worker()
    fleet.wait_until_done("one")
    fleet.assert_nothing_lost_or_doubled(6 * 6)
    assert set(fleet.regions.seen.values()) == {1}, "a cell was asked twice"


def test_calls_that_take_longer_than_the_drain_are_closed_and_asked_again(fleet: Fleet) -> None:
    fleet.regions.latency = 600
    worker = fleet.worker("--drain", "0.3")
    fleet.submit("one", questions=1)
    until(lambda: sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(300) == 143, fleet.log(worker)
    assert fleet.rows("SELECT DISTINCT status, error_code FROM executions") == [("cancelled", "handed_back")]
    fleet.regions.latency = 0.1
    fleet.worker()
    fleet.wait_until_done("one")
    fleet.assert_nothing_lost_or_doubled(6)


def test_a_second_signal_ends_at_once(fleet: Fleet) -> None:
    fleet.regions.latency = 600
    worker = fleet.worker("--drain", "600")
    fleet.submit("one", questions=1)
    until(lambda: sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
    worker.send_signal(signal.SIGTERM)
    until(lambda: "draining" in fleet.log(worker), 300, fleet.everything)
    assert worker.poll() is None
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(300) == 143, fleet.log(worker)
    fleet.regions.latency = 0.1
    fleet.worker()
    fleet.wait_until_done("one")


@pytest.mark.long
def test_a_restarted_worker_goes_on_by_itself(fleet: Fleet) -> None:
    worker = fleet.worker()
    fleet.submit("one", questions=6)
    until(lambda: fleet.answered() >= 6, 300, fleet.everything)
    worker.kill()
    fleet.worker()
    fleet.wait_until_done("one")
    fleet.assert_nothing_lost_or_doubled(6 * 6)
