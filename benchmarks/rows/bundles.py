"""`bundle` and `verify bundle` of one large job: how long, how large, with how much memory."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from benchmarks.bench import CELLS_PER_QUESTION, Bench, Run, Workplace
from benchmarks.database import statement
from benchmarks.row import Row, Target

_CONSTANT = 2.0  # times the memory that the same takes for a tiny job
_JOB = "large"


def rows(bench: Bench) -> Iterator[Row]:
    questions = bench.size(16_667, 1_000)
    with bench.workplace() as place:
        url = place.start_database()
        source = str(place.run("run", place.job("small", 1), "--json").data()["job_id"])
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement("copy_job"), {"job_id": _JOB, "source": source, "questions": questions})
            connection.execute("VACUUM (ANALYZE) executions")
        exported = place.run("export", _JOB, "-o", f"{_JOB}.jsonl", "--json")
        bundled, verified = _both(place, _JOB)
        tiny_bundled, tiny_verified = _both(place, source)
    cells = f"{questions * CELLS_PER_QUESTION:,} cells"
    packed, rows_size = bundled.data()["bytes"], exported.data()["bytes"]
    yield Row(f"bundle, {cells}", "s", bundled.cost.wall, exported.cost.wall, "export of the same rows as JSON lines")
    yield Row(f"verify bundle, {cells}", "s", verified.cost.wall, bundled.cost.wall, "writing it")
    yield Row(f"size of a bundle, {cells}", "MB", packed / 1e6, rows_size / 1e6, "its rows as JSON lines")
    for what, run, tiny in (("bundle", bundled, tiny_bundled), ("verify bundle", verified, tiny_verified)):
        yield Row(
            f"{what}, {cells}, peak memory",
            "MB",
            run.cost.peak_memory / 1e6,
            tiny.cost.peak_memory / 1e6,
            f"a job of {CELLS_PER_QUESTION} cells",
            Target(_CONSTANT, "ratio"),
        )


def _both(place: Workplace, job_id: str) -> tuple[Run, Run]:
    bundled = place.run("bundle", job_id, "-o", f"{job_id}.zip", "--json")
    return bundled, place.run("verify", "bundle", f"{job_id}.zip", "--json")
