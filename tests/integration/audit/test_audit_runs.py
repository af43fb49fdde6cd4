"""Order, gaps and containers are judged inside each run; what a later run replaced is not held against a job."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from beacon_cli.audit.audit import audit_job
from beacon_cli.audit.check import Check
from tests.support.audit_jobs import JOB, MODELS, QUESTIONS, REGIONS, SPEC, START, add_execution, add_job, add_run, seed
from tests.support.vocabulary import VOCABULARY

Connection = psycopg.Connection[tuple[Any, ...]]


def verdicts(connection: Connection) -> dict[str, Check]:
    return {check.name: check for check in audit_job(connection, JOB, regions=VOCABULARY.regions).checks}


def test_a_cell_asked_again_an_hour_later_disturbs_neither_order_nor_gap_nor_containers(
    connection: Connection,
) -> None:
    seed(connection)
    later = START + timedelta(hours=1)
    run = add_run(connection, later)
    connection.execute("DELETE FROM executions WHERE question_id = 'math_basic' AND region = 'EU'")
    for model in MODELS:
        add_execution(connection, run, "math_basic", model, "EU", at=later, container_id=f"ta-warm-{model}")
    assert {check.status for check in verdicts(connection).values()} == {"pass", "skip"}
    assert verdicts(connection)["batch_gap"].status == "skip"  # no run has two whole batches left


def test_a_slow_cell_that_was_replaced_leaves_no_gap_to_judge(connection: Connection) -> None:
    """The first run waited for a cell of question 1 that the second run asked again: its row shows no wait."""
    seed(connection)
    connection.execute(
        "UPDATE executions SET queued_at = queued_at + interval '1 min', started_at = started_at + interval '1 min',"
        " completed_at = completed_at + interval '1 min' WHERE question_id = 'greatest_leader'"
    )
    assert verdicts(connection)["batch_gap"].status == "fail"
    later = START + timedelta(hours=1)
    connection.execute("DELETE FROM executions WHERE question_id = 'math_basic' AND region = 'EU'")
    run = add_run(connection, later)
    for model in MODELS:
        add_execution(connection, run, "math_basic", model, "EU", at=later)
    assert verdicts(connection)["batch_gap"].status == "skip"


def test_the_gaps_of_the_latest_run_are_judged(connection: Connection) -> None:
    add_job(connection)
    for number, gap in enumerate((0.1, 2.5)):
        connection.execute("DELETE FROM executions")
        begin = START + timedelta(hours=number)
        run = add_run(connection, begin)
        for position, question in enumerate(QUESTIONS):
            at = begin + timedelta(seconds=position * (1 + gap))
            for model in MODELS:
                for label in REGIONS:
                    add_execution(connection, run, question, model, label, at=at)
    check = verdicts(connection)["batch_gap"]
    assert (check.status, check.detail) == ("fail", "1 of 1 gap not under 2 s: 2.500 s before greatest_leader")


def test_a_resumed_run_may_begin_with_part_of_a_question(connection: Connection) -> None:
    """One cell of question 1 uses one container; the whole of question 2 then uses six."""
    add_job(connection)
    first, second = add_run(connection), add_run(connection, START + timedelta(hours=1))
    cells = [(model, label) for model in MODELS for label in REGIONS]
    for model, label in cells[1:]:
        add_execution(connection, first, "math_basic", model, label, at=START)
    add_execution(connection, second, "math_basic", *cells[0], at=START + timedelta(hours=1))
    for model, label in cells:
        at = START + timedelta(hours=1, seconds=1.5)
        add_execution(connection, second, "greatest_leader", model, label, at=at, container_id=f"new-{model}-{label}")
    assert verdicts(connection)["containers"].status == "warn"  # seven containers, but never more than six at once
    connection.execute(
        "UPDATE executions SET container_id = %s WHERE run_id = %s AND question_id = 'math_basic'",
        [f"new-{cells[0][0]}-{cells[0][1]}", second],
    )
    check = verdicts(connection)["containers"]
    assert (check.status, check.detail) == ("pass", "6 containers (limit 6 in each of 2 runs), none added later")


def store_repeats(connection: Connection, *, apart: timedelta, limits: dict[str, Any] | None = None) -> None:
    """Store one question asked twice, `apart`, with a container of its own for every execution of a second."""
    add_job(connection, spec={**SPEC, "repeats": 2, "limits": limits or {}})
    run = add_run(connection)
    for repeat in range(2):
        for model in MODELS:
            for label in REGIONS:
                changes = {"response": f"Again {repeat}", "container_id": f"{model}-{label}-{repeat}"}
                add_execution(
                    connection, run, "math_basic", model, label, at=START + repeat * apart, repeat=repeat, **changes
                )


def test_more_containers_at_once_than_the_cap_fail(connection: Connection) -> None:
    store_repeats(connection, apart=timedelta(seconds=0.5))
    check = verdicts(connection)["containers"]
    assert check == Check(
        "containers",
        "fail",
        "more containers at once than the cap: 4 in ASIA (cap 2), 4 in EU (cap 2), 4 in US (cap 2)",
    )


def test_containers_that_replace_others_are_a_doubt(connection: Connection) -> None:
    store_repeats(connection, apart=timedelta(seconds=1))
    check = verdicts(connection)["containers"]
    assert check == Check("containers", "warn", "12 containers in the first batch, of which at most 6 answered at once")


def test_the_job_s_own_cap_counts(connection: Connection) -> None:
    store_repeats(connection, apart=timedelta(0), limits={"per_endpoint": 4})
    assert verdicts(connection)["containers"].status == "pass"


def test_a_cell_that_was_asked_again_does_not_tell_how_many_answered_at_once(connection: Connection) -> None:
    """Its time begins with the first attempt, perhaps long before its container was asked."""
    store_repeats(connection, apart=timedelta(seconds=0.5))
    connection.execute("UPDATE executions SET attempts = 2 WHERE repeat = 0")
    assert verdicts(connection)["containers"].status == "warn"


@pytest.mark.parametrize("batching", ["region", "lane"])
def test_other_batchings_have_no_order_of_questions_to_judge(connection: Connection, batching: str) -> None:
    seed(connection, batching=batching)
    checks = verdicts(connection)
    assert [checks[name].status for name in ("sequential", "batch_gap", "containers")] == ["skip", "skip", "pass"]
    assert batching in checks["sequential"].detail


def store_again(connection: Connection, seconds: float, late: float = 0.0, *, gap: float = 5.0) -> None:
    """Give every row the time at which it was stored, by a clock that is `seconds` off; the first question `late`.

    The second question begins `gap` seconds after the first one is done.
    """
    connection.execute(
        "UPDATE executions SET queued_at = queued_at + make_interval(secs => %(gap)s - 0.1),"
        " started_at = started_at + make_interval(secs => %(gap)s - 0.1),"
        " completed_at = completed_at + make_interval(secs => %(gap)s - 0.1) WHERE question_id = %(second)s",
        {"gap": gap, "second": QUESTIONS[1]},
    )
    connection.execute(
        "UPDATE executions SET created_at = completed_at + make_interval(secs => %(clock)s + 0.01 +"
        " CASE WHEN question_id = %(first)s THEN %(late)s ELSE 0 END)",
        {"clock": seconds, "late": late, "first": QUESTIONS[0]},
    )


@pytest.mark.parametrize("clock", [0.0, 30.0, -3.0])
def test_a_gap_while_the_database_was_away_is_a_warning(connection: Connection, clock: float) -> None:
    seed(connection)
    store_again(connection, clock, late=4.9)
    check = verdicts(connection)["batch_gap"]
    assert (check.status, check.detail) == (
        "warn",
        "1 of 1 gap not under 2 s, while the database was away, another run began, or a region did not answer:"
        " 5.000 s before greatest_leader",
    )


def test_a_gap_after_cells_that_never_ran_is_a_warning(connection: Connection) -> None:
    seed(connection)
    store_again(connection, 0.0)
    connection.execute("DELETE FROM executions WHERE question_id = %s AND region = 'EU'", [QUESTIONS[0]])
    assert verdicts(connection)["batch_gap"].status == "warn"


@pytest.mark.parametrize("late", [0.0, 1.0])
def test_a_gap_that_the_database_does_not_explain_fails(connection: Connection, late: float) -> None:
    seed(connection)
    store_again(connection, 0.0, late=late)
    assert verdicts(connection)["batch_gap"].status == "fail"


def test_a_gap_in_which_another_run_began_is_a_warning(connection: Connection) -> None:
    seed(connection)
    store_again(connection, 0.0)
    add_run(connection, START + timedelta(seconds=3))
    assert verdicts(connection)["batch_gap"].status == "warn"


def test_rows_that_were_copied_later_are_judged_as_ever(connection: Connection) -> None:
    seed(connection)
    store_again(connection, 0.0)
    connection.execute("UPDATE executions SET created_at = now()")
    assert verdicts(connection)["batch_gap"].status == "fail"
