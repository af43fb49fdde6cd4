"""The database for one run: the job that it claims, the cells that it still has to ask, the rows that it stores."""

from __future__ import annotations

import json
import os
import socket
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import psycopg

from beacon_cli import __version__
from beacon_cli.errors import UsageError
from beacon_cli.executor.execution import ANSWERED, Batch, Batching, Cell, Execution, Status
from beacon_cli.job.lanes import Lane
from beacon_cli.job.model import Job
from beacon_cli.job.part import WHOLE, Part
from beacon_cli.store.connect import AsyncConnection
from beacon_cli.store.growth import repeats_before, store_growth
from beacon_cli.store.journal import Journal, require_writable
from beacon_cli.store.rows import row_of
from beacon_cli.store.session import Session
from beacon_cli.store.settle import settle
from beacon_cli.store.text import storable
from beacon_cli.store.unanswered import Unanswered
from beacon_cli.store.writer import Writer

_T = TypeVar("_T")

_STORED = """
SELECT spec, spec_sha256, batching, answered, answered_in_part, again
FROM jobs
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE NOT once_more) AS answered,
           count(*) FILTER (WHERE NOT once_more AND in_part) AS answered_in_part,
           count(*) FILTER (WHERE once_more AND in_part) AS again
    FROM executions
    CROSS JOIN LATERAL (
        SELECT status = ANY (%(again)s::text[]) AS once_more,
               (%(models)s::text[] IS NULL OR model_id = ANY (%(models)s::text[]))
               AND (%(regions)s::text[] IS NULL OR region = ANY (%(regions)s::text[]))
               AND (%(questions)s::text[] IS NULL OR question_id = ANY (%(questions)s::text[]))
               AND region <> ALL (%(without)s::text[]) AS in_part
    ) AS of_row
    WHERE job_id = jobs.id AND status IN ('completed', 'empty', 'blocked')
) AS counted
WHERE id = %(job)s
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A job that this process holds.

    `again` is the number of answers of earlier runs that are asked again, `answered` the number of the others, and
    `answered_in_part` that of those in the part that this run asks. `repeats_before` is how many repeats the stored job
    has, if this one has more.
    """

    job: Job
    job_id: str
    run_id: str
    batching: Batching
    exists: bool
    part: Part = WHOLE
    answered: int = 0
    answered_in_part: int = 0
    again: int = 0
    repeats_before: int | None = None

    @property
    def nothing_to_ask(self) -> bool:
        """Whether every cell of the part has its answer, and none is asked again."""
        return self.answered_in_part >= self.job.expected_in(self.part)


class JobStore:
    """The store of one job. Use `open_job_store`. It holds the lock on the job until it is closed."""

    def __init__(
        self,
        session: Session,
        writer: Writer,
        claim: Claim,
        unanswered: Unanswered,
        on_record: Callable[[Execution], None],
    ) -> None:
        self._session = session
        self._writer = writer
        self._unanswered = unanswered
        self._on_record = on_record
        self.claim = claim
        self.not_replaced: Counter[str] = Counter()
        """Why answers that were asked again stay as they were: the number of failures by error code."""

    async def submit(self, enqueue: Callable[[AsyncConnection], Awaitable[_T]]) -> _T:
        """Store the job and its questions for another process to run; its status is `created` until then.

        Of a job that is stored, the limits are replaced: they may change, and the other process has only these.

        `enqueue` puts it into a queue in the same transaction, and its result is returned. Raises `StoreError`; then
        nothing is written.
        """
        connection = self._session.connection
        try:
            async with connection.transaction():
                await self._store_job()
                await connection.execute(
                    "UPDATE jobs SET status = 'created', completed_at = NULL,"
                    " spec = jsonb_set(spec, '{limits}', %s::jsonb) WHERE id = %s",
                    [json.dumps(self.claim.job.spec()["limits"]), self.claim.job_id],
                )
                return await enqueue(connection)
        except psycopg.Error as error:
            raise self._session.explain(error) from None

    async def begin(self, started_at: str) -> None:
        """Store the job, its questions and this run; from now on the job is `running`."""
        claim = self.claim
        connection = self._session.connection
        try:
            async with connection.transaction():
                await self._store_job()
                await connection.execute(
                    "UPDATE jobs SET status = 'running', completed_at = NULL,"
                    " started_at = coalesce(started_at, %s) WHERE id = %s",
                    [started_at, claim.job_id],
                )
                await connection.execute(
                    "INSERT INTO runs (id, job_id, started_at, host, pid, version, repeats)"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                    [
                        *(claim.run_id, claim.job_id, started_at),
                        *(socket.gethostname(), os.getpid(), __version__, claim.job.repeats),
                    ],
                )
        except psycopg.Error as error:
            raise self._session.explain(error) from None

    async def earlier_run(self) -> str | None:
        """Return the id of the job's last run before this one, None if it is the first. Raises `StoreError`."""
        rows = await self._writer.fetch(
            "SELECT id::text FROM runs WHERE job_id = %(job)s AND id <> %(run)s ORDER BY started_at DESC, id LIMIT 1",
            {"job": self.claim.job_id, "run": self.claim.run_id},
        )
        return str(rows[0][0]) if rows else None

    def batches(self, lanes: Sequence[Lane]) -> AsyncIterator[Batch]:
        """Yield, in the job's order, each question with its cells in these lanes that are to be asked."""
        return self._unanswered.batches(lanes)

    def hurry(self) -> None:
        """Wait only a moment for an unreachable database from now on: the operator wants to stop."""
        self._writer.hurry()

    async def ready(self, cell: Cell) -> bool:
        """Wait until answers can be stored, and return whether the cell is still to be asked.

        Raises `StoreError` if the database stayed unreachable.
        """
        return await self._unanswered.still(cell)

    async def record(self, execution: Execution) -> None:
        """Store an execution; when this returns, it is committed. Raises `StoreError`; then it is in the journal.

        Only an answer replaces an answer: if asking a cell again fails, its old answer stays.
        """
        self._on_record(execution)
        if execution.cell.supersedes is not None and execution.status not in ANSWERED:
            self.not_replaced[execution.error_code or execution.status] += 1
            return
        await self._writer.write(row_of(execution, job_id=self.claim.job_id, run_id=self.claim.run_id))

    async def finish(self, status: str, ended_at: str, reason: str | None) -> None:
        """Store how the run ended; `reason` is why it asked no more without being cancelled."""
        await self._writer.fetch(
            """
            WITH run AS (UPDATE runs SET ended_at = %(at)s, reason = %(reason)s WHERE id = %(run)s)
            UPDATE jobs SET status = %(status)s, completed_at = %(at)s WHERE id = %(job)s RETURNING id
            """,
            {
                "at": ended_at,
                "run": self.claim.run_id,
                "reason": reason,
                "status": status,
                "job": self.claim.job_id,
            },
        )

    async def counts(self) -> dict[Status, int]:
        """Return how many rows of the job have each status."""
        rows = await self._writer.fetch(
            "SELECT status, count(*) FROM executions WHERE job_id = %(job)s GROUP BY status",
            {"job": self.claim.job_id},
        )
        return {status: int(count) for status, count in rows}

    async def _store_job(self) -> None:
        """Store a new job, or the repeats that a stored one gains."""
        claim = self.claim
        if not claim.exists:
            await self._insert_job()
        elif claim.repeats_before is not None:
            await store_growth(self._session.connection, claim.job, claim.job_id, claim.repeats_before)

    async def _insert_job(self) -> None:
        claim, connection = self.claim, self._session.connection
        await connection.execute(
            "INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES (%s, %s, %s, %s)",
            [claim.job_id, json.dumps(claim.job.spec()), claim.job.spec_sha256, claim.batching],
        )
        async with (
            connection.cursor() as cursor,
            cursor.copy("COPY questions (job_id, position, id, text, tags) FROM STDIN") as copy,
        ):
            for position, question in enumerate(claim.job.questions):
                await copy.write_row(
                    (claim.job_id, position, question.id, storable(question.text), list(question.tags))
                )


@asynccontextmanager
async def open_job_store(
    url: str,
    job: Job,
    job_id: str,
    *,
    batching: Batching | None,
    journal_folder: Path,
    notify: Callable[[str], None],
    revive: Callable[[], object] = lambda: None,
    holder: str | None = None,
    again: Collection[Status] = (),
    part: Part = WHOLE,
    on_record: Callable[[Execution], None] = lambda _: None,
    pays_twice: bool = True,
) -> AsyncIterator[JobStore]:
    """Claim a job: take its lock, compare it with the stored job, and store answers from journals.

    `batching` None means the stored job's, or `question`. `revive` is called (in a thread) before a cut connection is
    restored. `holder` names this process to processes that are refused. Answers with one of the statuses `again` are
    asked again. Only cells of `part` are asked. `on_record` gets each execution before it is stored. Unless the job
    `pays_twice`, it is not claimed while the database refuses answers to it that are kept here: it would ask them
    again. Raises `JobLocked`, `UsageError` if the stored job differs in more than fewer repeats, `JournalError` and
    `StoreError`.
    """
    require_writable(journal_folder)
    session = await Session.open(url, job_id, revive, holder)
    try:
        try:
            await settle(session.connection, journal_folder, notify, job_id=job_id, refused_ends_it=not pays_twice)
            claim = await _claim(session.connection, job, job_id, batching, again, part)
        except psycopg.Error as error:
            raise session.explain(error) from None
        writer = Writer(session, Journal(journal_folder, claim.run_id), notify)
        try:
            yield JobStore(session, writer, claim, _unanswered(session, writer, claim, again, notify), on_record)
        finally:
            await writer.close()
    finally:
        await session.close()


async def _claim(
    connection: psycopg.AsyncConnection[tuple[Any, ...]],
    job: Job,
    job_id: str,
    batching: Batching | None,
    again: Collection[Status],
    part: Part,
) -> Claim:
    cursor = await connection.execute(_STORED, {"job": job_id, "again": list(again), **part.as_parameters()})
    stored = await cursor.fetchone()
    run_id = str(uuid.uuid4())
    if stored is None:
        return Claim(job, job_id, run_id, batching or "question", exists=False, part=part)
    spec, sha256, stored_batching, answered, answered_in_part, asked_again = stored
    before = repeats_before(job, job_id, spec, sha256)
    if batching not in {None, stored_batching}:
        raise UsageError(
            f"job {job_id} was started with --batching {stored_batching}, not {batching}",
            hint="resume it as it was started, or give it another --job-id",
        )
    return Claim(
        job,
        job_id,
        run_id,
        stored_batching,
        exists=True,
        part=part,
        answered=answered,
        answered_in_part=answered_in_part,
        again=asked_again,
        repeats_before=before,
    )


def _unanswered(
    session: Session, writer: Writer, claim: Claim, again: Collection[Status], notify: Callable[[str], None]
) -> Unanswered:
    return Unanswered(
        session,
        writer,
        job_id=claim.job_id,
        run_id=claim.run_id,
        repeats=claim.job.repeats,
        arms=claim.job.arms,
        answered=claim.answered,
        again=again,
        questions=claim.part.questions,
        notify=notify,
    )
