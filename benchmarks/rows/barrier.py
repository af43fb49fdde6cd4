"""What batches cost over the time of their slowest answers, and how long it is from one to the next."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from benchmarks.bench import CELLS_PER_QUESTION, Bench
from benchmarks.database import commit_milliseconds
from benchmarks.mock import REGIONS
from benchmarks.row import Row, Target, spread

_MILLISECONDS = 50
_TARGET_PERCENT = 3.0
_TARGET_GAP_MILLISECONDS = 4.0


def rows(bench: Bench) -> Iterator[Row]:
    questions = bench.size(100, 20)
    bound = questions * _MILLISECONDS / 1000
    with bench.workplace() as place:
        url = place.start_database()
        job = place.job("job", questions)
        documents, floors = [], []
        for _ in range(bench.options.repeat):
            # A run has read each region's list of models before its clock starts: so has the floor asked each once.
            floor = bench.floor(
                *(_MILLISECONDS, questions * CELLS_PER_QUESTION, CELLS_PER_QUESTION),
                batch=CELLS_PER_QUESTION,
                warm_up=len(REGIONS),
            )
            floors.append(floor.seconds)
            documents.append(place.run("run", job, "--json", milliseconds=_MILLISECONDS).data())
        commits = commit_milliseconds(url, 200)
    yield Row(
        f"time over the bound, {questions} batches of 6, 50 ms each",
        "%",
        _percent_over(bound, [document["duration_seconds"] for document in documents]),
        _percent_over(bound, floors),
        "bare httpx2 loop, the same batches",
        Target(_TARGET_PERCENT),
        note=f"bound {bound:.1f} s",
        figures={"seconds": [document["duration_seconds"] for document in documents], "floors": floors},
    )
    gaps = spread([gap for document in documents for gap in _gaps(document)])
    yield Row(
        "gap between batches, commit included, median",
        "ms",
        gaps["median"],
        statistics.median(commits),
        "one bare insert and its commit",
        Target(_TARGET_GAP_MILLISECONDS),
        note=f"at most {gaps['max']:.1f} ms",
        figures={"milliseconds": gaps, "commit_milliseconds": spread(commits)},
    )


def _percent_over(bound: float, seconds: list[float]) -> float:
    return (statistics.median(seconds) / bound - 1) * 100


def _gaps(document: dict[str, Any]) -> list[float]:
    """Return the milliseconds from the last answer of each batch to the start of the next one."""
    batches = document["batches"]
    return [
        (_moment(after["started_at"]) - _moment(before["completed_at"])).total_seconds() * 1000
        for before, after in itertools.pairwise(batches)
    ]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
