"""A job as the database has it: a worker needs no job file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from beacon_cli.errors import JobNotFound
from beacon_cli.job.lanes import Question
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Generation, Job, JobModel
from beacon_cli.store.connect import connect_readonly, translated
from modal_deployment.regions import REGIONS


@dataclass(frozen=True, slots=True)
class StoredQuestions:
    """The questions of a stored job, by count and digest; their texts are read batch by batch."""

    count: int
    sha256: str

    def __iter__(self) -> Iterator[Question]:
        """Not for this: whoever asks questions reads them from the store."""
        raise NotImplementedError


def stored_job(url: str, job_id: str) -> Job:
    """Return a job of the database. Raises `JobNotFound` and `StoreError`."""
    with connect_readonly(url) as connection, translated():
        row = connection.execute("SELECT spec FROM jobs WHERE id = %s", [job_id]).fetchone()
    if row is None:
        raise JobNotFound(f"no job {job_id} is in the database")
    return job_of(job_id, row[0])


def job_of(job_id: str, spec: Any) -> Job:
    """Return the job that a `jobs.spec` describes."""
    return Job(
        id=job_id,
        name=spec["name"],
        version=spec["version"],
        questions=StoredQuestions(**spec["questions"]),
        models=tuple(JobModel(m["id"], tuple(REGIONS[region] for region in m["regions"])) for m in spec["models"]),
        repeats=spec["repeats"],
        generation=Generation(**spec["generation"]),
        system_prompt=spec["system_prompt"],
        limits=Limits(**spec["limits"]),
        metadata=spec["metadata"],
    )
