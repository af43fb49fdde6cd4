"""Says before a run what its job can hardly find out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from beacon_cli.console.program_name import command
from beacon_cli.design.design import design_of, prospects
from beacon_cli.records.find_job import find_job
from beacon_cli.records.stages import recorded_stages
from beacon_cli.runs.request import RunRequest
from beacon_cli.store.connect import connect_readonly
from beacon_cli.store.job_store import Claim
from modal_deployment.regions import Regions


async def doubts(request: RunRequest, claim: Claim, url: str, *, regions: Regions) -> Sequence[str]:
    """Return a warning if the design of a claimed job can hardly find that a region differs; else nothing.

    Of a stored job, the looks before are counted; `regions` are the known ones. Raises `StoreError`.
    """
    looks: tuple[int, ...] = ()
    if claim.exists and claim.job.repeats > 1:
        looks = await asyncio.to_thread(_looks, url, claim.job_id, regions)
    design = design_of(claim.job, request.part, looks=looks)
    doubt = design and prospects(design).doubt
    return [f"{doubt}; {command('plan', str(request.job_file))} shows what can be found"] if doubt else []


def _looks(url: str, job_id: str, regions: Regions) -> tuple[int, ...]:
    with connect_readonly(url) as connection:
        stages = recorded_stages(connection, find_job(connection, job_id, regions=regions))
    return tuple(stage.repeats for stage in stages if stage.repeats > 1)
