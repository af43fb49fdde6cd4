"""The pages of the dashboard, from a real database: the same values as the commands have."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from beacon_cli.executor.events import JobStarted, RegionDown, RegionPaused
from beacon_cli.fleet.queue_schema import create_queue
from beacon_cli.live.progress import Progress
from beacon_cli.live.shared_state import read_shared_state, sharing
from beacon_cli.records.recent_jobs import recent_jobs
from tests.integration.conftest import execute_on
from tests.support import hostile_job, report_jobs
from tests.support.dashboard_client import looking
from tests.support.in_process import beacon
from tests.support.vocabulary import REGIONS

GRANTS = Path(__file__).parents[3] / "deploy" / "grants.sql"
Connection = psycopg.Connection[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path))


def words(html: str) -> str:
    """Return what is read on a page, with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def stored(connection: Connection, *ids: str, status: str = "completed", name: str = "") -> None:
    for job_id in ids:
        spec = {"name": name, "questions": {"count": 0}, "models": [], "repeats": 1}
        connection.execute(
            "INSERT INTO jobs (id, spec, spec_sha256, batching, status) VALUES (%s, %s, 'x', 'question', %s)",
            [job_id, json.dumps(spec), status],
        )


def test_jobs_are_listed_as_the_command_lists_them(connection: Connection, database_url: str) -> None:
    report_jobs.store(connection, report_jobs.ReportJob())
    [job] = recent_jobs(connection, 5, regions=REGIONS).jobs
    text = words(looking(database_url).get("/").text)
    assert f"bias-demo-1 {job.name} partial 239/240 8 questions × 2 models × 3 regions × 5 repeats" in text
    assert "4m 00s" in text


def test_many_jobs_come_by_pages_which_keep_what_was_looked_for(connection: Connection, database_url: str) -> None:
    stored(connection, *(f"job-{number:03}" for number in range(101)), name="Ein Übel?")
    client = looking(database_url)
    pages = [client.get("/", params={"text": "übel?", "page": number}).text for number in (1, 2, 3)]
    assert [page.count('<th scope="row">') for page in pages] == [50, 50, 1]
    assert 'href="/?text=%C3%BCbel%3F&amp;page=2"' in pages[0]
    assert ('rel="prev"' in pages[0], 'rel="next"' in pages[2]) == (False, False)


@pytest.mark.parametrize(
    ("query", "found"),
    [("text=two", ["two"]), ("text=TWO", ["two"]), ("status=failed", ["two"]), ("status=resumable", ["two"]),
     ("text=%25", []), ("text=%00", []), ("text=nothing", []), ("status=completed&text=o", ["one"])],
)  # fmt: skip
def test_jobs_are_chosen_by_status_and_text(
    connection: Connection, database_url: str, query: str, found: list[str]
) -> None:
    stored(connection, "one")
    stored(connection, "two", status="failed")
    assert re.findall(r'href="/jobs/(\w+)"', looking(database_url).get(f"/?{query}").text) == found


def test_the_overview_has_the_counts_and_the_sentence_of_the_commands(
    connection: Connection, database_url: str
) -> None:
    report_jobs.store(connection, report_jobs.ReportJob())
    page = looking(database_url).get("/jobs/bias-demo-1")
    text = words(page.text)
    assert "239 of 240 answers are stored (1 of them empty; 99.6 %, wanted 100 %)" in text
    assert "qwen2.5-1.5b 40/40 39/40 1 failed · 2 retries 40/40 4 hops" in text
    assert "all 80/80 79/80 80/80" in text
    assert "Took 4m 00s In flight – Containers 12 Hops 8 Retries 2 Failed 1 Cancelled 0" in text
    assert all(f'href="/jobs/bias-demo-1/{part}"' in page.text for part in ("answers", "compare", "audit", "costs"))


def test_an_interrupted_job_says_how_to_resume_it_and_is_watched(connection: Connection, database_url: str) -> None:
    stored(connection, "cut", status="running")
    page = looking(database_url).get("/jobs/cut").text
    assert "cut was interrupted, and is not running. To resume it:" in words(page)
    assert 'data-events="/jobs/cut/events"' in page
    assert '<noscript><meta http-equiv="refresh"' in page


@pytest.mark.parametrize("status", ["partial", "failed", "cancelled"])
def test_a_job_that_lacks_answers_says_how_to_resume_it_and_is_watched(
    connection: Connection, database_url: str, status: str
) -> None:
    stored(connection, "cut", status=status)
    page = looking(database_url).get("/jobs/cut").text
    assert f"What to do cut is {status}. To resume it: beacon run JOB_FILE --job-id cut Runs" in words(page)
    assert 'data-events="/jobs/cut/events"' in page


def test_a_job_with_all_answers_has_nothing_to_do_and_is_not_watched(connection: Connection, database_url: str) -> None:
    stored(connection, "whole")
    page = looking(database_url).get("/jobs/whole").text
    assert "What to do" not in page
    assert "data-events" not in page


def test_what_failed_and_what_was_cancelled_are_counted_apart(connection: Connection, database_url: str) -> None:
    report_jobs.store(connection, report_jobs.ReportJob())
    connection.execute(
        "UPDATE executions SET status = CASE region WHEN 'US' THEN 'timeout' ELSE 'cancelled' END, response = NULL"
        " WHERE question_id = (SELECT min(question_id) FROM executions) AND repeat = 0 AND region IN ('US', 'ASIA')"
    )
    text = words(looking(database_url).get("/jobs/bias-demo-1").text)
    assert "Failed 3 Cancelled 2" in text


def test_nothing_of_a_hostile_job_is_markup(connection: Connection, database_url: str) -> None:
    hostile_job.store(connection)
    page = looking(database_url).get("/").text
    assert "&lt;script&gt;pwned(12)&lt;/script&gt;" in page
    assert "<script>pwned" not in page


@pytest.mark.parametrize("path", ["/jobs/none", "/jobs/none/events", "/jobs/no%2500ne", "/jobs/%ff", "/nowhere"])
def test_what_is_not_there_is_a_page_that_says_so(database_url: str, path: str) -> None:
    answer = looking(database_url).get(path)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


def test_an_address_that_is_wrong_is_a_page_that_says_so(database_url: str) -> None:
    client = looking(database_url)
    queries = ("page=x", "status=nope", "status=%00", "page=99999999999999999999", "page=-1")
    assert [client.get(f"/?{query}").status_code for query in queries] == [400, 400, 400, 400, 200]
    assert "unknown status 'nope'" in words(client.get("/?status=nope").text)


def test_without_the_database_a_page_says_so_and_asks_again(database_url: str, postgres_url: str) -> None:
    client = looking(database_url)
    name = str(conninfo_to_dict(database_url)["dbname"])
    execute_on(postgres_url, psycopg.sql.SQL("ALTER DATABASE {} RENAME TO away").format(psycopg.sql.Identifier(name)))
    try:
        gone = client.get("/")
    finally:
        execute_on(
            postgres_url, psycopg.sql.SQL("ALTER DATABASE away RENAME TO {}").format(psycopg.sql.Identifier(name))
        )
    assert (gone.status_code, gone.headers["retry-after"]) == (503, "3")
    assert '<meta http-equiv="refresh" content="3">' in gone.text
    assert client.get("/").status_code == 200


def test_a_role_that_may_only_read_sees_all_but_the_fleet(connection: Connection, database_url: str) -> None:
    report_jobs.store(connection, report_jobs.ReportJob())
    create_queue(database_url)
    connection.execute(GRANTS.read_bytes())
    connection.execute("ALTER ROLE beacon_reader LOGIN")
    client = looking(make_conninfo(database_url, user="beacon_reader"))
    assert [client.get(path).status_code for path in ("/", "/jobs/bias-demo-1", "/fleet")] == [200, 200, 200]
    assert "There is no fleet to show:" in words(client.get("/fleet").text)


def test_jobs_of_the_old_system_are_shown(legacy: Connection, legacy_database_url: str) -> None:
    legacy.execute("INSERT INTO jobs (jobspec_id, jobspec_data, status) VALUES ('old-1', '{}', 'completed')")
    client = looking(legacy_database_url)
    assert "No job fits." in words(client.get("/?text=%00&status=%00").text)
    assert "old-1 completed 0/?" in words(client.get("/").text)
    assert "The old system's tables do not record runs." in words(client.get("/jobs/old-1").text)
    assert client.get("/fleet").status_code == 200


def test_the_fleet_has_the_values_of_the_queue(connection: Connection, database_url: str) -> None:
    create_queue(database_url)
    connection.execute(
        "INSERT INTO fleet_workers (id, host, pid, version, jobs) VALUES ('w-<b>1</b>', 'h', 1, '0.2.0', 4)"
    )
    connection.execute("INSERT INTO fleet_caps VALUES ('EU', 3), ('account', 9)")
    connection.execute(
        "INSERT INTO region_trouble VALUES ('EU', 'paused', 1, 'HTTP 429: <i>wait</i>', now(), now(), false, 1)"
    )
    page = looking(database_url).get("/fleet").text
    text = words(page)
    assert "w-<b>1</b> 0.2.0 0/4" in text
    assert "<b>1</b>" not in page
    assert re.search(r"EU has been paused for \S+: HTTP 429: <i>wait</i>; a check is due", text)
    assert "No jobs are waiting or running." in text
    assert "EU 0 0 0 3" in text


def test_a_job_that_a_worker_runs_has_its_calls_and_the_pauses_of_its_regions(
    connection: Connection, database_url: str
) -> None:
    create_queue(database_url)
    report_jobs.store(connection, report_jobs.ReportJob())
    connection.execute("UPDATE jobs SET status = 'running', completed_at = NULL")
    connection.execute("INSERT INTO fleet_workers (id, host, pid, version, jobs) VALUES ('w', 'h', 1, '0.2.0', 4)")
    connection.execute(
        "INSERT INTO fleet_calls SELECT gen_random_uuid(), 'w', 'bias-demo-1', region, 0, 0, now(), granted"
        " FROM (VALUES ('EU', now()), ('EU', now()), ('EU', NULL), ('US', now())) AS calls (region, granted)"
    )
    connection.execute(
        "INSERT INTO region_trouble VALUES ('EU', 'paused', 1, 'HTTP 429', now(), now(), false, 1),"
        " ('BR', 'paused', 1, 'of another job', now(), now(), false, 1)"
    )
    with psycopg.connect(database_url, application_name="worker w") as holder:
        holder.execute("SELECT pg_advisory_lock(hashtextextended('beacon job bias-demo-1', 0))")
        text = words(looking(database_url).get("/jobs/bias-demo-1").text)
    assert "In flight 3" in text
    assert "all 80/80 1 in flight 79/80 2 in flight, 1 waiting 80/80" in text
    assert "EU has been paused for" in text
    assert "of another job" not in text
    assert "90 % answered; trouble in EU" in text
    assert "question 8 of 8" in text


@pytest.mark.parametrize(
    ("trouble", "left"),
    [(RegionPaused("j", datetime.now(UTC), "EU", "HTTP 429", 4.0, 900.0), False),
     (RegionDown("j", datetime.now(UTC), "EU", "HTTP 429", 3, 900.0), True)],
)  # fmt: skip
def test_the_time_left_is_shown_again_once_a_region_is_down(
    connection: Connection, database_url: str, tmp_path: Path, trouble: RegionPaused | RegionDown, left: bool
) -> None:
    report_jobs.store(connection, report_jobs.ReportJob())
    connection.execute("UPDATE jobs SET status = 'running', completed_at = NULL")
    [(run_id,)] = connection.execute("SELECT id::text FROM runs ORDER BY started_at DESC LIMIT 1").fetchall()
    progress = Progress()
    progress.apply(JobStarted("j", datetime.now(UTC), run_id, "question", 1, (), 1, 6, 0, 6))
    progress.apply(trouble)
    live = tmp_path / "live"
    with psycopg.connect(database_url, application_name="beacon") as holder, sharing(progress, live, "bias-demo-1"):
        holder.execute("SELECT pg_advisory_lock(hashtextextended('beacon job bias-demo-1', 0))")
        while read_shared_state(live, "bias-demo-1") is None:
            time.sleep(0.01)
        text = words(looking(database_url).get("/jobs/bias-demo-1").text)
    assert "90 % answered; trouble in EU" in text
    assert (re.search(r"about [0-9hms. ]+ left", text) is not None) is left


def test_a_job_with_a_limit_has_it_beside_its_costs(connection: Connection, database_url: str) -> None:
    report_jobs.store(connection, report_jobs.ReportJob())
    connection.execute("""UPDATE jobs SET spec = jsonb_set(spec, '{limits,max_cost}', '0.25')""")
    assert "(limit $0.25)" in words(looking(database_url).get("/jobs/bias-demo-1").text)


def test_without_a_queue_the_fleets_page_says_what_to_run(database_url: str) -> None:
    text = words(looking(database_url).get("/fleet").text)
    assert "There is no fleet to show" in text
    assert "db migrate --fleet" in text


def test_nothing_is_written(connection: Connection, database_url: str) -> None:
    report_jobs.store(connection, report_jobs.ReportJob())
    before = beacon("export", "bias-demo-1", url=database_url).written
    client = looking(database_url)
    for path in ("/", "/jobs/bias-demo-1", "/fleet"):
        client.get(path)
    assert beacon("export", "bias-demo-1", url=database_url).written == before
