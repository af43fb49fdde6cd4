"""A fleet measured: workers killed, stopped and restarted, the database restarted, cancelling, throughput.

.venv/bin/python scripts/fleet_figures.py            # a few minutes
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import psutil
import psycopg

from tests.acceptance.conftest import new_beacon
from tests.support.fleet import CountingRegions, Fleet, a_fleet, until
from tests.support.invariant import stored_at
from tests.support.regions_server import regions_server
from tests.support.tcp_postgres import TcpPostgres, tcp_postgres

JOBS = ["one", "two", "three"]
TRANSACTIONS = "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"


@contextmanager
def fleet(postgres: TcpPostgres, latency: float, **variables: int) -> Iterator[Fleet]:
    name = f"fleet_{random.randrange(10**9)}"
    with new_beacon() as beacon, regions_server(CountingRegions(latency=latency)) as regions:
        assert isinstance(regions, CountingRegions)
        beacon.environment |= {f"BEACON_FLEET__{key.upper()}": str(value) for key, value in variables.items()}
        with a_fleet(beacon, regions, postgres.create(name)) as made:
            done = beacon("db", "migrate", "--fleet")
            assert done.returncode == 0, done.stderr
            yield made
    postgres.drop(name)


def report(made: Fleet, what: str, cells: int, seconds: float, ideal: float) -> None:
    keys = "job_id, question_id, model_id, region, repeat"
    rows = made.rows("SELECT count(*) FROM executions")[0][0]
    doubled = len(made.rows(f"SELECT {keys} FROM executions GROUP BY {keys} HAVING count(*) > 1"))
    again = sum(made.regions.seen.values()) - len(made.regions.seen)
    with psycopg.connect(made.url) as connection:
        stored = len(made.regions.asked_although_stored(stored_at(connection)))
    journals = len(list((made.beacon.folder / "data" / "journal").glob("*")))
    peaks = " ".join(f"{region} {made.regions.peaks[region]}" for region in ("us", "eu", "apac", "all"))
    print(
        f"{what}: rows {rows} of {cells}, duplicates {doubled}, lost {cells - made.answered()}, asked again {again}"
        f" (of them stored {stored}), journals left {journals};"
        f" {seconds:.1f} s, ideal {ideal:.1f} s; peaks {peaks}",
        flush=True,
    )


def submitted(made: Fleet, questions: int) -> tuple[int, float]:
    """Submit three jobs; return their cells, and the seconds that the caps allow at best."""
    for name in JOBS:
        made.submit(name, questions=questions)
    cells = len(JOBS) * questions * 6
    return cells, cells / 6 * made.regions.latency


def one_killed_one_stopped(postgres: TcpPostgres, latency: float, questions: int) -> None:
    with fleet(postgres, latency) as made:
        cells, ideal = submitted(made, questions)
        made.start_workers(3, "--jobs", "1")
        began = time.monotonic()
        killed, stopped = made.holder_of("one"), made.holder_of("two")
        until(lambda: made.answered() >= cells // 5, 300, made.everything)
        killed.kill()
        stopped.send_signal(signal.SIGSTOP)
        made.wait_until_done(*JOBS, seconds=600)
        seconds = time.monotonic() - began
        stopped.send_signal(signal.SIGCONT)
        code = stopped.wait(30)
        report(made, f"1 of 3 killed, 1 stopped (ended {code}), calls of {latency} s", cells, seconds, ideal)


def killed_again_and_again(postgres: TcpPostgres, kills: int) -> None:
    with fleet(postgres, 0.3) as made:
        cells, ideal = submitted(made, 40)
        made.start_workers(3)
        began = time.monotonic()
        for _ in range(kills):
            time.sleep(random.uniform(1, 4))
            victim = random.choice([worker for worker in made.workers if worker.poll() is None])
            victim.send_signal(random.choice([signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM]))
            made.worker()
        made.wait_until_done(*JOBS, seconds=600)
        report(made, f"{kills} workers killed, stopped or drained at random", cells, time.monotonic() - began, ideal)


def database_restarted(postgres: TcpPostgres, mode: str) -> None:
    with fleet(postgres, 0.3) as made:
        cells, ideal = submitted(made, 12)
        made.start_workers(3, "--jobs", "1")
        began = time.monotonic()
        until(lambda: made.answered() >= cells // 4, 300, made.everything)
        postgres.stop(mode)
        time.sleep(2)
        postgres.start()
        made.wait_until_done(*JOBS, seconds=600)
        report(made, f"database restarted ({mode}, away for 2 s)", cells, time.monotonic() - began, ideal)


def cancelled(postgres: TcpPostgres) -> None:
    with fleet(postgres, 60) as made:
        made.worker()
        closed, whole = [], []
        for number in range(5):
            made.submit(f"job{number}", questions=1)
            until(lambda: sum(made.regions.in_flight.values()) == 6, 60, made.everything)
            made.regions.cut_at.clear()
            began = time.monotonic()
            _, document = made.beacon.json("cancel", f"job{number}")
            whole.append(time.monotonic() - began)
            closed.append(max(made.regions.cut_at) - began)
            assert document["data"]["status"] == "cancelled"
        print(
            f"cancel, 5 times: command to last connection closed {min(closed):.2f} to {max(closed):.2f} s;"
            f" command to its answer {min(whole):.2f} to {max(whole):.2f} s",
            flush=True,
        )


def throughput(postgres: TcpPostgres, workers: int, questions: int) -> None:
    limits = {"max_in_flight": 100, "per_endpoint": 40}
    with fleet(postgres, 0, per_region=1000, per_account=1000) as made:
        names = [f"job{number}" for number in range(3)]
        for name in names:
            made.submit(name, questions=questions, repeats=10, limits=limits)
        before = made.rows("SELECT pg_database_size(current_database())")[0][0]
        made.start_workers(workers, "--jobs", str(-(-3 // workers)))
        made.wait_until_done(*names, seconds=900)
        ((seconds,),) = made.rows("SELECT extract(epoch FROM max(completed_at) - min(started_at))::float8 FROM jobs")
        cells = made.answered()
        size = made.rows("SELECT pg_database_size(current_database())")[0][0] - before
        print(
            f"throughput, {workers} workers: {cells} executions in {seconds:.1f} s = {cells / seconds:.0f}/s;"
            f" {size / cells:.0f} bytes each",
            flush=True,
        )


def idle(postgres: TcpPostgres, seconds: float = 20) -> None:
    with fleet(postgres, 0) as made:
        worker = made.worker()
        time.sleep(10)
        before = made.rows(TRANSACTIONS)[0][0]
        time.sleep(seconds)
        transactions = (made.rows(TRANSACTIONS)[0][0] - before) / seconds
        ((connections,),) = made.rows("SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^worker '")
        memory = psutil.Process(worker.pid).memory_info().rss / 2**20
        print(
            f"an idle worker: {memory:.0f} MiB of memory, {transactions:.1f} transactions a second,"
            f" {connections} connections",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "only", nargs="*", help="stopped, slow, kills, database, cancel, idle, throughput; all unless named"
    )
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, help="of what is killed, when and how; by default another each time")
    arguments = parser.parse_args()
    random.seed(arguments.seed)

    def wanted(name: str) -> bool:
        return not arguments.only or name in arguments.only

    with tcp_postgres() as postgres:
        if wanted("stopped"):
            one_killed_one_stopped(postgres, 0.3, 12)
        if wanted("slow"):
            one_killed_one_stopped(postgres, 10, 1)
        if wanted("kills"):
            killed_again_and_again(postgres, arguments.kills)
        if wanted("database"):
            database_restarted(postgres, "fast")
            database_restarted(postgres, "immediate")
        if wanted("cancel"):
            cancelled(postgres)
        if wanted("idle"):
            idle(postgres)
        if wanted("throughput"):
            for workers in (1, 2, 3):
                throughput(postgres, workers, 50)


if __name__ == "__main__":
    main()
