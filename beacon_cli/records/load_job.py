"""A job from the database: a worker needs no job file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from beacon_cli.errors import ConfigError
from beacon_cli.job.analysis import Analysis
from beacon_cli.job.generation import Generation
from beacon_cli.job.lanes import Question
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job, JobModel
from beacon_cli.job.stored_regions import stored_regions
from beacon_cli.records.find_job import find_job
from beacon_cli.store.connect import connect_readonly, translated
from beacon_cli.store.text import original
from modal_deployment.regions import Region, Regions

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


def stored_job(url: str, job_id: str, *, regions: Regions) -> Job:
    """Return a job from the database, to run it. `regions` are the known ones.

    Raises `ConfigError` for a region that is not known, or has another label, `JobNotFound` and `StoreError`.
    """
    with connect_readonly(url) as connection, translated():
        return _job_of(url, job_id, find_job(connection, job_id, regions=regions).spec, regions)


def _job_of(url: str, job_id: str, spec: Any, known: Regions) -> Job:
    """Return the job that a `jobs.spec` describes."""
    regions = {region_id: _region(job_id, stored, known) for region_id, stored in stored_regions(spec).items()}
    return Job(
        id=job_id,
        name=spec["name"],
        version=spec["version"],
        questions=StoredQuestions(url, job_id, **spec["questions"]),
        models=tuple(JobModel(m["id"], tuple(regions[region] for region in m["regions"])) for m in spec["models"]),
        repeats=spec["repeats"],
        controls=tuple(spec.get("controls", ())),
        generation=Generation(**spec["generation"]),
        system_prompt=spec["system_prompt"],
        system_prompts=spec.get("system_prompts", {}),
        limits=Limits(**spec["limits"]),
        analysis=Analysis(**spec["analysis"]) if "analysis" in spec else None,
        metadata=spec["metadata"],
    )


def _region(job_id: str, stored: Region, known: Regions) -> Region:
    """Return a region of a stored job as it is known here, with the place that the job says."""
    here = known.get(stored.id)
    if here is None:
        raise ConfigError(
            f"job {job_id} asks region {stored.label}, which is not configured here",
            hint=f"add [regions.{stored.id}] to beacon.toml",
        )
    if here.label != stored.label:
        raise ConfigError(
            f"job {job_id} stores region {stored.id} as {stored.label}, but here its label is {here.label}",
            hint=f'set regions.{stored.id}.label = "{stored.label}" in beacon.toml',
        )
    return replace(here, place=stored.place)
