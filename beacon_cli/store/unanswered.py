"""The one place that knows which cells of a job are to be asked: those without an answer, and those asked again."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

from beacon_cli.console.formatting import quantity
from beacon_cli.executor.execution import Batch, Cell, Status
from beacon_cli.job.lanes import Lane, Question
from beacon_cli.store.session import Session
from beacon_cli.store.text import original
from beacon_cli.store.writer import Writer
from modal_deployment.regions import Region

_PAGE = 100

# One index look-up per question, and it stops at a page: a job of 100,000 answered cells takes only moments.
# `supersedes` is the run of an answer that is asked again; a run asks a cell only once.
_PENDING = """
SELECT q.position, q.id, q.text, a.answered
FROM questions q
CROSS JOIN LATERAL (
    SELECT array_agg(ARRAY[e.model_id, e.region, e.repeat::text, e.arm::text, supersedes]) AS answered,
           count(*) FILTER (WHERE supersedes IS NULL) AS answers
    FROM executions e
    CROSS JOIN LATERAL (SELECT CASE WHEN e.status = ANY (%(again)s::text[]) AND e.run_id <> %(run_id)s::uuid
                                    THEN e.run_id::text END) AS asked (supersedes)
    WHERE e.job_id = q.job_id AND e.question_id = q.id AND e.status IN ('completed', 'empty', 'blocked')
      AND (e.model_id, e.region) IN (SELECT * FROM unnest(%(models)s::text[], %(regions)s::text[]))
) a
WHERE q.job_id = %(job_id)s AND q.position > %(after)s AND a.answers < %(cells)s
  AND (%(questions)s::text[] IS NULL OR q.id = ANY (%(questions)s::text[]))
ORDER BY q.position
LIMIT %(page)s
"""
_ANSWERED = """
SELECT 1 FROM executions
WHERE job_id = %(job_id)s AND question_id = %(question)s AND model_id = %(model)s AND region = %(region)s
  AND repeat = %(repeat)s AND arm = %(arm)s AND status IN ('completed', 'empty', 'blocked')
  AND run_id IS DISTINCT FROM %(supersedes)s::uuid
"""
_BY_OTHERS = """
SELECT count(*) FROM executions
WHERE job_id = %(job_id)s AND run_id <> %(run_id)s AND status IN ('completed', 'empty', 'blocked')
  AND status <> ALL (%(again)s::text[])
"""


class _Place(NamedTuple):
    """A cell of any question; `key` is what the database calls it."""

    lane: Lane
    repeat: int
    arm: int
    key: tuple[str, ...]


class Unanswered:
    """The cells of a job that a run still has to ask, as the database has them now.

    The invariant: a cell is asked only if it had no answer, or only the one that it is to replace, when the database
    was read in the session's current epoch, that is after the lock on the job was last taken. Cells that were read
    before a lock was lost are read again before the next question. An answer that was in flight when the lock was lost
    is stored only if its cell has none by then (`rows.INSERT`), or still the one to be replaced (`rows.SUPERSEDE`);
    this run does not ask the cell again. If the lock is never lost, this costs no statement.

    `again` are statuses of answers that are asked again; `answered` is the number of the others. `questions` has the
    ids of those that are asked, all if it is empty. `arms` says in how many arms a region is asked.
    """

    def __init__(
        self,
        session: Session,
        writer: Writer,
        *,
        job_id: str,
        run_id: str,
        repeats: int,
        arms: Callable[[Region], int],
        answered: int,
        again: Collection[Status],
        questions: Collection[str],
        notify: Callable[[str], None],
    ) -> None:
        self._session = session
        self._writer = writer
        self._job = {"job_id": job_id, "run_id": run_id, "again": list(again)}
        self._questions = list(questions) or None
        self._repeats = repeats
        self._arms = arms
        self._by_others = answered
        self._notify = notify
        self._counted_in = session.epoch
        # The epoch in which the batch of each lane was read: a lane has one batch at a time.
        self._read_in: dict[Lane, int] = {}

    async def batches(self, lanes: Sequence[Lane]) -> AsyncIterator[Batch]:
        """Yield, in the job's order, each question with its cells in these lanes that are to be asked."""
        after = -1
        places = list(self._places(lanes))
        while True:
            epoch = await self._epoch()
            page = await self._page(lanes, after)
            for position, question_id, text, answered in page:
                if self._session.epoch != epoch:
                    break
                self._read_in.update(dict.fromkeys(lanes, epoch))
                question = Question(question_id, original(text))
                yield Batch(position, question, self._cells(question, places, answered))
                after = position
            if not page:
                return

    async def still(self, cell: Cell) -> bool:
        """Wait until answers can be stored; return whether this cell of a yielded batch is still to be asked."""
        while True:
            await self._writer.ready()
            if self._read_in.get(cell.lane) == self._session.epoch:
                return True
            epoch = await self._epoch()
            rows = await self._writer.fetch(_ANSWERED, {**self._job, **_named(cell)})
            if self._session.epoch == epoch:
                return not rows

    async def _epoch(self) -> int:
        """Return the current epoch, after reporting what other processes stored before it began."""
        await self._writer.ready()
        epoch = self._session.epoch
        if self._counted_in != epoch:
            self._counted_in = epoch
            ((count,),) = await self._writer.fetch(_BY_OTHERS, self._job)
            if (new := count - self._by_others) > 0:
                answers = f"{quantity(new, 'answer')} of this job {'was' if new == 1 else 'were'}"
                self._notify(f"{answers} stored by another process in the meantime; they are not asked again")
            self._by_others = count
        return epoch

    async def _page(self, lanes: Sequence[Lane], after: int) -> list[tuple[Any, ...]]:
        parameters = {
            **self._job,
            "models": [lane.model_id for lane in lanes],
            "regions": [lane.region.label for lane in lanes],
            "cells": self._repeats * sum(self._arms(lane.region) for lane in lanes),
            "questions": self._questions,
            "page": _PAGE,
            "after": after,
        }
        return await self._writer.fetch(_PENDING, parameters)

    def _places(self, lanes: Sequence[Lane]) -> Iterator[_Place]:
        """Yield the places of a question's cells: repeats outermost, then arms, so that calls that start together go to
        different models and regions."""
        arms = [self._arms(lane.region) for lane in lanes]
        for repeat, arm in itertools.product(range(self._repeats), range(max(arms, default=1))):
            for lane, count in zip(lanes, arms, strict=True):
                if arm < count:
                    yield _Place(lane, repeat, arm, (lane.model_id, lane.region.label, str(repeat), str(arm)))

    @staticmethod
    def _cells(
        question: Question, places: Sequence[_Place], answered: Sequence[Sequence[str | None]] | None
    ) -> tuple[Cell, ...]:
        if not answered:
            return tuple(Cell(question, place.lane, place.repeat, arm=place.arm) for place in places)
        superseded = {tuple(cell): run_id for *cell, run_id in answered}
        return tuple(
            Cell(question, place.lane, place.repeat, superseded.get(place.key), place.arm)
            for place in places
            if superseded.get(place.key, "") is not None
        )


def _named(cell: Cell) -> dict[str, str | int | None]:
    return {
        "question": cell.question.id,
        "model": cell.lane.model_id,
        "region": cell.lane.region.label,
        "repeat": cell.repeat,
        "arm": cell.arm,
        "supersedes": cell.supersedes,
    }
