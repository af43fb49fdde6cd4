"""`beacon run` with more repeats than the stored job: what is asked, told, audited and listed then."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field

from tests.support.in_process import beacon
from tests.support.operator import Operator
from tests.support.raw_server import Request
from tests.support.regions_server import Regions, regions_server


def test_more_repeats_under_the_same_id_ask_only_these(operator: Operator, database_url: str) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        _, first = operator.run()
        operator.job.write_text(f"{operator.job.read_text()}repeats: 3\n")
        done, grown = operator.run()
        again, nothing = operator.run()
        operator.job.write_text(operator.job.read_text().replace("repeats: 3", "repeats: 2"))
        fewer, _ = operator.run()
    assert (first["repeats_before"], first["expected"]) == (None, 12)
    assert (done.code, grown["repeats_before"], grown["expected"], grown["counts"]["completed"]) == (0, 1, 36, 36)
    assert (
        "repeats grow from 1 to 3: only what has no answer is asked; comparing the job then is a further look"
        in done.err
    )
    assert sum(regions.seen.values()) == 36
    assert (again.code, nothing["nothing_to_ask"], nothing["repeats_before"]) == (0, True, None)
    assert (fewer.code, fewer.document["errors"][0]["message"]) == (
        2,
        "job operators is already stored with 3 repeats, and 2 would be fewer",
    )
    assert "fail" not in operator.audit().values()
    [listed] = beacon("jobs", "--json", url=database_url).document["data"]["jobs"]
    assert [listed[name] for name in ("repeats", "answered", "expected", "status")] == [3, 36, 36, "completed"]
    shown = beacon("show", "operators", "--json", url=database_url).document["data"]["answers"]
    assert sorted({answer["repeat"] for answer in shown}) == [0, 1, 2]


def test_the_plan_of_a_job_that_grows_counts_the_looks_before(operator: Operator) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        operator.job.write_text(f"{operator.job.read_text()}repeats: 3\n")
        operator.run()
        operator.job.write_text(operator.job.read_text().replace("repeats: 3", "repeats: 5"))
        _, plan = operator.run("--dry-run")
    assert (plan["design"]["looks"], round(plan["design"]["level"], 4)) == ([3], 0.0067)


def test_a_run_counts_the_looks_before_where_it_warns_of_what_can_hardly_be_found(operator: Operator) -> None:
    doubt = "with 4 repeats and 4 results this job can hardly show that a region differs: the chance is at most 2.1 %"
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        operator.job.write_text(f"{operator.job.read_text()}analysis: {{rate: 0.01}}\nrepeats: 3\n")
        first, first_data = operator.run()
        operator.job.write_text(operator.job.read_text().replace("repeats: 3", "repeats: 4"))
        grown, grown_data = operator.run()
    assert ("warning" in first.err, first_data["warnings"]) == (False, [])
    [warning] = grown_data["warnings"]
    assert warning.startswith(doubt)
    assert [line.split("warning: ")[1] for line in grown.err.splitlines() if "warning" in line] == [warning]


@dataclass
class SeedRegions(Regions):
    """Knows with which seeds it was asked."""

    seeds: list[int] = field(default_factory=list)

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        if request.body:
            self.seeds.append(json.loads(request.body)["seed"])
        return await super().handle(request, writer)


def test_the_seeds_of_new_repeats_go_on_where_the_old_ones_ended(operator: Operator) -> None:
    with regions_server(SeedRegions()) as regions:
        assert isinstance(regions, SeedRegions)
        operator.uses(regions.environment())
        operator.job.write_text(f"{operator.job.read_text()}generation: {{seed: 7}}\n")
        operator.run()
        operator.job.write_text(f"{operator.job.read_text()}repeats: 3\n")
        operator.run()
    assert Counter(regions.seeds) == {7: 12, 8: 12, 9: 12}
