"""The pages of answers: side by side with a filter and a search, and one execution with all that is known of it."""

from __future__ import annotations

import itertools
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from beacon_cli.records import answer_pages
from tests.support import audit_jobs
from tests.support.audit_jobs import JOB, MODELS
from tests.support.dashboard_client import looking
from tests.support.many_cells import ManyCells, store
from tests.support.noisy_jobs import NoisyJob
from tests.support.noisy_jobs import store as store_noisy
from tests.support.shown_page import ShownPage, shown

Connection = psycopg.Connection[tuple[Any, ...]]
TEN = ("US", "EU", "ASIA", "BR", "ZA", "IN", "JP", "AU", "CA", "MX")


def answers_of(database_url: str, **query: str) -> ShownPage:
    return shown(looking(database_url).get(f"/jobs/{JOB}/answers", params=query))


def test_answers_of_all_regions_stand_side_by_side_page_after_page(connection: Connection, database_url: str) -> None:
    store(connection, ManyCells(questions=6, words=1))
    client = looking(database_url)
    page = shown(client.get(f"/jobs/{JOB}/answers"))
    assert page.texts("h2")[:2] == ["q0 Question 0?", "q1 Question 1?"]
    assert page.texts("h3")[:3] == [f"{MODELS[0]} repeat #{number}" for number in (1, 2, 3)]
    assert page.texts("h4")[:3] == ["US", "EU", "ASIA"]
    assert len(page.texts("article")) == 50
    assert "Details · 1.00 s Answer 4 of qwen2.5-1.5b in ASIA to question 4: " in page.text
    following = page.link("Next page")
    assert parse_qs(urlsplit(following).query) == {
        "after_question": ["q4"],
        "after_model": [MODELS[1]],
        "after_repeat": ["4"],
    }
    last = shown(client.get(following))
    assert last.texts("h2") == ["q5 Question 5?"]
    assert last.links("Next page") == []
    assert last.link("First page") == f"/jobs/{JOB}/answers"


def test_ten_regions_have_ten_columns(connection: Connection, database_url: str) -> None:
    store(connection, ManyCells(questions=1, models=MODELS[:1], repeats=1, regions=TEN, words=1))
    assert answers_of(database_url).texts("h4") == list(TEN)


def test_filter_and_search_are_in_the_address_and_in_the_form(connection: Connection, database_url: str) -> None:
    store_noisy(connection, NoisyJob(questions=3, repeats=2))
    connection.execute(
        "UPDATE executions SET response = 'Never say NEVER <again>' WHERE question_id = 'q1' AND region = 'EU'"
        " AND repeat = 1"
    )
    query = {"text": "never", "region": "EU", "model": MODELS[1], "question": "q1", "status": "completed"}
    page = answers_of(database_url, **query)
    assert page.texts("mark") == ["Never", "NEVER"]
    assert page.texts("h4") == ["EU"]
    assert "Never say NEVER <again>" in page.text
    assert {field: page.value_of(field) for field in query} == query
    assert page.link("Show all") == f"/jobs/{JOB}/answers"
    assert "No answer fits." in answers_of(database_url, text="nowhere").text
    for query in ({"region": "MARS"}, {"question": "none"}, {"status": "fine"}, {"after_repeat": "-1"}):
        assert looking(database_url).get(f"/jobs/{JOB}/answers", params=query).status_code == 400


def test_a_search_that_was_cut_off_says_how_far_it_came(
    connection: Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(connection, ManyCells(questions=40, repeats=1, words=1))
    seconds = iter(itertools.count(0, 0.4))
    monkeypatch.setattr(answer_pages, "_now", lambda: next(seconds))
    page = answers_of(database_url, text="question 39:")
    assert "The search was cut off after 2 seconds: 2 of 40 questions are searched so far." in page.text
    assert page.link("Search the rest") == f"/jobs/{JOB}/answers?text=question+39%3A&after_question=q2"


def test_what_became_of_a_question_is_said_where_its_answer_would_stand(
    connection: Connection, database_url: str
) -> None:
    store_noisy(connection, NoisyJob(questions=1, repeats=1, models=MODELS[:1], controls=("EU",)))
    for region, change in {
        "US": "status = 'blocked', response = NULL, error_code = 'content_filtered', error_message = 'the policy'",
        "EU": "finish_reason = 'length', response = '<think>I weigh it.</think>Paris', attempts = 3, hops = 2",
        "ASIA": "status = 'empty', response = '', error_code = 'thought_only'",
    }.items():
        connection.execute(f"UPDATE executions SET {change} WHERE region = '{region}' AND arm = 0".encode())
    connection.execute("DELETE FROM executions WHERE arm = 1")
    page = answers_of(database_url)
    assert page.texts("h4") == ["US", "EU", "EU control", "ASIA"]
    for said in (
        "blocked: content_filtered: the policy",
        "· 3 attempts · 2 hops · cut off at max_tokens Thought, not part of the answer I weigh it. Paris",
        "EU control not asked so far",
        "empty: thought_only: a thought, and no answer after it",
    ):
        assert said in page.text


def test_a_long_answer_is_cut_and_leads_to_the_whole(connection: Connection, database_url: str) -> None:
    store(connection, ManyCells(questions=1, models=MODELS[:1], repeats=1, words=1))
    connection.execute("UPDATE executions SET response = repeat('x', 1000000) || E'\\x1b[31m' WHERE region = 'EU'")
    client = looking(database_url)
    page = client.get(f"/jobs/{JOB}/answers")
    assert len(page.text) < 10_000
    one = client.get(shown(page).link("the whole answer"))
    assert len(one.text) < 110_000
    assert "… 900 005 more characters" in shown(one).text
    whole = client.get(shown(one).link("The whole response as plain text"))
    assert whole.headers["content-type"] == "text/plain; charset=utf-8"
    assert whole.text == "x" * 1_000_000 + r"\x1b[31m"


def test_one_execution_has_all_that_is_known_of_it(connection: Connection, database_url: str) -> None:
    store_noisy(connection, NoisyJob(questions=1, repeats=2, models=MODELS[:1], system_prompt="Be brief."))
    connection.execute(
        """UPDATE executions SET attempts = 2, hops = 1, http_status = 200, container_region = 'europe-west4',
        container_id = 'ta-1', function_call_id = 'fc-1', receipt_data = receipt_data || '{"note": "kept"}'
        WHERE region = 'EU'"""
    )
    connection.execute("""UPDATE jobs SET spec = spec || '{"generation": {"seed": 7, "temperature": 0.7}}'""")
    client = looking(database_url)
    [number] = connection.execute("SELECT id FROM executions WHERE region = 'EU' AND repeat = 1").fetchall()
    page = shown(client.get(f"/jobs/{JOB}/answers/{number[0]}"))
    for said in (
        f"q0 · {MODELS[0]} · EU · repeat #2",
        "Prompt Question 0?",
        "System prompt Be brief. as it was sent",
        "Seed 8, by the plan of the job",
        'Parameters {"temperature": 0.7}',
        "Attempts 2 Hops 1 HTTP status 200",
        "✓ pass every answer came from the region that was asked",
        "the place of the container europe-west4 EU",
        "the region in the answer eu EU",
        "Revision r1 GPU T4 Precision bfloat16 Libraries torch 2.13.0",
        '"note": "kept"',
    ):
        assert said in page.text
    connection.execute("UPDATE executions SET container_region = 'us-ashburn-1' WHERE id = %s", [number[0]])
    page = shown(client.get(f"/jobs/{JOB}/answers/{number[0]}"))
    assert "✗ fail 1 row: 1 row asked EU, ran in us-ashburn-1" in page.text


@pytest.mark.parametrize(("path", "code"), [("999999", 404), ("x", 400), ("999999/text", 404), (str(2**63), 400)])
def test_an_execution_that_is_not_there_has_no_page(
    connection: Connection, database_url: str, path: str, code: int
) -> None:
    store(connection, ManyCells(questions=1, repeats=1, words=1))
    assert looking(database_url).get(f"/jobs/{JOB}/answers/{path}").status_code == code


def test_a_number_that_is_not_there_is_named_beside_the_way_to_the_others(
    connection: Connection, database_url: str
) -> None:
    store(connection, ManyCells(questions=1, repeats=1, words=1))
    page = shown(looking(database_url).get(f"/jobs/{JOB}/answers/999999"), code=404)
    assert page.texts("h1") == [f"job {JOB} has no answer 999999"]
    assert page.link("All answers of the job") == f"/jobs/{JOB}/answers"


def test_the_old_systems_answers_are_shown_too(legacy: Connection, legacy_database_url: str) -> None:
    audit_jobs.seed_legacy(legacy)
    client = looking(legacy_database_url)
    page = shown(client.get(f"/jobs/{JOB}/answers"))
    assert page.texts("h2") == list(audit_jobs.QUESTIONS)
    one = client.get(page.links("Details")[0])
    assert "not recorded" in shown(one).text
    costs = client.get(f"/jobs/{JOB}/costs")
    assert "the old system's tables do not record what answers took" in shown(costs).text
    assert re.search("✓ ok", client.get(f"/jobs/{JOB}/audit").text)
