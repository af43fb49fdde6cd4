"""Commands as whole processes: time, CPU and peak memory, as the operating system counts them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_LAUNCH = Path(__file__).parent / "launch.py"
_TIMEOUT = 600.0


class CommandFailed(Exception):
    """A measured command ended otherwise than it should."""


@dataclass(frozen=True)
class Cost:
    """What a command cost: seconds, and bytes. `started_at` is on the machine's monotonic clock."""

    exit_code: int
    started_at: float
    wall: float
    cpu: float
    peak_memory: int
    stdout: bytes
    stderr: bytes


def measure(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str],
    folder: Path,
    exit_codes: Sequence[int] = (0,),
    terminal: bool = False,
) -> Cost:
    """Run a command, on a pseudo-terminal if wished, and return its cost. Raises `CommandFailed`."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        (Path(scratch) / "stdout").open("w+b") as out,
        (Path(scratch) / "stderr").open("w+b") as err,
        _pseudo_terminal() if terminal else contextlib.nullcontext(None) as tty,
    ):
        result = Path(scratch) / "cost.json"
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_LAUNCH), str(result), "--", *map(str, command)],
            stdin=subprocess.DEVNULL if tty is None else tty,
            stdout=out,
            stderr=err if tty is None else tty,
            env=dict(environment),
            cwd=folder,
            start_new_session=True,
        )
        _wait(process)
        out.seek(0)
        err.seek(0)
        if not result.exists():
            raise CommandFailed(f"{command[0]} did not run: {_tail(err.read())}")
        cost = Cost(**json.loads(result.read_text()), stdout=out.read(), stderr=err.read())
        if cost.exit_code not in exit_codes:
            raise CommandFailed(f"{Path(command[0]).name} exited with {cost.exit_code}: {_tail(cost.stderr)}")
        return cost


def _wait(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_TIMEOUT)
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def _tail(text: bytes) -> str:
    return text.decode(errors="replace")[-2000:]


@contextlib.contextmanager
def _pseudo_terminal() -> Iterator[int]:
    """Yield a terminal of 200 × 50, whose other end reads and forgets."""
    reading, terminal = os.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 50, 200, 0, 0))
    drain = threading.Thread(target=_drain, args=[reading])
    drain.start()
    try:
        yield terminal
    finally:
        os.close(terminal)  # the last one: the reader then gets an error, and ends
        drain.join()
        os.close(reading)


def _drain(terminal: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass
