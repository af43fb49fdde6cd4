"""What every row works with: the options, the server, and places to run `beacon` in."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.mock import REGIONS, MockServer, ServerUse
from benchmarks.processes import Cost, measure

_FLOOR = Path(__file__).parent / "floor.py"
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR")
_MODELS = "[llama3.2-1b, qwen2.5-1.5b]"
CELLS_PER_QUESTION = 6  # two models in three regions


@dataclass(frozen=True)
class Options:
    """What was asked for on the command line."""

    beacon: Path
    quick: bool = False
    repeat: int = 3
    rows: int = 10_000_000
    others: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """A run of a command, and what the server was asked meanwhile."""

    cost: Cost
    server: ServerUse

    def document(self) -> dict[str, Any]:
        """Return the figures of the row's JSON."""
        cost = {key: value for key, value in asdict(self.cost).items() if key not in ("stdout", "stderr", "started_at")}
        return {**cost, "server": asdict(self.server)}

    def data(self) -> dict[str, Any]:
        """Return `data` of the one document that a command with `--json` prints."""
        data: dict[str, Any] = json.loads(self.cost.stdout)["data"]
        return data


@dataclass
class Bench:
    """The options, the server, and how busy it was at most."""

    options: Options
    server: MockServer
    busiest: dict[str, float] = field(default_factory=lambda: {"requests_per_second": 0.0, "cpu_share": 0.0})

    def size(self, full: int, quick: int) -> int:
        """Return how large something is, full or quick."""
        return quick if self.options.quick else full

    def note(self, use: ServerUse) -> None:
        """Remember how busy the server was."""
        for name in self.busiest:
            self.busiest[name] = max(self.busiest[name], getattr(use, name))

    def measured(self, command: Sequence[str | Path], **how: Any) -> Run:
        """Run a command and return its cost and the server's."""
        self.server.usage()
        cost = measure(command, **how)
        use = self.server.usage()
        self.note(use)
        return Run(cost, use)

    def floor(
        self,
        milliseconds: int,
        requests: int,
        count: int,
        *,
        batch: int = 0,
        warm_up: int = 0,
        path: str = "inference",
    ) -> FloorRun:
        """Ask the same of the server with a bare loop, at this path below each region."""
        plan = {
            "urls": [f"{self.server.base_url(region, milliseconds)}/{path}" for region in REGIONS],
            "requests": requests,
            "in_flight": count,
            "batch": batch,
            "warm_up": warm_up,
        }
        run = self.measured(
            [sys.executable, str(_FLOOR), json.dumps(plan)], environment=kept_environment(), folder=Path.cwd()
        )
        return FloorRun(run, **json.loads(run.cost.stdout))

    @contextlib.contextmanager
    def workplace(self) -> Iterator[Workplace]:
        """Yield a place with a database of its own; both are gone afterwards."""
        # As root the embedded server runs as a user of its own, to whom the folder must be open.
        folder = Path(tempfile.mkdtemp(prefix="beacon-bench-"))
        folder.chmod(0o755)
        place = Workplace(self, folder)
        try:
            yield place
        finally:
            try:
                place.run("db", "stop")
            finally:
                shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class FloorRun:
    """A bare loop's run: the whole process, and of the loop alone the seconds and the CPU seconds."""

    run: Run
    seconds: float
    cpu: float


@dataclass(frozen=True)
class Workplace:
    """A folder with a database of its own, in which `beacon` runs."""

    bench: Bench
    folder: Path

    def run(
        self,
        *arguments: str,
        milliseconds: int = 0,
        terminal: bool = False,
        exit_codes: Sequence[int] = (0,),
        variables: Mapping[str, str] | None = None,
        program: Sequence[str | Path] = (),
    ) -> Run:
        """Run `beacon`, or `program`, against the server, which answers after so long, and return what it cost."""
        return self.bench.measured(
            [*(program or [self.bench.options.beacon]), *arguments],
            environment={
                **kept_environment(),
                **self.bench.server.environment(milliseconds),
                "BEACON_DATA_DIR": str(self.folder / "data"),
                "TERM": "xterm-256color",
                **(variables or {}),
            },
            folder=self.folder,
            terminal=terminal,
            exit_codes=exit_codes,
        )

    def job(self, name: str, questions: int, *, repeats: int = 1, in_flight: int = 10, per_endpoint: int = 2) -> str:
        """Write a job of two models in three regions and return its path."""
        with (self.folder / f"{name}.jsonl").open("w") as file:
            file.writelines(f'{{"id": "q{n}", "text": "Question number {n} of many?"}}\n' for n in range(questions))
        path = self.folder / f"{name}.yaml"
        path.write_text(
            f"questions: {{file: {name}.jsonl}}\nmodels: {_MODELS}\nregions: [US, EU, ASIA]\nrepeats: {repeats}\n"
            f"limits: {{max_in_flight: {in_flight}, per_endpoint: {per_endpoint}}}\n"
        )
        return str(path)

    def start_database(self) -> str:
        """Start the embedded server, which then stays, and return its URL."""
        return self.run("db", "url").cost.stdout.decode().strip()


def kept_environment() -> dict[str, str]:
    """Return the few variables that a measured command inherits."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ}
