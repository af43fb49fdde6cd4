"""Runs a program as a child: its log is read line by line, its time is bounded, and it is ended by its id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from beacon_cli.console.redaction import redacted
from beacon_cli.door import MAX_BODY_BYTES, bounded
from beacon_cli.python_child import end, start_python

_STOP_SECONDS = 3.0
_PART = 1 << 20
_LONGEST_SAID = 2000  # maximum characters of a line that are passed on
# UTF-8 whatever the locale: the SDK prints a tick when it has deployed, and would fail on it.
_VARIABLES = {
    "PYTHONUTF8": "1",
    "PYTHONIOENCODING": "utf-8",
    "PYTHONUNBUFFERED": "1",
    "NO_COLOR": "1",
    "COLUMNS": "200",
}


@dataclass(frozen=True, slots=True)
class Finished:
    """How a program ended; `code` is None if it was ended here because its time was up."""

    code: int | None
    out: str


async def run_python(*arguments: str, timeout: float, on_line: Callable[[str], None]) -> Finished:
    """Run `python arguments…`; `on_line` gets each line of its stderr, redacted. `timeout` is in seconds.

    It is ended here when the caller is cancelled or the time is up.
    """
    process = await start_python(*arguments, variables=_VARIABLES)
    try:
        async with asyncio.timeout(timeout):
            out, _ = await asyncio.gather(_all(process.stdout), _each_line(process.stderr, on_line))
            return Finished(await process.wait(), out)
    except TimeoutError:
        return Finished(None, "")
    finally:
        await end(process, _STOP_SECONDS)


async def _all(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    said = bytearray()
    while part := await stream.read(_PART):  # to its end, so that the program can end, too
        said += part[: MAX_BODY_BYTES - len(said)]
    return said.decode(errors="replace")


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
            on_line(bounded(text, _LONGEST_SAID))
