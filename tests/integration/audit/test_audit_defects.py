"""Each defect is named by the checks whose condition it breaks, and by no other; nothing is written."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from beacon_cli.audit.audit import audit_job
from beacon_cli.executor.counts import Counts
from tests.support.audit_jobs import JOB, fingerprint, seed
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]
NAMES = (
    *("complete", "no_duplicates", "no_unexpected", "question_id", "regions", "device", "sequential", "batch_gap"),
    *("containers", "no_hops", "timestamps", "answers"),
)
ONE = "question_id = 'greatest_leader' AND model_id = 'qwen2.5-1.5b' AND region IN ('EU', 'eu')"
COPY = """INSERT INTO executions (job_id, run_id, question_id, model_id, region, repeat, status, response,
    container_id, container_region, queued_at, started_at, completed_at)
    SELECT job_id, run_id, question_id, model_id, region, repeat, status, response || ' Again.',
    container_id, container_region, queued_at, started_at, completed_at FROM executions WHERE """
DROP_UNIQUE = "DROP INDEX executions_cell;"

DEFECTS = {
    "missing row": (f"DELETE FROM executions WHERE {ONE}", {"complete"}),
    "failed row": (f"UPDATE executions SET status = 'failed', response = NULL WHERE {ONE}", {"complete"}),
    "timed out row": (f"UPDATE executions SET status = 'timeout' WHERE {ONE}", {"complete"}),
    "answered twice": (f"{DROP_UNIQUE} {COPY} {ONE}", {"complete", "no_duplicates"}),
    "answered twice, under an alias": (
        f"{COPY.replace('region, repeat, status, response ||', 'lower(region), repeat, status, response ||')} {ONE}",
        {"complete", "no_duplicates"},
    ),
    "failed beside the answer": (
        f"{DROP_UNIQUE} {COPY} {ONE}; UPDATE executions SET status = 'failed' WHERE {ONE} AND response LIKE '%Again.'",
        {"no_duplicates"},
    ),
    "a repeat too many": (
        f"{COPY.replace('repeat, status, response ||', '1, status, response ||')} {ONE}",
        {"no_unexpected"},
    ),
    "a question that is not the job's": (
        f"{COPY} {ONE}; UPDATE executions SET question_id = 'identity_basic' WHERE response LIKE '%Again.'".replace(
            "INSERT", f"{DROP_UNIQUE} INSERT", 1
        ),
        {"no_unexpected"},
    ),
    "no question_id": (
        f"UPDATE executions SET question_id = '' WHERE {ONE}",
        {"complete", "no_unexpected", "question_id"},
    ),
    "unknown region": (
        f"UPDATE executions SET region = 'mars' WHERE {ONE}",
        {"complete", "no_unexpected", "regions"},
    ),
    "answered by another region": (
        f"""UPDATE executions SET output_data = '{{"region": "us-east"}}' WHERE {ONE}""",
        {"regions"},
    ),
    "answered by another region, according to the endpoint": (
        f"UPDATE executions SET effective_region = 'US' WHERE {ONE}",
        {"regions"},
    ),
    "answered by another region, according to the receipt": (
        f"""UPDATE executions SET receipt_data = '{{"execution_details": {{"region": "us-east"}}}}' WHERE {ONE}""",
        {"regions"},
    ),
    "answered by another provider": (f"UPDATE executions SET provider_id = 'modal-us' WHERE {ONE}", {"regions"}),
    "ran in another region": (f"UPDATE executions SET container_region = 'us-east-1' WHERE {ONE}", {"regions"}),
    "started early": (
        f"UPDATE executions SET queued_at = queued_at - interval '0.5 s',"
        f" started_at = started_at - interval '0.5 s' WHERE {ONE}",
        {"sequential"},
    ),
    "a gap of two seconds": (
        "UPDATE executions SET queued_at = queued_at + interval '1.9 s', started_at = started_at + interval '1.9 s',"
        " completed_at = completed_at + interval '1.9 s' WHERE question_id = 'greatest_leader'",
        {"batch_gap"},
    ),
    "completed before started": (
        f"UPDATE executions SET completed_at = started_at - interval '1 ms' WHERE {ONE}",
        {"timestamps"},
    ),
    "from the future": (f"UPDATE executions SET completed_at = now() + interval '1 h' WHERE {ONE}", {"timestamps"}),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_fails_exactly_the_checks_that_it_breaks(connection: Connection, defect: str) -> None:
    statements, broken = DEFECTS[defect]
    seed(connection)
    for statement in statements.split(";"):
        connection.execute(statement.encode())
    before = fingerprint(connection)

    report = audit_job(connection, JOB, regions=REGIONS)

    assert {check.name for check in report.checks if check.status == "fail"} == broken
    assert not report.ok
    assert fingerprint(connection) == before


def test_a_clean_job_passes_every_check(connection: Connection) -> None:
    seed(connection)
    report = audit_job(connection, JOB, regions=REGIONS)
    assert [(check.name, check.status) for check in report.checks] == [(name, "pass") for name in NAMES]
    assert report.ok
    assert (report.schema, report.rows, report.coverage.expected) == ("beacon", 12, 12)
    assert report.coverage.by_region() == {label: Counts(4, 4) for label in ("US", "EU", "ASIA")}
    assert report.success_rate() == "12 of 12 completed = 100 %, wanted 100 %"


WARNINGS = {
    "another container later": (
        f"UPDATE executions SET container_id = 'ta-new' WHERE {ONE}",
        "containers",
        "1 container first used after the first batch, inside the cap of the region: ta-new from greatest_leader",
    ),
    "hops": (f"UPDATE executions SET hops = 3 WHERE {ONE}", "no_hops", "1 execution slow: 3 HTTP 303 hops"),
    "no text": (
        f"UPDATE executions SET status = 'empty', response = NULL WHERE {ONE}",
        "answers",
        "1 empty answer",
    ),
    "blank text": (f"UPDATE executions SET response = E' \\n\\t' WHERE {ONE}", "answers", "1 empty answer"),
    "same text": (
        "UPDATE executions SET response = 'I am sorry, I cannot say.' WHERE model_id = 'llama3.2-1b' AND region = 'US'",
        "answers",
        "1 text given to different questions (2 rows): llama3.2-1b · US · greatest_leader = math_basic",
    ),
    "same text in every region": (
        "UPDATE executions SET response = 'I am sorry, I cannot say.' WHERE model_id = 'llama3.2-1b'",
        "answers",
        "3 texts given to different questions (6 rows): "
        + ", ".join(f"llama3.2-1b · {region} · greatest_leader = math_basic" for region in ("ASIA", "EU", "US")),
    ),
    "another GPU in a region": (
        f"""UPDATE executions SET output_data = jsonb_set(output_data, '{{gpu}}', '"NVIDIA L4"') WHERE {ONE}""",
        "device",
        "not the same everywhere: qwen2.5-1.5b: Tesla T4 in ASIA, EU, US and NVIDIA L4 in EU",
    ),
    "a device that is not recorded": (
        f"UPDATE executions SET output_data = output_data - 'gpu' - 'device' WHERE {ONE}",
        "device",
        "not the same everywhere: 1 answer without a record of the device",
    ),
    "container's region unmapped": (
        f"UPDATE executions SET container_region = 'luna-1' WHERE {ONE}",
        "regions",
        "1 row: 1 row ran in luna-1",
    ),
    "container's region missing": (
        f"UPDATE executions SET container_region = NULL WHERE {ONE}",
        "regions",
        "1 row without a record of where",
    ),
}


@pytest.mark.parametrize(
    ("told", "status", "detail"),
    [
        ({"function": "inference", "at_most": 1}, "fail", "more containers at once than the cap: 2 in ASIA (cap 1)"),
        ({"function": "inference", "at_most": 2}, "pass", "6 containers (limit 6), none added later"),
        ({"function": "inference", "at_most": "many"}, "pass", "6 containers (limit 6), none added later"),
        ("nonsense", "pass", "6 containers (limit 6), none added later"),
    ],
)
def test_a_region_has_no_more_containers_than_its_answers_say_that_there_may_be(
    connection: Connection, told: object, status: str, detail: str
) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET output_data = output_data || %s", [json.dumps({"containers": told})])
    (check,) = (each for each in audit_job(connection, JOB, regions=REGIONS).checks if each.name == "containers")
    assert (check.status, check.detail[: len(detail)]) == (status, detail)


def test_one_container_for_each_region_is_its_own_limit(connection: Connection) -> None:
    seed(connection)
    told = json.dumps({"containers": {"function": "inference", "at_most": 1}})
    connection.execute("UPDATE executions SET container_id = 'ta-' || region, output_data = output_data || %s", [told])
    (check,) = (each for each in audit_job(connection, JOB, regions=REGIONS).checks if each.name == "containers")
    assert (check.status, check.detail) == ("pass", "3 containers (limit 3), none added later")


@pytest.mark.parametrize("doubt", WARNINGS)
def test_a_doubt_warns_and_fails_nothing(connection: Connection, doubt: str) -> None:
    statement, name, detail = WARNINGS[doubt]
    seed(connection)
    connection.execute(statement.encode())
    report = audit_job(connection, JOB, regions=REGIONS)
    [check] = [check for check in report.checks if check.status != "pass"]
    assert (check.name, check.status) == (name, "warn")
    assert detail in check.detail
    assert report.ok


def test_a_short_text_may_answer_two_questions(connection: Connection) -> None:
    seed(connection)
    connection.execute("UPDATE executions SET response = '4'")
    assert {check.status for check in audit_job(connection, JOB, regions=REGIONS).checks} == {"pass"}
