"""The counterpart of the live view without a terminal: dated log lines, and a heartbeat in between."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Self, TextIO

from beacon_cli.console.terminal import TextStream, wrapped_for
from beacon_cli.executor.events import Event
from beacon_cli.live.lines import RunLog, stamped
from beacon_cli.live.progress import Progress
from beacon_cli.live.ticker import Ticker

HEARTBEAT_SECONDS = 30.0
_TICK = 1.0


class PlainView:
    """Writes a run as lines, without escape sequences, and only with characters of the stream's encoding.

    While it is active, it writes a line at least every `heartbeat` seconds.
    """

    def __init__(
        self, stream: TextIO | None, progress: Progress | None = None, *, heartbeat: float = HEARTBEAT_SECONDS
    ) -> None:
        self._stream = stream
        self._out = TextStream(stream)
        self._tick_seconds = min(_TICK, heartbeat / 10)
        self._silence = heartbeat - self._tick_seconds
        self._progress = progress or Progress()
        self._log = RunLog(self._progress)
        self._last_event_at = self._last_line_at = time.monotonic()
        self._ticker = Ticker(self.tick, self._tick_seconds)

    def __enter__(self) -> Self:
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ticker.stop()

    def handle(self, event: Event) -> None:
        """Process one event and write its lines."""
        with self._progress.lock:
            self._progress.apply(event)
            self._last_event_at = time.monotonic()
            if lines := self._log.lines(event):
                self._last_line_at = self._last_event_at
                self._write(*(stamped(event.at, line) for line in lines))

    def tick(self) -> None:
        """Write that the run is alive, if there was no line for long."""
        with self._progress.lock:
            progress, now = self._progress, time.monotonic()
            if progress.at is None or progress.finished or now - self._last_line_at < self._silence:
                return
            self._last_line_at = now
            since = now - self._last_event_at
            line = self._log.heartbeat(progress.elapsed + since)
            self._write(stamped(progress.at + timedelta(seconds=since), line))

    def _write(self, *lines: str) -> None:
        self._out.write("".join(f"{wrapped_for(self._stream, line)}\n" for line in lines))
