"""The store against a real PostgreSQL: claims, resuming, locks, and a database that goes away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from beacon_cli.errors import JobLocked, JournalError, SchemaError, StoreError, UsageError
from beacon_cli.executor.execution import Batch, Cell, Execution, Status
from beacon_cli.job.model import Job
from beacon_cli.store import writer
from beacon_cli.store.connect import connect
from beacon_cli.store.job_store import JobStore, open_job_store
from beacon_cli.store.migrate import known_migrations, migrate, require_current_schema
from beacon_cli.store.text import original
from tests.support.jobs import make_job
from tests.support.memory_recorder import MemoryRecorder

NOW = datetime.now(UTC)


def execution(cell: Cell, status: Status = "completed", response: str | None = "4", **columns: Any) -> Execution:
    return Execution(cell, status, 1, 0, None, NOW, NOW, NOW, response=response, **columns)


class Opened:
    """Opens the store of one job as often as a test wants, and hears what is told."""

    def __init__(self, url: str, journal: Path) -> None:
        self.url = url
        self.journal = journal
        self.told: list[str] = []

    def __call__(self, job: Job, job_id: str = "test-job", **more: Any) -> AbstractAsyncContextManager[JobStore]:
        options: dict[str, Any] = {"batching": None, "journal_folder": self.journal, "notify": self.told.append, **more}
        return open_job_store(self.url, job, job_id, **options)

    def rows(self, columns: str = "*") -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url) as connection:
            return connection.execute(f"SELECT {columns} FROM executions ORDER BY id".encode()).fetchall()


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Opened:
    return Opened(database_url, tmp_path / "journal")


async def all_batches(store: JobStore, job: Job) -> list[Batch]:
    return [batch async for batch in store.batches(job.lanes())]


async def begun(store: JobStore) -> JobStore:
    await store.begin(NOW.isoformat())
    return store


def run(main: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(main())  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [{}, {"controls": ["EU"]}, {"controls": ["ASIA", "US"]}])
def test_a_new_job_is_written_with_its_questions_and_all_its_cells_are_pending(
    opened: Opened, more: dict[str, Any]
) -> None:
    job = make_job(3, repeats=2, **more)

    async def main() -> None:
        async with opened(job) as store:
            assert not store.claim.exists
            await begun(store)
            batches = await all_batches(store, job)
            recorder = MemoryRecorder(job)
            assert batches == [batch async for batch in recorder.batches(job.lanes())]

    run(main)
    with psycopg.connect(opened.url) as connection:
        spec, status = connection.execute("SELECT spec, status FROM jobs").fetchone() or (None, None)
        assert (spec, status) == (job.spec(), "running")
        assert connection.execute("SELECT position, id, text FROM questions ORDER BY 1").fetchall()[2] == (
            2,
            "q2",
            "Question 2?",
        )


def test_the_arms_of_a_control_are_cells_of_their_own(opened: Opened) -> None:
    job = make_job(1, controls=["EU"])

    async def main() -> None:
        async with opened(job) as store:
            (batch,) = await all_batches(await begun(store), job)
            asked = [(cell.lane.region.label, cell.arm) for cell in batch.cells]
            assert asked == [("US", 0), ("EU", 0), ("ASIA", 0)] * 2 + [("EU", 1)] * 2
            second = batch.cells[-1]
            first = replace(second, arm=0)
            await store.record(execution(first, response="one"))
            await store.record(execution(second, "failed", None, error_code="server_error"))
        async with opened(job) as store:
            (rest,) = await all_batches(await begun(store), job)
            assert rest.cells == tuple(cell for cell in batch.cells if cell != first)
            await store.record(execution(second, response="other"))
            await store.record(execution(first, response="never stored: it has its answer"))

    run(main)
    assert opened.rows("region, arm, repeat, response") == [("EU", 0, 0, "one"), ("EU", 1, 0, "other")]


def test_resuming_asks_what_has_no_answer_and_overwrites_what_failed(opened: Opened) -> None:
    job = make_job(2)

    async def main() -> None:
        async with opened(job) as store:
            first, second = await all_batches(await begun(store), job)
            await asyncio.gather(*(store.record(execution(cell)) for cell in first.cells))
            await store.record(execution(second.cells[0], "failed", None, error_code="server_error"))
            await store.record(execution(second.cells[1], "empty", ""))
        async with opened(job) as store:
            assert (store.claim.exists, store.claim.answered) == (True, 7)
            (rest,) = await all_batches(await begun(store), job)
            assert rest.cells == (second.cells[0], *second.cells[2:])
            await store.record(execution(second.cells[0], response="at last"))
            await store.record(execution(first.cells[0], response="never stored: it has its answer"))
            assert await store.counts() == {"completed": 7, "empty": 1}

    run(main)
    rows = opened.rows("question_id, attempts, response, error_code")
    assert ("q1", 2, "at last", None) in rows
    assert len(rows) == 8


def test_only_the_lanes_that_are_asked_for_are_pending(opened: Opened) -> None:
    job = make_job(2)
    lanes = job.lanes()

    async def main() -> None:
        async with opened(job) as store:
            first, _ = await all_batches(await begun(store), job)
            for cell in first.cells:
                if cell.lane.region.id == "us":
                    await store.record(execution(cell))
            us = [lane for lane in lanes if lane.region.id == "us"]
            assert [batch.question.id async for batch in store.batches(us)] == ["q1"]
            eu = [lane for lane in lanes if lane.region.id == "eu"]
            assert [batch.question.id async for batch in store.batches(eu)] == ["q0", "q1"]

    run(main)


def test_a_row_that_is_stored_twice_by_one_run_changes_nothing(opened: Opened) -> None:
    job = make_job(1)

    async def main() -> None:
        async with opened(job) as store:
            (batch,) = await all_batches(await begun(store), job)
            failed = execution(batch.cells[0], "failed", None, error_code="server_error")
            await store.record(failed)
            await store.record(failed)

    run(main)
    assert opened.rows("attempts") == [(1,)]


@pytest.mark.parametrize("text", ["NUL \x00 in it", "lone \ud83d surrogate", "\ue000 mark", "<script>", "[bold]"])
def test_any_answer_is_stored_and_read_back(opened: Opened, text: str) -> None:
    job = make_job(1)

    async def main() -> None:
        async with opened(job) as store:
            (batch,) = await all_batches(await begun(store), job)
            output = {"echo": text, text: [text]}
            await store.record(execution(batch.cells[0], response=text, output_data=output, receipt_data=output))

    run(main)
    ((response,),) = opened.rows("response")
    assert original(response) == text


def test_a_changed_job_under_the_same_id_is_refused_with_the_difference(opened: Opened) -> None:
    async def main() -> None:
        async with opened(make_job(1)) as store:
            await begun(store)
        with pytest.raises(UsageError, match=r"temperature: 0\.1 → 1\.0"):
            async with opened(make_job(1, repeats=3, generation={"temperature": 1.0})):
                pass
        async with opened(make_job(1, limits={"attempts": 1}, name="another title")) as store:
            assert store.claim.exists

    run(main)


def test_another_batching_than_the_stored_one_is_refused(opened: Opened) -> None:
    async def main() -> None:
        async with opened(make_job(1), batching="lane") as store:
            await begun(store)
        async with opened(make_job(1)) as store:
            assert store.claim.batching == "lane"
        with pytest.raises(UsageError, match="--batching lane"):
            async with opened(make_job(1), batching="region"):
                pass

    run(main)


def test_a_second_run_of_a_job_is_refused_and_told_who_holds_it(opened: Opened) -> None:
    async def main() -> None:
        async with opened(make_job(1)) as store:
            await begun(store)
            with pytest.raises(JobLocked, match=r"process \d+ on"):
                async with opened(make_job(1)):
                    pass
            async with opened(make_job(1), "another-job"):
                pass
        async with opened(make_job(1)):
            pass

    run(main)


def cut_connections(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_a_cut_connection_is_made_again_with_its_lock_and_no_row_is_doubled(opened: Opened) -> None:
    job = make_job(2)

    async def main() -> None:
        async with opened(job) as store:
            first, second = await all_batches(await begun(store), job)
            await store.record(execution(first.cells[0]))
            cut_connections(opened.url)
            await asyncio.gather(*(store.record(execution(cell)) for cell in first.cells[1:]))
            cut_connections(opened.url)
            assert await store.counts() == {"completed": 6}
            await store.record(execution(second.cells[0]))
            with pytest.raises(JobLocked):
                async with opened(job):
                    pass

    run(main)
    assert len(opened.rows()) == 7
    assert list(opened.journal.iterdir()) == []
    assert any("went away" in line for line in opened.told)


def test_answers_of_a_database_that_stays_away_are_journaled_and_stored_by_the_next_run(
    opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "PATIENCE_SECONDS", 0.3)
    job = make_job(1)
    name = conninfo_to_dict(opened.url)["dbname"]

    def allow(connections: bool) -> None:
        with psycopg.connect(make_conninfo(opened.url, dbname="postgres"), autocommit=True) as connection:
            connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS {connections}".encode())

    async def main() -> None:
        async with opened(job) as store:
            (batch,) = await all_batches(await begun(store), job)
            cut = connect(opened.url)
            allow(False)
            cut.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            cut.close()
            results = await asyncio.gather(
                *(store.record(execution(cell)) for cell in batch.cells), return_exceptions=True
            )
            assert all(isinstance(result, StoreError) for result in results)
            with pytest.raises(StoreError):
                await store.ready(batch.cells[0])
        allow(True)
        assert len(list(opened.journal.iterdir())) == 1
        async with opened(job) as store:
            assert store.claim.answered == 6
            assert [batch async for batch in store.batches(job.lanes())] == []

    run(main)
    assert len(opened.rows()) == 6
    assert list(opened.journal.iterdir()) == []
    assert any("an earlier run had kept" in line for line in opened.told)


def test_a_journal_folder_that_is_not_writable_is_found_before_anything_is_asked(opened: Opened) -> None:
    opened.journal.write_text("a file where the folder should be")

    async def main() -> None:
        with pytest.raises(JournalError, match="not writable"):
            async with opened(make_job(1)):
                pass

    run(main)


def test_a_read_only_database_is_found_before_anything_is_asked(opened: Opened) -> None:
    name = conninfo_to_dict(opened.url)["dbname"]
    with psycopg.connect(opened.url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on".encode())

    async def main() -> None:
        with pytest.raises(StoreError, match="read-only"):
            async with opened(make_job(1)) as store:
                await begun(store)

    run(main)


def test_an_empty_database_an_older_and_a_newer_one_are_named_as_such(empty_database_url: str) -> None:
    with connect(empty_database_url) as connection:
        with pytest.raises(SchemaError, match="no Beacon tables") as caught:
            require_current_schema(connection)
        assert "beacon db migrate" in caught.value.hint
        assert migrate(empty_database_url)
        assert migrate(empty_database_url) == []
        require_current_schema(connection)
        connection.execute("DELETE FROM _yoyo_migration WHERE migration_id <> '0001_jobs_and_executions'")
        connection.execute("UPDATE _yoyo_migration SET migration_id = '9999_from_the_future'")
        with pytest.raises(SchemaError, match="older"):
            require_current_schema(connection)
        connection.execute(
            "INSERT INTO _yoyo_migration (migration_hash, migration_id)"
            " SELECT migration_id, migration_id FROM unnest(%s::text[]) AS known (migration_id)",
            [list(known_migrations())],
        )
        with pytest.raises(SchemaError, match="newer"):
            require_current_schema(connection)


def test_the_old_systems_database_is_never_migrated(legacy_database_url: str) -> None:
    with pytest.raises(SchemaError, match="old system"):
        migrate(legacy_database_url)


def test_resuming_a_large_job_finds_its_first_open_cell_at_once(opened: Opened) -> None:
    job = make_job(400)

    async def main() -> None:
        async with opened(job) as store:
            await begun(store)
            with psycopg.connect(opened.url) as connection:
                connection.execute(
                    """
                    INSERT INTO executions (job_id, run_id, question_id, model_id, region, status)
                    SELECT 'test-job', %s, 'q' || q, m, r, 'completed'
                    FROM generate_series(0, 398) q, unnest(ARRAY['llama3.2-1b', 'qwen2.5-1.5b']) m,
                         unnest(ARRAY['US', 'EU', 'ASIA']) r
                    """,
                    [store.claim.run_id],
                )
            batches = await all_batches(store, job)
            assert [batch.question.id for batch in batches] == ["q399"]

    run(main)
