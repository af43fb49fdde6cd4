"""`--events FILE`: each event of a run as one JSON line, for scripts that follow it or read it afterwards."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import select
import time
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from beacon_cli.console.printable import printable
from beacon_cli.console.result import write_stderr
from beacon_cli.errors import UsageError
from beacon_cli.executor.events import Event, EventHook, Notice
from beacon_cli.executor.execution import Cell, Execution
from beacon_cli.job.lanes import Lane

_SILENT_SECONDS = 2.0
_NO_READER_SECONDS = 30.0
_FULL_SECONDS = 2.0
# Copies of the answer, and of what the database stores with it.
_LEFT_OUT = frozenset({"output_data", "receipt_data"})


class EventsFile:
    """Appends events to a file, one line each, immediately. Raises `UsageError` if it cannot be opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            cut_off = path.is_file() and _ends_inside_a_line(path)
            self._file = _opened_pipe(path) if path.is_fifo() else path.open("ab", buffering=0)
            if cut_off:
                self._write(b"\n")
        except OSError as error:
            raise UsageError(
                f"cannot write events to {path}: {error.strerror}",
                hint="use --events with a file that can be written",
            ) from error
        self._broken = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def tee(self, hook: EventHook) -> EventHook:
        """Return a hook that appends an event and passes it on to `hook`.

        If the file cannot be written any more (disk full), `hook` gets one `Notice`, and the run
        continues.
        """

        def both(event: Event) -> None:
            if warning := self._append(event):
                hook(Notice(event.job_id, event.at, warning))
            hook(event)

        return both

    def _append(self, event: Event) -> str | None:
        if self._broken:
            return None
        try:
            self._write(json.dumps(event_document(event), separators=(",", ":")).encode("ascii") + b"\n")
        except OSError as error:
            self._broken = True
            return f"no more events are written to {self._path}: {error.strerror}; the run continues"
        return None

    def _write(self, line: bytes) -> None:
        rest = memoryview(line)
        while rest:
            written = self._file.write(rest)
            if written is None and not select.select([], [self._file], [], _FULL_SECONDS)[1]:
                raise TimeoutError(errno.ETIMEDOUT, f"nothing has read from this pipe for {_FULL_SECONDS:.0f} s")
            rest = rest[written or 0 :]


def _opened_pipe(path: Path) -> io.FileIO:
    """Open a named pipe when it has a reader. Writing never blocks, so that a full pipe does not stop the run.

    Raises `UsageError` if nothing reads it, and `OSError`.
    """
    began, reported = time.monotonic(), False
    while True:
        try:
            return io.FileIO(os.open(path, os.O_WRONLY | os.O_NONBLOCK), "w")
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
        waited = time.monotonic() - began
        if waited > _SILENT_SECONDS and not reported:
            reported = True
            write_stderr(f"waiting for a reader of the pipe {printable(str(path))} (--events)\n")
        if waited > _NO_READER_SECONDS:
            raise UsageError(
                f"nothing opened the pipe {path} for reading within {_NO_READER_SECONDS:.0f} s",
                hint=f"start its reader first, such as: cat {path} &",
            )
        time.sleep(0.05)


def event_document(event: Event) -> dict[str, Any]:
    """Return an event as the JSON object of its line: `event` is its name, and the fields of its cell are merged in."""
    name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(event).__name__).lower()
    return {"event": name, **_fields(event)}


def _fields(item: Any) -> dict[str, Any]:
    document: dict[str, Any] = {}
    for field in fields(item):
        value = getattr(item, field.name)
        match value:
            case Cell(question=question, lane=lane, repeat=repeat, arm=arm):
                document |= {"question_id": question.id, **_lane(lane), "repeat": repeat, "arm": arm}
            case Execution():
                document |= _fields(value) | {"seconds": value.seconds}
            case _ if field.name not in _LEFT_OUT:
                document[field.name] = _plain(value)
    return document


def _lane(lane: Lane) -> dict[str, str]:
    return {"model_id": lane.model_id, "region": lane.region.label}


def _plain(value: Any) -> Any:
    match value:
        case Lane():
            return _lane(value)
        case datetime():
            return value.astimezone(UTC).isoformat()
        case tuple() | list():
            return [_plain(item) for item in value]
        case Mapping():
            return {key: _plain(item) for key, item in value.items()}
    return value


def _ends_inside_a_line(path: Path) -> bool:
    """Return whether a killed run has left an incomplete line."""
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:
            return False
        file.seek(-1, 2)
        return file.read(1) != b"\n"
