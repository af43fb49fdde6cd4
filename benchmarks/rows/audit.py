"""`check-db` on one job of ten in a large table: how long, with how much memory, and whose rows it reads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic

import psycopg

from benchmarks.bench import CELLS_PER_QUESTION, Bench, Run, Workplace
from benchmarks.database import counters, statement, value
from benchmarks.row import Row, Target, spread

_JOBS = 10
_TARGET_SECONDS = 10.0
_CONSTANT = 1.1  # times the memory that the audit of a tiny job takes


def rows(bench: Bench) -> Iterator[Row]:
    table = bench.options.rows // (10 if bench.options.quick else 1)
    with bench.workplace() as place:
        url = place.start_database()
        source = str(place.run("run", place.job("small", 1), "--json").data()["job_id"])
        _fill(url, source, round(table / _JOBS / CELLS_PER_QUESTION))
        read_seconds = _seconds_to_read(url, "job-5")
        before = counters(url)
        first = _audit(place, "job-5")
        after = counters(url)
        runs = [first, *(_audit(place, "job-5") for _ in range(bench.options.repeat - 1))]
        tiny = _audit(place, source)
    seconds = spread([run.cost.wall for run in runs])
    size = f"{runs[0].data()['rows']:,} rows among {table:,}"
    yield Row(
        f"check-db, {size}",
        "s",
        seconds["median"],
        read_seconds,
        "reading each of the job's rows once",
        Target(_TARGET_SECONDS),
        figures={"seconds": seconds, "runs": [run.document() for run in runs]},
    )
    yield _memory_row(size, runs, tiny)
    yield _reading_row({name: after[name] - before[name] for name in after}, runs[0].data()["rows"])


def _memory_row(size: str, runs: list[Run], tiny: Run) -> Row:
    return Row(
        f"check-db, {size}, peak memory",
        "MB",
        max(run.cost.peak_memory for run in runs) / 1e6,
        tiny.cost.peak_memory / 1e6,
        f"a job of {CELLS_PER_QUESTION} rows",
        Target(_CONSTANT, "ratio"),
    )


def _reading_row(read: dict[str, int], job_rows: int) -> Row:
    passes = read["idx_tup_fetch"] / job_rows
    return Row(
        "check-db, rows of other jobs read",
        "rows",
        float(read["seq_tup_read"] + read["idx_tup_fetch"] % job_rows),
        target=Target(0),
        note=f"{read['seq_scan']} sequential scans; by index each row of the job {passes:g} times, and no other",
        figures=dict(read),
    )


def _audit(place: Workplace, job_id: str) -> Run:
    return place.run("check-db", job_id, "--json")


def _fill(url: str, source: str, questions: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        for number in range(_JOBS):
            parameters = {"job_id": f"job-{number}", "source": source, "questions": questions}
            connection.execute(statement("copy_job"), parameters)
        for name in ("executions", "questions"):
            connection.execute(f"VACUUM (ANALYZE) {name}".encode())


def _seconds_to_read(url: str, job_id: str) -> float:
    """Return how long the plainest query that looks at every row of a job takes, when the rows were read before."""
    query = "SELECT sum(length(response)), max(completed_at - started_at) FROM executions WHERE job_id = %s"
    with psycopg.connect(url) as connection:
        return min(_timed(lambda: value(connection, query, job_id)) for _ in range(2))


def _timed(action: Callable[[], object]) -> float:
    began = monotonic()
    action()
    return monotonic() - began
