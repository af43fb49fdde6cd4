"""The pages of answers, verdicts, audit and costs in a real browser: keyboard, narrow and dark screens, no scripts."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from beacon_cli.dashboard.addresses import job_address
from tests.integration.conftest import fresh_database
from tests.support import hostile_job, many_cells
from tests.support.audit_jobs import JOB
from tests.support.browser import CONTRASTS, Reader, reading
from tests.support.dashboard_server import serving
from tests.support.many_cells import ManyCells

TEN = ("US", "EU", "ASIA", "BR", "ZA", "IN", "JP", "AU", "CA", "MX")
_PATIENCE_SECONDS = 300


@dataclass(frozen=True)
class Visitor:
    """Opens pages of a dashboard with a browser."""

    reader: Reader
    token: str
    database_url: str

    @contextmanager
    def looking(self, **options: Any) -> Iterator[Any]:
        """Yield the browser's page, let in; at the end it must not have complained of anything."""
        with self.reader.reading(f"?token={self.token}", **options) as page:
            page.wait_for_url(f"{self.reader.base}/")
            yield page
            assert self.reader.complaints == []

    def open(self, page: Any, address: str) -> None:
        """Open a page, a comparison as soon as it is there."""
        until = time.monotonic() + _PATIENCE_SECONDS
        page.goto(self.reader.base + address)
        while "This page reloads" in page.inner_text("main"):
            assert time.monotonic() < until, "the comparison took too long"
            page.wait_for_timeout(200)


@pytest.fixture(scope="module")
def visitor(postgres_url: str, migrated_template: str) -> Iterator[Visitor]:
    with fresh_database(postgres_url, migrated_template) as url:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES ('j', '{}', 'x', 'question')")
            many_cells.store(connection, ManyCells(questions=3, repeats=2, regions=TEN, words=2))
            hostile_job.store(connection)
            connection.execute(
                "UPDATE executions SET response = repeat('w', 500000) || '<script>pwned(99)</script>'"
                " || repeat(E'\\u202E', 1000) WHERE job_id = %s AND region = 'EU' AND repeat = 1",
                [hostile_job.JOB],
            )
        with serving(url) as (address, token), reading(address) as reader:
            yield Visitor(reader, token, url)


def addresses_of(job_id: str) -> list[str]:
    return [job_address(job_id, name) for name in ("answers", "compare", "audit", "costs")]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_fits_the_screen_can_be_read_and_asks_nobody_else(visitor: Visitor, width: int, scheme: str) -> None:
    with visitor.looking(width=width, color_scheme=scheme) as page:
        for address in itertools.chain(addresses_of(JOB), addresses_of(hostile_job.JOB)):
            visitor.open(page, address)
            assert page.evaluate("document.documentElement.scrollWidth") == width, address
            assert page.evaluate(CONTRASTS) == [], address
            assert page.evaluate("acted") == [], address
            assert page.evaluate("violations") == [], address
        assert {url.split("/")[2] for url in visitor.reader.requests if not url.startswith("data:")} == {
            visitor.reader.base.removeprefix("http://")
        }


@pytest.mark.fault(51, "an answer of a megabyte in one line, with a script and marks that turn the text around")
def test_a_huge_hostile_answer_is_read_from_the_page_to_its_whole_text(visitor: Visitor) -> None:
    with visitor.looking(width=390) as page:
        visitor.open(page, job_address(hostile_job.JOB, "answers", region="EU"))
        page.click("text=the whole answer >> nth=0")
        page.wait_for_selector(".whole")
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        assert "w" * 1000 in page.inner_text(".whole")
        page.click("text=The whole response as plain text")
        whole = page.inner_text("pre")
        assert whole.endswith(r"<script>pwned(99)</script>" + r"\u202e" * 1000)
        assert page.evaluate("acted") == []


def test_answers_are_searched_by_keyboard_without_any_script(visitor: Visitor) -> None:
    with visitor.looking(java_script_enabled=False) as page:
        visitor.open(page, job_address(JOB, "answers"))
        page.keyboard.press("Tab")
        assert page.locator(":focus").inner_text() == "Skip to the content"
        page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        page.keyboard.type("in EU to question 2")
        page.keyboard.press("Enter")
        page.wait_for_url("**/answers?text=in+EU+to+question+2**")
        assert page.locator("article").count() == 4
        assert page.locator("mark").first.inner_text() == "in EU to question 2"
        page.locator("text=Details >> nth=1").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/answers/*")
        assert "EU" in page.inner_text("header")


def test_the_filter_of_the_verdicts_works_as_in_the_report(visitor: Visitor) -> None:
    with visitor.looking() as page:
        visitor.open(page, job_address(JOB, "compare"))
        page.fill("#filter-text", "q1")
        assert page.inner_text("#filter-told") == "2 of 6 sets of answers shown"


def test_a_hidden_tab_is_not_served_and_goes_on_where_it_was(visitor: Visitor) -> None:
    """A browser has six connections to a server for all of its tabs."""
    turn = "(hidden) => { Object.defineProperty(document, 'hidden', {configurable: true, get: () => hidden});"
    turn += " document.dispatchEvent(new Event('visibilitychange')); }"
    with visitor.looking() as page, psycopg.connect(visitor.database_url, autocommit=True) as connection:
        plan(connection, repeats=1)
        visitor.open(page, job_address("j"))
        plan(connection, repeats=2)
        page.get_by_text("0 of 2 answers are stored").wait_for()
        page.evaluate(turn, True)
        while sessions(connection):
            page.wait_for_timeout(50)
        plan(connection, repeats=3)
        with page.expect_request(re.compile(r"/jobs/j/events\?seen=\w+\.\d+$")):
            page.evaluate(turn, False)
        page.get_by_text("0 of 3 answers are stored").wait_for()


def plan(connection: psycopg.Connection[Any], *, repeats: int) -> None:
    spec = {"models": ["m"], "regions": ["US"], "repeats": repeats, "questions": {"count": 1}}
    connection.execute("UPDATE jobs SET spec = %s WHERE id = 'j'", [json.dumps(spec)])


def sessions(connection: psycopg.Connection[Any]) -> int:
    [(count,)] = connection.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'beacon'"
    ).fetchall()
    return int(count)
