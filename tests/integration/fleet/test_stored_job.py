"""A job that a worker reads back is the job that was submitted."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from beacon_cli.errors import ConfigError, JobNotFound
from beacon_cli.fleet.job_queue import enqueue
from beacon_cli.fleet.overview import fleet_overview
from beacon_cli.records.load_job import stored_job
from beacon_cli.settings import Settings
from beacon_cli.store.connect import AsyncConnection
from beacon_cli.store.job_store import open_job_store
from beacon_cli.store.journal import Found
from modal_deployment.vocabulary import Vocabulary
from tests.support.jobs import make_job
from tests.support.vocabulary import REGIONS


async def in_no_queue(_connection: AsyncConnection) -> None:
    pass


def test_a_stored_job_asks_what_was_submitted(database_url: str, tmp_path: Path) -> None:
    generation = {"seed": 7, "top_p": 0.5, "stop": "END", "extra": {"top_k": 40}}
    job = make_job(
        questions=[{"id": "a", "text": "A?", "tags": ["control", "x"]}, "math_basic"],
        repeats=2,
        controls=["ASIA", "US"],
        generation=generation,
        system_prompts={"US": "In {place}.", "default": "Hi."},
        analysis={"margin": 0.1, "accept": ["system_prompt"]},
    )

    async def submit() -> None:
        async with open_job_store(
            *(database_url, job, "stored"), batching=None, journal_folder=tmp_path, notify=lambda text: None
        ) as store:
            await store.submit(in_no_queue)

    asyncio.run(submit())
    read = stored_job(database_url, "stored", regions=REGIONS)
    assert list(read.questions) == list(job.questions)
    assert (read.spec(), read.spec_sha256, read.expected) == (job.spec(), job.spec_sha256, job.expected)
    lanes = job.lanes()
    assert [read.prompt_system(lane.region) for lane in lanes] == [job.prompt_system(lane.region) for lane in lanes]
    assert database_url not in repr(read)


OWN = {"regions": {"br": {"label": "BR", "place": "Brazil"}, "eu": {"label": "EUROPE"}}}


def vocabulary(settings: dict[str, Any]) -> Vocabulary:
    return Settings.model_validate(settings).vocabulary


@pytest.fixture
def own_regions(queue_url: str, tmp_path: Path) -> str:
    """The URL of a database with a queue, in which a job in regions of somebody's own is stored and waits."""
    keys = {"regions": ["br", "eu"], "system_prompt": "You are in {place}."}
    job = make_job(3, vocabulary=vocabulary(OWN), **keys)

    async def submit() -> None:
        async with open_job_store(
            *(queue_url, job, "own"), batching=None, journal_folder=tmp_path, notify=lambda text: None
        ) as store:
            await store.submit(lambda connection: enqueue(connection, "own", 0))

    asyncio.run(submit())
    return queue_url


def test_a_worker_asks_regions_as_the_job_calls_them(own_regions: str) -> None:
    here = vocabulary({"regions": {"br": {"place": "Brasil", "aliases": ["sa-east"]}, "eu": {"label": "EUROPE"}}})
    job = stored_job(own_regions, "own", regions=here.regions)
    assert [job.prompt_system(lane.region) for lane in job.lanes()[:2]] == ["You are in Brazil.", "You are in Europe."]
    assert job.lanes()[0].region.aliases == {"sa-east"}


@pytest.mark.parametrize(
    ("settings", "message", "hint"),
    [
        ({}, "job own asks region BR, which is not configured here", "add [regions.br] to beacon.toml"),
        (
            {"regions": {"br": {}}},
            "job own stores region eu as EUROPE, but here its label is EU",
            'set regions.eu.label = "EUROPE" in beacon.toml',
        ),
    ],
)
def test_a_worker_that_does_not_know_a_region_says_so(
    own_regions: str, settings: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        stored_job(own_regions, "own", regions=vocabulary(settings).regions)
    assert (refused.value.message, refused.value.hint) == (message, hint)


def test_the_queue_shows_the_regions_of_its_jobs_and_those_that_are_known(own_regions: str) -> None:
    regions = fleet_overview(own_regions, Found((), ()), regions=REGIONS).as_data()["regions"]
    cells = {region: row["cells"] for region, row in regions.items()}
    assert cells == {"US": 0, "EU": 0, "ASIA": 0, "BR": 6, "EUROPE": 6}
    assert list(cells) == ["US", "EU", "ASIA", "BR", "EUROPE"]


def test_a_job_that_is_not_there_is_named(database_url: str) -> None:
    with pytest.raises(JobNotFound, match="no job 'missing'"):
        stored_job(database_url, "missing", regions=REGIONS)
