"""What became of a question, wherever a job is shown: blocked, without text, cut off, thought, asked again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.audit_jobs import JOB, MODELS, add_run
from tests.support.in_process import beacon
from tests.support.noisy_jobs import NoisyJob, store

Connection = psycopg.Connection[tuple[Any, ...]]
AGAIN = (
    "2 answers were asked again and replaced (1 blocked, 1 empty). That is selective: asking again only what was empty"
    " or blocked raises the share of answers with text"
)


@pytest.fixture
def outcomes(connection: Connection) -> Connection:
    """A job of one question and five repeats, of which ASIA has every outcome, and EU a failure."""
    store(connection, NoisyJob(questions=1, models=MODELS[:1], planted=None))
    changes = {
        "finish_reason = 'stop'": "true",
        "finish_reason = 'length'": "region = 'ASIA' AND repeat > 1",
        "thought = 'I weigh it all.', response = '<think>I weigh it all.</think>Paris & more.'": "region = 'US'",
        "status = 'blocked', response = NULL, finish_reason = NULL, error_code = 'content_filtered',"
        " error_message = 'the <b>policy</b>'": "region = 'ASIA' AND repeat = 0",
        "status = 'empty', error_code = 'thought_only', thought = 'Hm', response = '<think>Hm'": "region = 'ASIA'"
        " AND repeat = 1",
        "status = 'failed', response = NULL, error_code = 'server_error', error_message = 'HTTP 500'": "region = 'EU'"
        " AND repeat = 4",
    }
    for change, where in changes.items():
        connection.execute(f"UPDATE executions SET {change} WHERE {where}".encode())
    connection.execute("UPDATE jobs SET status = 'partial'")
    later = add_run(connection)
    for status in ("empty", "blocked"):
        connection.execute(
            "INSERT INTO superseded_executions (id, job_id, run_id, question_id, model_id, region, repeat, status,"
            " attempts, hops, created_at, arm, superseded_by)"
            " SELECT id, job_id, run_id, question_id, model_id, region, repeat, %s, 1, 0, now(), 0, %s"
            " FROM executions WHERE region = 'US' AND repeat = 0",
            [status, later],
        )
    return connection


def test_check_db_names_reasons_by_region_and_warns_of_what_was_cut_off(
    outcomes: Connection, database_url: str
) -> None:
    told = beacon("check-db", JOB, url=database_url).out
    cut_off = "3 answers cut off at max_tokens (US 0 of 5, EU 0 of 4, ASIA 3 of 4 = 75 %)"
    assert f"! answers        1 empty answer; 1 blocked answer: ASIA 1; {cut_off}\n" in told
    assert "without text, by reason:\n" in told
    for line in ("blocked: content_filtered (ASIA 1)", "empty: thought_only (ASIA 1)", "failed: server_error (EU 1)"):
        assert f"  1 × {line}\n" in told
    assert f"{AGAIN}\n" in told
    assert "14 of 15 answers are stored (1 of them empty, 1 blocked; 93.3 %, wanted 100 %)" in told
    data = beacon("check-db", JOB, "--json", url=database_url).document["data"]
    assert data["by_region"]["ASIA"] == {"expected": 5, "completed": 5, "blocked": 1}
    assert (data["superseded"], data["superseded_by_status"]) == (2, {"blocked": 1, "empty": 1})
    assert data["reasons"] == [
        {"status": "blocked", "error_code": "content_filtered", "by_region": {"ASIA": 1}, "count": 1},
        {"status": "empty", "error_code": "thought_only", "by_region": {"ASIA": 1}, "count": 1},
        {"status": "failed", "error_code": "server_error", "by_region": {"EU": 1}, "count": 1},
    ]


def test_compare_names_unequal_shares_of_cut_off_answers_before_any_verdict(
    outcomes: Connection, database_url: str
) -> None:
    done = beacon("compare", JOB, url=database_url)
    told = done.out
    unequal = "3 answers cut off at max_tokens (US 0 of 5, EU 0 of 4, ASIA 3 of 4 = 75 %): unequal shares;"
    assert unequal in told
    assert told.index(unequal) < told.index("verdict")
    assert AGAIN in told
    data = beacon("compare", JOB, "--json", url=database_url).document["data"]
    assert data["unequal_cut_off"].startswith(unequal)
    assert (data["superseded"], data["jobs"][JOB]["superseded"]) == (2, 2)
    asia = data["regions"]["ASIA"]
    shares = {name: (asia[name]["count"], asia[name]["of"]) for name in ("empty", "blocked", "cut_off", "failure")}
    assert shares == {"empty": (1, 5), "blocked": (1, 5), "cut_off": (3, 4), "failure": (0, 5)}


def test_equal_shares_of_cut_off_answers_are_not_mentioned(connection: Connection, database_url: str) -> None:
    store(connection, NoisyJob(questions=1, models=MODELS[:1], planted=None))
    connection.execute("UPDATE executions SET finish_reason = CASE repeat WHEN 0 THEN 'length' ELSE 'stop' END")
    data = beacon("compare", JOB, "--json", url=database_url).document["data"]
    assert (data["unequal_cut_off"], data["regions"]["EU"]["cut_off"]["count"]) == (None, 1)


def test_the_report_marks_outcomes_and_shows_thoughts_apart(
    outcomes: Connection, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "page.html"
    done = beacon("report", JOB, "--output", str(path), "--json", url=database_url)
    assert done.document["data"]["superseded"] == 2
    page = path.read_text(encoding="utf-8")
    assert '<strong class="flag blocked">⊘ blocked</strong>' in page
    refused = "The provider refused to have this prompt answered"
    assert f"{refused}: <bdi>content_filtered: the &lt;b&gt;policy&lt;/b&gt;</bdi>" in page
    assert "A thought came, and no answer after it." in page
    assert page.count("Thought, not part of the answer") == 7  # one of them again, in the answers furthest apart
    assert "I weigh it all.</think>" not in page
    assert page.count('<strong class="cut-off">cut off at max_tokens</strong>') == 3
    assert "<strong>Blocked</strong>" in page
    assert "<strong>Not comparable: cut_off</strong>" in page
    assert f'<strong>Asked again</strong> <span dir="auto">{AGAIN}' in page
    assert "<h3>What was blocked, and why</h3>" in page
    assert "15 answers expected, 14 there (1 of them empty, 1 blocked)" in page


def test_show_tells_the_thought_apart_and_why_there_is_no_text(outcomes: Connection, database_url: str) -> None:
    told = beacon("show", JOB, url=database_url, columns=80).out
    assert "    US #1    (thought) I weigh it all.\n             Paris & more.\n" in told
    assert "    ASIA #1  (blocked: content_filtered: the <b>policy</b>)\n" in told
    assert "    ASIA #2  (thought) Hm\n             (empty: thought_only: a thought, and no answer after it)\n" in told
    assert told.count("             (cut off at max_tokens)\n") == 3
    answers = beacon("show", JOB, "--json", url=database_url).document["data"]["answers"]
    assert [(each["thought"], each["finish_reason"]) for each in answers[10:13]] == [
        (None, None),
        ("Hm", "stop"),
        (None, "length"),
    ]


def test_jobs_says_how_many_answers_were_blocked(outcomes: Connection, database_url: str) -> None:
    shown = beacon("jobs", url=database_url, columns=100).out.splitlines()
    assert shown[0].split()[2:4] == ["answered", "blocked"]
    assert shown[2].split()[2:4] == ["14/15", "1"]
    [job] = beacon("jobs", "--json", url=database_url).document["data"]["jobs"]
    assert (job["answered"], job["blocked"]) == (14, 1)
