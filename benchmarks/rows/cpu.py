"""CPU seconds per stored execution, against those of a bare loop per request, with a server that answers at once."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil

from benchmarks.bench import CELLS_PER_QUESTION, Bench, Run, Workplace
from benchmarks.database import server_cpu_seconds, server_process
from benchmarks.row import Row, Target

_TARGET_MILLISECONDS = 0.9
_REPEATS = 50  # of each cell, so that a batch holds 300 and keeps 100 in flight


@dataclass(frozen=True)
class _Shape:
    """How much is in flight, and how: `repeats` of each cell make batches of six times as many.

    `path` is where a region is asked, which says the API.
    """

    in_flight: int
    repeats: int
    what: str
    path: str = "inference"

    def questions(self, cells: int) -> int:
        return round(cells / CELLS_PER_QUESTION / self.repeats)

    @property
    def cells_per_question(self) -> int:
        return CELLS_PER_QUESTION * self.repeats


_SHAPES = (
    _Shape(6, 1, "batches of 6, as in a plain job"),
    _Shape(10, _REPEATS, "10 in flight"),
    _Shape(100, _REPEATS, "100 in flight"),
    _Shape(10, _REPEATS, "10 in flight, OpenAI's API", path="chat/completions"),
)
_OPENAI = {f"BEACON_REGIONS__{region}__API": "openai" for region in ("US", "EU", "APAC")}


def rows(bench: Bench) -> Iterator[Row]:
    with bench.workplace() as place:
        server = server_process(place.start_database())
        for shape in _SHAPES:
            measured = [_measured(bench, place, shape, server) for _ in range(bench.options.repeat)]
            yield from _rows(shape, measured)


def _measured(bench: Bench, place: Workplace, shape: _Shape, server: psutil.Process) -> dict[str, Any]:
    """Return milliseconds of CPU per execution: by the slope between two job sizes, and whole; and the floor's."""
    few, many = (shape.questions(cells) for cells in (bench.size(1200, 300), bench.size(6000, 1200)))
    small = _run(place, shape, few)
    before = server_cpu_seconds(server)
    large = _run(place, shape, many)
    database = server_cpu_seconds(server) - before
    executions = many * shape.cells_per_question
    batch = shape.cells_per_question if shape.repeats == 1 else 0
    floor = bench.floor(0, executions, shape.in_flight, batch=batch, warm_up=10 * shape.in_flight, path=shape.path)
    difference = executions - few * shape.cells_per_question
    return {
        "slope": (large.cost.cpu - small.cost.cpu) / difference * 1000,
        "whole": large.cost.cpu / executions * 1000,
        "floor": floor.cpu / executions * 1000,
        "database": database / executions * 1000,
        "executions": executions,
        "run": large.document(),
    }


def _run(place: Workplace, shape: _Shape, questions: int) -> Run:
    job = place.job(
        f"job-{questions}", questions, repeats=shape.repeats, in_flight=shape.in_flight, per_endpoint=shape.in_flight
    )
    if shape.path == "inference":
        return place.run("run", job)
    return place.run("run", job, "--no-check", variables=_OPENAI)


def _rows(shape: _Shape, measured: list[dict[str, Any]]) -> Iterator[Row]:
    medians = {
        name: statistics.median(each[name] for each in measured) for name in ("slope", "whole", "floor", "database")
    }
    executions = measured[0]["executions"]
    for what, value, target in (
        ("CPU per stored execution", medians["slope"], Target(_TARGET_MILLISECONDS)),
        (f"CPU of a whole run of {executions:,}, per execution", medians["whole"], None),
    ):
        yield Row(
            f"{what}, {shape.what}",
            "ms",
            value,
            medians["floor"],
            "bare httpx2 loop, per request",
            target,
            note=f"PostgreSQL itself: {medians['database']:.2f} ms",
            figures={"measured": measured},
        )
