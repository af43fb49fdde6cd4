"""600 requests, 10 in flight, answered after 50 ms: 3.0 s at least, whatever asks."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

from benchmarks.bench import Bench, Run, Workplace
from benchmarks.row import Row, Target

MILLISECONDS = 50
REQUESTS = 600
IN_FLIGHT = 10
BOUND_SECONDS = REQUESTS / IN_FLIGHT * MILLISECONDS / 1000
TARGET_SECONDS = 3.9


def rows(bench: Bench) -> Iterator[Row]:
    floors, warm, cold, first = [], [], [], []
    for _ in range(bench.options.repeat):
        floors.append(bench.floor(MILLISECONDS, REQUESTS, IN_FLIGHT).run)
        with bench.workplace() as place:
            # Ten batches of 60 cells: each a multiple of ten, so that barriers leave the bound at 3.0 s.
            job = place.job("job", 10, repeats=10, in_flight=IN_FLIGHT, per_endpoint=IN_FLIGHT)
            first.append(_run(place, job))
            cold.append(_run(place, job))
            place.start_database()
            warm.append(_run(place, job))
    reference = _wall(floors)
    for name, runs, target in (
        ("database running", warm, TARGET_SECONDS),
        ("database starts and stops", cold, TARGET_SECONDS),
        ("database is made first", first, None),
    ):
        yield Row(
            f"600 requests, 10 in flight, 50 ms, whole command, {name}",
            "s",
            _wall(runs),
            reference,
            "bare httpx2 loop, whole process",
            None if target is None else Target(target),
            note=f"bound {BOUND_SECONDS:.1f} s",
            figures={"runs": [run.document() for run in runs], "floors": [run.document() for run in floors]},
        )


def _run(place: Workplace, job: str) -> Run:
    run = place.run("run", job, milliseconds=MILLISECONDS)
    assert run.server.requests == REQUESTS, run.server
    assert run.server.peak_in_flight == IN_FLIGHT, run.server
    return run


def _wall(runs: list[Run]) -> float:
    return statistics.median(run.cost.wall for run in runs)
