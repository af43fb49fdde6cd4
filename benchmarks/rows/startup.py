"""What a command costs before it does anything, against the import of the library that reads its arguments."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator

from benchmarks.bench import Bench, kept_environment
from benchmarks.processes import measure
from benchmarks.row import Row, Target, interleaved, spread

_REFERENCE = "python -c 'import typer'"


def rows(bench: Bench) -> Iterator[Row]:
    with bench.workplace() as place:
        (place.folder / "bad.yaml").write_text("questions: []\n")
        job = place.job("job", 2)

        def importing() -> float:
            command = [sys.executable, "-c", "import typer"]
            return measure(command, environment=kept_environment(), folder=place.folder).wall

        def starting(*arguments: str, exit_code: int = 0) -> float:
            return place.run(*arguments, exit_codes=(exit_code,)).cost.wall

        names = {"beacon --help": 2.0, "beacon run JOB --dry-run": 6.0, "beacon run, a refused job file": 6.0}
        actions = [
            functools.partial(starting, "--help"),
            functools.partial(starting, "run", job, "--dry-run"),
            functools.partial(starting, "run", "bad.yaml", exit_code=2),
        ]
        reference, *series = interleaved(5 * bench.options.repeat, importing, *actions)
    floor = spread(reference)
    for (name, limit), figures in zip(names.items(), series, strict=True):
        seconds = spread(figures)
        yield Row(
            f"start: {name}",
            "ms",
            seconds["median"] * 1000,
            floor["median"] * 1000,
            _REFERENCE,
            Target(limit, "ratio"),
            figures={"seconds": seconds, "reference_seconds": floor},
        )
