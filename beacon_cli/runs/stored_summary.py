"""The summary of a job, read from its rows."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import psycopg

from beacon_cli.console.long_list import LongList
from beacon_cli.executor.cancellation import MAX_COST
from beacon_cli.executor.execution import CUT_OFF, STATUSES, Status
from beacon_cli.executor.thoughts import answer_text
from beacon_cli.job.model import Job
from beacon_cli.job.part import WHOLE, Part
from beacon_cli.runs.asked_again import AskedAgain
from beacon_cli.runs.execute import FinishedRun
from beacon_cli.runs.request import RunRequest
from beacon_cli.runs.summary import AnswerLine, BatchSummary, ErrorLine, LaneSummary, RunSummary, batch_data
from beacon_cli.settings import Settings
from beacon_cli.store.connect import translated
from beacon_cli.store.queries import query
from beacon_cli.store.text import original

_SMALL_JOB_CELLS = 24
_MOST_CELLS = 500  # maximum cells of a job whose answers are all read

Connection = psycopg.Connection[Any]


def read_summary(
    connection: Connection,
    request: RunRequest,
    settings: Settings,
    job: Job,
    job_id: str,
    finished: FinishedRun,
    *,
    with_batches: bool,
) -> RunSummary:
    """Return the summary at the end of a run. Batches are read only on request: a large job has very many."""
    outcome = finished.outcome
    part = request.part
    rows = {name: _rows(connection, name, job_id) for name in ("errors", "remote_calls")}
    lanes = _lanes(connection, job, job_id, WHOLE)
    batches = _streamed(connection, "batches", job_id) if with_batches else ()
    again = _asked_again(connection, request, job_id, finished)
    summary = RunSummary(
        job_id=job_id,
        run_id=finished.run_id,
        status=outcome.status,
        batching=finished.batching,
        questions=job.questions_in(part),
        expected=job.expected,
        counts=dict(outcome.counts),
        containers=sum(row["containers"] for row in _rows(connection, "containers", job_id)),
        lanes=lanes,
        batches=LongList(batch_data(BatchSummary(**row)) for row in batches),
        max_gap_seconds=finished.max_gap_seconds,
        max_in_flight=outcome.peak_in_flight,
        hops=sum(lane.hops for lane in lanes),
        duration_seconds=outcome.duration_seconds,
        min_success_rate=request.limits(job, settings).min_success_rate,
        answers=_answers(connection, job, job_id, part, settings.vocabulary.regions.labels),
        errors=[ErrorLine(**row) for row in rows["errors"]],
        function_call_ids=[str(row["function_call_id"]) for row in rows["remote_calls"]],
        stopped=outcome.stopped.message if outcome.stopped else None,
        at_max_cost=outcome.stopped is not None and outcome.stopped.code == MAX_COST,
        registry_changes=finished.registry_changes,
        surplus_connections=finished.surplus_connections,
        repeats=job.repeats,
        system_prompts_differ=_unplanned_prompts(job),
        part=part,
        asked=None if part.whole else _lanes(connection, job, job_id, part),
        asked_again=again,
        again_command=_again_command(request, job_id) if outcome.counts.get("blocked") else None,
        troubles=outcome.troubles,
    )
    if outcome.status == "completed" and not (again and again.kept):
        return summary
    return replace(summary, resume_command=request.resume_command(job_id, whole=summary.cells.whole))


def answered_cells(
    connection: Connection, job_id: str, part: Part, statuses: Collection[Status]
) -> dict[tuple[str, str], int]:
    """Return how many cells of a part of a job have one of these statuses, by model and label of the region."""
    rows = _streamed(connection, "lanes", job_id, **part.as_parameters())
    return {(row["model_id"], row["region"]): sum(row[status] for status in statuses) for row in rows}


def _unplanned_prompts(job: Job) -> bool:
    """Return whether regions get different system prompts, and the job does not plan to accept that."""
    planned = job.analysis.accept if job.analysis else ()
    return len({job.prompt_system(lane.region) for lane in job.lanes()}) > 1 and "system_prompt" not in planned


def _again_command(request: RunRequest, job_id: str) -> str:
    return replace(request, again=("blocked",)).resume_command(job_id, whole=True)


def _asked_again(connection: Connection, request: RunRequest, job_id: str, finished: FinishedRun) -> AskedAgain | None:
    if not request.again:
        return None
    parameters = {"run_id": finished.run_id, "statuses": list(request.again), **request.part.as_parameters()}
    [counts] = _streamed(connection, "asked_again", job_id, **parameters)
    return AskedAgain(statuses=request.again, failures=dict(finished.not_replaced), **counts)


def _lanes(connection: Connection, job: Job, job_id: str, part: Part) -> list[LaneSummary]:
    """Return the lanes of a part of the job, counted over its questions."""
    rows = _streamed(connection, "lanes", job_id, **part.as_parameters())
    by_lane = {(row["model_id"], row["region"]): row for row in rows}
    questions = job.questions_in(part)
    return [
        _lane(lane.model_id, lane.region.label, questions * job.cells_in(lane), by_lane) for lane in job.lanes_in(part)
    ]


def _answers(connection: Connection, job: Job, job_id: str, part: Part, labels: list[str]) -> list[AnswerLine]:
    """Return the answers to show: all of a small job, or the first repeat of one that is small without its repeats.

    Of a part of a job, only its answers are shown. `labels` is the order of the regions.
    """
    if job.expected > min(_MOST_CELLS, _SMALL_JOB_CELLS * job.repeats):
        return []
    lanes = {(lane.model_id, lane.region.label) for lane in job.lanes_in(part)}
    answers = [
        _answer(row)
        for row in _streamed(connection, "answers", job_id, labels=labels)
        if part.whole or ((row["model_id"], row["region"]) in lanes and part.has_question(row["question_id"]))
    ]
    return answers if job.expected <= _SMALL_JOB_CELLS else [answer for answer in answers if not answer.repeat]


def _rows(connection: Connection, name: str, job_id: str) -> list[dict[str, Any]]:
    return list(_streamed(connection, name, job_id))


def _streamed(connection: Connection, name: str, job_id: str, **parameters: object) -> Iterator[dict[str, Any]]:
    with translated(), connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        yield from cursor.stream(query("runs", name), {"job_id": job_id, **parameters})


def _lane(model_id: str, region: str, expected: int, by_lane: dict[tuple[str, str], dict[str, Any]]) -> LaneSummary:
    row = by_lane.get((model_id, region), {})
    return LaneSummary(
        model_id=model_id,
        region=region,
        expected=expected,
        counts={status: int(row.get(status, 0)) for status in STATUSES},
        median_seconds=row.get("median_seconds"),
        hops=int(row.get("hops", 0)),
    )


def _answer(row: dict[str, Any]) -> AnswerLine:
    return AnswerLine(
        question_id=row["question_id"],
        question_text=original(row["text"]),
        model_id=row["model_id"],
        region=row["region"],
        repeat=row["repeat"],
        arm=row["arm"],
        status=row["status"],
        response=None if row["response"] is None else answer_text(original(row["response"])),
        seconds=row["seconds"],
        error_code=row["error_code"],
        cut_off=row["finish_reason"] == CUT_OFF,
    )
