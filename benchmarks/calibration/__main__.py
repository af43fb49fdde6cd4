"""`python -m benchmarks.calibration`: put the verdicts to the test, print the tables, write one JSON document."""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import rapidfuzz

from benchmarks.calibration.designs import designs, write_curves
from benchmarks.calibration.studies import (
    FULL,
    QUICK,
    Effort,
    copies,
    coverage,
    effects,
    false_alarms,
    false_discoveries,
    looks,
    power,
)
from benchmarks.calibration.tables import draw_power, shown
from benchmarks.calibration.worst_choice import worst_choice

STUDIES: dict[str, Callable[[Effort], Iterator[dict[str, Any]]]] = {
    "false_alarms": false_alarms,
    "copies": copies,
    "looks": looks,
    "worst_choice": lambda _: worst_choice(),
    "power": power,
    "effects": effects,
    "false_discoveries": false_discoveries,
    "coverage": coverage,
    "designs": designs,
}


def main() -> None:
    """Carry out what was asked for."""
    arguments = _arguments()
    effort = dataclasses.replace(QUICK if arguments.quick else FULL, seed=arguments.seed, processes=arguments.processes)
    found = {name: _studied(name, effort) for name in arguments.only or STUDIES}
    if arguments.svg and "power" in found:
        draw_power(found["power"], arguments.svg)
    if arguments.curves and "designs" in found:
        write_curves(found["designs"], effort, arguments.curves)
    if arguments.json:
        document = {"effort": dataclasses.asdict(effort), "versions": _versions(), **found}
        arguments.json.write_text(json.dumps(document, indent=1, default=dataclasses.asdict) + "\n")


def _studied(name: str, effort: Effort) -> list[dict[str, Any]]:
    start = time.perf_counter()
    lines = list(STUDIES[name](effort))
    print(f"{name}: {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
    print(f"\n{shown(name, lines)}", flush=True)
    return lines


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        **{each.__name__: each.__version__ for each in (numpy, rapidfuzz)},
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibration", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=STUDIES, help=f"of {', '.join(STUDIES)}")
    parser.add_argument("--quick", action="store_true", help="a tenth of the jobs: rough figures in a few minutes")
    parser.add_argument("--seed", type=int, default=1, help="another one draws other jobs")
    parser.add_argument("--processes", type=int, default=2, help="at once (2); the figures do not depend on it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--curves", type=Path, metavar="FILE", help="write there what `beacon plan` reads")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the power curves there")
    return parser.parse_args()


if __name__ == "__main__":
    main()
