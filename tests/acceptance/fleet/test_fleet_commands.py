"""What `submit`, `queue` and `cancel` do, and their JSON."""

from __future__ import annotations

import json
import signal
import subprocess
import time

import psycopg

from tests.acceptance.conftest import Beacon
from tests.support.collector import Collector, collector
from tests.support.fleet import Fleet, until
from tests.support.locks import wait_for_a_lock
from tests.support.openai_region import OpenAiRegion, openai_region


def test_a_submitted_job_has_the_rows_of_a_run(fleet: Fleet) -> None:
    fleet.worker()
    fleet.submit("one", questions=2)
    fleet.wait_until_done("one")
    code, document = fleet.beacon.json("check-db", "one")
    assert code == 0, document
    assert document["data"]["by_region"] == {
        label: {"expected": 4, "completed": 4, "blocked": 0} for label in ("US", "EU", "ASIA")
    }


def test_a_worker_under_nohup_survives_the_end_of_the_terminal(fleet: Fleet) -> None:
    [worker] = fleet.start_workers(1, under=("nohup",))
    worker.send_signal(signal.SIGHUP)
    fleet.submit("one", questions=1)
    fleet.wait_until_done("one")
    worker.terminate()
    assert worker.wait(300) == 143
    assert "SIGHUP" not in fleet.log(worker)


def test_waiting_for_a_job_gives_its_verdict(fleet: Fleet) -> None:
    fleet.worker()
    file = fleet.beacon.write(
        "job.yaml", "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US, EU]\nid: waited\n"
    )
    code, document = fleet.beacon.json("submit", file, "--wait")
    assert code == 0, document
    assert document == {
        "schema_version": 1,
        "command": "submit",
        "ok": True,
        "data": {
            "job_id": "waited",
            "priority": 0,
            "expected": 2,
            "already_queued": False,
            "repeats_before": None,
            "without": [],
            "part": {"models": [], "regions": [], "questions": []},
            "status": "completed",
            "counts": {"completed": 2},
            "by_region": {
                "US": {"expected": 1, "completed": 1, "blocked": 0},
                "EU": {"expected": 1, "completed": 1, "blocked": 0},
            },
            "reason": None,
        },
        "errors": [],
    }


def test_a_job_that_cannot_run_says_why(fleet: Fleet) -> None:
    fleet.regions.models = ["llama3.2-1b"]
    fleet.worker()
    file = fleet.beacon.write("job.yaml", "questions: [math_basic]\nmodels: [qwen2.5-1.5b]\nregions: [US]\nid: no\n")
    code, document = fleet.beacon.json("submit", file, "--wait")
    assert code == 1
    assert "region US cannot answer: it serves llama3.2-1b, and not qwen2.5-1.5b" in document["errors"][0]["message"]
    assert (
        "region US cannot answer: it serves llama3.2-1b, and not qwen2.5-1.5b"
        in fleet.beacon("submit", file, "--wait").stdout
    )
    assert document["data"]["status"] == "failed"


def test_a_job_of_which_only_a_part_is_submitted_is_judged_by_it(fleet: Fleet) -> None:
    fleet.worker()
    file = fleet.beacon.write(
        "job.yaml", "questions: [math_basic, identity_basic]\nmodels: [llama3.2-1b]\nregions: [US, EU]\nid: half\n"
    )
    options = ("--without", "EU", "--question", "math_basic")
    code, document = fleet.beacon.json("submit", file, *options, "--wait")
    data = document["data"]
    assert (code, data["status"], data["without"], data["counts"]) == (0, "partial", ["EU"], {"completed": 1})
    assert data["part"] == {"models": [], "regions": [], "questions": ["math_basic"]}
    assert {(text, region) for text, _, region in fleet.regions.seen} == {("What is 2+2?", "us")}


def test_workers_ask_endpoints_of_other_kinds_and_check_them_unless_the_submission_says_no(fleet: Fleet) -> None:
    with openai_region(OpenAiRegion(models=["llama3.2-1b"])) as us:
        fleet.beacon.environment |= {"BEACON_REGIONS__US__API": "openai", "BEACON_REGIONS__US__BASE_URL": us.url}
        fleet.worker()
        file = fleet.beacon.write("job.yaml", "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US, EU]\n")
        for job_id, options, asked in (("checked", (), 2), ("unchecked", ("--no-check",), 1)):
            us.asked.clear()
            code, document = fleet.beacon.json("submit", file, "--job-id", job_id, "--wait", *options)
            assert (code, document["data"]["counts"]) == (0, {"completed": 2}), fleet.everything()
            assert len(us.asked) == asked


def test_a_worker_stops_a_job_before_its_limit_on_cost_and_continues_it_when_that_is_raised(fleet: Fleet) -> None:
    prices = {"DATE": "2026-11-01", "REGIONS__US__INPUT": "0", "REGIONS__US__OUTPUT": "10000"}  # 5 cents an answer
    with openai_region(OpenAiRegion(models=["llama3.2-1b"])) as us:
        fleet.beacon.environment |= {f"BEACON_PRICES__{name}": value for name, value in prices.items()}
        fleet.beacon.environment |= {"BEACON_REGIONS__US__API": "openai", "BEACON_REGIONS__US__BASE_URL": us.url}
        fleet.worker()
        for max_cost, code, status, answers in ((0.16, 1, "partial", 2), (5, 0, "completed", 4)):
            file = fleet.beacon.write(
                "job.yaml",
                "questions: [math_basic, identity_basic, geography_basic, taiwan_status]\nmodels: [llama3.2-1b]\n"
                f"regions: [US]\nid: dear\ngeneration: {{max_tokens: 10}}\nlimits: {{max_cost: {max_cost}}}\n",
            )
            ended, document = fleet.beacon.json("submit", file, "--no-check", "--wait")
            assert (ended, document["data"]["status"]) == (code, status), fleet.everything()
            assert document["data"]["counts"] == {"completed": answers}
            [job] = fleet.beacon.json("jobs")[1]["data"]["jobs"]
            assert (job["status"], job["reason"]) == (status, document["data"]["reason"])
            assert (code == 0) == (job["reason"] is None)
            assert code == 0 or "limits.max_cost is $0.16: $0.10 are spent" in document["errors"][0]["message"]
        assert len(us.asked) == 4


def test_a_job_that_was_submitted_twice_is_in_the_queue_once(fleet: Fleet) -> None:
    fleet.submit("one", questions=1)
    again = fleet.beacon.json("submit", str(fleet.beacon.folder / "one.json"), "--job-id", "one", "--priority", "-5")[1]
    assert (again["data"]["already_queued"], again["data"]["priority"]) == (True, 0)
    assert len(fleet.beacon.json("queue")[1]["data"]["jobs"]) == 1


def test_cancelling_closes_the_calls_and_does_not_wait_for_their_answers(fleet: Fleet) -> None:
    fleet.regions.latency = 600
    fleet.worker()
    fleet.submit("one", questions=2)
    until(lambda: sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
    code, document = fleet.beacon.json("cancel", "one")
    assert code == 0, document
    assert document["data"] | {"seconds": 0} == {
        "job_id": "one",
        "was": "running",
        "status": "cancelled",
        "counts": {"cancelled": 6},
        "seconds": 0,
    }
    assert len(fleet.regions.cut_prompts) == 6
    assert fleet.rows("SELECT DISTINCT error_code, error_message FROM executions") == [
        ("cancelled", "cancelled by beacon cancel")
    ]
    fleet.regions.latency = 0
    fleet.submit("one", questions=2)
    fleet.wait_until_done("one")


def test_a_job_that_waits_is_cancelled_and_never_asked(fleet: Fleet) -> None:
    fleet.submit("one", questions=1)
    assert fleet.beacon.json("cancel", "one")[1]["data"]["status"] == "cancelled"
    fleet.worker()
    fleet.submit("two", questions=1)
    fleet.wait_until_done("two")
    assert {text for text, _, _ in fleet.regions.seen} == {"two 0?"}
    again = fleet.beacon("cancel", "one")
    assert (again.returncode, again.stdout) == (1, "job one has already ended: it is cancelled\n")
    code, document = fleet.beacon.json("cancel", "none")
    assert (code, document["errors"][0]["code"]) == (1, "job_not_found")


def test_a_job_is_queued_while_the_queue_has_it_and_interrupted_when_nothing_has_it(fleet: Fleet) -> None:
    def status() -> str:
        [job] = fleet.beacon.json("jobs")[1]["data"]["jobs"]
        return str(job["status"])

    fleet.regions.latency = 600
    worker = fleet.worker()
    fleet.submit("one", questions=1)
    until(lambda: sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
    assert status() == "running"
    worker.kill()
    worker.wait()
    assert status() == "queued"
    fleet.rows("DELETE FROM beacon_queue.procrastinate_jobs RETURNING 1")
    assert status() == "interrupted"


def test_what_is_half_submitted_is_shown_and_can_be_given_up(fleet: Fleet) -> None:
    fleet.submit("half", questions=1)
    fleet.rows("DELETE FROM beacon_queue.procrastinate_jobs RETURNING 1")  # as version 0.1 could
    code, document = fleet.beacon.json("queue")
    assert code == 1
    assert document["data"]["stuck"][0]["problem"] == "it is stored, but not in the queue"
    code, document = fleet.beacon.json("cancel", "half")
    assert (code, document["data"]["was"], document["data"]["status"]) == (0, "interrupted", "cancelled")
    assert fleet.beacon("queue").returncode == 0


def test_a_job_that_is_deleted_while_it_runs_ends_no_other(fleet: Fleet) -> None:
    worker = fleet.worker()
    fleet.regions.answers = 1
    fleet.submit("gone", questions=4)
    until(lambda: fleet.answered() == 1, 300, fleet.everything)
    fleet.submit("stays", questions=1)
    fleet.rows("DELETE FROM jobs WHERE id = 'gone' RETURNING 1")
    fleet.regions.answers = None
    fleet.wait_until_done("stays")
    until(lambda: "job gone cannot run" in fleet.log(worker), 300, fleet.everything)
    assert worker.poll() is None


def test_a_job_that_nobody_can_read_fails_and_says_so(fleet: Fleet) -> None:
    file = fleet.beacon.write("job.yaml", "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\nid: odd\n")
    waiting = fleet.beacon.begin("submit", file, "--wait", "--json", stdout=subprocess.PIPE)
    until(lambda: bool(fleet.rows("SELECT FROM beacon_queue.procrastinate_jobs")), 300, fleet.everything)
    fleet.rows("UPDATE jobs SET spec = '{}' RETURNING 1")
    fleet.worker()
    out, _ = waiting.communicate(timeout=300)
    assert waiting.returncode == 1
    data = json.loads(out)["data"]
    assert data["status"] == "failed"
    assert data["reason"].startswith("internal error: KeyError in ")


def test_a_worker_without_endpoints_does_not_begin(fleet: Fleet) -> None:
    for name in [name for name in fleet.beacon.environment if name.startswith("BEACON_REGIONS")]:
        del fleet.beacon.environment[name]
    done = fleet.beacon("worker")
    assert done.returncode == 2
    assert "no endpoint is configured for region US" in done.stderr


def test_refused_credentials_end_the_worker_and_leave_its_job_to_others(fleet: Fleet) -> None:
    fleet.regions.answers = 6
    worker = fleet.worker()
    fleet.submit("one", questions=20)
    until(lambda: fleet.answered() == 6, 300, fleet.everything)
    fleet.regions.refusing, fleet.regions.answers = True, None
    assert worker.wait(300) == 4, fleet.log(worker)
    assert fleet.statuses() == {"one": "created"}
    fleet.regions.refusing = False
    fleet.worker()
    fleet.wait_until_done("one")


def test_waiting_long_outweighs_priority(fleet: Fleet) -> None:
    fleet.submit("old", "--priority", "5", questions=1)
    fleet.rows("UPDATE beacon_queue.procrastinate_jobs SET priority = priority + 6 * 3600 RETURNING 1")  # six hours ago
    fleet.submit("new", questions=1)
    fleet.worker("--jobs", "1")
    fleet.wait_until_done("old", "new")
    assert fleet.rows("SELECT job_id FROM runs ORDER BY started_at") == [("old",), ("new",)]


def test_deleting_a_job_ends_the_waiting_for_it(fleet: Fleet) -> None:
    file = fleet.beacon.write("job.yaml", "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\nid: gone\n")
    waiting = fleet.beacon.begin("submit", file, "--wait", "--json", stdout=subprocess.PIPE)
    until(lambda: bool(fleet.rows("SELECT FROM beacon_queue.procrastinate_jobs")), 300, fleet.everything)
    fleet.rows("DELETE FROM jobs RETURNING 1")
    out, _ = waiting.communicate(timeout=300)
    assert waiting.returncode == 1
    assert json.loads(out)["errors"][0]["code"] == "job_not_found"
    fleet.worker()
    until(lambda: not fleet.beacon.json("queue")[1]["data"]["jobs"], 300, fleet.everything)


def test_whoever_stops_waiting_is_told_that_the_job_goes_on(fleet: Fleet) -> None:
    file = fleet.beacon.write("job.yaml", "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\nid: on\n")
    waiting = fleet.beacon.start("submit", file, "--wait")
    until(lambda: bool(fleet.rows("SELECT FROM beacon_queue.procrastinate_jobs")), 300, fleet.everything)
    with psycopg.connect(fleet.url) as blocker:
        blocker.execute("LOCK TABLE jobs")
        wait_for_a_lock(fleet.url)  # the command asks whether the job is over
        waiting.send_signal(signal.SIGINT)
        _, said = waiting.communicate(timeout=300)
    assert waiting.returncode == 130
    assert "hint: the job continues: beacon queue shows it, and beacon cancel on stops it" in said
    fleet.worker()
    fleet.wait_until_done("on")


def test_a_lower_number_goes_first_and_equals_go_in_turn(fleet: Fleet) -> None:
    for name, priority in (("a", "5"), ("b", "0"), ("c", "0"), ("d", "-5")):
        fleet.submit(name, "--priority", priority, questions=1)
    fleet.worker("--jobs", "1")
    fleet.wait_until_done("a", "b", "c", "d")
    order = [row[0] for row in fleet.rows("SELECT job_id FROM runs ORDER BY started_at")]
    assert order == ["d", "b", "c", "a"]


def test_a_worker_takes_no_more_jobs_than_it_is_told_to(fleet: Fleet) -> None:
    fleet.regions.latency = 600
    for name in ("one", "two", "three"):
        fleet.submit(name, questions=1)
    fleet.start_workers(2, "--jobs", "1")
    until(lambda: sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
    until(lambda: jobs_of_workers(fleet) == [1, 1], 300, fleet.everything)
    time.sleep(1)  # in which a worker could take the third
    assert jobs_of_workers(fleet) == [1, 1]


def jobs_of_workers(fleet: Fleet) -> list[int]:
    return [worker["jobs"] for worker in fleet.beacon.json("queue")[1]["data"]["workers"]]


def test_work_of_another_version_is_left_alone_and_shown_as_stuck(fleet: Fleet) -> None:
    fleet.submit("old", questions=1)
    fleet.rows("UPDATE beacon_queue.procrastinate_jobs SET queue_name = 'beacon-0.0.1' RETURNING 1")
    fleet.worker()
    fleet.submit("new", questions=1)
    fleet.wait_until_done("new")
    assert fleet.statuses()["old"] == "created"
    code, document = fleet.beacon.json("queue")
    assert code == 1
    assert document["data"]["stuck"][0]["job_id"] == "old"
    assert "version 0.0.1" in document["data"]["stuck"][0]["problem"]


def test_the_queue_shows_jobs_calls_and_workers(fleet: Fleet) -> None:
    fleet.regions.latency = 600
    worker = fleet.worker("--jobs", "1")
    fleet.submit("one", questions=2)
    fleet.submit("two", questions=1)
    until(lambda: sum(fleet.regions.in_flight.values()) == 6, 300, fleet.everything)
    code, document = fleet.beacon.json("queue")
    data = document["data"]
    assert code == 0, document
    assert [(job["job_id"], job["state"], job["expected"]) for job in data["jobs"]] == [
        ("one", "running", 12),
        ("two", "queued", 6),
    ]
    assert data["regions"]["US"] == {
        "cells": 6,
        "cap": 2,
        "in_flight": 2,
        "calls_waiting": 0,
        "held_by_lost_workers": 0,
        "trouble": None,
    }
    assert data["account"]["in_flight"] == 6
    assert [(w["pid"], w["alive"], w["jobs"], w["jobs_at_most"]) for w in data["workers"]] == [(worker.pid, True, 1, 1)]
    assert data["stuck"] == []
    assert set(data["jobs"][0]) == {
        *(
            "job_id",
            "state",
            "priority",
            "version",
            "worker",
            "answered",
            "blocked",
            "expected",
            "queued_seconds",
            "eta_seconds",
        ),
    }
    assert data["jobs"][1]["eta_seconds"] is None
    statuses = {job["id"]: job["status"] for job in fleet.beacon.json("jobs")[1]["data"]["jobs"]}
    assert statuses == {"one": "running", "two": "queued"}


def test_the_account_s_cap_holds_over_all_regions(fleet: Fleet) -> None:
    fleet.beacon.environment |= {"BEACON_FLEET__PER_ACCOUNT": "3"}
    fleet.worker()
    fleet.worker()
    for name in ("one", "two"):
        fleet.submit(name, questions=2)
    fleet.wait_until_done("one", "two")
    assert fleet.regions.peaks["all"] == 3


def test_each_region_of_ones_own_has_a_cap_that_holds_over_all_workers(fleet: Fleet) -> None:
    own = ["br", "cn", "in", "ke", "me", "jp", "za"]
    tables = (f'[regions.{region}]\nbase_url = "{fleet.regions.url}/{region}"\n' for region in own)
    fleet.beacon.write("beacon.toml", "[fleet]\nper_region = 1\n" + "".join(tables))
    fleet.start_workers(2)
    for name in ("one", "two"):
        fleet.submit(name, questions=2, regions=["US", "EU", "ASIA", *map(str.upper, own)])
    fleet.wait_until_done("one", "two")
    assert fleet.answered() == 2 * 2 * 2 * 10
    peaks = {region: most for region, most in fleet.regions.peaks.items() if region != "all"}
    assert peaks == dict.fromkeys(("us", "eu", "apac", *own), 1)


def test_the_embedded_database_is_refused(beacon: Beacon) -> None:
    for command in (("worker",), ("queue",), ("cancel", "x")):
        done = beacon(*command)
        assert done.returncode == 3
        assert "needs a PostgreSQL over TCP" in done.stderr
        assert "BEACON_DATABASE_URL" in done.stderr


def test_a_worker_sends_its_traces_and_a_collector_that_hangs_delays_its_end_by_two_seconds(fleet: Fleet) -> None:
    receiver = Collector(hangs=True)
    with collector(receiver):
        fleet.beacon.environment |= {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "OTEL_EXPORTER_OTLP_TIMEOUT": "1000"}
        worker = fleet.worker()
        fleet.submit("one", questions=1)
        fleet.wait_until_done("one")
        worker.terminate()
        assert worker.wait(300) == 143, "the exporter's own limit was waited for"
    assert receiver.spans()
    log = fleet.log(worker)
    assert f"waiting up to 2 s for the collector at {receiver.url}" in log
    assert f"20 of 20 spans and the metrics did not reach the collector at {receiver.url} (no answer in time)" in log
