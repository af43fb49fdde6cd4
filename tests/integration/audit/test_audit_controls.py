"""The audit of a job with a control: both arms are expected, and what lies outside of them is not."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from beacon_cli.audit.audit import audit_job
from beacon_cli.audit.report import AuditReport
from beacon_cli.executor.counts import Counts
from tests.support.audit_jobs import JOB, MODELS, OLD_SPEC, SPEC, seed, seed_legacy
from tests.support.in_process import beacon
from tests.support.jobs import make_job
from tests.support.noisy_jobs import NoisyJob, store
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]
CONTROLLED = NoisyJob(questions=2, repeats=2, planted=None, controls=("EU",))


def check(report: AuditReport, name: str) -> tuple[str, str]:
    return next((check.status, check.detail) for check in report.checks if check.name == name)


def test_both_arms_are_expected(connection: Connection) -> None:
    store(connection, CONTROLLED)
    report = audit_job(connection, JOB, regions=REGIONS)
    assert report.ok
    assert check(report, "complete") == ("pass", "32 cells answered exactly once (expected: the stored job)")
    assert report.coverage.by_region() == {"US": Counts(8, 8), "EU": Counts(16, 16), "ASIA": Counts(8, 8)}
    assert report.coverage.expected_questions(2) == 2
    assert [(group.region, group.expected, group.actual) for group in report.coverage.groups[:3]] == [
        ("US", 2, 2),
        ("EU", 4, 4),
        ("ASIA", 2, 2),
    ]


def test_what_is_missing_in_an_arm_is_missing(connection: Connection) -> None:
    store(connection, CONTROLLED)
    connection.execute("DELETE FROM executions WHERE arm = 1 AND question_id = 'q1' AND repeat = 0")
    report = audit_job(connection, JOB, regions=REGIONS)
    assert check(report, "complete") == (
        "fail",
        "of 32 cells 2 never ran (expected: the stored job):"
        f" q1 · {MODELS[0]} · EU (3 of 4), q1 · {MODELS[1]} · EU (3 of 4)",
    )


def test_an_arm_that_was_not_to_be_asked_is_unexpected(connection: Connection) -> None:
    store(connection, CONTROLLED)
    connection.execute("UPDATE jobs SET spec = spec - 'controls'")
    report = audit_job(connection, JOB, regions=REGIONS)
    status, detail = check(report, "no_unexpected")
    assert (status, detail.count("EU control · #")) == ("fail", 5)
    assert check(report, "complete")[0] == "pass"
    keys: dict[str, Any] = {"repeats": 2, "controls": ["EU"]}
    assert audit_job(connection, JOB, make_job(2, **keys), regions=REGIONS).ok


def test_cells_of_two_arms_are_no_duplicates(connection: Connection) -> None:
    store(connection, CONTROLLED)
    connection.execute("ALTER TABLE executions DROP CONSTRAINT executions_pkey")
    connection.execute("DROP INDEX executions_cell")
    connection.execute("UPDATE executions SET repeat = 0 WHERE arm = 1 AND question_id = 'q0'")
    report = audit_job(connection, JOB, regions=REGIONS)
    status, detail = check(report, "no_duplicates")
    assert status == "fail"
    assert detail.startswith("2 cells with 4 rows: q0 · ")
    assert "EU control · #1" in detail


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_command_names_the_control(connection: Connection, database_url: str, form: str) -> None:
    store(connection, CONTROLLED)
    if form == "json":
        data = beacon("check-db", JOB, "--json", url=database_url).document["data"]
        assert (data["controls"], data["by_region"]["EU"]["expected"]) == (["EU"], 16)
    else:
        out = beacon("check-db", JOB, url=database_url).out
        assert "answers stored / expected (control: EU, asked twice)" in out


def test_the_old_system_has_one_arm_whatever_its_job_says(legacy: Connection) -> None:
    seed_legacy(legacy, spec={**OLD_SPEC, "controls": ["EU"]})
    report = audit_job(legacy, JOB, regions=REGIONS)
    assert (report.coverage.expected, report.coverage.controls) == (12, ())
    assert check(report, "complete")[0] == "pass"


def test_a_job_without_controls_expects_one_arm(connection: Connection) -> None:
    seed(connection, spec=SPEC)
    report = audit_job(connection, JOB, regions=REGIONS)
    assert (report.coverage.expected, report.coverage.controls, report.ok) == (12, (), True)
