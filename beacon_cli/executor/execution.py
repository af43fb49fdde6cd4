"""The terms of the executor: cells, batches, and their executions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from beacon_cli.console.formatting import arm_label
from beacon_cli.job.lanes import Lane, Question

Status = Literal["completed", "empty", "blocked", "failed", "timeout", "cancelled"]
STATUSES: tuple[Status, ...] = ("completed", "empty", "blocked", "failed", "timeout", "cancelled")
ANSWERED: frozenset[Status] = frozenset({"completed", "empty", "blocked"})
"""The statuses of an answered cell: resuming a job does not ask it again. `blocked`: the provider refused to have this
prompt answered, which is what became of the question, and no fault of the way."""

CUT_OFF = "length"
"""The `finish_reason` of an answer that ended at the maximum length (OpenAI's word for it)."""

GENERATED: frozenset[Status] = ANSWERED - {"blocked"}
"""The statuses of answers that a model gave; a blocked one may never have reached a model."""

Batching = Literal["question", "region", "lane"]

ERROR_CODES: dict[str, str] = {
    "thought_only": "a thought, and no answer after it",
    "content_filtered": "the provider's content filter refused the prompt, or the answer",
    "legal_blocked": "the provider refuses the prompt for legal reasons (451)",
    "geo_blocked": "the provider does not serve this country, region or territory",
    "no_credit": "the account is out of credit or quota (402)",
    "slot_timeout": "no slot became free in time (limits.slot_timeout)",
    "connect_timeout": "the connection to the endpoint was not made in time (limits.connect_timeout)",
    "answer_timeout": "no complete answer in time, hops included (limits.answer_timeout)",
    "job_timeout": "the run reached its time limit (limits.job_timeout)",
    "connection_failed": "the connection was refused, reset or broken",
    "tls_failed": "the endpoint's certificate was refused",
    "unauthorized": "the endpoint refused the credentials, or requires credentials (401, 403)",
    "proxy_refused": "the proxy on the way refused its user and password, or requires some (407)",
    "unknown_model": "the endpoint does not serve this model (404)",
    "request_rejected": "the endpoint refused the request (another 4xx, or a 403 although it accepts the credentials)",
    "rate_limited": "the endpoint is busy (429)",
    "server_error": "the endpoint failed (408, 5xx)",
    "gpu_failed": "the GPU behind the endpoint failed; its container ends, and another one starts",
    "nan_logits": "the model computed what is not a number, so it gave no answer",
    "endpoint_error": "the endpoint answered 200 with an error inside (an old deployment)",
    "malformed_response": "the answer is not the JSON that the contract requires, or was cut off",
    "response_too_large": "the answer is larger than the limit",
    "region_mismatch": "the answer is from another region than the one asked",
    "model_mismatch": "the answer is from another model than the one asked",
    "wrong_prompt": "the answer belongs to another question, according to its receipt or its request id",
    "redirect_refused": "a redirect that is not a 303 from Modal, or does not lead to https",
    "redirect_cross_origin": "a redirect to another origin; it was not followed",
    "result_lost": "the result of a call is no longer at the result URL (404, 410 after a 303)",
    "cancelled": "the run was stopped while this cell was in flight",
    "handed_back": "a worker of the fleet was stopped while this cell was in flight; another worker continues the job",
}
"""Every `error_code` of an execution, with its meaning."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One (question, model, region, repeat, arm) of a job: the unit that is asked once and stored once.

    `supersedes` is the id of the run whose answer a new answer replaces, if the cell is asked again on purpose. `arm`
    is 1 in the second arm of a control, else 0.
    """

    question: Question
    lane: Lane
    repeat: int = 0
    supersedes: str | None = None
    arm: int = 0

    def __hash__(self) -> int:
        return hash((self.question.id, self.lane.model_id, self.lane.region.id, self.repeat, self.arm))  # often a key

    def __str__(self) -> str:
        """Return `question · model · REGION`."""
        return f"{self.question.id} · {self.lane.model_id} · {arm_label(self.lane.region.label, self.arm)}"


@dataclass(frozen=True, slots=True)
class Batch:
    """The cells of one question that are still to be asked. `position` counts the job's questions from 0."""

    position: int
    question: Question
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Settled:
    """The part of a stored execution that a batch keeps: without its text, which may be large."""

    status: Status
    container_id: str | None
    completed_at: datetime


@dataclass(frozen=True, slots=True)
class Execution:
    """The outcome of a cell: one row of the `executions` table. Times are aware datetimes on the run's own clock.

    `thought` is what the model wrote before its answer; `tokens` counts what it generated. `effective_system_prompt`
    and `effective_region` are what the endpoint says that it did, not what was asked of it.
    """

    cell: Cell
    status: Status
    attempts: int
    hops: int
    system_prompt: str | None
    queued_at: datetime
    started_at: datetime | None
    completed_at: datetime
    response: str | None = None
    output_data: Mapping[str, Any] | None = None
    receipt_data: Mapping[str, Any] | None = None
    provider_id: str | None = None
    container_id: str | None = None
    container_region: str | None = None
    http_status: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    function_call_id: str | None = None
    finish_reason: str | None = None
    thought: str | None = None
    tokens: int | None = None
    model_revision: str | None = None
    effective_system_prompt: str | None = None
    effective_region: str | None = None

    @property
    def seconds(self) -> float:
        """The duration of all attempts, including hops; 0 if the cell never started."""
        return (self.completed_at - self.started_at).total_seconds() if self.started_at else 0.0
