"""Jobs of several repeats whose answers vary by chance, one of them otherwise in one region, stored as a run would."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.support.audit_jobs import JOB, MODELS, REGIONS, START, Connection, add_execution

DEVICE = {"dtype": "bfloat16", "torch": "2.13.0"}
_COMMON = [f"word{number}" for number in range(40)]
_OTHER = [f"other{number}" for number in range(40)]
_RECEIPT = {
    "provenance": {"architecture": "transformers", "model_registry": "a" * 64},
    "output": {"metadata": {"temperature": 0.7, "max_tokens": 500}},
}


@dataclass(frozen=True)
class NoisyJob:
    """What to store. `planted` is the (question, model, region) that answers with words of its own.

    `controls` are labels of regions with a second arm; if it is `odd`, that answers every question with words of its
    own.
    """

    id: str = JOB
    questions: int = 4
    repeats: int = 5
    models: tuple[str, ...] = MODELS
    planted: tuple[str, str, str] | None = ("q2", MODELS[0], "ASIA")
    system_prompt: str | None = None
    output: Mapping[str, Any] = field(default_factory=lambda: {"model_revision": "r1", "gpu": "T4", "device": DEVICE})
    words: int = 30
    seed: int = 1
    controls: tuple[str, ...] = ()
    odd: bool = False


def store(connection: Connection, job: NoisyJob) -> None:
    """Store the job with an answer for each of its cells."""
    chance = random.Random(job.seed)
    run = _begin(connection, job)
    for position in range(job.questions):
        for model in job.models:
            for label, (region, _) in REGIONS.items():
                arms = range(2 if label in job.controls else 1)
                for arm, repeat in itertools.product(arms, range(job.repeats)):
                    question = f"q{position}"
                    words = _OTHER if (question, model, label) == job.planted or (arm and job.odd) else _COMMON
                    add_execution(
                        *(connection, run, question, model, label),
                        at=START + timedelta(seconds=2 * position),
                        job_id=job.id,
                        repeat=repeat,
                        arm=arm,
                        prompt=f"Question {position}?",
                        system_prompt=job.system_prompt,
                        response=" ".join(chance.choice(words) for _ in range(job.words)),
                        output_data=json.dumps({"success": True, "region": region, "model": model, **job.output}),
                        receipt_data=json.dumps(_RECEIPT),
                    )


def _begin(connection: Connection, job: NoisyJob) -> str:
    spec = {
        "name": "Noisy",
        "version": 1,
        "questions": {"count": job.questions, "sha256": "0" * 64},
        "models": [{"id": model, "regions": ["us", "eu", "apac"]} for model in job.models],
        "repeats": job.repeats,
        "system_prompt": job.system_prompt,
        "limits": {},
    }
    if job.controls:
        spec["controls"] = [REGIONS[label][0] for label in job.controls]
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching, status, started_at, completed_at)"
        " VALUES (%s, %s, 'x', 'question', 'completed', %s, %s)",
        [job.id, json.dumps(spec), START, START + timedelta(minutes=1)],
    )
    for position in range(job.questions):
        connection.execute(
            "INSERT INTO questions VALUES (%s, %s, %s, %s)",
            [job.id, position, f"q{position}", f"Question {position}?"],
        )
    row = connection.execute(
        "INSERT INTO runs (id, job_id, started_at, ended_at, host, pid, version)"
        " VALUES (gen_random_uuid(), %s, %s, %s, 'host', 1, '0') RETURNING id",
        [job.id, START, START + timedelta(minutes=1)],
    ).fetchone()
    assert row is not None
    return str(row[0])
