"""Connections that break in awkward ways: what was handed over is stored or kept, and the lock is held or given up."""

from __future__ import annotations

import asyncio
import os
import uuid
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.errors import JournalError, LockLost, StoreError
from beacon_cli.store import journal, writer
from beacon_cli.store.rows import COLUMNS
from beacon_cli.store.session import Session
from tests.integration.store.test_job_store import Opened, all_batches, begun, cut_connections, execution, run
from tests.support.jobs import make_job
from tests.support.tcp_proxy import proxied


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Opened:
    return Opened(database_url, tmp_path / "journal")


def test_what_was_handed_over_and_not_stored_is_in_the_journal_when_the_store_closes(opened: Opened) -> None:
    job = make_job(1)

    async def main() -> None:
        async with opened(job) as store:
            (batch,) = await all_batches(await begun(store), job)
            tasks = [asyncio.ensure_future(store.record(execution(cell))) for cell in batch.cells]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
        async with opened(job) as store:
            assert store.claim.answered == 6

    run(main)


def test_a_connection_that_only_we_lost_is_ended_and_the_lock_taken_back(opened: Opened, tmp_path: Path) -> None:
    job = make_job(1)

    async def main() -> None:
        async with proxied(opened.url, tmp_path) as proxy:
            direct, opened.url = opened.url, proxy.url
            async with opened(job) as store:
                (batch,) = await all_batches(await begun(store), job)
                proxy.cut_clients()
                await asyncio.gather(*(store.record(execution(cell)) for cell in batch.cells))
                assert await store.counts() == {"completed": 6}
            opened.url = direct

    run(main)


def test_a_network_that_falls_silent_ends_in_the_journal_within_the_patience(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.5)
    job = make_job(1)

    async def main() -> None:
        async with proxied(opened.url, tmp_path) as proxy:
            direct, opened.url = opened.url, proxy.url
            async with opened(job) as store:
                (batch,) = await all_batches(await begun(store), job)
                proxy.silent = True
                with pytest.raises(StoreError):
                    await asyncio.wait_for(store.record(execution(batch.cells[0])), 60)
                proxy.silent = False
                proxy.cut_clients()
            opened.url = direct
        async with opened(job) as store:
            assert store.claim.answered == 1

    run(main)


async def no_lock_is_held(url: str) -> None:
    held = "SELECT FROM pg_locks JOIN pg_database AS here ON here.oid = database AND datname = current_database()"
    async with asyncio.timeout(300), await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while await (await connection.execute(f"{held} WHERE locktype = 'advisory'")).fetchone() is not None:
            pass


async def waits_for_a_lock(url: str, times: int) -> None:
    """Wait until so many statements of the database have waited for a lock, one after another."""
    waiting = "SELECT query_start FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    seen: set[tuple[Any, ...]] = set()
    async with asyncio.timeout(300), await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while len(seen) < times:
            seen.update(await (await connection.execute(waiting)).fetchall())


def test_a_cut_connection_is_noticed_before_anything_more_is_asked(opened: Opened) -> None:
    job = make_job(1)

    async def main() -> None:
        async with opened(job) as store:
            (batch,) = await all_batches(await begun(store), job)
            cut_connections(opened.url)
            await no_lock_is_held(opened.url)
            thief = await Session.open(opened.url, "test-job")
            with pytest.raises(LockLost):
                await store.ready(batch.cells[0])
            await thief.close()

    run(main)


def test_a_locked_table_is_waited_for_on_the_same_connection(opened: Opened) -> None:
    job = make_job(1)

    async def main() -> None:
        async with opened(job) as store:
            (batch,) = await all_batches(await begun(store), job)
            connection = store._session.connection
            await connection.execute("SET lock_timeout = '100ms'")
            with psycopg.connect(opened.url) as other:
                other.execute("LOCK TABLE executions")
                recording = asyncio.ensure_future(store.record(execution(batch.cells[0])))
                await waits_for_a_lock(opened.url, times=3)
                assert not recording.done()
            await recording
            assert store._session.connection is connection

    run(main)
    assert len(opened.rows()) == 1


def test_an_older_journals_failure_never_replaces_what_a_later_run_stored(opened: Opened) -> None:
    job = make_job(1)

    async def main() -> None:
        async with opened(job) as store:
            (batch,) = await all_batches(await begun(store), job)
            cell, other = batch.cells[:2]
            await store.record(execution(cell, "failed", None, error_code="server_error", error_message="stored"))
            run_id = store.claim.run_id
            row = {**first_row(opened), "run_id": run_id}
        async with opened(job) as store:
            await begun(store)
            await store.record(execution(cell, "failed", None, error_code="server_error", error_message="newer"))
        kept = journal.Journal(opened.journal, run_id)
        kept.append([row, {**row, "region": other.lane.region.label, "model_id": other.lane.model_id}])
        with kept.path.open("ab") as file:
            file.write(b'{"cut off by a cra')
        async with opened(job) as store:
            assert await store.counts() == {"failed": 2}

    def first_row(opened: Opened) -> dict[str, object]:
        from beacon_cli.store.rows import COLUMNS

        ((*values,),) = opened.rows(", ".join(COLUMNS))
        plain = (value if isinstance(value, int | type(None)) else str(value) for value in values)
        return dict(zip(COLUMNS, plain, strict=True))

    run(main)
    assert ("newer", 2) in opened.rows("error_message, attempts")
    assert list(opened.journal.iterdir()) == []


def line(run_id: str, question: str) -> dict[str, object]:
    """Return a row of a journal."""
    cell = {"job_id": "a", "question_id": question, "model_id": "m", "region": "US", "repeat": 0, "arm": 0}
    return {**dict.fromkeys(COLUMNS), **cell, "run_id": run_id, "status": "completed", "attempts": 1, "hops": 0}


def test_a_disk_that_is_full_keeps_no_half_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, run_id = tmp_path / "journal", str(uuid.uuid4())
    kept = journal.Journal(folder, run_id)
    kept.append([line(run_id, "one")])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(JournalError, match="No space left"):
            kept.append([line(run_id, "two")])
    kept.append([line(run_id, "three")])
    (found,) = journal.look(folder).journals
    assert [row["question_id"] for row in found.rows] == ["one", "three"]
    assert found.damaged == 0
