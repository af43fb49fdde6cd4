"""The old system's tables: each defect is named by the checks whose condition it breaks; nothing is written."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from beacon_cli.audit.audit import audit_job
from beacon_cli.comparison.compare import compare_jobs
from beacon_cli.comparison.options import chosen_options
from beacon_cli.executor.execution import Batching
from beacon_cli.records.find_job import find_job
from tests.support.audit_jobs import JOB, fingerprint, seed_legacy
from tests.support.vocabulary import REGIONS, REGISTRY

Connection = psycopg.Connection[tuple[Any, ...]]

BATCHINGS: tuple[Batching | None, ...] = (None, "question", "region", "lane")
ASIA = "region = 'asia-pacific'"
TEN_DEFECTS = {
    "a model of the job never ran": (
        """UPDATE jobs SET jobspec_data = jobspec_data - 'models'
           || '{"metadata": {"models": ["llama3.2-1b", "qwen2.5-1.5b", "mistral-7b"]}}'"""
    ),
    "Asia was answered by the US": f"""UPDATE executions SET provider_id = 'modal-us-east',
           output_data = output_data || '{{"region": null, "metadata": {{"region": "us-east"}}}}',
           receipt_data = '{{"execution_details": {{"region": "us-east"}}}}' WHERE {ASIA}""",
    "each region was asked under a prompt of its own": """UPDATE executions SET system_prompt =
           'You are based in ' || CASE region WHEN 'EU' THEN 'Europe' WHEN 'us-east' THEN 'the US' ELSE 'Asia' END""",
    "a 303 was not followed": """UPDATE executions SET status = 'failed', output_data =
           '{"error": "hybrid error: hybrid http_error: HTTP 303 on https://…: See Other"}' WHERE id = 1""",
    "an answer is stored twice": """INSERT INTO executions
           (job_id, region, status, question_id, model_id, output_data, started_at, completed_at, system_prompt)
           SELECT job_id, region, status, question_id, model_id, output_data, started_at, completed_at, system_prompt
           FROM executions WHERE id = 2""",
    "a row names no question": "UPDATE executions SET question_id = '' WHERE id = 4",
    "a row names an unknown region": "UPDATE executions SET region = 'mars' WHERE id = 5",
    "an answer has no text": ("""UPDATE executions SET output_data = output_data || '{"response": ""}' WHERE id = 7"""),
    "an answer is called a technical failure": (
        "UPDATE executions SET response_classification = 'technical_failure' WHERE id = 8"
    ),
    "a row ended before it began": ("UPDATE executions SET completed_at = started_at - interval '1 s' WHERE id = 10"),
}
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
    "answered by the US, according to its provider": (
        "UPDATE executions SET provider_id = 'modal-us-east' WHERE id = 12",
        {"regions"},
    ),
    "answered by the US, according to its metadata": (
        """UPDATE executions SET output_data = '{"metadata": {"region": "us-east"}}' WHERE id = 12""",
        {"regions"},
    ),
    "answered by the US, according to its receipt": (
        """UPDATE executions SET receipt_data = '{"execution_details": {"region": "us-east"}}' WHERE id = 12""",
        {"regions"},
    ),
    "a model that never ran": (
        """UPDATE jobs SET jobspec_data = jobspec_data - 'models'
           || '{"metadata": {"models": ["llama3.2-1b", "qwen2.5-1.5b", "mistral-7b"]}}'""",
        {"complete"},
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

    report = audit_job(legacy, JOB, batching="question", regions=REGIONS)

    assert {check.name for check in report.checks if check.status == "fail"} == broken
    assert fingerprint(legacy) == before


def test_ten_defects_in_one_old_job_are_all_named_and_nothing_is_written(legacy: Connection) -> None:
    seed_legacy(legacy)
    for statement in TEN_DEFECTS.values():
        legacy.execute(statement.encode())
    before = fingerprint(legacy)

    report = audit_job(legacy, JOB, regions=REGIONS)
    job = find_job(legacy, JOB, regions=REGIONS)
    comparison = compare_jobs(legacy, [job], chosen_options("lexical", None, None, (), None), models=REGISTRY)

    found = {check.name: check for check in report.checks}
    assert {name: check.status for name, check in found.items()} == {
        **dict.fromkeys(("complete", "no_duplicates", "no_unexpected", "question_id", "regions", "timestamps"), "fail"),
        **dict.fromkeys(("no_hops", "answers"), "warn"),
        "sequential": "pass",
        **dict.fromkeys(("device", "batch_gap", "containers"), "skip"),
    }
    assert "math_basic · mistral-7b · US (never ran)" in found["complete"].detail
    assert "asked ASIA, answered by us-east" in found["regions"].detail
    assert "unknown region 'mars'" in found["regions"].detail
    assert found["no_hops"].detail == ("1 row whose error names an HTTP 303, which the old system did not follow")
    assert found["answers"].detail == "1 empty answer; 1 answer that the old system itself called a technical failure"
    assert {condition.name for condition in comparison.incomparable} == {"system_prompt", "region", "repeats"}
    assert fingerprint(legacy) == before


def test_what_may_be_the_old_job_s_batching_is_a_doubt_until_it_is_said(legacy: Connection) -> None:
    seed_legacy(legacy)
    legacy.execute("UPDATE executions SET started_at = started_at - interval '0.5 s' WHERE id = 12")
    sequential = {
        batching: next(
            check
            for check in audit_job(legacy, JOB, batching=batching, regions=REGIONS).checks
            if check.name == "sequential"
        )
        for batching in BATCHINGS
    }
    assert [check.status for check in sequential.values()] == ["warn", "fail", "skip", "skip"]
    assert sequential[None].detail.endswith("; the job does not say how it was batched; --batching question judges it")
