"""Three jobs while workers are killed, stopped and drained at random: nothing is lost or doubled, and the caps hold."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.support.fleet import Fleet
from tests.support.tcp_postgres import TcpPostgres

DISTURBANCES = 20


@pytest.mark.long
@pytest.mark.fault(1, "20 workers killed, stopped or drained at random, and the database restarted in between")
def test_nothing_is_lost_while_workers_come_and_go(fleet: Fleet, postgres: TcpPostgres) -> None:
    fleet.regions.latency = 0.3
    names = ["one", "two", "three"]
    for name in names:
        fleet.submit(name, questions=60)
    fleet.beacon.environment |= {"BEACON_FLEET__PER_ACCOUNT": "5"}
    fleet.start_workers(3)
    for number in range(DISTURBANCES):
        time.sleep(random.uniform(1, 4))
        if number == DISTURBANCES // 2:
            postgres.stop("immediate")
            postgres.start()
        victim = random.choice([worker for worker in fleet.workers if worker.poll() is None])
        victim.send_signal(random.choice([signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM]))
        fleet.worker()
    fleet.wait_until_done(*names, seconds=300)
    fleet.assert_nothing_lost_or_doubled(len(names) * 60 * 6, per_account=5)


@pytest.mark.long
@pytest.mark.fault(9, "SIGSTOP to a worker whose calls take ten seconds")
def test_calls_of_a_worker_that_stands_still_count_until_they_are_over(fleet: Fleet) -> None:
    fleet.regions.latency = 10
    for name in ("one", "two"):
        fleet.submit(name, questions=2)
    fleet.start_workers(2, "--jobs", "1")
    time.sleep(13)
    fleet.holder_of("one").send_signal(signal.SIGSTOP)
    fleet.wait_until_done("one", "two", seconds=240)
    fleet.assert_nothing_lost_or_doubled(2 * 2 * 6)
