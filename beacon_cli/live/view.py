"""The entry point: the view of a run that fits stderr."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from beacon_cli.console.diagnostics import is_quiet, is_verbose
from beacon_cli.console.terminal import can_redraw
from beacon_cli.executor.events import Event, EventHook
from beacon_cli.live.progress import Progress


@contextmanager
def run_view(progress: Progress, stream: TextIO | None = None) -> Iterator[EventHook]:
    """Yield the hook that shows a run on `stream` (stderr): live on a terminal, as lines elsewhere and with --verbose.

    The events are applied to `progress`, which others may read, too. With --quiet nothing is shown. Calling the hook
    costs microseconds and never raises errors of the stream.
    """
    if is_quiet():

        def apply(event: Event) -> None:
            with progress.lock:
                progress.apply(event)

        yield apply
        return
    stream = stream if stream is not None else sys.stderr
    if stream is not None and can_redraw(stream) and not is_verbose():
        from beacon_cli.live.screen import LiveView

        with LiveView(stream, progress) as live:
            yield live.handle
    else:
        from beacon_cli.live.plain import PlainView

        with PlainView(stream, progress) as plain:
            yield plain.handle
