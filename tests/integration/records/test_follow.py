"""Following a run: what is there, what comes, when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from beacon_cli.records.chosen_answers import JobAnswers
from beacon_cli.records.find_job import find_job
from beacon_cli.records.follow import Arrival, Follower
from beacon_cli.store.connect import connect_readonly
from beacon_cli.store.session import Session
from beacon_cli.store.text import storable
from tests.support.audit_jobs import JOB, MODELS, START, add_execution, add_job, add_run, seed
from tests.support.in_process import beacon
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]


def followed(url: str, pauses: Sequence[Callable[[], object]], **only: str) -> tuple[Follower, list[Arrival]]:
    """Follow to the end; in each pause between two looks the next of `pauses` happens."""
    with connect_readonly(url) as connection:
        answers = JobAnswers.of(connection, find_job(connection, JOB, regions=REGIONS), **only)
        steps = iter(pauses)

        def pause(seconds: float) -> None:
            assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE, "a transaction is open"
            assert seconds == 0.5
            next(steps, lambda: None)()

        follower = Follower(connection, answers.job, answers.only, pause)
        return follower, list(follower)


def set_status(connection: Connection, status: str) -> None:
    connection.execute("UPDATE jobs SET status = %s", [status])


def add(connection: Connection, run: str, repeat: int, **columns: Any) -> None:
    at = START + timedelta(seconds=repeat)
    add_execution(connection, run, "math_basic", MODELS[0], "US", at=at, repeat=repeat, **columns)


def test_what_arrives_is_yielded_in_its_order_until_the_job_is_done(connection: Connection, database_url: str) -> None:
    add_job(connection)
    run = add_run(connection)
    set_status(connection, "running")
    add(connection, run, 0)
    lock = asyncio.Runner()
    session = lock.run(Session.open(database_url, JOB))

    def end() -> None:
        add(connection, run, 4, response=storable("last \x00"))
        set_status(connection, "completed")
        lock.run(session.close())

    pauses = [lambda: add(connection, run, 2), lambda: None, lambda: add(connection, run, 1, status="failed"), end]
    follower, arrivals = followed(database_url, pauses)
    lock.close()
    assert follower.there == 1
    assert [(each.repeat, each.status) for each in arrivals] == [(2, "completed"), (1, "failed"), (4, "completed")]
    assert (arrivals[-1].response, arrivals[-1].seconds) == ("last \x00", 1.0)
    assert (follower.state.status, follower.state.holder) == ("completed", None)


def test_a_cell_that_is_asked_again_arrives_although_it_keeps_its_row(
    connection: Connection, database_url: str
) -> None:
    add_job(connection)
    first = add_run(connection)
    set_status(connection, "running")
    for repeat in range(3):
        add(connection, first, repeat, status="failed" if repeat else "completed")
    second = add_run(connection)

    def answer(repeat: int, status: str) -> None:
        connection.execute("UPDATE executions SET status = %s, run_id = %s WHERE repeat = %s", [status, second, repeat])

    follower, arrivals = followed(database_url, [lambda: answer(2, "completed"), lambda: answer(1, "failed")])
    assert [(each.repeat, each.status) for each in arrivals] == [(2, "completed"), (1, "failed")]
    assert follower.there == 3


def test_an_answer_without_text_that_is_asked_again_on_purpose_arrives(
    connection: Connection, database_url: str
) -> None:
    add_job(connection)
    first = add_run(connection)
    set_status(connection, "running")
    for repeat, status in enumerate(("blocked", "empty", "completed")):
        add(connection, first, repeat, status=status)
    second = add_run(connection)

    def answer(repeat: int, status: str) -> None:
        connection.execute("UPDATE executions SET status = %s, run_id = %s WHERE repeat = %s", [status, second, repeat])

    _, arrivals = followed(database_url, [lambda: answer(0, "completed"), lambda: answer(1, "empty")])
    assert [(each.repeat, each.status) for each in arrivals] == [(0, "completed"), (1, "empty")]


def test_a_run_that_was_killed_ends_it_after_a_while(connection: Connection, database_url: str) -> None:
    add_job(connection)
    set_status(connection, "running")
    looks: list[Callable[[], object]] = []
    count: list[int] = []
    looks += [lambda: count.append(1)] * 100
    follower, arrivals = followed(database_url, looks)
    assert (arrivals, follower.state.status) == ([], "interrupted")
    assert 4 <= len(count) <= 10


def test_more_answers_than_a_page_come_at_once(connection: Connection, database_url: str) -> None:
    add_job(connection)
    run = add_run(connection)
    set_status(connection, "running")

    def many() -> None:
        connection.execute(
            "INSERT INTO executions (job_id, run_id, question_id, model_id, region, repeat, status)"
            " SELECT %s, %s, 'math_basic', 'm', 'US', n, 'completed' FROM generate_series(1, 1200) n",
            [JOB, run],
        )
        set_status(connection, "completed")

    _, arrivals = followed(database_url, [many])
    assert [each.repeat for each in arrivals] == list(range(1, 1201))


def test_one_question_and_one_model_can_be_followed(connection: Connection, database_url: str) -> None:
    seed(connection)
    set_status(connection, "completed")
    follower, _ = followed(database_url, [], question_id="math_basic", model_id=MODELS[0])
    assert follower.there == 3


@pytest.mark.parametrize("status", ["completed", "partial"])
def test_a_job_that_is_over_is_said_to_be(connection: Connection, database_url: str, status: str) -> None:
    seed(connection)
    set_status(connection, status)
    done = beacon("show", JOB, "--follow", url=database_url)
    assert (done.code, done.out) == (0, "")
    assert done.err == f"job {JOB} is {status}: 12 answers already stored\njob {JOB} is {status}: 0 answers received\n"
