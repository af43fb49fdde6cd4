"""`python -m benchmarks`: measure every row, print one table, write one JSON document."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.bench import Bench, Options
from benchmarks.machine import described, machine
from benchmarks.mock import mock_server
from benchmarks.processes import CommandFailed
from benchmarks.profiling import profile
from benchmarks.row import Row
from benchmarks.rows import audit, barrier, bundles, cpu, memory, others, requests, resume, startup, view
from benchmarks.table import markdown_table, print_table

GROUPS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "startup": startup.rows,
    "requests": requests.rows,
    "cpu": cpu.rows,
    "memory": memory.rows,
    "barrier": barrier.rows,
    "view": view.rows,
    "audit": audit.rows,
    "bundle": bundles.rows,
    "resume": resume.rows,
    "others": others.rows,
}


def main() -> None:
    """Measure what was asked for."""
    arguments = _arguments()
    options = Options(
        beacon=arguments.beacon.absolute(),
        quick=arguments.quick,
        repeat=arguments.repeat or (1 if arguments.quick else 3),
        rows=arguments.rows,
        others={name: getattr(arguments, name.replace("-", "_")) for name in ("promptfoo", "lm-eval", "inspect")},
    )
    with mock_server() as server:
        bench = Bench(options, server)
        if arguments.profile:
            print(profile(bench))
            return
        _measure(bench, arguments.only or list(GROUPS), arguments.json, markdown=arguments.markdown)


def _measure(bench: Bench, groups: list[str], file: Path | None, *, markdown: bool) -> None:
    where = machine()
    capacity = bench.server.capacity(seconds=bench.size(3, 1))
    _tell(f"{described(where)}; the server answers up to {capacity:,.0f} requests/s")
    rows: list[Row] = []
    documents = []
    for group in groups:
        for row in _rows_of(group, bench):
            rows.append(row)
            documents.append(row.document(group))
            _tell(f"{row.what}: {'-' if row.value is None else f'{row.value:.3g} {row.unit}'}")
    used = {**bench.busiest, "capacity": capacity, "used": bench.busiest["requests_per_second"] / capacity}
    print(f"\n{described(where)}\n")
    if markdown:
        print(markdown_table(rows))
    else:
        print_table(rows)
    print(
        f"\nThe server was never asked more than {used['requests_per_second']:,.0f} requests/s, {used['used']:.0%} of "
        f"the {capacity:,.0f} that it can answer, and never used more than {used['cpu_share']:.0%} of a core."
    )
    if file is not None:
        document = {"machine": where, "quick": bench.options.quick, "server": used, "rows": documents}
        file.write_text(json.dumps(document, indent=1) + "\n")


def _rows_of(group: str, bench: Bench) -> Iterator[Row]:
    """Yield a group's rows; a command that fails costs the rest of its group, and nothing else."""
    try:
        yield from GROUPS[group](bench)
    except CommandFailed as failed:
        yield Row(f"{group}: a command failed", "s", None, note=str(failed).splitlines()[-1])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=GROUPS, help=f"of {', '.join(GROUPS)}")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, one repeat: rough figures in minutes")
    parser.add_argument("--repeat", type=int, metavar="N", help="repeats of each row (3; quick: 1)")
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the table for check-db (quick: a tenth)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    parser.add_argument("--markdown", action="store_true", help="print the table for a README")
    parser.add_argument("--profile", action="store_true", help="show where a run's CPU goes, and measure nothing else")
    parser.add_argument("--beacon", type=Path, default=Path(sys.executable).parent / "beacon", metavar="PATH")
    for name in ("promptfoo", "lm-eval", "inspect"):
        parser.add_argument(f"--{name}", metavar="PATH", help="the installed program, for its rows")
    return parser.parse_args()


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
