"""Stored executions as values, for what reads them without a database."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from beacon_cli.records.stored_answer import StoredExecution

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def stored(**values: Any) -> StoredExecution:
    """Return a completed execution; `values` replace what it holds."""
    usual: dict[str, Any] = {field.name: None for field in fields(StoredExecution)}
    usual |= {"job_id": "j", "position": 0, "question_id": "q", "model_id": "m", "region": "US", "repeat": 0, "arm": 0}
    usual |= {"status": "completed", "prompt": "Why?", "response": "Because.", "attempts": 1, "hops": 0}
    usual |= {"queued_at": AT, "started_at": AT, "completed_at": AT.replace(microsecond=250_000), "created_at": AT}
    return StoredExecution(**(usual | values))
