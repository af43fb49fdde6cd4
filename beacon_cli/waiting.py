"""Reports regularly what a command is waiting for: a cold region may take minutes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator

Note = Callable[[str], None]
_QUIET_SECONDS = 2.0  # a warm region answers before this


class Waiting:
    """A board of open requests; `notify` gets it as one line every `every` seconds while there are any."""

    def __init__(self, notify: Note, every: float) -> None:
        self._notify = notify
        self._every = every
        self._open: dict[object, tuple[str, str, float]] = {}

    @contextlib.contextmanager
    def on(self, what: str, timeout: float) -> Iterator[Note]:
        """Put a request on the board while the block runs; the yielded function notes why it takes long."""
        deadline = time.monotonic() + timeout
        place = object()  # two may wait for the same
        self._open[place] = (what, "", deadline)

        def note(why: str) -> None:
            self._open[place] = (what, why, deadline)

        try:
            yield note
        finally:
            del self._open[place]

    @contextlib.asynccontextmanager
    async def reported(self) -> AsyncIterator[None]:
        """Report the board while the block runs."""
        reporting = asyncio.ensure_future(self._keep_reporting())
        try:
            yield
        finally:
            reporting.cancel()

    async def _keep_reporting(self) -> None:
        await asyncio.sleep(_QUIET_SECONDS)
        while True:
            if self._open:
                self._notify(self._line())
            await asyncio.sleep(self._every)

    def _line(self) -> str:
        now = time.monotonic()
        entries = []
        for what, why, deadline in self._open.values():
            left = f"{max(deadline - now, 0):.0f} s left"
            entries.append(f"{what} ({why + ', ' if why else ''}{left})")
        return f"waiting for {', '.join(entries)}"
