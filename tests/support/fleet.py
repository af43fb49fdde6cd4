"""A fleet for tests: a PostgreSQL over TCP, regions that count what is in flight, and worker processes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import psycopg

from tests.acceptance.conftest import Beacon
from tests.support.raw_server import Request, http
from tests.support.regions_server import Regions
from tests.support.warm_start import Running


@dataclass
class CountingRegions(Regions):
    """Knows how many calls were in flight at most, per region and in all, and which were cut off, and when.

    `refusing` answers that the credentials are wrong.
    """

    refusing: bool = False
    in_flight: Counter[str] = field(default_factory=Counter)
    peaks: Counter[str] = field(default_factory=Counter)
    cut_at: list[float] = field(default_factory=list)
    cut_prompts: list[str] = field(default_factory=list)

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        if self.refusing:
            return http(401, {"detail": "no"})
        if not request.path.endswith("/inference"):
            return await super().handle(request, writer)
        region = request.path.split("/")[1]
        self.in_flight[region] += 1
        self.peaks[region] = max(self.peaks[region], self.in_flight[region])
        self.peaks["all"] = max(self.peaks["all"], sum(self.in_flight.values()))
        try:
            return await super().handle(request, writer)
        except asyncio.CancelledError:
            self.cut_at.append(time.monotonic())
            self.cut_prompts.append(json.loads(request.body)["prompt"])
            raise
        finally:
            self.in_flight[region] -= 1


@dataclass
class Fleet:
    """Workers of one database. `url` is of that database."""

    beacon: Beacon
    regions: CountingRegions
    url: str
    workers: list[Running] = field(default_factory=list)
    _connection: psycopg.Connection[Any] | None = None

    def worker(self, *arguments: str) -> Running:
        """Start a worker, and return once it takes jobs."""
        return self.start_workers(1, *arguments)[0]

    def start_workers(self, count: int, *arguments: str, under: Sequence[str] = ()) -> list[Running]:
        """Start workers at the same time, and return once all take jobs."""
        started = []
        for _ in range(count):
            with (self.beacon.folder / f"worker{len(self.workers)}.log").open("w") as file:
                start = partial(self.beacon.start, under=under) if under else self.beacon.begin
                process = start("worker", *arguments, stdout=subprocess.DEVNULL, stderr=file)
            started.append(process)
            self.workers.append(started[-1])
        for process in started:
            until(lambda process=process: "runs up to" in self.log(process), 300, self.everything)
        return started

    def log(self, process: Running) -> str:
        return (self.beacon.folder / f"worker{self.workers.index(process)}.log").read_text()

    def submit(self, job_id: str, *arguments: str, questions: int = 4, **keys: object) -> None:
        """Submit a job of so many questions, two models and three regions."""
        document = {
            "questions": [{"id": f"q{n}", "text": f"{job_id} {n}?"} for n in range(questions)],
            "models": self.regions.models,
            "regions": ["US", "EU", "ASIA"],
            **keys,
        }
        file = self.beacon.write(f"{job_id}.json", json.dumps(document))
        done = self.beacon("submit", file, "--job-id", job_id, *arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Return what a statement finds, on a connection that is made again after it was lost."""
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(self.url, autocommit=True)
            self._connection.execute("SET search_path = public, beacon_queue")  # the queue's triggers name no schema
        return self._connection.execute(statement.encode(), values).fetchall()

    def statuses(self) -> dict[str, str]:
        return dict(self.rows("SELECT id, status FROM jobs"))

    def answered(self) -> int:
        return int(self.rows("SELECT count(*) FROM executions WHERE status = 'completed'")[0][0])

    def wait_until_done(self, *job_ids: str, seconds: float = 300) -> None:
        wanted = dict.fromkeys(job_ids, "completed")
        until(lambda: self.statuses().items() >= wanted.items(), seconds, self.everything)

    def holder_of(self, job_id: str) -> Running:
        """Return the worker that runs a job."""
        statement = """
            SELECT worker.pid FROM beacon_queue.procrastinate_jobs AS entry
            JOIN beacon_queue.beacon_entries AS claim ON claim.entry = entry.id AND claim.attempt = entry.attempts
            JOIN fleet_workers AS worker ON worker.id = claim.worker_id
            WHERE job_id = %s AND status = 'doing'
        """
        found: list[tuple[Any, ...]] = []

        def found_it() -> bool:
            found.extend(self.rows(statement, job_id))
            return bool(found)

        until(found_it, 300, self.everything)
        return next(worker for worker in self.workers if worker.pid == found[0][0])

    def assert_nothing_lost_or_doubled(self, cells: int, per_account: int = 6) -> None:
        """Assert that every cell has one row with an answer, and that both caps were reached and held."""
        keys = "job_id, question_id, model_id, region, repeat"
        assert self.rows(f"SELECT {keys} FROM executions GROUP BY {keys} HAVING count(*) > 1") == []
        assert self.answered() == cells
        assert self.regions.peaks == {"us": 2, "eu": 2, "apac": 2, "all": per_account}

    def everything(self) -> str:
        logs = "\n".join(f"--- {worker.pid} {worker.poll()}\n{self.log(worker)}" for worker in self.workers)
        return f"{self.statuses()} {self.answered()} {self.regions.peaks}\n{logs}"

    def end(self) -> None:
        if self._connection is not None:
            self._connection.close()
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                worker.send_signal(signal.SIGCONT)
                worker.kill()
            worker.wait()


def until(condition: Callable[..., bool], seconds: float, why: Callable[[], str] = str) -> float:
    """Wait until a condition holds, and return how long that took."""
    began = time.monotonic()
    while True:
        with contextlib.suppress(psycopg.OperationalError):
            if condition():
                return time.monotonic() - began
        assert time.monotonic() < began + seconds, why()
        time.sleep(0.05)


@contextlib.contextmanager
def a_fleet(beacon: Beacon, regions: CountingRegions, url: str) -> Iterator[Fleet]:
    beacon.environment |= {**regions.environment(), "BEACON_DATABASE_URL": url}
    fleet = Fleet(beacon, regions, url)
    try:
        yield fleet
    finally:
        fleet.end()
