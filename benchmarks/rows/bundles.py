"""`bundle` and `verify bundle` of one large job: how long, how large, with how much memory."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg

from beacon_cli.console.formatting import quantity
from benchmarks.bench import CELLS_PER_QUESTION, Bench, Run, Workplace
from benchmarks.database import statement
from benchmarks.row import Row, Target

_CONSTANT = 2.0  # times the memory that the same takes for a tiny job
_JOB = "large"


def rows(bench: Bench) -> Iterator[Row]:
    yield from _rows(bench, bench.size(16_667, 1_000), repeats=1)
    yield from _rows(bench, bench.size(2_000, 100), repeats=8)


def _rows(bench: Bench, questions: int, *, repeats: int) -> Iterator[Row]:
    with bench.workplace() as place:
        url = place.start_database()
        source = str(place.run("run", place.job("small", 1, repeats=repeats), "--json").data()["job_id"])
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(statement("copy_job"), {"job_id": _JOB, "source": source, "questions": questions})
            connection.execute(statement("vary_answers"), {"job_id": _JOB})
            connection.execute("VACUUM (FULL, ANALYZE) executions")
        exported = place.run("export", _JOB, "-o", f"{_JOB}.jsonl", "--json")
        compared = place.run("compare", _JOB, "--json", exit_codes=(0, 1))
        bundled, verified = _both(place, _JOB)
        tiny_bundled, tiny_verified = _both(place, source)
    cells = f"{questions * CELLS_PER_QUESTION * repeats:,} cells, {quantity(repeats, 'repeat')}"
    packed, rows_size = bundled.data()["bytes"], exported.data()["bytes"]
    yield Row(f"compare, {cells}", "s", compared.cost.cpu, exported.cost.cpu, "export of the same rows, CPU time")
    yield Row(f"bundle, {cells}", "s", bundled.cost.cpu, compared.cost.cpu, "comparing them, CPU time")
    yield Row(f"verify bundle, {cells}", "s", verified.cost.cpu, bundled.cost.cpu, "writing it, CPU time")
    yield Row(f"size of a bundle, {cells}", "MB", packed / 1e6, rows_size / 1e6, "its rows as JSON lines")
    for what, run, tiny in (("bundle", bundled, tiny_bundled), ("verify bundle", verified, tiny_verified)):
        yield Row(
            f"{what}, {cells}, peak memory",
            "MB",
            run.cost.peak_memory / 1e6,
            tiny.cost.peak_memory / 1e6,
            f"a job of {CELLS_PER_QUESTION * repeats} cells",
            Target(_CONSTANT, "ratio"),
        )


def _both(place: Workplace, job_id: str) -> tuple[Run, Run]:
    bundled = place.run("bundle", job_id, "-o", f"{job_id}.zip", "--json")
    # A copied job has the hash of the one question that it was copied from: `job` fails, and all else is computed.
    return bundled, place.run("verify", "bundle", f"{job_id}.zip", "--json", exit_codes=(0, 1))
