"""Answers as they arrive from a run in another process: polled, without an open transaction in between."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from beacon_cli.errors import UsageError
from beacon_cli.records.choice import Choice
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.holders import State, state_of
from beacon_cli.records.model_words import ModelWords
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.store.connect import translated
from beacon_cli.store.text import originals

POLL_SECONDS = 0.5
# A run whose connection was cut takes its lock again.
_LOCK_MAY_BE_AWAY_POLLS = 6
_PAGE = 500
_MOST_AGAIN = 10_000

_THERE = """
SELECT coalesce(max(id), 0),
       count(*) FILTER (WHERE (%(question_id)s::text IS NULL OR question_id = %(question_id)s)
                          AND (%(model_id)s::text IS NULL OR model_id = %(model_id)s))
FROM executions WHERE job_id = %(job_id)s
"""
_WITHOUT_TEXT = """
SELECT id, run_id FROM executions
WHERE job_id = %(job_id)s AND status <> 'completed' ORDER BY id LIMIT %(limit)s
"""
_COLUMNS = """
SELECT execution.id, execution.run_id, question_id, model_id, region, repeat, arm, status, response, error_code,
       error_message, thought, finish_reason,
       (CASE WHEN isfinite(started_at) AND isfinite(completed_at)
             THEN extract(epoch FROM completed_at) - extract(epoch FROM started_at) END)::float8 AS seconds
"""
_NEW = f"""
{_COLUMNS} FROM executions AS execution
WHERE job_id = %(job_id)s AND id > %(last)s ORDER BY id LIMIT %(limit)s
"""
_AGAIN = f"""
{_COLUMNS} FROM unnest(%(ids)s::bigint[], %(run_ids)s::uuid[]) AS before (id, run_id)
JOIN executions AS execution ON execution.id = before.id AND execution.run_id <> before.run_id
ORDER BY completed_at, id
"""


@dataclass(frozen=True, slots=True)
class Arrival(ModelWords):
    """An answer that arrived, or an execution without one. Texts may contain anything."""

    id: int
    run_id: Any
    question_id: str
    model_id: str
    region: str
    repeat: int
    arm: int
    status: str
    response: str | None
    error_code: str | None
    error_message: str | None
    thought: str | None
    finish_reason: str | None
    seconds: float | None


class Follower:
    """Iterate over it once: it ends when no process runs the job any more. `state` is the job's last known state.

    `there` is the number of answers that were stored before. Raises `UsageError` for a job of the old system.
    """

    def __init__(
        self, connection: Connection, job: StoredJob, only: Choice, pause: Callable[[float], None] = time.sleep
    ) -> None:
        if job.schema == "legacy":
            raise UsageError("a job of the old system's tables cannot be followed", hint="leave out --follow")
        self._connection = connection
        self.job_id = job.id
        self._only = only
        self._pause = pause
        self.state: State = state_of(connection, job.id)
        with reading(connection):
            parameters = {"job_id": job.id, "limit": _MOST_AGAIN, **only}
            self._last, self.there = connection.execute(_THERE, parameters).fetchall()[0]
            # A cell that is asked again keeps its row and its id: these rows may get the answer of another run.
            self._without_text: dict[int, Any] = dict(connection.execute(_WITHOUT_TEXT, parameters).fetchall())

    def __iter__(self) -> Iterator[Arrival]:
        alone = 0
        while True:
            self.state = state_of(self._connection, self.job_id)
            yield from self._arrived()  # after reading the state: a run that is over has stored everything
            alone = alone + 1 if self.state.status == "interrupted" else 0
            if self.state.over and (self.state.status != "interrupted" or alone > _LOCK_MAY_BE_AWAY_POLLS):
                return
            self._pause(POLL_SECONDS)

    def _arrived(self) -> Iterator[Arrival]:
        if self._without_text:
            before = {"ids": list(self._without_text), "run_ids": list(self._without_text.values())}
            yield from self._taken(self._fetch(_AGAIN, before))
        while True:
            page = self._fetch(_NEW, {"job_id": self.job_id, "last": self._last, "limit": _PAGE})
            yield from self._taken(page)
            if len(page) < _PAGE:
                return

    def _fetch(self, query: str, parameters: dict[str, Any]) -> list[Arrival]:
        with translated(), self._connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(query.encode(), parameters).fetchall()
        return [Arrival(**originals(row)) for row in rows]

    def _taken(self, page: list[Arrival]) -> Iterator[Arrival]:
        """Remember the position, and yield the chosen rows."""
        for arrival in page:
            self._last = max(self._last, arrival.id)
            if arrival.status == "completed":
                self._without_text.pop(arrival.id, None)
            else:
                self._without_text[arrival.id] = arrival.run_id
            wanted = (self._only["question_id"], self._only["model_id"])
            if wanted[0] in {None, arrival.question_id} and wanted[1] in {None, arrival.model_id}:
                yield arrival
