"""Says before a run what its job can hardly find out."""

from __future__ import annotations

from collections.abc import Sequence

from beacon_cli.console.program_name import command
from beacon_cli.design.design import design_of, prospects
from beacon_cli.job.model import Job
from beacon_cli.runs.request import RunRequest


def doubts(request: RunRequest, job: Job) -> Sequence[str]:
    """Return a warning if the design of the job can hardly find that a region differs; else nothing."""
    design = design_of(job, request.part)
    doubt = design and prospects(design).doubt
    return [f"{doubt}; {command('plan', str(request.job_file))} shows what can be found"] if doubt else []
