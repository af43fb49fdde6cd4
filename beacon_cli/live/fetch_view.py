"""The view of a fetch for a command with no other output meanwhile: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import sys
from typing import Self, TextIO

from rich.text import Text

from beacon_cli.console.terminal import TextStream, can_redraw, console_on, speaks_unicode
from beacon_cli.live.fetching import Fetch, FetchLines, fetch_bar
from beacon_cli.live.frame import ASCII, UNICODE
from beacon_cli.live.screen import Painter, size_of


class FetchView:
    """Shows on stderr the progress of fetching weights, with messages above it. Leaving the view removes the bar."""

    def __init__(self) -> None:
        self._stream: TextIO | None = sys.stderr
        self._out = TextStream(self._stream)
        self._lines = FetchLines()
        self._bar: list[Text] = []
        self._painter: Painter | None = None
        if self._stream is not None and can_redraw(self._stream):
            self._painter = Painter(self._out, console_on(self._stream))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._show([], [])

    def on_fetch(self, model_id: str, done: int, total: int) -> None:
        """Show that `done` of `total` bytes have arrived."""
        fetch = Fetch(model_id, done, total)
        if self._painter is None:
            self._show(self._lines.lines(fetch), [])
        elif fetch.over:
            self._show([str(fetch)], [])
        else:
            self._show([], self._drawn(fetch))

    def write(self, text: str) -> None:
        """Write a message."""
        self._show([text], self._bar)

    def _drawn(self, fetch: Fetch) -> list[Text]:
        assert self._stream is not None
        symbols = UNICODE if speaks_unicode(self._stream) else ASCII
        width = max(1, size_of(self._stream).columns - 1)
        lines = fetch_bar(fetch, width, full=symbols.full, rest=symbols.rest)
        for line in lines:
            line.truncate(width)
        return lines

    def _show(self, above: list[str], bar: list[Text]) -> None:
        if self._painter is not None and self._stream is not None and (bar or self._bar):
            self._painter.paint(above, bar, size_of(self._stream))
        else:
            self._out.write("".join(f"{line}\n" for line in above))
        self._bar = bar
