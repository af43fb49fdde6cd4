"""Cells that are asked again on purpose: what replaces their answer, what does not, and what happens to the old one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.executor.execution import Cell
from beacon_cli.store import journal
from beacon_cli.store.job_store import JobStore
from beacon_cli.store.rows import COLUMNS, row_of
from tests.integration.store.test_job_store import Opened, all_batches, begun, cut_connections, execution, run
from tests.support.jobs import make_job
from tests.support.locks import wait_for_a_lock

JOB = make_job(1)


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Opened:
    return Opened(database_url, tmp_path / "journal")


def superseded(opened: Opened, columns: str = "status, response") -> list[tuple[Any, ...]]:
    with psycopg.connect(opened.url) as connection:
        return connection.execute(f"SELECT {columns} FROM superseded_executions ORDER BY id".encode()).fetchall()


async def answered(store: JobStore) -> tuple[Cell, ...]:
    """Store an empty answer, a blocked one, and four with text."""
    (batch,) = await all_batches(await begun(store), JOB)
    empty, blocked, *others = batch.cells
    await store.record(
        execution(
            empty,
            "empty",
            "",
        )
    )
    await store.record(execution(blocked, "blocked", None, error_code="content_filtered"))
    await asyncio.gather(*(store.record(execution(cell)) for cell in others))
    return batch.cells


async def asked_again(store: JobStore) -> tuple[Cell, ...]:
    batches = await all_batches(await begun(store), JOB)
    return tuple(cell for batch in batches for cell in batch.cells)


def test_an_answer_takes_the_place_of_the_old_one_which_is_kept_aside(opened: Opened) -> None:
    async def main() -> None:
        async with opened(JOB) as store:
            empty, *_ = await answered(store)
            before = store.claim.run_id
        async with opened(JOB, again=["empty"]) as store:
            assert (store.claim.answered, store.claim.again, store.claim.nothing_to_ask) == (5, 1, False)
            (cell,) = await asked_again(store)
            assert cell == Cell(empty.question, empty.lane, empty.repeat, supersedes=before)
            assert await store.ready(cell)
            await store.record(execution(cell, response="at last"))
            assert await store.counts() == {"completed": 5, "blocked": 1}

    run(main)
    key = "id, job_id, question_id, model_id, region, repeat, arm"
    [old] = superseded(opened, f"{key}, superseded_by, response")
    [new] = [row for row in opened.rows(f"{key}, run_id, response, attempts") if row[8] == "at last"]
    assert old[:8] == new[:8], "the cell keeps its row's id"
    assert (old[8], new[9]) == ("", 1)


def test_a_run_asks_a_cell_only_once_whatever_comes(opened: Opened) -> None:
    async def main() -> None:
        async with opened(JOB) as store:
            await answered(store)
        async with opened(JOB, again=["empty", "blocked"]) as store:
            for cell in await asked_again(store):
                await store.record(execution(cell, "empty", ""))
            assert await all_batches(store, JOB) == []
        async with opened(JOB, again=["blocked"]) as store:
            assert (store.claim.nothing_to_ask, store.claim.again) == (True, 0)
            assert await asked_again(store) == ()

    run(main)
    assert superseded(opened, "status, error_code") == [("empty", None), ("blocked", "content_filtered")]


def test_a_failure_takes_the_place_of_no_answer(opened: Opened) -> None:
    async def main() -> None:
        async with opened(JOB) as store:
            await answered(store)
            before = opened.rows()
        async with opened(JOB, again=["empty", "blocked"]) as store:
            first, second = await asked_again(store)
            await store.record(execution(first, "failed", None, error_code="server_error"))
            await store.record(execution(second, "cancelled", None, error_code="cancelled"))
            assert store.not_replaced == {"server_error": 1, "cancelled": 1}
        assert opened.rows() == before

    run(main)
    assert superseded(opened) == []


def test_cells_without_an_answer_are_asked_too_and_stored_as_always(opened: Opened) -> None:
    async def main() -> None:
        async with opened(JOB) as store:
            (batch,) = await all_batches(await begun(store), JOB)
            await store.record(execution(batch.cells[0], "empty", ""))
            await store.record(execution(batch.cells[1], "failed", None, error_code="server_error"))
        async with opened(JOB, again=["empty"]) as store:
            cells = await asked_again(store)
            assert [cell.supersedes is not None for cell in cells] == [True] + [False] * 5
            await asyncio.gather(*(store.record(execution(cell)) for cell in cells))
            assert await store.counts() == {"completed": 6}

    run(main)
    assert len(superseded(opened)) == 1
    assert sorted(opened.rows("attempts")) == [(1,)] * 5 + [(2,)]


def test_a_journal_is_replayed_any_number_of_times_with_the_same_result(opened: Opened) -> None:
    async def main() -> None:
        async with opened(JOB) as store:
            await answered(store)
        async with opened(JOB, again=["empty", "blocked"]) as store:
            first, second = await asked_again(store)
            rows = [
                row_of(execution(cell, response="from the journal"), job_id="test-job", run_id=store.claim.run_id)
                for cell in (first, second)
            ]
            kept = journal.Journal(opened.journal, store.claim.run_id)
        kept.append(rows)
        for _ in range(2):
            copy = kept.path.read_bytes()
            async with opened(JOB) as store:
                assert await store.counts() == {"completed": 6}
            assert not kept.path.exists()
            kept.path.write_bytes(copy)
        async with opened(JOB, again=["completed"]) as store:
            assert store.claim.again == 6
            (cell,) = (each for each in await asked_again(store) if (each.lane, each.repeat) == (first.lane, 0))
            await store.record(execution(cell, response="newer"))
            kept.append(rows[:1])
        async with opened(JOB):
            pass

    run(main)
    assert sorted(superseded(opened, "status, coalesce(response, '-')")) == [
        ("blocked", "-"),
        ("completed", "from the journal"),
        ("empty", ""),
    ]
    assert sorted(opened.rows("response")).count(("newer",)) == 1


def test_an_answer_that_another_process_replaced_while_the_lock_was_lost_is_not_asked_again(opened: Opened) -> None:
    async def main() -> None:
        async with opened(JOB) as store:
            await answered(store)
        async with opened(JOB, again=["empty", "blocked"]) as store:
            first, second = await asked_again(store)
            cut_connections(opened.url)
            with psycopg.connect(opened.url, autocommit=True) as other:
                other.execute(
                    "WITH other AS (INSERT INTO runs (id, job_id, started_at, host, pid, version)"
                    " SELECT gen_random_uuid(), 'test-job', now(), 'h', 1, '0' RETURNING id)"
                    " UPDATE executions SET run_id = other.id, status = 'completed', response = 'theirs' FROM other"
                    " WHERE status = 'empty'"
                )
            assert not await store.ready(first)
            assert await store.ready(second)
            await store.record(execution(first, response="ours, too late"))
            await store.record(execution(second, response="ours"))

    run(main)
    assert superseded(opened, "status") == [("blocked",)]
    assert {("theirs",), ("ours",)} < set(opened.rows("response"))


def test_two_that_replace_the_same_answer_at_once_keep_it_aside_once(opened: Opened) -> None:
    async def main() -> None:
        async with opened(JOB) as store:
            await answered(store)
        async with opened(JOB, again=["empty"]) as store:
            (cell,) = await asked_again(store)
            with psycopg.connect(opened.url) as other:
                other.execute(
                    "WITH other AS (INSERT INTO runs (id, job_id, started_at, host, pid, version)"
                    " SELECT gen_random_uuid(), 'test-job', now(), 'h', 1, '0' RETURNING id)"
                    " UPDATE executions SET run_id = other.id, response = 'theirs' FROM other WHERE status = 'empty'"
                )
                recording = asyncio.ensure_future(store.record(execution(cell, response="ours")))
                await asyncio.to_thread(wait_for_a_lock, opened.url)
                other.commit()
            await recording

    run(main)
    assert superseded(opened) == []
    assert ("theirs",) in opened.rows("response")


def test_a_journal_of_the_version_before_is_stored(opened: Opened) -> None:
    """Its rows have neither an arm nor what an answer replaces, nor the columns that came with them."""
    before = COLUMNS[: COLUMNS.index("arm")]

    async def main() -> None:
        async with opened(JOB) as store:
            (batch,) = await all_batches(await begun(store), JOB)
            row = row_of(execution(batch.cells[0], response="old"), job_id="test-job", run_id=store.claim.run_id)
            path = opened.journal / f"{store.claim.run_id}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps({name: row[name] for name in before}) + "\n")
        async with opened(JOB) as store:
            assert store.claim.answered == 1
        assert not path.exists()

    run(main)
    assert opened.rows("response, arm, thought") == [("old", 0, None)]
