"""A job as a bundle holds it: its row, its runs, what is known of regions and models, and how it was compared."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from beacon_cli.comparison.options import Options
from beacon_cli.export.times import iso
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.snapshot import Connection
from beacon_cli.store.queries import query
from beacon_cli.store.text import original
from modal_deployment.regions import Region, Regions
from modal_deployment.registry import Model

SCHEMA_VERSION = 1

_NAMES = ("aliases", "container_prefixes")
# The keys of a stored job that a job file has too, with the same values.
_AS_WRITTEN = ("name", "version", "models", "repeats", "controls", "limits", "analysis", "metadata")


def job_document(
    connection: Connection, job: StoredJob, options: Options, models: Mapping[str, Model]
) -> dict[str, Any]:
    """Return what a bundle says of a job beside its questions and executions. `models` are the known ones.

    Regions are all by which the rows are read, since what an endpoint says may name any; models those that are asked.
    """
    parameters = {"job_id": job.key}
    with connection.cursor(row_factory=dict_row) as cursor:
        [row] = cursor.execute(query("bundle", "job"), parameters).fetchall()
        runs = cursor.execute(query("bundle", "runs"), parameters).fetchall()
    asked = [model["id"] for model in job.spec["models"]]
    return {
        "schema_version": SCHEMA_VERSION,
        "job": _with_times({**row, "spec": job.spec}),
        "runs": [_with_times(run) for run in runs],
        "regions": [_described(region) for region in job.regions.values()],
        "models": [asdict(models[model_id]) for model_id in asked if model_id in models],
        "compare": _comparison(options),
    }


def question_lines(connection: Connection, job: StoredJob) -> Iterator[bytes]:
    """Yield the questions of a job as a job file reads them: a JSON object per line."""
    with connection.cursor(name="questions") as cursor:
        cursor.execute(query("bundle", "questions"), {"job_id": job.key})
        for question_id, text, tags in cursor:
            question = {"id": original(question_id), "text": original(text), **({"tags": tags} if tags else {})}
            yield f"{json.dumps(question)}\n".encode()


def job_file(job: StoredJob, questions: str) -> dict[str, Any]:
    """Return the job as a job file, which has its questions in a file of that name."""
    spec = job.spec
    prompts = {key: spec[key] for key in ("system_prompt", "system_prompts") if spec.get(key)}
    generation = {key: value for key, value in spec.get("generation", {}).items() if value is not None}
    return {
        "id": job.id,
        **{key: spec[key] for key in _AS_WRITTEN if key in spec},
        "questions": {"file": questions},
        "generation": generation,
        **prompts,
    }


def regions_of(described: Iterable[Mapping[str, Any]]) -> Regions:
    """Return the regions of a bundle's job. Raises `TypeError` and `ValueError` for what are none."""
    return Regions(Region(**{**each, **{name: frozenset(each[name]) for name in _NAMES}}) for each in described)


def _described(region: Region) -> dict[str, Any]:
    return {**asdict(region), **{name: sorted(getattr(region, name)) for name in _NAMES}}


def _comparison(options: Options) -> dict[str, Any]:
    """Return how the answers were compared; None stands for what the job plans, or the default."""
    values = {
        "measure": options.measure,
        "rate": options.terms.rate,
        "margin": options.terms.margin,
        "accept": sorted(options.accepted),
    }
    given = {name: value if name in options.given else None for name, value in values.items()}
    return {"by": options.by, **given, "refusal_rule": options.rule.source}


def _with_times(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: iso(value) if isinstance(value, datetime) else value for name, value in row.items()}
