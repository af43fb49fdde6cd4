"""What the live view costs: the same run on a terminal and without one."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import CELLS_PER_QUESTION, Bench
from benchmarks.row import Row, Target, interleaved, spread

_TARGET_RATIO = 1.05


def rows(bench: Bench) -> Iterator[Row]:
    cells = bench.size(6_000, 1_200)
    with bench.workplace() as place:
        place.start_database()
        job = place.job("job", round(cells / CELLS_PER_QUESTION))
        seen, unseen = interleaved(
            max(bench.options.repeat, 1),
            lambda: place.run("run", job, terminal=True).cost.cpu,
            lambda: place.run("run", job).cost.cpu,
        )
    # A pair is taken one after the other, so its ratio does not see a machine that slows down slowly.
    ratios = spread([on / off for on, off in zip(seen, unseen, strict=True)])
    yield Row(
        f"CPU of a run of {cells:,} on a terminal",
        "s",
        spread(unseen)["median"] * ratios["median"],
        spread(unseen)["median"],
        "without a terminal",
        Target(_TARGET_RATIO, "ratio"),
        note="the ratio is the median of pairs",
        figures={"terminal": seen, "none": unseen, "ratios": ratios},
    )
