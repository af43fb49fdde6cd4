"""Peak memory of a run, small and large, plain and with one JSON document at the end."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import CELLS_PER_QUESTION, Bench, Workplace
from benchmarks.row import Row, Target

_TARGET_MEGABYTES = 90.0
_FLAT = 1.1  # times the peak of a hundred times smaller run


def rows(bench: Bench) -> Iterator[Row]:
    sizes = (60, 6_000, bench.size(100_000, 10_000))
    floor = bench.floor(0, 6_000, 6, batch=6).run.cost.peak_memory / 1e6
    with bench.workplace() as place:
        place.start_database()
        for flags in ((), ("--json",)):
            peaks: list[float] = []
            for cells in sizes:
                row = _row(place, cells, flags, floor)
                assert row.value is not None
                peaks.append(row.value)
                yield row
            yield Row(
                f"peak memory at {sizes[-1]:,} cells against {sizes[0]:,}{_named(flags)}",
                "MB",
                peaks[-1],
                peaks[0],
                f"{sizes[0]} cells",
                Target(_FLAT, "ratio"),
            )


def _row(place: Workplace, cells: int, flags: tuple[str, ...], floor: float) -> Row:
    questions = round(cells / CELLS_PER_QUESTION)
    run = place.run("run", place.job(f"job-{cells}", questions), *flags)
    return Row(
        f"peak memory, {cells:,} cells{_named(flags)}",
        "MB",
        run.cost.peak_memory / 1e6,
        floor,
        "bare httpx2 loop, 6,000 requests",
        Target(_TARGET_MEGABYTES),
        figures={"run": {**run.document(), "questions": questions}},
    )


def _named(flags: tuple[str, ...]) -> str:
    return "".join(f", {flag}" for flag in flags)
