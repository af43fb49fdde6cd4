"""A job from the database: a worker needs no job file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from beacon_cli.job.generation import Generation
from beacon_cli.job.lanes import Question
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job, JobModel
from beacon_cli.records.find_job import find_job
from beacon_cli.store.connect import connect_readonly, translated
from beacon_cli.store.text import original
from modal_deployment.regions import REGIONS

_QUESTIONS = "SELECT id, text, tags FROM questions WHERE job_id = %s ORDER BY position"


@dataclass(frozen=True, slots=True)
class StoredQuestions:
    """The questions of a stored job. Iterating reads them from the database. Raises `StoreError`."""

    url: str = field(repr=False)
    job_id: str
    count: int
    sha256: str

    def __iter__(self) -> Iterator[Question]:
        with (
            connect_readonly(self.url) as connection,
            translated(),
            connection.transaction(),
            connection.cursor("questions") as cursor,
        ):
            rows: Any = cursor.execute(_QUESTIONS, [self.job_id])
            for question_id, text, tags in rows:
                yield Question(question_id, original(text), tuple(tags))


def stored_job(url: str, job_id: str) -> Job:
    """Return a job from the database. Raises `JobNotFound` and `StoreError`."""
    with connect_readonly(url) as connection, translated():
        return _job_of(url, job_id, find_job(connection, job_id).spec)


def _job_of(url: str, job_id: str, spec: Any) -> Job:
    """Return the job that a `jobs.spec` describes."""
    return Job(
        id=job_id,
        name=spec["name"],
        version=spec["version"],
        questions=StoredQuestions(url, job_id, **spec["questions"]),
        models=tuple(JobModel(m["id"], tuple(REGIONS[region] for region in m["regions"])) for m in spec["models"]),
        repeats=spec["repeats"],
        generation=Generation(**spec["generation"]),
        system_prompt=spec["system_prompt"],
        system_prompts=spec.get("system_prompts", {}),
        limits=Limits(**spec["limits"]),
        metadata=spec["metadata"],
    )
