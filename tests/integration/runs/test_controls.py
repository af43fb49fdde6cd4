"""A run of a job with a control: what is asked, with which seeds, what is stored, and what is told."""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.in_process import beacon
from tests.support.operator import JOB, Operator
from tests.support.raw_server import Request
from tests.support.regions_server import Regions, regions_server

Connection = psycopg.Connection[tuple[Any, ...]]
CONTROLLED = f"{JOB}repeats: 2\ncontrols: [eu-west]\ngeneration: {{seed: 7}}\n"
LLAMA = "llama3.2-1b"


@dataclass
class SeedRegions(Regions):
    """Remembers the seeds of each region's questions."""

    seeds: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        if request.method == "POST":
            self.seeds[request.path.split("/")[1]].append(json.loads(request.body)["seed"])
        return await super().handle(request, writer)


@pytest.fixture
def controlled(operator: Operator, tmp_path: Path) -> Operator:
    (tmp_path / "job.yaml").write_text(CONTROLLED)
    return operator


def arms(connection: Connection) -> dict[tuple[str, int], int]:
    rows = connection.execute("SELECT region, arm, count(*) FROM executions GROUP BY 1, 2 ORDER BY 1, 2").fetchall()
    return {(region, arm): count for region, arm, count in rows}


def test_a_control_is_asked_everything_twice_with_seeds_of_its_own(
    controlled: Operator, connection: Connection, tmp_path: Path
) -> None:
    with regions_server(SeedRegions()) as regions:
        controlled.uses(regions.environment())
        done, data = controlled.run("--events", "events.jsonl")
        assert (done.code, data["expected"], data["status"]) == (0, 32, "completed")
        assert {name: cells["expected"] for name, cells in data["by_region"].items()} == {"US": 8, "EU": 16, "ASIA": 8}
        assert controlled.run()[1]["nothing_to_ask"] is True
    assert arms(connection) == {("ASIA", 0): 8, ("EU", 0): 8, ("EU", 1): 8, ("US", 0): 8}
    assert isinstance(regions, SeedRegions)
    assert {region: sorted(set(seeds)) for region, seeds in regions.seeds.items()} == {
        "us": [7, 8],
        "eu": [7, 8, 1_000_007, 1_000_008],
        "apac": [7, 8],
    }
    assert [batch["executions"] for batch in data["batches"]] == [16, 16], "both arms are in the question's batch"
    assert controlled.audit()["complete"] == controlled.audit()["containers"] == "pass"
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    [started, *_] = [event for event in events if event["event"] == "job_started"]
    assert started["controls"] == ["EU"]
    stored = [event["arm"] for event in events if event["event"] == "execution_finished" and event["region"] == "EU"]
    assert (len(stored), sum(stored)) == (16, 8)


def test_a_resumed_job_asks_what_is_missing_in_each_arm(controlled: Operator, connection: Connection) -> None:
    with regions_server(Regions()) as regions:
        controlled.uses(regions.environment())
        assert controlled.run()[0].code == 0
        connection.execute("DELETE FROM executions WHERE arm = 1 AND repeat = 1")
        before = sum(regions.seen.values())
        done, data = controlled.run()
        assert (done.code, data["status"], sum(regions.seen.values()) - before) == (0, "completed", 4)
        done, data = controlled.run("--again", "completed", "--region", "EU", "--model", LLAMA)
        assert (done.code, data["again"]["replaced"]) == (0, 8)
    assert arms(connection)["EU", 1] == 8
    old = connection.execute("SELECT arm, count(*) FROM superseded_executions GROUP BY arm ORDER BY arm").fetchall()
    assert old == [(0, 4), (1, 4)]


def test_a_part_has_both_arms_of_its_regions(controlled: Operator, connection: Connection) -> None:
    with regions_server(Regions()) as regions:
        controlled.uses(regions.environment())
        done, data = controlled.run("--region", "EU", "--question", "math_basic")
        assert (done.code, data["success_rate"], data["status"]) == (0, 1.0, "partial")
        assert arms(connection) == {("EU", 0): 4, ("EU", 1): 4}
        done, _ = controlled.run("--without", "EU")
    assert (done.code, arms(connection)["EU", 1]) == (0, 4)


def test_a_changed_control_is_refused_under_the_old_id(controlled: Operator, tmp_path: Path) -> None:
    with regions_server(Regions()) as regions:
        controlled.uses(regions.environment())
        assert controlled.run()[0].code == 0
        (tmp_path / "job.yaml").write_text(CONTROLLED.replace("[eu-west]", "[US]"))
        done, _ = controlled.run()
    [error] = done.document["errors"]
    assert done.code == 2
    assert "controls: EU → US" in error["message"] + error["hint"]


def test_what_is_told_of_a_control(controlled: Operator, database_url: str) -> None:
    with regions_server(Regions()) as regions:
        controlled.uses(regions.environment())
        plan = beacon("run", "job.yaml", "--dry-run", url=database_url).out
        run = beacon("run", "job.yaml", url=database_url)
    assert "control: EU is asked everything twice, with other seeds" in plan
    assert "32 executions in 2 batches" in plan
    assert " controls=EU" in run.err
    assert "EU control  llama3.2-1b" in run.out
    jobs = beacon("jobs", url=database_url)
    assert "2 questions × 2 models × 3 regions × 2 repeats + control EU" in jobs.out
    listed = beacon("jobs", "--json", url=database_url).document["data"]["jobs"]
    assert [(job["controls"], job["expected"], job["answered"]) for job in listed] == [(["EU"], 32, 32)]
