"""Why a worker ends, each in the test's own event loop; what it had is then for the others, or taken over."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.errors import ConfigError, CredentialsError, LeaseLost, SchemaError, StoreError
from beacon_cli.fleet import lease
from beacon_cli.fleet.worker import Ending, Exit, Worker
from beacon_cli.region_settings import RegionSettings
from beacon_cli.settings import Settings
from beacon_cli.signals import Held, Interrupted
from tests.integration.fleet.conftest import Submit
from tests.support.fleet import CountingRegions
from tests.support.hostile_endpoints import always, endpoints
from tests.support.raw_server import http
from tests.support.regions_server import regions_server

Scenario = Callable[[Worker, Held], Awaitable[None]]


@pytest.fixture
def regions() -> Iterator[CountingRegions]:
    with regions_server(CountingRegions(latency=600)) as served:
        assert isinstance(served, CountingRegions)
        yield served


@pytest.fixture
def settings(regions: CountingRegions, tmp_path: Path) -> Settings:
    urls = {region: RegionSettings(base_url=f"{regions.url}/{region}") for region in ("us", "eu", "apac")}
    return Settings(data_dir=tmp_path, regions=urls)


def rows(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = public, beacon_queue")
        return connection.execute(statement.encode()).fetchall()


def change(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = public, beacon_queue")
        connection.execute(statement.encode())


def ending_of(settings: Settings, url: str, scenario: Scenario, drain_seconds: float = 0.2) -> Ending:
    """Run a worker through a scenario, and return how it ended. Afterwards nothing of it goes on."""

    async def main() -> Ending:
        signals = Held()
        worker = Worker(settings, url, 4, drain_seconds, lambda event: None)
        working = asyncio.create_task(worker.run(signals))
        async with _undisturbed(working):
            await scenario(worker, signals)
        ending = await asyncio.wait_for(working, 300)
        assert asyncio.all_tasks() == {asyncio.current_task()}, "something goes on"
        return ending

    return asyncio.run(main())


@asynccontextmanager
async def _undisturbed(working: asyncio.Task[Ending]) -> Any:
    try:
        yield
    except BaseException:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        raise


async def until(condition: Callable[[], bool], seconds: float = 300) -> None:
    give_up_at = time.monotonic() + seconds
    while not await asyncio.to_thread(condition):
        assert time.monotonic() < give_up_at
        await asyncio.sleep(0.05)


async def asks(regions: CountingRegions) -> None:
    await until(lambda: sum(regions.in_flight.values()) == 6)


def entry(url: str) -> tuple[str, str]:
    """Return the state of the only entry, and of its job."""
    [(status, job)] = rows(
        url, "SELECT entry.status::text, job.status FROM procrastinate_jobs AS entry JOIN jobs AS job ON job.id = lock"
    )
    return status, job


def test_a_worker_that_is_told_to_stop_hands_its_job_back(
    settings: Settings, regions: CountingRegions, queue_url: str, submit: Submit
) -> None:
    submit("one")

    async def drain(worker: Worker, signals: Held) -> None:
        await asks(regions)
        signals.receive(signal.SIGTERM)

    ending = ending_of(settings, queue_url, drain)
    assert ending.exit is Exit.DRAINED
    assert isinstance(ending.cause, Interrupted)
    assert ending.cause.exit_code == 143
    assert entry(queue_url) == ("todo", "created")
    assert rows(queue_url, "SELECT DISTINCT status, error_code FROM executions") == [("cancelled", "handed_back")]
    assert rows(queue_url, "SELECT count(*) FROM fleet_workers WHERE lost_at IS NULL") == [(0,)]


def test_a_second_signal_does_not_wait_for_calls(
    settings: Settings, regions: CountingRegions, queue_url: str, submit: Submit
) -> None:
    submit("one")

    async def quit_at_once(worker: Worker, signals: Held) -> None:
        await asks(regions)
        signals.receive(signal.SIGINT)
        await until(lambda: rows(queue_url, "SELECT draining FROM fleet_workers") == [(True,)])
        signals.receive(signal.SIGTERM)

    ending = ending_of(settings, queue_url, quit_at_once, drain_seconds=600)
    assert (ending.exit, str(ending.cause)) == (Exit.QUIT, str(int(signal.SIGTERM)))
    assert entry(queue_url) == ("doing", "running"), "what others take over once the lease has ended"
    assert rows(queue_url, "SELECT draining FROM fleet_workers") == [(True,)], "no job is to blame"


def test_a_worker_that_the_others_took_for_dead_writes_nothing_more(
    settings: Settings, regions: CountingRegions, queue_url: str, submit: Submit
) -> None:
    submit("one")

    async def lose(worker: Worker, signals: Held) -> None:
        await asks(regions)
        change(queue_url, "UPDATE fleet_workers SET lost_at = now()")

    ending = ending_of(settings, queue_url, lose)
    assert ending.exit is Exit.LOST
    assert isinstance(ending.cause, LeaseLost)
    assert "declared this worker lost" in ending.cause.message
    assert entry(queue_url) == ("doing", "running")


def test_refused_credentials_leave_the_job_in_the_queue(
    settings: Settings, regions: CountingRegions, queue_url: str, submit: Submit
) -> None:
    regions.refusing = True
    submit("one")

    async def nothing(worker: Worker, signals: Held) -> None:
        pass

    ending = ending_of(settings, queue_url, nothing)
    assert ending.exit is Exit.CREDENTIALS_REFUSED
    assert isinstance(ending.cause, CredentialsError)
    assert entry(queue_url) == ("todo", "created")


def test_a_403_about_a_question_fails_its_cells_and_the_worker_goes_on(
    queue_url: str, submit: Submit, tmp_path: Path
) -> None:
    refused = http(403, {"error": {"code": "permission_denied", "message": "not for you"}})
    submit("one")

    async def drain_when_done(worker: Worker, signals: Held) -> None:
        await until(lambda: rows(queue_url, "SELECT status FROM jobs") == [("failed",)])
        signals.receive(signal.SIGTERM)

    with endpoints({"Question 0?": always(refused)}) as served:
        urls = {region: RegionSettings(base_url=f"{served.url}/{region}") for region in ("us", "eu", "apac")}
        ending = ending_of(Settings(data_dir=tmp_path, regions=urls), queue_url, drain_when_done)
    assert ending.exit is Exit.DRAINED
    assert rows(queue_url, "SELECT DISTINCT status, error_code FROM executions") == [("failed", "request_rejected")]


def test_a_worker_without_any_region_does_not_begin(queue_url: str, tmp_path: Path) -> None:
    async def nothing(worker: Worker, signals: Held) -> None:
        pass

    ending = ending_of(Settings(data_dir=tmp_path), queue_url, nothing)
    assert ending.exit is Exit.NOTHING_TO_SERVE
    assert isinstance(ending.cause, ConfigError)
    assert rows(queue_url, "SELECT FROM fleet_workers") == []


def test_a_queue_that_is_dropped_ends_the_worker(settings: Settings, queue_url: str) -> None:
    async def drop(worker: Worker, signals: Held) -> None:
        await until(lambda: rows(queue_url, "SELECT count(*) FROM procrastinate_workers") == [(1,)])
        change(queue_url, "DROP SCHEMA beacon_queue CASCADE")

    ending = ending_of(settings, queue_url, drop)
    assert ending.exit is Exit.DATABASE_REFUSED
    assert isinstance(ending.cause, SchemaError)
    assert "db migrate --fleet" in ending.cause.hint


def test_tables_of_a_newer_version_end_an_idle_worker_at_its_next_job(
    settings: Settings, queue_url: str, submit: Submit
) -> None:
    async def migrate_and_submit(worker: Worker, signals: Held) -> None:
        await until(lambda: rows(queue_url, "SELECT count(*) FROM procrastinate_workers") == [(1,)])
        change(queue_url, "INSERT INTO _yoyo_migration (migration_hash, migration_id) VALUES ('x', '9999_newer')")
        await asyncio.to_thread(submit, "one")

    ending = ending_of(settings, queue_url, migrate_and_submit)
    assert ending.exit is Exit.LOST
    assert isinstance(ending.cause, LeaseLost)
    assert "the database's schema is newer than this program (unknown: 9999_newer)" in ending.cause.message
    assert entry(queue_url) == ("doing", "created")


def test_a_worker_leaves_entries_of_another_version_and_runs_its_own(
    settings: Settings, regions: CountingRegions, queue_url: str, submit: Submit
) -> None:
    regions.latency = 0
    submit("old")
    change(queue_url, "UPDATE procrastinate_jobs SET queue_name = 'beacon-0.0'")
    submit("new")

    async def drain_when_done(worker: Worker, signals: Held) -> None:
        await until(lambda: rows(queue_url, "SELECT status FROM jobs WHERE id = 'new'") == [("completed",)])
        signals.receive(signal.SIGTERM)

    assert ending_of(settings, queue_url, drain_when_done).exit is Exit.DRAINED
    assert rows(queue_url, "SELECT lock, status::text FROM procrastinate_jobs ORDER BY 1") == [
        ("new", "succeeded"),
        ("old", "todo"),
    ]


def test_a_database_that_cannot_be_reached_ends_the_worker(settings: Settings, tmp_path: Path) -> None:
    async def nothing(worker: Worker, signals: Held) -> None:
        pass

    ending = ending_of(settings, f"postgresql:///nothing?host={tmp_path}", nothing)
    assert ending.exit is Exit.DATABASE_REFUSED
    assert isinstance(ending.cause, StoreError)


@pytest.mark.parametrize("heard", [True, False], ids=["notified", "by the heartbeat alone"])
def test_a_running_job_is_cancelled_by_a_notification_and_by_the_heartbeat(
    settings: Settings,
    regions: CountingRegions,
    queue_url: str,
    submit: Submit,
    monkeypatch: pytest.MonkeyPatch,
    heard: bool,
) -> None:
    number = submit("one")
    if heard:
        monkeypatch.setattr(lease, "BEAT_SECONDS", 600.0)

    async def cancel(worker: Worker, signals: Held) -> None:
        await asks(regions)
        if not heard:
            silenced = "DISABLE TRIGGER procrastinate_jobs_notify_queue_job_aborted_v1"
            change(queue_url, f"ALTER TABLE procrastinate_jobs {silenced}")
        rows(queue_url, f"SELECT procrastinate_cancel_job_v1({number}, true, false)")
        await until(lambda: entry(queue_url) == ("aborted", "cancelled"))
        signals.receive(signal.SIGTERM)

    assert ending_of(settings, queue_url, cancel).exit is Exit.DRAINED
    assert rows(queue_url, "SELECT DISTINCT status, error_message FROM executions") == [
        ("cancelled", "cancelled by beacon cancel")
    ]


def test_a_job_whose_entry_another_worker_has_is_let_go_of(
    settings: Settings, regions: CountingRegions, queue_url: str, submit: Submit
) -> None:
    number = submit("one")

    async def take_away(worker: Worker, signals: Held) -> None:
        await asks(regions)
        change(queue_url, f"UPDATE procrastinate_jobs SET attempts = 7 WHERE id = {number}")
        await until(lambda: sum(regions.in_flight.values()) == 0)
        await asyncio.sleep(0.3)
        signals.receive(signal.SIGTERM)

    assert ending_of(settings, queue_url, take_away).exit is Exit.DRAINED
    assert rows(queue_url, "SELECT status::text, attempts FROM procrastinate_jobs") == [("doing", 7)]
