"""An execution as a row: the columns, their values, and the statements that store them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from beacon_cli.executor.execution import Execution
from beacon_cli.store.text import storable, storable_json

Row = dict[str, Any]

COLUMNS = (
    *("job_id", "run_id", "question_id", "model_id", "region", "repeat", "status", "attempts", "hops"),
    *("prompt", "system_prompt", "response", "output_data", "receipt_data", "provider_id", "container_id"),
    *("container_region", "http_status", "error_code", "error_message", "function_call_id"),
    *("queued_at", "started_at", "completed_at"),
    *("arm", "finish_reason", "thought", "tokens", "model_revision", "effective_system_prompt", "effective_region"),
)
# NUL, surrogates (also pairs) and the mark of escaped texts, as JSON writes them: only then is the value processed.
_MAY_NEED_ESCAPING = re.compile(r"\\u(0000|d[89a-f]|e000)")
_ENCODER = json.JSONEncoder(allow_nan=False)
KEY = ("job_id", "question_id", "model_id", "region", "repeat", "arm")
"""The columns that identify a cell; they are unique."""

ANSWERED_SQL = "('completed', 'empty', 'blocked')"
"""`execution.ANSWERED` in a statement."""

INSERT = f"""
INSERT INTO executions ({", ".join(COLUMNS)})
VALUES ({", ".join(f"%({column})s" for column in COLUMNS)})
ON CONFLICT ({", ".join(KEY)}) DO UPDATE
SET {", ".join(f"{c} = EXCLUDED.{c}" for c in COLUMNS if c not in {*KEY, "attempts"})},
    attempts = executions.attempts + EXCLUDED.attempts
WHERE executions.status NOT IN {ANSWERED_SQL} AND executions.run_id <> EXCLUDED.run_id
"""
"""Stores a row. An answered cell is never overwritten, and a run stores a cell only once: storing the same rows again,
after a connection was cut between the commit and its confirmation, changes nothing."""

REPLAY = f"{INSERT} AND EXCLUDED.status IN {ANSWERED_SQL}"
"""Stores a row of a journal: an answer is always used, but a failure may be older than the stored row.

It needs no lock on the job: a stored answer is never replaced, even if another process runs the job."""

SUPERSEDES = "supersedes"
"""The key of a row for the run whose answer it replaces. It is no column: the replaced row says by which run it was."""

_KEPT = ", ".join(("id", *COLUMNS, "created_at"))

SUPERSEDE = f"""
WITH old AS (
    SELECT {_KEPT} FROM executions
    WHERE {" AND ".join(f"{column} = %({column})s" for column in KEY)}
      AND run_id = %({SUPERSEDES})s::uuid AND status IN {ANSWERED_SQL} AND %(status)s::text IN {ANSWERED_SQL}
    FOR UPDATE
), kept AS (
    INSERT INTO superseded_executions ({_KEPT}, superseded_by)
    SELECT {_KEPT}, %(run_id)s::uuid FROM old
    RETURNING id
)
UPDATE executions
SET {", ".join(f"{column} = %({column})s" for column in COLUMNS if column not in KEY)}
FROM kept WHERE executions.id = kept.id
"""
"""Stores an answer in place of the one that the row names, which moves to `superseded_executions`.

Only if that one is still stored: so it needs no lock on the job either, and storing the row again changes nothing.
"""


def row_of(execution: Execution, *, job_id: str, run_id: str) -> Row:
    """Return the column values of an execution; each is a text, a number or None, so that a row is also JSON."""
    cell = execution.cell
    return {
        "job_id": job_id,
        "run_id": run_id,
        "question_id": cell.question.id,
        "model_id": cell.lane.model_id,
        "region": cell.lane.region.label,
        "repeat": cell.repeat,
        "status": execution.status,
        "attempts": execution.attempts,
        "hops": execution.hops,
        "prompt": storable(cell.question.text),
        "system_prompt": _text(execution.system_prompt),
        "response": _text(execution.response),
        "output_data": _json(execution.output_data),
        "receipt_data": _json(execution.receipt_data),
        "provider_id": _text(execution.provider_id),
        "container_id": _text(execution.container_id),
        "container_region": _text(execution.container_region),
        "http_status": execution.http_status,
        "error_code": execution.error_code,
        "error_message": _text(execution.error_message),
        "function_call_id": _text(execution.function_call_id),
        "queued_at": _time(execution.queued_at),
        "started_at": _time(execution.started_at),
        "completed_at": _time(execution.completed_at),
        "arm": cell.arm,
        "finish_reason": _text(execution.finish_reason),
        "thought": _text(execution.thought),
        "tokens": execution.tokens,
        "model_revision": _text(execution.model_revision),
        "effective_system_prompt": _text(execution.effective_system_prompt),
        "effective_region": _text(execution.effective_region),
        SUPERSEDES: cell.supersedes,
    }


def _text(value: str | None) -> str | None:
    return None if value is None else storable(value)


def _json(value: Mapping[str, Any] | None) -> str | None:
    if value is None:
        return None
    text = _ENCODER.encode(value)
    return text if _MAY_NEED_ESCAPING.search(text) is None else _ENCODER.encode(storable_json(dict(value)))


def _time(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()
