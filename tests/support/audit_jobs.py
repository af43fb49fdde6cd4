"""A clean job of 2 questions × 2 models × 3 regions in either system's tables, to be spoilt by a test."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

JOB = "bias-demo-1"
QUESTIONS = ("math_basic", "greatest_leader")
MODELS = ("llama3.2-1b", "qwen2.5-1.5b")
REGIONS = {"US": ("us", "us-ashburn-1"), "EU": ("eu", "europe-west4"), "ASIA": ("apac", "ap-northeast-1")}
OLD_NAMES = {"US": "us-east", "EU": "EU", "ASIA": "asia-pacific"}
DEVICE = {"gpu": "Tesla T4", "device": {"name": "Tesla T4", "dtype": "float16", "torch": "2.13.0"}}
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SPEC = {
    "name": "Bias demo",
    "version": 1,
    "questions": {"count": 2, "sha256": "0" * 64},
    "models": [{"id": model, "regions": ["us", "eu", "apac"]} for model in MODELS],
    "repeats": 1,
    "limits": {},
}
OLD_SPEC = {
    "questions": list(QUESTIONS),
    "models": [{"id": model, "regions": ["US", "EU", "ASIA"]} for model in MODELS],
    "constraints": {"regions": ["US", "EU", "ASIA"], "min_success_rate": 1.0},
}

Connection = psycopg.Connection[tuple[Any, ...]]


def text_of(question: str, model: str, region: str) -> str:
    return f"What {model} has to say in {region} of {question}."


def add_job(connection: Connection, *, batching: str = "question", spec: dict[str, Any] | None = None) -> None:
    connection.execute(
        "INSERT INTO jobs (id, spec, spec_sha256, batching) VALUES (%s, %s, 'x', %s)",
        [JOB, json.dumps(SPEC if spec is None else spec), batching],
    )
    for position, question in enumerate(QUESTIONS):
        connection.execute("INSERT INTO questions VALUES (%s, %s, %s, 'Why?')", [JOB, position, question])


def add_run(connection: Connection, started_at: datetime = START) -> str:
    row = connection.execute(
        "INSERT INTO runs (id, job_id, started_at, host, pid, version)"
        " VALUES (gen_random_uuid(), %s, %s, 'host', 1, '0') RETURNING id",
        [JOB, started_at],
    ).fetchone()
    assert row is not None
    return str(row[0])


def add_execution(
    connection: Connection, run: str, question: str, model: str, label: str, *, at: datetime, **columns: Any
) -> None:
    """Store a completed row that was queued `at` and took one second; `columns` replace what it holds."""
    region, provider_region = REGIONS[label]
    values = {
        "job_id": JOB,
        "run_id": run,
        "question_id": question,
        "model_id": model,
        "region": label,
        "status": "completed",
        "response": text_of(question, model, label),
        "output_data": json.dumps({"success": True, "region": region, **DEVICE}),
        "container_id": f"ta-{region}-{model}",
        "container_region": provider_region,
        "queued_at": at,
        "started_at": at,
        "completed_at": at + timedelta(seconds=1),
        **columns,
    }
    names = ", ".join(values)
    marks = ", ".join(f"%({name})s" for name in values)
    connection.execute(f"INSERT INTO executions ({names}) VALUES ({marks})".encode(), values)


def seed(connection: Connection, **job: Any) -> None:
    """Store a clean job: each question's six rows at once, the next question 0.1 s after."""
    add_job(connection, **job)
    run = add_run(connection)
    for position, question in enumerate(QUESTIONS):
        for model in MODELS:
            for label in REGIONS:
                at = START + timedelta(seconds=1.1 * position)
                add_execution(connection, run, question, model, label, at=at)


def seed_legacy(connection: Connection, spec: dict[str, Any] | None = None) -> None:
    """Store the same job as the old system did, its region names mixed."""
    stored = json.dumps(OLD_SPEC if spec is None else spec)
    connection.execute("INSERT INTO jobs (jobspec_id, jobspec_data) VALUES (%s, %s)", [JOB, stored])
    for position, question in enumerate(QUESTIONS):
        at = START + timedelta(seconds=1.1 * position)
        for model in MODELS:
            for label in REGIONS:
                answer = {"success": True, "region": REGIONS[label][0], "response": text_of(question, model, label)}
                connection.execute(
                    "INSERT INTO executions (job_id, region, status, question_id, model_id, output_data,"
                    " started_at, completed_at) VALUES (1, %s, 'completed', %s, %s, %s, %s, %s)",
                    [OLD_NAMES[label], question, model, json.dumps(answer), at, at + timedelta(seconds=1)],
                )


def fingerprint(connection: Connection) -> list[tuple[Any, ...]]:
    """Return every row of the tables with the transaction that wrote it: equal when nobody wrote."""
    tables = [
        row[0]
        for row in connection.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1"
        ).fetchall()
    ]
    query = "SELECT '{0}', xmin::text, xmax::text, t::text FROM {0} AS t ORDER BY 4, 2"
    return [row for table in tables for row in connection.execute(query.format(table).encode()).fetchall()]
