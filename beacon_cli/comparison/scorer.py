"""A program of one's own that gives each answer a label or a number."""

from __future__ import annotations

import json
import math
import os
import shlex
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from typing import IO, Any, Self

from beacon_cli.comparison.figures import Rate, rate
from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.console.redaction import redacted
from beacon_cli.errors import EnvironmentFault, UsageError
from beacon_cli.python_child import without_secrets
from beacon_cli.records.stored_answer import StoredExecution

SECONDS = 60
"""How long the program may take for one answer."""

_LONGEST_LINE = 10_000  # bytes
_LONGEST_LABEL = 60  # characters
_MOST_LABELS = 20
_COMPLAINT = 2_000  # bytes of the end of stderr
_Z = statistics.NormalDist().inv_cdf(0.975)

Score = str | float | None


@dataclass(frozen=True, slots=True)
class GroupScores:
    """What the program said of the answers of a group: shares of labels, or the mean of numbers with a 95 % interval.

    `unscored` answers got `null`.
    """

    answers: int
    unscored: int
    labels: Mapping[str, Rate] | None
    mean: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """What a program said of the answers; `scorer` is its name, without its arguments, which may be secret."""

    scorer: str
    groups: Mapping[str, GroupScores]

    def as_data(self) -> dict[str, Any]:
        """Return them as a JSON object."""
        return asdict(self)


class Scorer:
    """Collects answers, then has them scored in one go. The answers wait in a file, not in memory."""

    def __init__(self, command: str) -> None:
        """Raise `UsageError` if the command is not one, or its program cannot be found."""
        try:
            self._arguments = shlex.split(command)
        except ValueError as error:
            raise UsageError(f"--scorer: not a command line: {error}") from error
        if not self._arguments or shutil.which(self._arguments[0]) is None:
            name = excerpt(self._arguments[0] if self._arguments else "", 200)
            raise UsageError(f"--scorer: no program {name!r} is found", hint="give a command as in a shell")
        self.name = excerpt(self._arguments[0], 200)
        self._groups: list[str] = []
        self._input = tempfile.TemporaryFile()  # noqa: SIM115 - it is read when all answers are in it

    def add(self, execution: StoredExecution, group: str) -> None:
        """Add an answer with text."""
        asked = {"id": len(self._groups), "question": execution.prompt, "answer": execution.text}
        self._input.write(json.dumps(asked).encode() + b"\n")
        self._groups.append(group)

    def scores(self) -> Scores:
        """Run the program and return what it says. Raises `EnvironmentFault` if it fails, hangs, or says no score."""
        self._input.seek(0)
        by_group: dict[str, _Tally] = {group: _Tally() for group in dict.fromkeys(self._groups)}
        with self._input, _started(self._arguments, self._input, self.name) as lines:
            for number, group in enumerate(self._groups):
                by_group[group].add(_score(next(lines, b""), where=self._where(number)))
            if next(lines, b""):
                raise EnvironmentFault(f"the scorer {self.name} printed more lines than there are answers", hint=_HINT)
        labels = {label for tally in by_group.values() for label in tally.labels}
        if labels and any(tally.numbers for tally in by_group.values()):
            raise EnvironmentFault(f"the scorer {self.name} printed both labels and numbers", hint=_HINT)
        if len(labels) > _MOST_LABELS:
            raise EnvironmentFault(f"the scorer {self.name} printed {len(labels)} different labels", hint=_HINT)
        return Scores(self.name, {group: tally.scores(sorted(labels)) for group, tally in by_group.items()})

    def _where(self, number: int) -> str:
        return f"the scorer {self.name}, answer {number + 1} of {len(self._groups)}"


_HINT = (
    "it gets one JSON object a line (id, question, answer), and prints one line for each, in the same order: a label "
    f"of at most {_LONGEST_LABEL} characters (at most {_MOST_LABELS} different ones), a number, or null"
)


@dataclass(slots=True)
class _Tally:
    labels: Counter[str] = field(default_factory=Counter)
    numbers: list[float] = field(default_factory=list)
    unscored: int = 0

    def add(self, score: Score) -> None:
        if score is None:
            self.unscored += 1
        elif isinstance(score, str):
            self.labels[score] += 1
        else:
            self.numbers.append(score)

    def scores(self, labels: list[str]) -> GroupScores:
        scored = self.labels.total() + len(self.numbers)
        shares = {label: rate(self.labels[label], scored) for label in labels} if labels else None
        mean = statistics.fmean(self.numbers) if self.numbers else None
        if mean is None or len(self.numbers) < 2:
            return GroupScores(scored + self.unscored, self.unscored, shares, mean, None, None)
        margin = _Z * statistics.stdev(self.numbers) / math.sqrt(len(self.numbers))
        return GroupScores(scored + self.unscored, self.unscored, shares, mean, mean - margin, mean + margin)


def _score(line: bytes, *, where: str) -> Score:
    """Return what a line says: JSON, or a label as it stands. Raises `EnvironmentFault`."""
    text = line.decode("utf-8", "replace").strip()
    try:
        said: object = json.loads(text)
    except (ValueError, RecursionError):
        said = text
    if said is None:
        return None
    if isinstance(said, (int, float)) and not isinstance(said, bool) and math.isfinite(number := _float(said)):
        return number
    if isinstance(said, bool):
        return str(said).lower()
    if isinstance(said, str) and 0 < len(label := excerpt(said, 1_000)) <= _LONGEST_LABEL:
        return label
    raise EnvironmentFault(f"{where}: {excerpt(text, 60)!r} is neither a label nor a number", hint=_HINT)


def _float(number: float) -> float:
    try:
        return float(number)
    except OverflowError:
        return math.inf


@contextmanager
def _started(arguments: list[str], source: IO[bytes], name: str) -> Iterator[Iterator[bytes]]:
    """Yield the lines that a program prints; explain how it ended if it ended too early, and end it in any case."""
    try:
        process = subprocess.Popen(
            arguments,
            stdin=source,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=without_secrets(),
            start_new_session=True,
        )
    except OSError as error:
        raise EnvironmentFault(f"the scorer {name} cannot be started: {error.strerror or error}") from error
    complaint = _LastBytes(process.stderr)
    try:
        yield _lines(process, complaint, name)
    finally:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        complaint.join()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _lines(process: subprocess.Popen[bytes], complaint: _LastBytes, name: str) -> Iterator[bytes]:
    """Yield lines without end: a program that ended, hung or printed too long a line is an `EnvironmentFault`.

    The last one is empty: it stands for an end with exit code 0.
    """
    assert process.stdout is not None
    count = 0
    while True:
        with _Patience(process) as patience:
            line = process.stdout.readline(_LONGEST_LINE)
        done = f"after {quantity(count, 'answer')}"
        if patience.ended:
            raise EnvironmentFault(f"the scorer {name} printed nothing for {SECONDS} s, {done}", hint=_HINT)
        if line.endswith(b"\n") or (line and len(line) < _LONGEST_LINE):
            count += 1
            yield line
        elif line:
            raise EnvironmentFault(
                f"the scorer {name} printed a line of over {_LONGEST_LINE} bytes, {done}", hint=_HINT
            )
        else:
            yield _end(process, complaint, f"the scorer {name} ended", done)


def _end(process: subprocess.Popen[bytes], complaint: _LastBytes, what: str, done: str) -> bytes:
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        code = process.wait()
    if code != 0:
        complaint.join()
        raise EnvironmentFault(f"{what} with exit code {code} {done}{complaint.said()}")
    return b""


class _Patience:
    """Ends a program that takes too long for one answer; `ended` tells it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.ended = False
        self._process = process
        self._timer = threading.Timer(SECONDS, self._end)

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def _end(self) -> None:
        self.ended = True
        self._process.kill()


class _LastBytes(threading.Thread):
    """Reads a stream to its end and keeps the last bytes, so that its writer never waits."""

    def __init__(self, stream: IO[bytes] | None) -> None:
        super().__init__(daemon=True)
        assert stream is not None
        self._stream, self._last = stream, b""
        self.start()

    def run(self) -> None:
        while some := self._stream.read1(1 << 16):  # type: ignore[attr-defined]
            self._last = (self._last + some)[-_COMPLAINT:]

    def said(self) -> str:
        """Return the last line that is not empty, for a message."""
        lines = self._last.decode("utf-8", "replace").strip().splitlines()
        return f": {excerpt(redacted(lines[-1]), 200)}" if lines else ""
