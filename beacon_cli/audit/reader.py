"""Reads one job for the audit: its relations and expectation, bound to the named queries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from psycopg.rows import dict_row

from beacon_cli.audit.judge_regions import MAX_COMBINATIONS
from beacon_cli.audit.judges import CLOCK_TOLERANCE_SECONDS, MAX_GAP_SECONDS
from beacon_cli.records.expectation import Expectation
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.relations import (
    GIVEN_QUESTIONS,
    LANES,
    ONE_RUN,
    STORED_QUESTIONS,
    STORED_RUNS,
    Relation,
    Relations,
    beacon_executions,
    legacy_executions,
    questions_found,
)
from beacon_cli.records.snapshot import Connection
from beacon_cli.store.queries import query

# Up to this size every cell of a job is reported, above it only those of some questions that deviate.
_FEW_CELLS = 60
_SHOWN_QUESTIONS = 60
_SHOWN_CELLS = 500


@dataclass(frozen=True, slots=True)
class Reader:
    """Runs the named queries on one job's relations, with one set of parameters."""

    connection: Connection
    relations: Relations
    parameters: Mapping[str, Any]

    def rows(self, name: str, **parameters: object) -> list[dict[str, Any]]:
        """Return the rows of the query in `queries/{name}.sql`."""
        with self.connection.cursor(row_factory=dict_row) as cursor:
            cursor.execute(self.relations.fill(query("audit", name)), {**self.parameters, **parameters})
            return cursor.fetchall()

    def row(self, name: str) -> dict[str, Any]:
        """Return the only row of an aggregate query."""
        [row] = self.rows(name)
        return row


def reader_for(connection: Connection, job: StoredJob, expected: Expectation) -> Reader:
    """Return the reader of a job's rows, from the tables of either system."""
    lanes, caps = expected.lanes or (), expected.caps()
    parameters = {
        "job_id": job.key,
        "question_ids": list(expected.question_ids or ()),
        "lane_models": [model_id for model_id, _ in lanes],
        "lane_regions": [region for _, region in lanes],
        "lane_arms": [expected.arms(region) for _, region in lanes],
        "cap_regions": list(caps),
        "caps": list(caps.values()),
        "repeats": expected.repeats,
        "batch_size": expected.cells_of_a_question(),
        "few_questions": _FEW_CELLS // max(1, len(lanes)),
        "shown_questions": _SHOWN_QUESTIONS,
        "shown_cells": _SHOWN_CELLS,
        "max_gap": MAX_GAP_SECONDS,
        "clock_tolerance": CLOCK_TOLERANCE_SECONDS,
        "max_combinations": MAX_COMBINATIONS,
    }
    return Reader(connection, _relations(job, expected), parameters)


def completed_from_rows(reader: Reader, expected: Expectation) -> Expectation:
    """Return the expectation with missing parts filled in from the rows: the cross product of what they name."""
    found = reader.rows("lanes_found")
    models = expected.models or tuple(dict.fromkeys(row["model_id"] for row in found))
    there = {row["region"] for row in found}
    labels = expected.regions or tuple(label for label in expected.known.labels if label in there)
    lanes = expected.lanes or tuple((model_id, label) for model_id in models for label in labels)
    guess = expected.unknown
    source = f"the stored rows, because the stored job does not name its {' and '.join(guess)}"
    return replace(expected, lanes=lanes, guess=guess, source=source)


def _relations(job: StoredJob, expected: Expectation) -> Relations:
    legacy = job.schema == "legacy"
    if legacy:
        executions = legacy_executions(job.columns, expected.repeats, expected.known)
    else:
        executions = beacon_executions(expected.known)
    return Relations(executions, _questions(expected, executions), LANES, ONE_RUN if legacy else STORED_RUNS)


def _questions(expected: Expectation, executions: Relation) -> Relation:
    if expected.questions_stored:
        return STORED_QUESTIONS
    return GIVEN_QUESTIONS if expected.question_ids is not None else questions_found(executions)
