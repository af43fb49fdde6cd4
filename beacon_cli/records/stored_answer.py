"""A stored execution for the commands that read answers: `compare`, `report`, `show` and `export`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from beacon_cli.records.model_words import ModelWords
from beacon_cli.records.witnesses import WITNESSES, places
from modal_deployment.regions import Regions

RegionArm = tuple[str, int]
"""A region's label, and one of the arms in which it is asked."""


@dataclass(frozen=True, slots=True)
class StoredExecution(ModelWords):
    """One row of `executions`. Texts are as the model sent them; they may contain anything.

    `position` is the question's position in the job, None for a question that the job does not have; `tags` are those
    of the question, with a space between them. `region` is a label, and `arm` is 1 in the second arm of a control.
    `answered_region`, `effective_region`, `effective_model` and `effective_system_prompt` are whatever the endpoint
    says that it did: at the top of its answer, in its receipt, or in its metadata. `gpu`, `precision` and `libraries`
    are what its device says of itself. `sent` is a JSON object with the parameters that were sent; of an endpoint that
    is not Beacon's own, `sent_model` is the model's name there, and `asked_at` the URL. `output_data` and
    `receipt_data` are JSON texts, read only on request. A row of the old system has None for columns that its tables
    do not have.
    """

    job_id: str
    position: int | None
    question_id: str
    model_id: str
    region: str
    repeat: int
    status: str
    prompt: str | None
    system_prompt: str | None
    response: str | None
    attempts: int | None
    hops: int | None
    provider_id: str | None
    container_id: str | None
    container_region: str | None
    answered_region: str | None
    model_revision: str | None
    gpu: str | None
    precision: str | None
    libraries: str | None
    architecture: str | None
    model_registry: str | None
    temperature: str | None
    max_tokens: str | None
    tokens_generated: int | None
    http_status: int | None
    error_code: str | None
    error_message: str | None
    function_call_id: str | None
    queued_at: datetime | None
    started_at: datetime | None
    completed_at: datetime | None
    created_at: datetime | None
    run_id: str | None
    output_data: str | None
    receipt_data: str | None
    arm: int
    finish_reason: str | None
    thought: str | None
    effective_system_prompt: str | None
    effective_region: str | None
    effective_model: str | None
    tags: str | None
    sent: str | None = None
    sent_model: str | None = None
    asked_at: str | None = None

    @property
    def way(self) -> str:
        """How the endpoint was asked: by Beacon's own API, or under which name of the model and where."""
        if self.sent_model is None:
            return "Beacon's API"
        return self.sent_model + (f" at {self.asked_at}" if self.asked_at else "")

    @property
    def used_system_prompt(self) -> str | None:
        """The system prompt of the answer: what the endpoint says, else what was sent; empty if there was none.

        None if it is unknown. Beacon's rows, which name their run, also record that none was sent; the old system's
        do not.
        """
        said = self.effective_system_prompt or self.system_prompt
        return said or ("" if self.run_id is not None else None)

    def places(self, regions: Regions) -> frozenset[str]:
        """Return the labels of the regions that the endpoint, its provider or the container's place name, if any."""
        return frozenset(places({witness: getattr(self, witness) for witness in WITNESSES}, regions).values())

    @property
    def seconds(self) -> float | None:
        """How long the answer took, from the first sent attempt to the end."""
        if self.started_at is None or self.completed_at is None:
            return None
        return (self.completed_at - self.started_at).total_seconds()
