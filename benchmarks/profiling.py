"""Where the CPU of a run goes: 6,000 executions, 100 in flight, under the standard library's profiler."""

from __future__ import annotations

import pstats
import sys
from collections import Counter
from pathlib import Path

from benchmarks.bench import CELLS_PER_QUESTION, Bench

_REPEATS = 50
_IN_FLIGHT = 100
# The first whose text is in a function's file name; C functions are told by their own name.
_FILES = {
    "/beacon_cli/executor/": "beacon: executor",
    "/beacon_cli/store/": "beacon: store",
    "/beacon_cli/live/": "beacon: the view of a run",
    "/beacon_cli/": "beacon: the rest",
    "/modal_deployment/": "beacon: the rest",
    "/httpx2/": "HTTP client: httpx2",
    "/httpcore2/": "HTTP client: httpcore2",
    "/h11/": "HTTP client: h11",
    "/anyio/": "HTTP client: anyio",
    "/psycopg": "psycopg",
    "/asyncio/": "asyncio",
    "/selectors.py": "asyncio",
    "/json/": "json",
    "/rich/": "beacon: view and output",
    "/pydantic": "pydantic",
    "<frozen importlib": "imports",
}
_C_FUNCTIONS = {
    "psycopg": "psycopg",
    "_asyncio": "asyncio",
    "select.epoll": "asyncio",
    "_socket.socket": "sockets",
    "_json": "json",
    "marshal": "imports",
    "exec": "imports",
}


def profile(bench: Bench) -> str:
    """Return the seconds of each component of a profiled run, and the functions that take most."""
    with bench.workplace() as place:
        place.start_database()
        cells = bench.size(6_000, 1_200)
        questions = round(cells / CELLS_PER_QUESTION / _REPEATS)
        job = place.job("job", questions, repeats=_REPEATS, in_flight=_IN_FLIGHT, per_endpoint=_IN_FLIGHT)
        result = place.folder / "profile"
        profiled = [sys.executable, "-m", "cProfile", "-o", str(result), "-m", "beacon_cli"]
        place.run("run", job, program=profiled)
        statistics = pstats.Stats(str(result))
    return f"{cells:,} executions, {_IN_FLIGHT} in flight, profiled\n\n{_report(statistics)}"


def _report(statistics: pstats.Stats) -> str:
    components: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for (file, line, name), (_, _, seconds, *_) in statistics.stats.items():  # type: ignore[attr-defined]
        components[component(file, name)] += seconds
        functions[name if file == "~" else f"{'/'.join(Path(file).parts[-2:])}:{line} {name}"] += seconds
    total = components.total()
    lines = [f"{seconds:8.2f} s {seconds / total:6.1%}  {name}" for name, seconds in components.most_common()]
    lines += ["", *(f"{seconds:8.2f} s {seconds / total:6.1%}  {name}" for name, seconds in functions.most_common(25))]
    return "\n".join(lines)


def component(file: str, name: str) -> str:
    """Return the component that a profiled function belongs to."""
    parts = _C_FUNCTIONS if file == "~" else _FILES
    text = name if file == "~" else file
    return next((known for part, known in parts.items() if part in text), "builtins" if file == "~" else "other")
