"""A job that the fleet ended without all of its answers: every command that shows it says why, in the same sentence."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from beacon_cli.fleet.overview import FleetOverview, fleet_overview
from beacon_cli.fleet.tables import show_overview
from beacon_cli.fleet.unfinished import fail_job, note_reason
from beacon_cli.store.journal import Found
from tests.integration.fleet.conftest import Submit
from tests.integration.fleet.test_worker_exits import change
from tests.support.in_process import beacon
from tests.support.vocabulary import REGIONS

WHY = "limits.max_cost is $0.16: $0.10 are spent, and the next call could pass it; to go on, set it to $0.16 or more"
SENTENCE = f"dear is partial: {WHY}. To try it again: beacon submit JOB_FILE --job-id dear"


@pytest.fixture
def stopped(queue_url: str, submit: Submit) -> str:
    """The URL of a database with a job that a worker stopped at its limit on cost."""
    entry = submit("dear")
    change(queue_url, "UPDATE jobs SET status = 'partial', completed_at = now()")
    change(queue_url, "UPDATE procrastinate_jobs SET status = 'doing'")
    change(queue_url, "UPDATE procrastinate_jobs SET status = 'succeeded'")
    note_reason(queue_url, entry, "dear", WHY)
    return queue_url


def data(*arguments: str, url: str) -> Any:
    return beacon(*arguments, "--json", url=url).document["data"]


@pytest.mark.parametrize("arguments", [("jobs",), ("show", "dear"), ("check-db", "dear")])
def test_a_job_that_stopped_at_its_limit_on_cost_says_so(stopped: str, arguments: tuple[str, ...]) -> None:
    assert SENTENCE in beacon(*arguments, url=stopped).out.splitlines()
    shown = data(*arguments, url=stopped)
    assert (shown["jobs"][0] if arguments == ("jobs",) else shown)["reason"] == WHY


def test_whoever_follows_it_is_told_at_its_end(stopped: str) -> None:
    assert beacon("show", "dear", "--follow", url=stopped).err.splitlines()[-1] == SENTENCE


def queue(url: str) -> tuple[FleetOverview, list[str]]:
    overview = fleet_overview(url, Found(), regions=REGIONS)
    out = io.StringIO()
    show_overview(overview)(Console(file=out, width=200))
    return overview, [line for line in out.getvalue().splitlines() if "unfinished" in line]


def test_the_queue_lists_it_and_nothing_is_stuck(stopped: str) -> None:
    overview, lines = queue(stopped)
    assert lines == [f"unfinished: job {SENTENCE}"]
    listed = overview.as_data()
    assert listed["unfinished"] == [{"job_id": "dear", "status": "partial", "reason": WHY}]
    assert (listed["set_aside"], listed["stuck"], overview.problems()) == ([], [], ())


def test_the_queue_names_the_newest_unfinished_jobs_and_counts_the_others(queue_url: str, submit: Submit) -> None:
    for number in range(7):
        fail_job(queue_url, submit(f"job-{number}"), f"job-{number}", "its file is broken")
    _, lines = queue(queue_url)
    assert [line.split(": ")[1] for line in lines[:-1]] == [f"job job-{n} is failed" for n in (6, 5, 4, 3, 2)]
    assert lines[-1] == "2 more unfinished jobs; to list them: beacon jobs --status resumable"


def test_a_job_that_was_submitted_again_is_not_unfinished(stopped: str, submit: Submit) -> None:
    submit("dear")
    assert queue(stopped)[0].unfinished == ()
    assert data("check-db", "dear", url=stopped)["reason"] is None
