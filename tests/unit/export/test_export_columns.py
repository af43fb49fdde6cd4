"""The columns of an export: they are documented, and hold what an execution holds."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from beacon_cli.export.columns import COLUMNS, SCHEMA_VERSION, row_of
from beacon_cli.records.stored_answer import StoredExecution
from tests.support.stored_answers import stored

DOCS = Path(__file__).parents[3] / "docs" / "reference" / "export.md"
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| (.+) \|$", re.MULTILINE)


def test_the_documented_columns_are_those_of_the_code() -> None:
    documented = ROW.findall(DOCS.read_text(encoding="utf-8"))
    assert documented == [(column.name, column.type, column.meaning) for column in COLUMNS]


def test_the_columns_of_version_1_are_there_in_their_order() -> None:
    """Written out by hand. A change here is a new `SCHEMA_VERSION`, or a column at the end."""
    assert SCHEMA_VERSION == 1
    assert [column.name for column in COLUMNS] == [
        *("schema_version", "job_id", "run_id", "position", "question_id", "model_id", "region", "repeat", "status"),
        *("prompt", "system_prompt", "response", "error_code", "error_message", "http_status", "attempts", "hops"),
        *("queued_at", "started_at", "completed_at", "created_at", "seconds", "provider_id", "container_id"),
        *("container_region", "answered_region", "model_revision", "gpu", "architecture", "model_registry"),
        *("temperature", "max_tokens", "tokens_generated", "function_call_id", "output_data", "receipt_data"),
        *("answer_text", "thought", "finish_reason", "effective_system_prompt", "effective_region", "arm"),
        *("effective_model", "tags", "sent", "sent_model", "asked_at", "precision", "libraries"),
    ]


def test_everything_that_is_stored_of_an_execution_is_a_column() -> None:
    assert {field.name for field in fields(StoredExecution)} <= {column.name for column in COLUMNS}


def value(name: str, **values: object) -> object:
    return dict(zip((column.name for column in COLUMNS), row_of(stored(**values)), strict=True))[name]


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        *(("temperature", "0.1", 0.1), ("temperature", "1e-3", 0.001), ("temperature", "warm", None)),
        *(("temperature", "NaN", None), ("temperature", "1e999", None), ("temperature", None, None)),
        *(("max_tokens", "500", 500), ("max_tokens", "-1", None), ("max_tokens", "9" * 30, None)),
    ],
)
def test_numbers_of_a_receipt_are_numbers_or_null(name: str, text: str | None, expected: float | None) -> None:
    assert value(name, **{name: text}) == expected


def test_a_row_begins_with_the_version_and_has_its_duration() -> None:
    assert row_of(stored())[0] == 1
    assert value("seconds") == 0.25
    assert value("seconds", started_at=None) is None
