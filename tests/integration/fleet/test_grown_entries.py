"""A job in the queue gains repeats: whoever has it, or takes it, asks the new ones, and one entry is enough."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.errors import FewerRepeats
from beacon_cli.fleet.submit import Submission, submit_job
from beacon_cli.fleet.worker import Worker
from beacon_cli.job.model import Job
from beacon_cli.records.load_job import stored_job
from beacon_cli.region_settings import RegionSettings
from beacon_cli.runs.request import RunRequest
from beacon_cli.settings import Settings
from beacon_cli.signals import Held
from tests.integration.fleet.test_worker_exits import change, ending_of, rows, until
from tests.support.jobs import make_job
from tests.support.regions_server import Regions, regions_server

SubmitJob = Callable[[Job], Submission]


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    with regions_server(Regions()) as served:
        urls = {region: RegionSettings(base_url=f"{served.url}/{region}") for region in ("us", "eu", "apac")}
        yield Settings(data_dir=tmp_path, regions=urls)


@pytest.fixture
def submitted(settings: Settings, queue_url: str) -> SubmitJob:
    return lambda job: submit_job(RunRequest(Path("job.yaml"), job_id="one"), settings, job, queue_url, 0)


def job(repeats: int) -> Job:
    return make_job(1, repeats=repeats)


def entries(url: str) -> list[tuple[Any, ...]]:
    return rows(url, "SELECT id, status::text FROM procrastinate_jobs ORDER BY id")


def repeats(url: str) -> list[tuple[Any, ...]]:
    return rows(url, "SELECT repeat, count(*) FROM executions WHERE status = 'completed' GROUP BY 1 ORDER BY 1")


async def finishes(url: str) -> None:
    await until(lambda: rows(url, "SELECT status FROM jobs") == [("completed",)])


def test_an_entry_that_waits_is_kept_for_the_larger_job(queue_url: str, submitted: SubmitJob) -> None:
    first, grown = submitted(job(1)), submitted(job(3))
    assert (grown.already, grown.entry, grown.repeats_before, grown.expected) == (True, first.entry, 1, 18)
    assert grown.as_data()["repeats_before"] == 1
    assert entries(queue_url) == [(first.entry, "todo")]
    with pytest.raises(FewerRepeats):
        submitted(job(2))


def test_an_entry_that_a_worker_has_may_be_about_to_end_so_another_follows(
    queue_url: str, submitted: SubmitJob
) -> None:
    first = submitted(job(1))
    change(queue_url, "UPDATE procrastinate_jobs SET status = 'doing'")
    assert submitted(job(1)).already
    grown = submitted(job(2))
    assert (grown.already, entries(queue_url)) == (False, [(first.entry, "doing"), (grown.entry, "todo")])
    assert submitted(job(2)).entry == grown.entry


def test_a_worker_that_read_the_job_before_it_grew_asks_all_repeats(
    settings: Settings, queue_url: str, submitted: SubmitJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitted(job(1))
    grows = threading.Lock()

    def grown_after_reading(*arguments: Any, **options: Any) -> Job:
        before = stored_job(*arguments, **options)
        if grows.acquire(blocking=False):
            submitted(job(3))
        return before

    monkeypatch.setattr("beacon_cli.fleet.job_run.stored_job", grown_after_reading)

    async def work(worker: Worker, signals: Held) -> None:
        await finishes(queue_url)
        await until(lambda: all(status == "succeeded" for _, status in entries(queue_url)))
        signals.receive(15)

    ending_of(settings, queue_url, work)
    assert repeats(queue_url) == [(0, 6), (1, 6), (2, 6)]
    assert rows(queue_url, "SELECT DISTINCT repeats FROM runs") == [(3,)]


def test_a_worker_asks_only_what_a_finished_job_gained(
    settings: Settings, queue_url: str, submitted: SubmitJob
) -> None:
    async def work(worker: Worker, signals: Held) -> None:
        await asyncio.to_thread(submitted, job(2))
        await finishes(queue_url)
        await asyncio.to_thread(submitted, job(3))
        await finishes(queue_url)
        signals.receive(15)

    ending_of(settings, queue_url, work)
    assert repeats(queue_url) == [(0, 6), (1, 6), (2, 6)]
    assert rows(queue_url, "SELECT repeats, count(*) FROM runs JOIN executions ON run_id = runs.id GROUP BY 1") == [
        (2, 12),
        (3, 6),
    ]
