"""How soon a run that goes on with a large job asks its first question."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import psycopg

from benchmarks.bench import CELLS_PER_QUESTION, Bench, Run, Workplace
from benchmarks.database import statement, value
from benchmarks.row import Row, Target

_TARGET_SECONDS = 2.0


def rows(bench: Bench) -> Iterator[Row]:
    done = bench.size(100_000, 10_000)
    resumed, fresh = [], []
    with bench.workplace() as place:
        url = place.start_database()
        job = place.job("large", round(done / CELLS_PER_QUESTION) + 1)
        small = place.job("small", 1)
        for number in range(bench.options.repeat):
            job_id = f"large-{number}"
            stored = _begin(place, url, job, job_id)
            run = place.run("run", job, "--job-id", job_id)
            assert run.server.requests == CELLS_PER_QUESTION, run.server
            resumed.append(run)
            fresh.append(place.run("run", small))
    yield Row(
        f"resume of {stored:,} rows: start of the command to its first request",
        "s",
        _first_request(resumed),
        _first_request(fresh),
        "a new job of 6 cells",
        Target(_TARGET_SECONDS),
        figures={"resumed": [run.document() for run in resumed], "fresh": [run.document() for run in fresh]},
    )


def _begin(place: Workplace, url: str, job: str, job_id: str) -> int:
    """Begin the job for real, stop it soon, fill in the rows but the last question's, and return how many there are."""
    stopped = place.run(
        "run", job, "--job-id", job_id, milliseconds=50, exit_codes=(1,), variables={"BEACON_LIMITS__JOB_TIMEOUT": "1s"}
    )
    assert stopped.server.requests >= CELLS_PER_QUESTION, stopped.server
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement("answer_all_but_last"), {"job_id": job_id})
        connection.execute("VACUUM (ANALYZE) executions")
        return int(value(connection, "SELECT count(*) FROM executions WHERE job_id = %s", job_id))


def _first_request(runs: list[Run]) -> float:
    """Return the median seconds from a command's start to its first question at the server."""
    return statistics.median((run.server.first_request_at or 0) - run.cost.started_at for run in runs)
