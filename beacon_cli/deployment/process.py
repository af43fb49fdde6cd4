"""Runs a program as a child: its log is read line by line, its time is bounded, and it is ended by its id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass

from beacon_cli.console.redaction import redacted
from beacon_cli.door import MAX_BODY_BYTES, bounded

_STOP_SECONDS = 3.0
_LONGEST_LINE = 1 << 20
_LONGEST_LINE = 2000  # maximum characters of a line that are passed on
# What deploying does not need: databases, endpoints, and weights, which the containers fetch with their own token.
_SECRETS = ("BEACON_", "HF_", "DATABASE_URL", "PGPASSWORD")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended; `code` is None if it was ended here because its time was up."""

    code: int | None
    out: str


async def run_python(*arguments: str, timeout: float, on_line: Callable[[str], None]) -> Finished:
    """Run `python arguments…`; `on_line` gets each line of its stderr, redacted. `timeout` is in seconds.

    Its stdin stays open as long as it should live. It has its own session, so that a terminal's Ctrl-C does not reach
    it: it is ended here when the caller is cancelled or the time is up.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", *arguments),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        env=_environment(),
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout):
            out, _ = await asyncio.gather(_all(process.stdout), _each_line(process.stderr, on_line))
            return Finished(await process.wait(), out)
    except TimeoutError:
        return Finished(None, "")
    finally:
        await _end(process)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SECRETS)}
    # UTF-8 whatever the locale is: the SDK prints a tick when it has deployed, and would fail on it.
    utf8 = {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}
    return {**kept, **utf8, "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "COLUMNS": "200"}


async def _all(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    output = bytearray()
    while part := await stream.read(_LONGEST_LINE):  # to the end, so that the program can end, too
        output += part[: MAX_BODY_BYTES - len(output)]
    return output.decode(errors="replace")


async def _each_line(stream: asyncio.StreamReader | None, on_line: Callable[[str], None]) -> None:
    assert stream is not None
    while True:
        try:
            line = await stream.readline()
        except ValueError:  # longer than any line of a log: dropped
            continue
        if not line:
            return
        if text := redacted(line.decode(errors="replace").rstrip()):
            on_line(bounded(text, _LONGEST_LINE))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        try:
            _signal(process.terminate)
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except (TimeoutError, asyncio.CancelledError):
            _signal(process.kill)
            await process.wait()
    assert process.stdin is not None
    process.stdin.close()


def _signal(send: Callable[[], None]) -> None:
    with contextlib.suppress(ProcessLookupError):
        send()
