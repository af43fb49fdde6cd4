"""What a job is compared with: the stored job, a job file, or what is there."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from beacon_cli.audit.audit import audit_job
from beacon_cli.audit.report import AuditReport
from beacon_cli.errors import UsageError
from beacon_cli.executor.counts import Counts
from beacon_cli.records.find_job import find_job
from beacon_cli.records.read_answers import stored_executions
from tests.support.audit_jobs import JOB, MODELS, OLD_SPEC, QUESTIONS, SPEC, add_job, seed, seed_legacy
from tests.support.jobs import make_job
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]


def failed(report: AuditReport) -> set[str]:
    return {check.name for check in report.checks if check.status == "fail"}


def test_a_job_that_was_stored_and_never_ran_says_so(connection: Connection) -> None:
    add_job(connection)
    report = audit_job(connection, JOB, regions=REGIONS)
    assert failed(report) == {"complete"}
    assert (report.coverage.expected, report.coverage.never_ran, report.rows) == (12, 12, 0)
    assert report.checks[0].detail.startswith("of 12 cells 12 never ran (expected: the stored job): math_basic · ")
    assert report.success_rate() == "0 of 12 completed = 0 %, wanted 100 %"


def test_never_ran_is_told_apart_from_failed(connection: Connection) -> None:
    seed(connection, spec={**SPEC, "limits": {"min_success_rate": 0.9}})
    connection.execute("DELETE FROM executions WHERE question_id = 'math_basic' AND region = 'US'")
    connection.execute(
        "UPDATE executions SET status = 'timeout' WHERE model_id = 'llama3.2-1b' AND question_id = 'math_basic'"
        " AND region = 'EU'"
    )
    report = audit_job(connection, JOB, regions=REGIONS)
    assert report.checks[0].detail == (
        "of 12 cells 2 never ran, 1 ran without an answer (expected: the stored job):"
        " math_basic · llama3.2-1b · US (never ran), math_basic · llama3.2-1b · EU (timeout),"
        " math_basic · qwen2.5-1.5b · US (never ran)"
    )
    assert report.counts == {"completed": 9, "timeout": 1}
    assert report.success_rate() == "9 of 12 completed = 75 %, wanted 90 %"


def test_models_may_have_regions_of_their_own(connection: Connection) -> None:
    models = [{"id": MODELS[0], "regions": ["us", "eu", "apac"]}, {"id": MODELS[1], "regions": ["us"]}]
    seed(connection, spec={**SPEC, "models": models})
    report = audit_job(connection, JOB, regions=REGIONS)
    assert failed(report) == {"no_unexpected", "containers"}  # six containers are two more than it may have
    assert report.coverage.by_region()["ASIA"] == Counts(2, 2)


def test_repeats_are_cells_of_their_own(connection: Connection) -> None:
    seed(connection, spec={**SPEC, "repeats": 2})
    report = audit_job(connection, JOB, regions=REGIONS)
    assert failed(report) == {"complete"}
    assert (report.coverage.expected, report.coverage.never_ran) == (24, 12)


def test_a_job_file_replaces_the_stored_job(connection: Connection) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET question_id = 'q0' WHERE question_id = 'math_basic'")
    connection.execute("UPDATE executions SET question_id = 'q1' WHERE question_id = 'greatest_leader'")
    assert failed(audit_job(connection, JOB, make_job(2), regions=REGIONS)) == set()
    report = audit_job(connection, JOB, make_job(3), regions=REGIONS)
    assert failed(report) == {"complete"}
    assert (report.coverage.expected, report.source) == (18, "the job file")


def test_a_stored_job_that_says_nothing_is_compared_with_what_is_there(connection: Connection) -> None:
    seed(connection, spec={})
    connection.execute("DELETE FROM questions")
    report = audit_job(connection, JOB, regions=REGIONS)
    assert failed(report) == set()
    assert report.guess == ("questions", "models", "regions")
    guessed = {check.name: check for check in report.checks if check.status == "warn"}
    assert set(guessed) == {"complete", "no_unexpected"}
    assert guessed["complete"].detail == (
        "12 cells answered exactly once (expected: the stored rows, because the stored job does not name its"
        " questions and models and regions); the rows cannot show what is missing; --expect JOB_FILE judges it"
    )
    connection.execute("DELETE FROM executions WHERE question_id = 'math_basic' AND region = 'US'")
    assert failed(audit_job(connection, JOB, regions=REGIONS)) == {"complete"}


def test_a_job_that_says_how_it_was_batched_is_not_told_otherwise(connection: Connection) -> None:
    seed(connection, batching="lane")
    assert audit_job(connection, JOB, batching="lane", regions=REGIONS).ok
    with pytest.raises(UsageError, match="--batching question: the job was batched by lane, as is stored with it"):
        audit_job(connection, JOB, batching="question", regions=REGIONS)


def test_a_large_job_shows_the_questions_that_deviate(connection: Connection) -> None:
    add_job(connection)
    connection.execute("INSERT INTO questions SELECT %s, n, 'q' || n, 'Why?' FROM generate_series(2, 99) AS n", [JOB])
    connection.execute(
        "WITH run AS (INSERT INTO runs (id, job_id, started_at, host, pid, version)"
        " VALUES (gen_random_uuid(), %s, now(), 'h', 1, '0') RETURNING id, job_id)"
        " INSERT INTO executions (job_id, run_id, question_id, model_id, region, status, response)"
        " SELECT run.job_id, run.id, q.id, model, region, 'completed', 'text' FROM run, questions AS q,"
        " unnest(%s::text[]) AS model, unnest(array['US', 'EU', 'ASIA']) AS region WHERE q.id <> 'q42'",
        [JOB, list(MODELS)],
    )
    coverage = audit_job(connection, JOB, regions=REGIONS).coverage
    assert (coverage.expected, coverage.deviating) == (600, 6)
    assert {group.question_id for group in coverage.groups} == {"q42"}


OLD_SPECS: dict[str, tuple[dict[str, Any], int]] = {
    "names instead of objects": (
        {"questions": list(QUESTIONS), "models": list(MODELS), "regions": ["us-east", "eu", "asia"]},
        12,
    ),
    "question objects, a model name, three runs": (
        {**OLD_SPEC, "questions": [{"id": name} for name in QUESTIONS], "runs": 3},
        36,
    ),
    "no models": ({"questions": list(QUESTIONS)}, 12),
    "models without regions": ({"questions": list(QUESTIONS), "models": [{"id": MODELS[0]}]}, 6),
    "nothing": ({}, 12),
    "rubbish": ({"questions": 7, "models": [None, 3, {}], "runs": "many", "constraints": []}, 12),
}


@pytest.mark.parametrize("form", OLD_SPECS)
def test_old_job_specs_are_read_leniently(legacy: Connection, form: str) -> None:
    spec, expected = OLD_SPECS[form]
    seed_legacy(legacy, spec)
    assert audit_job(legacy, JOB, regions=REGIONS).coverage.expected == expected


def test_the_old_tables_of_a_clean_job_pass(legacy: Connection) -> None:
    seed_legacy(legacy)
    report = audit_job(legacy, JOB, regions=REGIONS)
    assert {check.name: check.status for check in report.checks} == {
        **dict.fromkeys(("complete", "no_duplicates", "no_unexpected", "question_id", "regions"), "pass"),
        **dict.fromkeys(("sequential", "timestamps", "answers"), "pass"),
        **dict.fromkeys(("device", "batch_gap", "containers", "no_hops"), "skip"),
    }
    assert report.schema == "legacy"
    assert report.wanted_rate == 1.0
    assert report.coverage.by_region() == {label: Counts(4, 4) for label in ("US", "EU", "ASIA")}
    assert audit_job(legacy, "1", regions=REGIONS).job_id == JOB  # the old integer id finds it too


def test_old_rows_count_as_repeats_up_to_the_job_s_runs(legacy: Connection) -> None:
    seed_legacy(legacy, {**OLD_SPEC, "runs": 2})
    legacy.execute(
        "INSERT INTO executions (job_id, region, status, question_id, model_id)"
        " SELECT job_id, region, status, question_id, model_id FROM executions"
    )
    assert failed(audit_job(legacy, JOB, regions=REGIONS)) == set()
    legacy.execute(
        "INSERT INTO executions (job_id, region, status, question_id, model_id)"
        " SELECT job_id, region, status, question_id, model_id FROM executions WHERE id = 1"
    )
    assert failed(audit_job(legacy, JOB, regions=REGIONS)) == {"complete", "no_duplicates"}


def test_old_tables_that_lack_or_have_other_columns_can_be_audited(legacy: Connection) -> None:
    seed_legacy(legacy)
    legacy.execute("ALTER TABLE executions DROP COLUMN started_at, DROP COLUMN receipt_data, DROP COLUMN retry_count")
    legacy.execute("ALTER TABLE executions ADD COLUMN container_id varchar(99)")
    legacy.execute("ALTER TABLE executions ALTER COLUMN output_data TYPE json")
    legacy.execute("ALTER TABLE jobs ALTER COLUMN jobspec_data TYPE text")
    legacy.execute("ALTER TABLE jobs RENAME COLUMN jobspec_data TO job_spec")
    legacy.execute("UPDATE executions SET output_data = %s WHERE id = 3", [json.dumps({"response": "\0"})])
    legacy.execute("UPDATE executions SET output_data = '[]' WHERE id = 4")
    report = audit_job(legacy, JOB, regions=REGIONS)
    assert failed(report) == set()
    assert {check.name for check in report.checks if check.status == "skip"} == {
        *("device", "sequential", "batch_gap", "containers", "no_hops")
    }


STRANGE: tuple[Any, ...] = (
    None,
    7,
    "text",
    [],
    {},
    {"execution_details": 7, "output": [], "provenance": "x", "metadata": None},
    {"execution_details": {"region": {"a": 1}, "provider_id": 7, "model": []}, "output": {"system_prompt": ["x"]}},
    {
        "metadata": {"region": 7, "model": None},
        "region": [],
        "provider": {},
        "error": {"code": 5},
        "response": {"a": 1},
    },
)


@pytest.mark.parametrize("document", STRANGE)
def test_old_documents_of_any_shape_are_read(legacy: Connection, document: Any) -> None:
    seed_legacy(legacy)
    text = json.dumps(document)
    legacy.execute("UPDATE executions SET output_data = %s, receipt_data = %s WHERE id = 3", [text, text])
    assert failed(audit_job(legacy, JOB, regions=REGIONS)) <= {"regions"}
    [*rows] = stored_executions(legacy, [find_job(legacy, JOB, regions=REGIONS)], documents=True)
    assert len(rows) == 12


def test_a_job_that_was_stored_as_the_portal_posted_it_is_compared_with_what_it_asks(legacy: Connection) -> None:
    spec = {**OLD_SPEC, "models": [], "metadata": {"models": [*MODELS, "mistral-7b"]}}
    seed_legacy(legacy, {"jobspec": spec, "target_regions": ["US", "EU", "ASIA"], "min_success_rate": 0.5})
    report = audit_job(legacy, JOB, regions=REGIONS)
    assert failed(report) == {"complete"}
    assert (report.coverage.expected, report.coverage.never_ran, report.wanted_rate) == (18, 6, 0.5)


def test_old_answers_without_text_count_as_empty(legacy: Connection) -> None:
    seed_legacy(legacy)
    legacy.execute("""UPDATE executions SET output_data = '{"response": " \\n"}' WHERE id = 3""")
    legacy.execute("""UPDATE executions SET output_data = '{"response": null}' WHERE id = 4""")
    report = audit_job(legacy, JOB, regions=REGIONS)
    assert report.counts == {"completed": 10, "empty": 2}
    assert report.checks[-1].detail == "2 empty answers"
    assert report.ok
