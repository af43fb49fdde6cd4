"""A job that ends one worker after another is set aside; the jobs beside it are not disturbed."""

from __future__ import annotations

import json
import re

import psycopg
import pytest

from tests.support.fleet import Fleet, until

# What the database refuses of one job alone: as if it could not hold what was answered to it.
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'this row cannot be held' USING ERRCODE = 'data_exception'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON executions FOR EACH ROW WHEN (NEW.job_id = 'bad') EXECUTE FUNCTION refuse()
"""


def entry(fleet: Fleet, job_id: str) -> tuple[object, ...]:
    """Return the state of a job's entry in the queue, and how many workers it has ended in a row."""
    statement = """
        SELECT status::text, ended FROM beacon_queue.procrastinate_jobs
        JOIN beacon_queue.beacon_entries ON entry = id WHERE job_id = %s
    """
    return fleet.rows(statement, job_id)[0]


@pytest.mark.long
@pytest.mark.fault(79, "SIGKILL to three workers in a row, before the job's first answer")
def test_a_job_whose_workers_are_killed_is_not_given_to_a_fourth(fleet: Fleet) -> None:
    fleet.regions.latency = 120
    fleet.submit("bad", questions=1)
    worker = fleet.worker()
    for number in range(1, 4):
        until(lambda: sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
        worker.kill()
        until(lambda: not sum(fleet.regions.in_flight.values()), 300, fleet.everything)
        worker = fleet.worker()
        until(lambda number=number: entry(fleet, "bad")[1] == number, 300, fleet.everything)
    until(lambda: fleet.statuses() == {"bad": "failed"}, 300, fleet.everything)
    assert "job bad is set aside: 3 workers in a row ended on it" in fleet.log(worker)
    asked = sum(fleet.regions.seen.values())

    code, queue = fleet.beacon.json("queue")
    [stuck] = queue["data"]["stuck"]
    assert (code, stuck["job_id"]) == (1, "bad")
    assert stuck["problem"].startswith("set aside: 3 workers in a row ended on it, without a new answer")
    [job] = fleet.beacon.json("jobs", "--status", "set_aside")[1]["data"]["jobs"]
    assert (job["id"], job["status"], job["reason"]) == ("bad", "set_aside", stuck["problem"])
    assert "bad was set aside: 3 workers" in fleet.beacon("jobs").stdout
    assert sum(fleet.regions.seen.values()) == asked == 18, "it was asked a fourth time"

    fleet.regions.latency = 0.05
    fleet.submit("bad", questions=1)
    fleet.wait_until_done("bad")
    assert fleet.beacon.json("queue")[1]["data"]["set_aside"] == []
    assert [job["reason"] for job in fleet.beacon.json("jobs")[1]["data"]["jobs"]] == [None]


@pytest.mark.fault(79, "a database that refuses every row of one job, beside a good one")
def test_a_job_that_cannot_be_stored_ends_no_worker_and_no_other_jobs_calls(fleet: Fleet) -> None:
    run_sql(fleet, REFUSE)
    fleet.submit("good", questions=8)
    fleet.submit("bad", questions=1)
    worker = fleet.worker()
    until(lambda: fleet.statuses().get("bad") == "failed", 300, fleet.everything)
    fleet.wait_until_done("good")
    assert worker.poll() is None
    assert [prompt for prompt in fleet.regions.cut_prompts if "good" in prompt] == [], "aborted with the bad one's"
    assert "this row cannot be held" in fleet.log(worker)
    [job] = fleet.beacon.json("jobs", "--status", "set_aside")[1]["data"]["jobs"]
    assert "the last failure: the database" in job["reason"]
    assert "this row cannot be held" in job["reason"]
    assert all(count == 1 for prompt, count in fleet.regions.seen.items() if "good" in str(prompt))
    assert [count for prompt, count in fleet.regions.seen.items() if "bad" in str(prompt)] == [1] * 6, "paid again"
    until(lambda: kept_answers(fleet.log(worker)) > 0, 300, lambda: fleet.log(worker))
    kept = kept_answers(fleet.log(worker))  # those that had come when the first of them was refused

    run_sql(fleet, "DROP TRIGGER refuse ON executions")
    fleet.submit("bad", questions=1)
    fleet.wait_until_done("bad")
    asked = sorted(count for prompt, count in fleet.regions.seen.items() if "bad" in str(prompt))
    assert asked == [1] * kept + [2] * (6 - kept), "what was kept is stored, not asked again"
    assert all(count == 1 for prompt, count in fleet.regions.seen.items() if "good" in str(prompt))


def kept_answers(log: str) -> int:
    """Return how many answers of the bad job a worker says that its journal has; 0 if it does not say it yet."""
    said = re.search(r"(\d+) answers? of job bad (?:is|are) kept in", log)
    return int(said[1]) if said else 0


def run_sql(fleet: Fleet, statements: str) -> None:
    with psycopg.connect(fleet.url, autocommit=True) as connection:
        connection.execute(statements.encode())


@pytest.mark.long
def test_workers_that_were_told_to_stop_do_not_count(fleet: Fleet) -> None:
    fleet.regions.latency = 60
    fleet.submit("one", questions=2)
    for _ in range(3):
        worker = fleet.worker("--drain", "0.1")
        until(lambda: sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
        worker.terminate()
        assert worker.wait(300) == 143, fleet.log(worker)
    assert entry(fleet, "one") == ("todo", 0)
    fleet.regions.latency = 0.05
    fleet.worker()
    fleet.wait_until_done("one")


@pytest.mark.long
def test_a_set_aside_job_can_be_given_up(fleet: Fleet) -> None:
    run_sql(fleet, REFUSE)
    fleet.submit("bad", questions=1)
    fleet.worker()
    until(lambda: fleet.statuses() == {"bad": "failed"}, 300, fleet.everything)
    done = fleet.beacon("cancel", "bad", "--json")
    assert (done.returncode, json.loads(done.stdout)["data"]["status"]) == (0, "cancelled"), done.stdout
    assert fleet.beacon.json("queue")[1]["data"]["set_aside"] == []
