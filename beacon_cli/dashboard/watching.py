"""Watches jobs for those who look at them: one reading of the database serves all viewers of a job."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Protocol

from beacon_cli.console.printable import printable
from beacon_cli.console.redaction import redacted
from beacon_cli.errors import BeaconError
from beacon_cli.faults import explained

Value = str | float | list[str]
"""A text, the value of a bar, or the lines of a list."""

LOOK_SECONDS = 1.0
# A big job is read less often: reading takes at most this share of the time.
_SHARE = 0.05
# Whether a viewer is gone is noticed when something is sent to it.
_SILENT_SECONDS = 5.0


class Reader(Protocol):
    """Reads the values of a job. Used in threads, but never in two at the same time."""

    def read(self) -> Mapping[str, Value]:
        """Return the values of now. Raises `BeaconError`."""

    def close(self) -> None:
        """Free what it holds."""


class Watch:
    """The values of one job, each with the number of the look at which it changed last."""

    def __init__(self, reader: Reader, on_end: Callable[[], None]) -> None:
        self._reader = reader
        self._on_end = on_end
        self._id = secrets.token_hex(4)
        self._look = 0
        self._values: dict[str, tuple[int, Value]] = {}
        self._viewers = 0
        self._news = asyncio.Event()
        self._alone = asyncio.Event()
        self._ended = False
        self._task = asyncio.create_task(self._watch())

    async def events(self, last_event_id: str) -> AsyncIterator[str]:
        """Yield what changed, as events whose ids say how far a viewer is; a comment if nothing did for long.

        A viewer that comes back with the id of its last event gets what changed since then, any other one everything.
        """
        seen = self._seen(last_event_id)
        self._viewers += 1
        try:
            while not (self._ended or self._task.done()):
                changed = {name: value for name, (look, value) in self._values.items() if look > seen}
                if changed:
                    seen = self._look
                    yield f"id: {self._id}.{seen}\ndata: {json.dumps(changed, separators=(',', ':'))}\n\n"
                elif not await _happened(self._news, _SILENT_SECONDS):
                    yield ":\n\n"
        finally:
            self._viewers -= 1
            if not self._viewers:
                self._alone.set()

    def end(self) -> None:
        """End the events of all viewers; the reading ends once what is being read is there."""
        self._ended = True
        self._alone.set()
        self._news.set()

    def _seen(self, last_event_id: str) -> int:
        of, _, look = last_event_id.partition(".")
        return int(look) if of == self._id and look.isascii() and look.isdecimal() else 0

    async def _watch(self) -> None:
        try:
            while True:
                began = time.monotonic()
                self._take(await asyncio.to_thread(self._read))
                took = time.monotonic() - began
                await _happened(self._alone, max(LOOK_SECONDS - took, took / _SHARE))
                if self._ended or not self._viewers:
                    return
                self._alone.clear()
        finally:
            self._on_end()
            self._news.set()
            self._reader.close()

    def _read(self) -> Mapping[str, Value]:
        try:
            return {**self._reader.read(), "problem": ""}
        except Exception as error:
            known = error if isinstance(error, BeaconError) else explained(error)
            return {"problem": printable(redacted(known.message))}

    def _take(self, values: Mapping[str, Value]) -> None:
        changed = {name: value for name, value in values.items() if self._values.get(name, (0, None))[1] != value}
        if changed:
            self._look += 1
            self._values |= {name: (self._look, value) for name, value in changed.items()}
            self._news.set()
            self._news = asyncio.Event()


class Watches:
    """The watches of all jobs that somebody looks at. Belongs to one event loop."""

    def __init__(self) -> None:
        self._by_job: dict[str, Watch] = {}

    def of(self, job_id: str, new_reader: Callable[[], Reader]) -> Watch:
        """Return the watch of a job; it ends when its last viewer leaves."""
        if job_id not in self._by_job:
            self._by_job[job_id] = Watch(new_reader(), partial(self._by_job.__delitem__, job_id))
        return self._by_job[job_id]

    def __len__(self) -> int:
        return len(self._by_job)

    def end(self) -> None:
        """End the events of all viewers of all jobs."""
        for watch in self._by_job.values():
            watch.end()


async def _happened(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event; return False if it did not happen in time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            return await event.wait()
    return False
