"""The old system's tables: each defect is named by the checks whose condition it breaks; nothing is written."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from beacon_cli.audit.audit import audit_job
from tests.support.audit_jobs import JOB, fingerprint, seed_legacy

Connection = psycopg.Connection[tuple[Any, ...]]

OLD_DEFECTS = {
    "missing row": ("DELETE FROM executions WHERE id = 12", {"complete"}),
    "error": ("UPDATE executions SET status = 'error' WHERE id = 12", {"complete"}),
    "still running": ("UPDATE executions SET status = 'running' WHERE id = 12", {"complete"}),
    "only a skipped duplicate": (
        "UPDATE executions SET status = 'duplicate_skipped' WHERE id = 12",
        {"complete"},
    ),
    "answered twice, under two names": (
        "INSERT INTO executions (job_id, region, status, question_id, model_id, started_at, completed_at)"
        " SELECT job_id, 'apac', status, question_id, model_id, started_at, completed_at FROM executions"
        " WHERE id = 12",
        {"complete", "no_duplicates"},
    ),
    "retried beside the answer": (
        "INSERT INTO executions (job_id, region, status, question_id, model_id)"
        " SELECT job_id, region, 'failed', question_id, model_id FROM executions WHERE id = 12",
        {"no_duplicates"},
    ),
    "no question_id": (
        "UPDATE executions SET question_id = NULL WHERE id = 12",
        {"complete", "no_unexpected", "question_id"},
    ),
    "no model_id": (
        "UPDATE executions SET model_id = '' WHERE id = 12",
        {"complete", "no_unexpected", "question_id"},
    ),
    "another model": (
        "INSERT INTO executions (job_id, region, status, question_id, model_id)"
        " VALUES (1, 'US', 'completed', 'math_basic', 'mistral-7b')",
        {"no_unexpected"},
    ),
    "unknown region": (
        "UPDATE executions SET region = 'mars' WHERE id = 12",
        {"complete", "no_unexpected", "regions"},
    ),
    "answered by another region": (
        """UPDATE executions SET output_data = '{"region": "eu-west"}' WHERE id = 12""",
        {"regions"},
    ),
    "started early": (
        "UPDATE executions SET started_at = started_at - interval '0.5 s' WHERE id = 12",
        {"sequential"},
    ),
    "completed before started": (
        "UPDATE executions SET completed_at = started_at - interval '1 ms' WHERE id = 12",
        {"timestamps"},
    ),
    "from the future": (
        "UPDATE executions SET created_at = now() AT TIME ZONE 'UTC' + interval '1 h' WHERE id = 12",
        {"timestamps"},
    ),
}


@pytest.mark.parametrize("defect", OLD_DEFECTS)
def test_a_defect_in_the_old_tables_fails_exactly_the_checks_that_it_breaks(legacy: Connection, defect: str) -> None:
    statement, broken = OLD_DEFECTS[defect]
    seed_legacy(legacy)
    legacy.execute(statement.encode())
    before = fingerprint(legacy)

    report = audit_job(legacy, JOB)

    assert {check.name for check in report.checks if check.status == "fail"} == broken
    assert fingerprint(legacy) == before
