"""Stored executions for tests."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

from beacon_cli.records.stored_answer import StoredExecution

_STARTED = datetime(2026, 11, 1, tzinfo=UTC)
_USUAL: dict[str, Any] = {
    "job_id": "job",
    "position": 0,
    "question_id": "q",
    "model_id": "m",
    "region": "US",
    "repeat": 0,
    "arm": 0,
    "status": "completed",
    "prompt": "What is 2+2?",
    "response": "4",
    "hops": 0,
    "answered_region": "us",
    "effective_model": "m",
    "tags": None,
    "run_id": "run",
    "model_revision": "5f1",
    "gpu": "A10G",
    "precision": "bfloat16",
    "libraries": "torch 2.13.0",
    "architecture": "transformers",
    "model_registry": "abc",
    "temperature": "0.1",
    "max_tokens": "500",
}


def execution(*, seconds: float | None = None, **fields: Any) -> StoredExecution:
    """Return an execution that is as usual but for `fields`, and took so many seconds."""
    values: dict[str, Any] = {field.name: None for field in dataclasses.fields(StoredExecution)} | _USUAL
    if seconds is not None:
        values |= {"started_at": _STARTED, "completed_at": _STARTED + timedelta(seconds=seconds)}
    return StoredExecution(**(values | fields))
