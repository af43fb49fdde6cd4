"""Runs that are killed, stopped or shut out in mid-run: what arrived is kept, and the next run finishes the job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.store.embedded import keep_server
from tests.acceptance.conftest import Beacon
from tests.support.fleet import until
from tests.support.invariant import Aftermath, assert_invariant
from tests.support.kill_loop import job_of, kill_loop
from tests.support.locks import wait_for_a_lock
from tests.support.regions_server import Regions, regions_server
from tests.support.warm_start import Running

LABELS = {"us": "US", "eu": "EU", "apac": "ASIA"}
QUESTIONS = 6
CELLS = QUESTIONS * 6


@pytest.fixture
def regions(hurt: Beacon) -> Iterator[Regions]:
    with regions_server(Regions(latency=0.15)) as served:
        hurt.environment |= served.environment()
        yield served


@pytest.fixture
def job(hurt: Beacon) -> str:
    return job_of(hurt, QUESTIONS)


def aftermath(beacon: Beacon, *done: subprocess.CompletedProcess[str], killed: bool = False) -> Aftermath:
    events = beacon.folder / "events.jsonl"
    url = keep_server(beacon.data)
    return Aftermath(beacon.folder, url, list(done), events=events if events.exists() else None, killed=killed)


def begin(beacon: Beacon, job: str, *more: str) -> Running:
    """Begin a run whose events are kept, and return once its first questions are asked."""
    process, _ = beacon.begin_until("starting question batch", *run_arguments(beacon, job), *more)
    return process


def run_arguments(beacon: Beacon, job: str) -> list[str]:
    return ["run", job, "--json", "--events", str(beacon.folder / "events.jsonl")]


def finish(beacon: Beacon, job: str) -> subprocess.CompletedProcess[str]:
    done = beacon(*run_arguments(beacon, job))
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["data"]["counts"]["completed"] == CELLS
    return done


def ended(process: Running) -> subprocess.CompletedProcess[str]:
    out, err = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


@pytest.mark.fault(1, "SIGKILL at random moments, then resume")
@pytest.mark.fault(21, "the holder of the lock was killed")
@pytest.mark.parametrize(("kills", "questions"), [(6, 24), pytest.param(200, 1000, marks=pytest.mark.long)])
def test_killed_again_and_again_a_job_is_finished_without_loss(
    hurt: Beacon, regions: Regions, kills: int, questions: int
) -> None:
    figures = kill_loop(hurt, regions, kills=kills, questions=questions)
    assert (figures.rows, figures.duplicates, figures.lost) == (figures.cells, 0, 0)
    assert hurt("check-db", "hurt").returncode == 0  # the gap and the containers are judged inside each run


@pytest.mark.fault(2, "SIGKILL while the commit waits for a lock")
def test_killed_between_the_answer_and_the_commit_leaves_one_row(hurt: Beacon, regions: Regions, job: str) -> None:
    url = keep_server(hurt.data)
    regions.answers = 6
    process = begin(hurt, job)
    until(lambda: sum(regions.seen.values()) == 12, 300)
    with psycopg.connect(url) as connection:
        connection.execute("LOCK TABLE executions IN EXCLUSIVE MODE")
        regions.answers = None
        wait_for_a_lock(url)
        process.kill()
        process.communicate()
    assert_invariant(aftermath(hurt, killed=True))
    assert_invariant(aftermath(hurt, finish(hurt, job)))


@pytest.mark.fault(3, "SIGINT once")
@pytest.mark.fault(5, "SIGTERM, SIGHUP")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_stops_in_order(hurt: Beacon, regions: Regions, job: str, signum: int) -> None:
    regions.answers = 6
    process, _ = hurt.start_until("starting question batch", *run_arguments(hurt, job)[:2])
    until(lambda: sum(regions.seen.values()) == 12, 300)
    process.send_signal(signum)
    done = ended(process)
    assert done.returncode == 128 + signum
    assert "stopping…" in done.stderr
    assert f"beacon run {job}" in done.stdout
    after = aftermath(hurt, done)
    after.answered = {(text, model, LABELS[region]) for text, model, region in regions.answered}
    assert len(after.answered) == 6
    assert len(cells_with_status(after.database_url, "cancelled")) == 6
    assert_invariant(after)
    regions.answers, regions.latency = None, 0
    assert_invariant(aftermath(hurt, finish(hurt, job)))


IN_BACKGROUND = ("sh", "-c", '"$0" "$@" & wait')


@pytest.mark.parametrize(("under", "signum"), [(("nohup",), signal.SIGHUP), (IN_BACKGROUND, signal.SIGINT)])
def test_a_signal_that_was_ignored_from_the_start_does_not_stop_a_run(
    hurt: Beacon, regions: Regions, job: str, under: tuple[str, ...], signum: int
) -> None:
    regions.answers = 6
    process = hurt.start(*run_arguments(hurt, job), under=under, start_new_session=True)
    until(lambda: sum(regions.seen.values()) == 12, 300)
    os.killpg(process.pid, signum)
    regions.answers = None
    out, err = process.communicate(timeout=300)
    assert json.loads(out)["data"]["counts"]["completed"] == CELLS
    assert "stopping" not in err


@pytest.mark.fault(4, "SIGINT twice")
def test_a_second_signal_ends_the_run_at_once(hurt: Beacon, regions: Regions, job: str) -> None:
    regions.answers = 6
    process = begin(hurt, job)
    until(lambda: sum(regions.seen.values()) == 12, 300)
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    assert any("stopping" in line for line in process.stderr)
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert done.returncode == 130
    regions.answers, regions.latency = None, 0
    assert_invariant(aftermath(hurt, done))
    assert_invariant(aftermath(hurt, finish(hurt, job)))


@pytest.mark.fault(9, "SIGSTOP for two seconds, then SIGCONT")
def test_a_process_that_was_suspended_goes_on(hurt: Beacon, regions: Regions, job: str) -> None:
    process = begin(hurt, job)
    process.send_signal(signal.SIGSTOP)
    time.sleep(2)
    process.send_signal(signal.SIGCONT)
    done = ended(process)
    assert done.returncode == 0, done.stderr
    assert set(regions.seen.values()) == {1}
    assert_invariant(aftermath(hurt, done))


def cut_off(connection: psycopg.Connection[Any]) -> bool:
    """End every other connection of the database; False where there was none."""
    ended_now = connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database() AND backend_type = 'client backend'"
    ).fetchall()
    return (True,) in ended_now


@pytest.mark.fault(15, "pg_terminate_backend on every connection, three times")
def test_connections_that_the_server_ends_are_made_again(hurt: Beacon, regions: Regions, job: str) -> None:
    url = keep_server(hurt.data)
    regions.answers = 6
    process = begin(hurt, job)
    with psycopg.connect(url, autocommit=True) as connection:
        for answers in (6, 12, 18):
            regions.answers = answers
            until(lambda answers=answers: sum(regions.seen.values()) == answers + 6, 300)
            until(lambda: cut_off(connection), 300)
    regions.answers = None
    done = ended(process)
    assert done.returncode == 0, done.stderr
    assert set(regions.seen.values()) == {1}
    assert_invariant(aftermath(hurt, done))


@pytest.mark.fault(17, "default_transaction_read_only on the database")
def test_a_read_only_database_is_refused_before_anything_is_asked(hurt: Beacon, regions: Regions, job: str) -> None:
    finished = finish(hurt, job)
    url = keep_server(hurt.data)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER DATABASE postgres SET default_transaction_read_only = on")
        asked = sum(regions.seen.values())
        again = hurt("run", job, "--job-id", "other", "--json")
        assert again.returncode == 3, again.stderr
        assert "read-only" in again.stdout
        assert sum(regions.seen.values()) == asked
        assert hurt("check-db", "hurt", "--json").returncode == 0
        connection.execute("SET default_transaction_read_only = off")
        connection.execute("ALTER DATABASE postgres RESET default_transaction_read_only")
    assert_invariant(aftermath(hurt, finished, again))


@pytest.mark.fault(20, "the same job from a second process")
def test_a_second_operator_is_refused_and_told_who_holds_the_job(hurt: Beacon, regions: Regions, job: str) -> None:
    regions.answers = 6
    process = begin(hurt, job)
    second = hurt("run", job, "--json")
    regions.answers = None
    assert second.returncode == 3
    assert f"process {process.pid} on" in second.stdout
    first = ended(process)
    assert first.returncode == 0, first.stderr
    assert set(regions.seen.values()) == {1}
    assert_invariant(aftermath(hurt, first, second))


def cells_with_status(url: str | None, status: str) -> set[tuple[str, str, str]]:
    assert url is not None
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT prompt, model_id, region FROM executions WHERE status = %s", [status]
        ).fetchall()
    return {(str(prompt), str(model), str(region)) for prompt, model, region in rows}


def test_the_events_file_names_what_it_acknowledges(hurt: Beacon, regions: Regions, job: str) -> None:
    finish(hurt, job)
    lines = Path(hurt.folder / "events.jsonl").read_text().splitlines()
    assert sum(json.loads(line)["event"] == "execution_finished" for line in lines) == CELLS
