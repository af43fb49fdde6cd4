"""The log of a worker: the lines of its jobs, which run at the same time."""

from __future__ import annotations

from typing import TextIO

from beacon_cli.console.terminal import TextStream
from beacon_cli.executor.events import Event, JobFinished, JobStarted
from beacon_cli.live.lines import RunLog, stamped
from beacon_cli.live.progress import Progress


class FleetLog:
    """Writes events of several jobs as lines; the state of each job's log is kept while it runs."""

    def __init__(self, stream: TextIO | None) -> None:
        self._out = TextStream(stream)
        self._logs: dict[str, RunLog] = {}

    def handle(self, event: Event) -> None:
        """Process one event and write its lines."""
        log = self._logs.get(event.job_id) or RunLog(Progress())
        if isinstance(event, JobStarted):
            self._logs[event.job_id] = log
        log.progress.apply(event)
        if lines := log.lines(event):
            name = f" job={event.job_id}"
            named = (line if name in line else line + name for line in lines)
            self._out.write("".join(f"{stamped(event.at, line)}\n" for line in named))
        if isinstance(event, JobFinished):
            self._logs.pop(event.job_id, None)
