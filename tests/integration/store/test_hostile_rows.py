"""Whatever an answer holds, its row is stored, and reads back as it came."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beacon_cli.executor.answer import Reply, read_answer
from beacon_cli.executor.execution import Cell, Execution
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane, Question
from beacon_cli.store.text import original
from tests.integration.store.test_job_store import NOW, Opened, execution
from tests.support.hostile_input import any_text, bodies, json_values
from tests.support.jobs import make_job
from tests.support.vocabulary import VOCABULARY

SOME = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
objects = st.dictionaries(any_text, json_values, max_size=4)
columns = st.fixed_dictionaries(
    {"response": any_text},
    optional={
        "output_data": objects,
        "receipt_data": objects,
        "provider_id": any_text,
        "container_id": any_text,
        "container_region": any_text,
        "error_message": any_text,
        "function_call_id": any_text,
        "finish_reason": any_text,
        "thought": any_text,
        "model_revision": any_text,
        "effective_system_prompt": any_text,
        "effective_region": any_text,
    },
)


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Opened:
    return Opened(database_url, tmp_path / "journal")


def read(value: Any, text: Callable[[str], str] = str) -> Any:
    """Return a document with its texts read by `text`, and its numbers as any reader of JSON may take them."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(key): read(item, text) for key, item in value.items()}
    return [read(item, text) for item in value] if isinstance(value, list) else value


def stored(opened: Opened, wanted: list[Execution]) -> dict[str, dict[str, Any]]:
    """Store executions of a new job at once, and return its rows by question id."""
    job, job_id = make_job(len(wanted), models=["llama3.2-1b"], regions=["US"]), f"hostile-{uuid.uuid4()}"

    async def main() -> None:
        async with opened(job, job_id) as store:
            await store.begin(NOW.isoformat())
            (lane,) = job.lanes()
            cells = [Cell(question, lane) for question in job.questions]
            await asyncio.gather(*(store.record(replace(e, cell=c)) for e, c in zip(wanted, cells, strict=True)))

    asyncio.run(main())
    with psycopg.connect(opened.url, row_factory=psycopg.rows.dict_row) as connection:
        rows = connection.execute("SELECT * FROM executions WHERE job_id = %s", [job_id]).fetchall()
    return {row["question_id"]: row for row in rows}


CELL = Cell(Question("q0", "Question 0?"), Lane("llama3.2-1b", make_job(1).lanes()[0].region))


@SOME
@given(st.lists(columns, min_size=1, max_size=6))
def test_every_text_and_document_reads_back_as_it_came(opened: Opened, rows: list[dict[str, Any]]) -> None:
    found = stored(opened, [execution(CELL, **row) for row in rows])
    assert len(found) == len(rows)
    for number, row in enumerate(rows):
        for column, value in row.items():
            assert read(found[f"q{number}"][column], original) == read(value), column


@SOME
@given(st.lists(bodies, min_size=1, max_size=6))
def test_what_the_parser_lets_through_can_be_stored(opened: Opened, replies: list[bytes]) -> None:
    executions = []
    for body in replies:
        try:
            answer = read_answer(Reply(200, body, vocabulary=VOCABULARY), CELL.lane)
        except AttemptError as error:
            row = execution(CELL, "failed", None, error_message=error.message, output_data=error.raw)
        else:
            row = execution(
                *(CELL, answer.status, answer.response),
                thought=answer.thought,
                output_data=answer.output,
                receipt_data=answer.receipt,
                **asdict(answer.claims),
            )
        executions.append(row)
    assert len(stored(opened, executions)) == len(replies)
