"""The live view of a run on a terminal.

It paints by itself instead of using `rich.live.Live`, which erases before it draws (a flicker) and loses its position
when the terminal becomes narrower: the lines that the terminal then wraps would stay on the screen.
"""

from __future__ import annotations

import os
import time
from collections import deque
from itertools import zip_longest
from typing import Self, TextIO

from rich.console import Console
from rich.text import Text

from beacon_cli.console.folding import folded
from beacon_cli.console.terminal import TextStream, console_on, speaks_unicode
from beacon_cli.executor.events import Event
from beacon_cli.live.frame import ASCII, UNICODE, Size, frame
from beacon_cli.live.lines import Troubles, counted, stamped
from beacon_cli.live.progress import Progress
from beacon_cli.live.ticker import Ticker
from beacon_cli.signals import on_resuming

_FRAME_SECONDS = 1 / 6
_REMEMBERED = 20  # lines above the frame that are printed again after the terminal was resized

# Synchronised update (ignored if unknown); autowrap off, so that a character that is wider on the terminal than Rich
# assumes cannot push a line into the next row. A frame is one write: a killed process leaves neither mode on.
_BEGIN, _END = "\x1b[?2026h", "\x1b[?2026l"
_NO_WRAP, _WRAP = "\x1b[?7l", "\x1b[?7h"
# A resized terminal has wrapped, cropped or scrolled the last frame, and tmux reports the resize a quarter of a second
# late. The position of that frame is then unknown, so the screen is redrawn.
_HOME = "\x1b[H"
_CLEAR_LINE, _CLEAR_BELOW = "\x1b[2K", "\x1b[J"
# Not in one step from the first row: terminals would move the cleared text into the scrollback.
_CLEAR_FROM_HERE = f"{_CLEAR_LINE}\x1b[1B{_CLEAR_BELOW}\x1b[1A"


class Painter:
    """Repaints lines in place at the end of the terminal's contents. The cursor stays in the row below."""

    def __init__(self, out: TextStream, console: Console) -> None:
        self._out = out
        self._console = console
        self._size: Size | None = None
        self._painted: list[str] = []
        self._printed: deque[str] = deque(maxlen=_REMEMBERED)

    def paint(self, above: list[str], lines: list[Text], size: Size) -> None:
        """Print `above` permanently, and `lines` below it in place of those painted before.

        `size` is the terminal's current size; the lines must fit its width and height.
        """
        rendered = self._rendered(lines, size.columns)
        if not above and size == self._size and rendered == self._painted:
            return
        self._printed.extend(above)
        start = f"\r\x1b[{len(self._painted)}A" if self._painted else "\r"
        resized = bool(self._painted) and size != self._size
        if resized:
            start, above = _HOME, self._printed_that_fits(size, len(lines))
        if self._painted and (above or resized):
            start += _CLEAR_FROM_HERE
            self._painted = []
        printed = "".join(f"{part}\n" for line in above for part in folded(line, size.columns))
        body = "".join(
            "\n" if line == before else f"{_CLEAR_LINE}{line}\n"
            for line, before in zip_longest(rendered, self._painted[: len(rendered)])
        )
        self._out.write(f"{_BEGIN}{start}{printed}{_NO_WRAP}{body}{_CLEAR_BELOW}{_WRAP}{_END}")
        self._size, self._painted = size, rendered

    def begin_anew(self) -> None:
        """Paint the next lines below whatever the terminal shows now: others wrote on it."""
        self._painted = []

    def _rendered(self, lines: list[Text], columns: int) -> list[str]:
        if not lines:
            return []
        self._console.width = columns  # an exported COLUMNS would fix the width at the shell's start
        with self._console.capture() as captured:
            self._console.print(Text("\n").join(lines), no_wrap=True, overflow="ignore", soft_wrap=True)
        return captured.get().removesuffix("\n").split("\n")

    def _printed_that_fits(self, size: Size, frame_rows: int) -> list[str]:
        room = size.rows - 1 - frame_rows
        fitting: list[str] = []
        for line in reversed(self._printed):
            room -= len(folded(line, size.columns))
            if room < 0:
                break
            fitting.insert(0, line)
        return fitting


class LiveView:
    """Shows a run in place. Only its own thread writes, so an event costs only microseconds."""

    def __init__(self, stream: TextIO, progress: Progress | None = None) -> None:
        self._stream = stream
        self._symbols = UNICODE if speaks_unicode(stream) else ASCII
        self._painter = Painter(TextStream(stream), console_on(stream))
        self._progress = progress or Progress()
        self._troubles = Troubles()
        self._above: list[str] = []
        self._last_event_at = time.monotonic()
        self._ticker = Ticker(self.tick, _FRAME_SECONDS)
        self._was_suspended = False
        self._resuming = on_resuming(self._resumed)

    def __enter__(self) -> Self:
        self._resuming.__enter__()
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._resuming.__exit__(None, None, None)
        if self._ticker.stop():
            self._leave()

    def handle(self, event: Event) -> None:
        """Process one event; the next frame shows it."""
        with self._progress.lock:
            self._progress.apply(event)
            self._last_event_at = time.monotonic()
            printed = self._troubles.lines(event)
            self._above += [stamped(event.at, line) for line in printed]
        if printed:
            self._ticker.wake()

    def tick(self) -> None:
        """Paint the current state of the run."""
        if self._was_suspended:  # the shell has written below the frame
            self._was_suspended = False
            self._painter.begin_anew()
        size = size_of(self._stream)
        with self._progress.lock:
            above, self._above = self._above, []
            lines = frame(self._progress, self._elapsed(), size, self._symbols)
        self._painter.paint(above, lines, size)

    def _resumed(self) -> None:
        self._was_suspended = True
        self._ticker.wake()

    def _leave(self) -> None:
        """Remove the frame; if no summary will follow, leave a line in its place."""
        with self._progress.lock:
            above = [*self._above, *self._last_line()]
        self._painter.paint(above, [], size_of(self._stream))

    def _last_line(self) -> list[str]:
        progress = self._progress
        if progress.job is None or progress.finished:  # a finished run's summary follows on stdout
            return []
        return [
            f"job {progress.job.job_id} interrupted: {progress.settled} of {progress.expected} settled,"
            f" this run {counted(progress.counts)}, containers={progress.containers} hops={progress.hops}"
            f" seconds={self._elapsed():.1f}"
        ]

    def _elapsed(self) -> float:
        since = 0.0 if self._progress.finished else time.monotonic() - self._last_event_at
        return self._progress.elapsed + since


def size_of(stream: TextIO) -> Size:
    """Return the current size of a terminal."""
    try:
        columns, rows = os.get_terminal_size(stream.fileno())
    except (OSError, ValueError):
        columns, rows = 0, 0
    return Size(columns or 80, rows or 24)
