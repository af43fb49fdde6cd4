"""A job of many cells, stored by one statement: what pages and searches of a large job have to bear."""

from __future__ import annotations

import json
from dataclasses import dataclass

from tests.support.audit_jobs import JOB, Connection

REGIONS = {"us": "US", "eu": "EU", "apac": "ASIA"}
_INSERT = """
INSERT INTO executions (job_id, run_id, question_id, model_id, region, repeat, status, attempts, hops, prompt, response,
                        started_at, completed_at)
SELECT %(job)s, %(run)s, 'q' || question, model, region, repeat, 'completed', 1, 0, 'Question ' || question || '?',
       'Answer ' || repeat || ' of ' || model || ' in ' || region || ' to question ' || question || ': '
           || repeat(md5(question || model || region || repeat) || ' ', %(words)s),
       '2026-01-02 03:04:05+00'::timestamptz + question * interval '2 s',
       '2026-01-02 03:04:06+00'::timestamptz + question * interval '2 s'
FROM generate_series(0, %(questions)s - 1) AS question, unnest(%(models)s::text[]) AS model,
     unnest(%(regions)s::text[]) AS region, generate_series(0, %(repeats)s - 1) AS repeat
"""


@dataclass(frozen=True)
class ManyCells:
    """A job of questions × models × regions × repeats, each answered with a text of `words` words of 32 letters."""

    id: str = JOB
    questions: int = 100
    models: tuple[str, ...] = ("llama3.2-1b", "qwen2.5-1.5b")
    regions: tuple[str, ...] = ("US", "EU", "ASIA")
    repeats: int = 5
    words: int = 20

    @property
    def cells(self) -> int:
        """How many there are."""
        return self.questions * len(self.models) * len(self.regions) * self.repeats


def store(connection: Connection, job: ManyCells) -> None:
    """Store the job with all its answers. Regions that are not built in stand in its spec."""
    ids = {label: region_id for region_id, label in REGIONS.items()}
    own = {label.lower(): {"label": label, "place": label} for label in job.regions if label not in ids}
    regions = [ids.get(label, label.lower()) for label in job.regions]
    spec = {
        "name": "Many cells",
        "version": 1,
        "questions": {"count": job.questions, "sha256": "0" * 64},
        "models": [{"id": model, "regions": regions} for model in job.models],
        "repeats": job.repeats,
        "limits": {},
        **({"regions": own} if own else {}),
    }
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching, status, started_at) VALUES (%s, %s, 'x', 'question',"
        " 'completed', '2026-01-02 03:04:05+00')",
        [job.id, json.dumps(spec)],
    )
    connection.execute(
        "INSERT INTO questions SELECT %s, number, 'q' || number, 'Question ' || number || '?'"
        " FROM generate_series(0, %s - 1) AS number",
        [job.id, job.questions],
    )
    run = connection.execute(
        "INSERT INTO runs (id, job_id, started_at, ended_at, host, pid, version) VALUES (gen_random_uuid(), %s,"
        " '2026-01-02 03:04:05+00', '2026-01-02 04:04:05+00', 'host', 1, '0') RETURNING id",
        [job.id],
    ).fetchall()[0][0]
    parameters = {
        "job": job.id,
        "run": run,
        "questions": job.questions,
        "models": list(job.models),
        "regions": list(job.regions),
        "repeats": job.repeats,
        "words": job.words,
    }
    connection.execute(_INSERT, parameters)
