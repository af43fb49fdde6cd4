"""A stored job gains repeats: only what is missing is asked, its history stays known, and nothing else may change."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.errors import FewerRepeats, StoreError, UsageError
from beacon_cli.job.model import Job
from beacon_cli.job.part import Part
from beacon_cli.records.find_job import find_job
from beacon_cli.records.stages import stages_of
from beacon_cli.store.connect import AsyncConnection
from tests.integration.store.test_job_store import Opened, all_batches, begun, execution, run
from tests.support.jobs import make_job
from tests.support.vocabulary import REGIONS

SMALL, LARGE, LARGER = (make_job(2, repeats=repeats, generation={"seed": 7}) for repeats in (2, 3, 5))


@pytest.fixture
def opened(database_url: str, tmp_path: Path) -> Opened:
    return Opened(database_url, tmp_path / "journal")


def fetched(opened: Opened, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(opened.url) as connection:
        return connection.execute(statement.encode()).fetchall()


def stored(opened: Opened) -> tuple[Any, ...]:
    return fetched(opened, "SELECT spec, spec_sha256 FROM jobs")[0]


def planned(opened: Opened) -> list[int | None]:
    return [repeats for (repeats,) in fetched(opened, "SELECT repeats FROM runs ORDER BY started_at, repeats")]


def stages(opened: Opened) -> list[int]:
    with psycopg.connect(opened.url) as connection:
        found = stages_of(connection, find_job(connection, "test-job", regions=REGIONS))
    return [stage.repeats for stage in found]


async def asked(opened: Opened, job: Job, *, answers: bool = True, **options: Any) -> list[tuple[str, int]]:
    """Run a job, and return the questions and repeats that it asked in the US."""
    async with opened(job, **options) as store:
        cells = [cell for batch in await all_batches(await begun(store), job) for cell in batch.cells]
        await asyncio.gather(*(store.record(execution(cell)) for cell in cells if answers))
    return [(cell.question.id, cell.repeat) for cell in cells if cell.lane == job.lanes()[0]]


def test_only_the_new_repeats_are_asked_and_the_job_is_then_the_larger_one(opened: Opened) -> None:
    async def main() -> None:
        await asked(opened, SMALL)
        async with opened(LARGE) as store:
            claim = store.claim
            assert (claim.exists, claim.repeats_before, claim.answered, claim.nothing_to_ask) == (True, 2, 24, False)
        assert stored(opened) == (SMALL.spec(), SMALL.spec_sha256)
        assert await asked(opened, LARGE) == [("q0", 2), ("q1", 2)]
        async with opened(LARGE) as store:
            assert (store.claim.repeats_before, store.claim.nothing_to_ask) == (None, True)

    run(main)
    assert stored(opened) == (LARGE.spec(), LARGE.spec_sha256)
    assert planned(opened) == [2, 3]
    assert stages(opened) == [2, 3]


def test_what_failed_before_is_asked_with_the_new_repeats(opened: Opened) -> None:
    async def main() -> None:
        await asked(opened, SMALL, answers=False)
        assert await asked(opened, LARGE) == [(question, repeat) for question in ("q0", "q1") for repeat in range(3)]

    run(main)
    assert stages(opened) == [3], "no answer could be looked at before"


def test_fewer_repeats_are_refused_and_change_nothing(opened: Opened) -> None:
    async def main() -> None:
        await asked(opened, LARGE)
        with pytest.raises(FewerRepeats) as refused:
            await asked(opened, SMALL)
        assert refused.value.message == "job test-job is already stored with 3 repeats, and 2 would be fewer"
        assert refused.value.hint.startswith("set repeats: 3 to resume it, or more to add some")

    run(main)
    assert stored(opened) == (LARGE.spec(), LARGE.spec_sha256)
    assert planned(opened) == [3]


def test_more_repeats_do_not_hide_another_change(opened: Opened) -> None:
    changed = make_job(2, repeats=3, generation={"seed": 8})

    async def main() -> None:
        await asked(opened, SMALL)
        with pytest.raises(UsageError, match=r"generation\.seed: 7 → 8"):
            await asked(opened, changed)

    run(main)
    assert stored(opened) == (SMALL.spec(), SMALL.spec_sha256)


def test_a_part_and_asking_again_go_with_growing(opened: Opened) -> None:
    async def main() -> None:
        await asked(opened, SMALL)
        assert await asked(opened, LARGE, part=Part(questions=("q1",))) == [("q1", 2)]
        again = await asked(opened, LARGER, again=["completed"])
        assert again == [(question, repeat) for question in ("q0", "q1") for repeat in range(5)]

    run(main)
    assert stages(opened) == [2, 3, 5], "answers that were replaced could be looked at, too"


def test_a_submission_stores_the_growth_with_its_entry_or_not_at_all(opened: Opened) -> None:
    async def entry(_: AsyncConnection) -> int:
        return 1

    async def fails(_: AsyncConnection) -> None:
        raise psycopg.OperationalError("cut off")

    async def main() -> None:
        await asked(opened, SMALL)
        async with opened(LARGE) as store:
            with pytest.raises(StoreError, match="cut off"):
                await store.submit(fails)
        assert stored(opened) == (SMALL.spec(), SMALL.spec_sha256)
        async with opened(LARGE) as store:
            assert await store.submit(entry) == 1

    run(main)
    assert stored(opened) == (LARGE.spec(), LARGE.spec_sha256)
    assert fetched(opened, "SELECT status FROM jobs") == [("created",)]
    assert stages(opened) == [2], "the new repeats have no answers yet"


def test_runs_of_the_version_before_keep_the_number_that_the_job_had(opened: Opened) -> None:
    def as_before() -> None:
        with psycopg.connect(opened.url) as connection:
            connection.execute("UPDATE runs SET repeats = NULL WHERE repeats = (SELECT max(repeats) FROM runs)")

    async def main() -> None:
        await asked(opened, SMALL)
        as_before()
        assert stages(opened) == [2]
        await asked(opened, LARGE)
        as_before()  # a worker of that version, after the job grew
        assert stages(opened) == [2, 3]
        await asked(opened, LARGER)

    run(main)
    assert planned(opened) == [2, 3, 5]
    assert stages(opened) == [2, 3, 5]
