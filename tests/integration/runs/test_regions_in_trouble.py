"""`beacon run` where a region is busy, gone, or cannot answer at all: real servers, rows and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest

from tests.support.operator import Operator
from tests.support.regions_server import regions_server
from tests.support.troubled_server import TroubledRegions

HALF = ["--without", "EU"]


@pytest.fixture
def patient(operator: Operator) -> Operator:
    operator.uses({"BEACON_LIMITS__REGION_PATIENCE": "60s", "BEACON_LIMITS__ATTEMPTS": "3"})
    return operator


def test_a_busy_region_loses_nothing_and_is_called_once_per_check(patient: Operator, tmp_path: Path) -> None:
    with regions_server(TroubledRegions(busy_calls={"eu": 4}, retry_after=0.2)) as regions:
        patient.uses(regions.environment())
        done, data = patient.run("--events", str(tmp_path / "events"))
    assert (done.code, data["status"], data["counts"]["completed"]) == (0, "completed", 12)
    troubles = data["region_troubles"]
    assert set(troubles) == {"EU"}
    assert (troubles["EU"]["pauses"], troubles["EU"]["down"], troubles["EU"]["failed"]) == (1, None, 0)
    assert len(regions.posts["eu"]) == 4 + 4
    names = [json.loads(line)["event"] for line in (tmp_path / "events").read_text().splitlines()]
    assert [name for name in names if name.startswith("region_")] == [
        "region_paused",
        *["region_check_failed"] * 2,
        "region_resumed",
    ]


def test_a_region_that_stays_away_is_given_up_and_resumed_later(patient: Operator, database_url: str) -> None:
    patient.uses({"BEACON_LIMITS__REGION_PATIENCE": "2s"})
    with regions_server(TroubledRegions(busy_for={"eu": 1000})) as regions:
        patient.uses(regions.environment())
        done, data = patient.run()
        asked = len(regions.posts["eu"])
        regions.busy_for.clear()
        resumed, after = patient.run()
    assert (done.code, data["status"], data["counts"]["completed"]) == (1, "partial", 8)
    assert data["region_troubles"]["EU"]["unasked"] == 4
    assert asked <= 2 + 3
    assert "--job-id operators" in done.document["errors"][0]["hint"]
    assert (resumed.code, after["status"]) == (0, "completed")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT DISTINCT status FROM executions").fetchall() == [("completed",)]


def test_an_app_that_is_stopped_ends_the_run_before_anything_is_asked_anywhere(operator: Operator) -> None:
    with regions_server(TroubledRegions(stopped={"eu"})) as regions:
        operator.uses(regions.environment())
        done, data = operator.run()
    [error] = done.document["errors"]
    assert (done.code, error["code"], data) == (3, "region_not_ready", {"job_id": "operators"})
    assert error["message"].startswith("region EU cannot answer: HTTP 404: modal-http: app for invoked web endpoint is")
    assert "--without EU" in error["hint"]
    assert regions.posts == {}


def test_a_region_that_serves_none_of_the_models_ends_the_run_too(operator: Operator) -> None:
    with regions_server(TroubledRegions(serves={"eu": ["mistral-7b"]})) as regions:
        operator.uses(regions.environment())
        done, _ = operator.run()
    [error] = done.document["errors"]
    assert (done.code, error["code"]) == (3, "region_not_ready")
    assert "region EU cannot answer: it serves mistral-7b, and not llama3.2-1b, qwen2.5-1.5b" in error["message"]
    assert regions.posts == {}


def test_without_a_region_the_others_decide_and_the_job_stays_partial(operator: Operator) -> None:
    with regions_server(TroubledRegions(stopped={"eu"})) as regions:
        operator.uses(regions.environment())
        done, data = operator.run(*HALF)
        assert (done.code, data["status"], data["success_rate"], data["without"]) == (0, "partial", 1.0, ["EU"])
        assert data["counts"]["completed"] == 8
        regions.stopped.clear()
        whole, after = operator.run()
    assert (whole.code, after["status"], after["counts"]["completed"]) == (0, "completed", 12)


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--without", "mars"], "--without: unknown region 'mars'"),
        (["--without", "us", "--without", "EU", "--without", "asia"], "--without leaves no region of the job to ask"),
    ],
)
def test_regions_that_cannot_be_left_out_are_refused(operator: Operator, options: list[str], why: str) -> None:
    done, _ = operator.run(*options)
    assert done.code == 2
    assert done.document["errors"][0]["message"].startswith(why)


def test_two_regions_with_the_same_endpoint_are_refused_unless_that_is_meant(operator: Operator) -> None:
    with regions_server(TroubledRegions()) as regions:
        operator.uses({**regions.environment(), "BEACON_REGIONS__EU__BASE_URL": f"{regions.url}/us"})
        done, _ = operator.run()
        [error] = done.document["errors"]
        assert (done.code, error["code"]) == (2, "config")
        assert error["message"].startswith("regions US and EU have the same inference URL, http://")
        assert "regions.eu.same_endpoint = true" in error["hint"]
        operator.uses({"BEACON_REGIONS__EU__SAME_ENDPOINT": "true"})
        meant, _ = operator.run("--dry-run")
    assert meant.code == 0
