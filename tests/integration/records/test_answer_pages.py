"""The answers of a job in pages: by filter and search, in the order of the job, in a limited time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from beacon_cli.errors import UsageError
from beacon_cli.records import answer_pages
from beacon_cli.records.answer_pages import AnswerPage, Filter, Names, Position, names_of, page_of
from beacon_cli.records.find_job import StoredJob, find_job
from beacon_cli.records.read_answers import execution_of
from beacon_cli.records.snapshot import reading
from beacon_cli.store.text import storable
from tests.support import audit_jobs
from tests.support.audit_jobs import JOB, MODELS
from tests.support.many_cells import ManyCells, store
from tests.support.noisy_jobs import NoisyJob
from tests.support.noisy_jobs import store as store_noisy
from tests.support.vocabulary import REGIONS

Connection = psycopg.Connection[tuple[Any, ...]]


class Reader:
    """Reads pages of one job."""

    def __init__(self, connection: Connection, job_id: str = JOB) -> None:
        self.connection = connection
        self.job: StoredJob = find_job(connection, job_id, regions=REGIONS)
        self.names: Names = names_of(connection, self.job)

    def page(self, after: Position | None = None, **wanted: Any) -> AnswerPage:
        return page_of(self.connection, self.job, self.names, Filter(**wanted), after)

    def pages(self, **wanted: Any) -> Iterator[AnswerPage]:
        page = self.page(**wanted)
        yield page
        while page.after:
            page = self.page(page.after, **wanted)
            yield page


def places(pages: Iterator[AnswerPage]) -> list[tuple[str, str, int]]:
    return [(row.question_id, row.model_id, row.repeat) for page in pages for row in page.rows]


def test_pages_have_every_row_once_in_the_order_of_the_job(connection: Connection) -> None:
    job = ManyCells(questions=12, models=("zeta", "alpha"), repeats=7, words=1)
    store(connection, job)
    reader = Reader(connection)
    pages = list(reader.pages())
    questions = [f"q{number}" for number in range(12)]
    assert places(iter(pages)) == list(itertools.product(questions, ("zeta", "alpha"), range(7)))
    assert [len(page.rows) for page in pages] == [50, 50, 50, 18]
    assert pages[0].columns == (("US", 0), ("EU", 0), ("ASIA", 0))
    assert [page.searched for page in pages] == [None] * 4
    cell = pages[0].rows[0].cells["EU", 0][0]
    assert cell.text.startswith("Answer 0 of zeta in EU to question 0: ")
    assert (cell.status, cell.attempts, cell.hops, cell.seconds, cell.partial) == ("completed", 1, 0, 1.0, False)


def test_a_row_fits_if_one_of_its_answers_fits_everything(connection: Connection) -> None:
    store_noisy(connection, NoisyJob(questions=3, repeats=2, controls=("EU",)))
    connection.execute(
        "UPDATE executions SET status = 'blocked', response = NULL, error_code = 'legal_blocked'"
        " WHERE region = 'ASIA' AND question_id = 'q2' AND repeat = 1"
    )
    connection.execute(
        "UPDATE executions SET response = '100%% of C:\\new_folder' WHERE region = 'US' AND question_id = 'q1'"
        " AND model_id = %s AND repeat = 0",
        [MODELS[0]],
    )
    reader = Reader(connection)
    assert places(reader.pages(status="blocked")) == [("q2", model, 1) for model in MODELS]
    assert places(reader.pages(status="blocked", region="EU")) == []
    assert places(reader.pages(status="blocked", model_id=MODELS[1], question_id="q2")) == [("q2", MODELS[1], 1)]
    for text in ("100% OF", r"c:\NEW_f", "%"):
        assert places(reader.pages(text=text)) == [("q1", MODELS[0], 0)]
    for text in ("1_0%", "100_", r"C:\\new", "nowhere"):
        assert places(reader.pages(text=text)) == []
    [row] = reader.page(text="100%").rows
    assert set(row.cells) == {("US", 0), ("EU", 0), ("EU", 1), ("ASIA", 0)}
    assert reader.page(text="100%", region="US").columns == (("US", 0),)


def test_what_no_job_can_have_is_refused(connection: Connection) -> None:
    store(connection, ManyCells(questions=2, words=1))
    reader = Reader(connection)
    refused: tuple[tuple[dict[str, Any], str], ...] = (
        ({"question_id": "q7"}, "has no question 'q7'"),
        ({"model_id": "no\0such"}, r"has no model 'no\\x00such'"),
        ({"region": "MARS"}, "no answer can have the region 'MARS'"),
        ({"status": "fine"}, "no answer can have the status 'fine'"),
        ({"text": "x" * 501}, "a search may have 500 characters"),
    )
    for wanted, said in refused:
        with pytest.raises(UsageError, match=said):
            reader.page(**wanted)
    with pytest.raises(UsageError, match="the page cannot begin at question 'q9'"):
        reader.page(Position("q9", MODELS[0], 0))


def test_of_a_long_answer_the_part_with_the_text_is_read(connection: Connection) -> None:
    store(connection, ManyCells(questions=1, models=MODELS[:1], repeats=1, words=1))
    connection.execute(
        "UPDATE executions SET response = repeat('x', 1000000) || ' needle ' || repeat('y', 1000000)"
        " WHERE region = 'EU'"
    )
    connection.execute(
        "UPDATE executions SET response = %s WHERE region = 'US'", [storable("nul \0 and \ud800 surrogate")]
    )
    reader = Reader(connection)
    [row] = reader.page().rows
    cell = row.cells["EU", 0][0]
    assert (cell.text, cell.start, cell.size, cell.partial) == ("x" * 8000, 1, 2_000_008, True)
    [row] = reader.page(text="NEEDLE").rows
    cell = row.cells["EU", 0][0]
    assert cell.text.index("needle") == 150
    assert cell.partial
    [row] = reader.page(text="\0 and \ud800").rows
    assert row.cells["US", 0][0].text == "nul \0 and \ud800 surrogate"
    assert not row.cells["US", 0][0].partial


def test_a_search_that_takes_long_says_how_far_it_came_and_goes_on_from_there(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(connection, ManyCells(questions=40, repeats=1, words=1))
    seconds = iter(itertools.count(0, 0.4))
    monkeypatch.setattr(answer_pages, "_now", lambda: next(seconds))
    reader = Reader(connection)
    page = reader.page(text="question 39:")
    assert (page.rows, page.searched, page.questions) == ((), 2, 40)
    assert page.after == Position("q2")
    assert places(reader.pages(text="question 39:")) == [("q39", model, 0) for model in MODELS]


def test_questions_that_only_rows_name_come_last(connection: Connection) -> None:
    store(connection, ManyCells(questions=2, repeats=1, words=1))
    connection.execute("UPDATE executions SET question_id = 'a stranger' WHERE question_id = 'q0' AND region = 'US'")
    reader = Reader(connection)
    assert reader.names.question_ids == ("q0", "q1", "a stranger")
    assert reader.names.models == MODELS
    assert reader.names.regions == ("US", "EU", "ASIA")
    assert [question for question, _, _ in places(reader.pages())][-2:] == ["a stranger"] * 2


def test_the_old_systems_tables_are_read_too(legacy: Connection) -> None:
    audit_jobs.seed_legacy(legacy)
    reader = Reader(legacy)
    rows = places(reader.pages())
    assert rows == [(question, model, 0) for question in audit_jobs.QUESTIONS for model in MODELS]
    [row] = reader.page(question_id=audit_jobs.QUESTIONS[1], model_id=MODELS[1], text="ASIA").rows
    cell = row.cells["ASIA", 0][0]
    found = execution_of(legacy, reader.job, cell.id)
    assert found is not None
    assert (found.text, found.region) == (cell.text, "ASIA")


def test_an_execution_is_found_by_its_number_and_only_in_its_job(connection: Connection) -> None:
    store(connection, ManyCells(questions=2, repeats=1, words=1))
    store(connection, ManyCells(id="other", questions=1, repeats=1, words=1))
    reader = Reader(connection)
    cell = reader.page().rows[0].cells["EU", 0][0]
    found = execution_of(connection, reader.job, cell.id)
    assert found is not None
    assert (found.question_id, found.region, found.text) == ("q0", "EU", cell.text)
    assert execution_of(connection, find_job(connection, "other", regions=REGIONS), cell.id) is None
    assert execution_of(connection, reader.job, 2**62) is None


def test_a_page_of_a_hundred_thousand_cells_reads_no_more_rows_than_one_of_few(connection: Connection) -> None:
    store(connection, ManyCells(questions=3_334, words=2))
    connection.execute("ANALYZE executions")
    reader = Reader(connection)
    for after, rows in ((None, 50), (Position("q1700", MODELS[1], 2), 50), (Position("q3330", MODELS[1], 4), 30)):
        with reading(connection):
            before = rows_read(connection)
            page = reader.page(after)
            assert rows_read(connection) - before < 1_000
        assert len(page.rows) == rows
    [*_, found] = reader.pages(text="question 3333: ")
    assert [row.question_id for row in found.rows] == ["q3333"] * 10


def rows_read(connection: Connection) -> int:
    """Return how many executions were read so far in this transaction."""
    [(number,)] = connection.execute(
        "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'executions'"
    ).fetchall()
    return int(number)
