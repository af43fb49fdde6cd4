"""The answers of a job that the user wants to see."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any

from beacon_cli.job.model import DEFAULT_PROMPT
from beacon_cli.job.stored_regions import stored_regions
from beacon_cli.records.choice import Choice, chosen
from beacon_cli.records.expectation import from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.follow import Follower
from beacon_cli.records.read_answers import stored_executions
from beacon_cli.records.snapshot import Connection
from beacon_cli.records.stored_answer import RegionArm, StoredExecution
from beacon_cli.store.text import original


@dataclass(frozen=True, slots=True)
class JobAnswers:
    """A job's answers, or those to one question or of one model."""

    connection: Connection
    job: StoredJob
    only: Choice

    @classmethod
    def of(
        cls, connection: Connection, job: StoredJob, question_id: str | None = None, model_id: str | None = None
    ) -> JobAnswers:
        """Return the answers that are meant. Raises `UsageError` for a question or model that the job does not have."""
        return cls(connection, job, chosen(connection, job, question_id, model_id))

    def stream(self, *, documents: bool = False) -> AbstractContextManager[Iterator[StoredExecution]]:
        """Return a context manager that yields the answers in the order of question, model, region, arm and repeat.

        Leaving it ends the reading, even if not all were read.
        """
        return closing(stored_executions(self.connection, [self.job], **self.only, documents=documents))

    def regions(self) -> dict[str, list[RegionArm]]:
        """Return the arms of the regions in which each model is asked, as far as the stored job has them."""
        asked: dict[str, list[RegionArm]] = {}
        spec = from_spec(self.job.spec, self.job.regions)
        for model_id, region in spec.lanes or ():
            asked.setdefault(model_id, []).extend((region, arm) for arm in range(spec.arms(region)))
        return asked

    def system_prompts(self) -> dict[str, str]:
        """Return the system prompts as the job has them: by region label and `default`; none if it sends none."""
        spec = self.job.spec if isinstance(self.job.spec, dict) else {}
        single, several = spec.get("system_prompt"), spec.get("system_prompts")
        prompts = several if isinstance(several, dict) else {DEFAULT_PROMPT: single}
        labels = {region_id: region.label for region_id, region in stored_regions(spec).items()}
        return {labels.get(name, name): original(text) for name, text in prompts.items() if isinstance(text, str)}

    def follow(self) -> Follower:
        """Return an iterable that waits for further answers."""
        return Follower(self.connection, self.job, self.only)


_TOLD = (
    *("position", "question_id", "prompt", "model_id", "region", "repeat", "status", "response", "seconds"),
    *("error_code", "error_message", "finish_reason", "arm"),
)


def answer_data(execution: StoredExecution) -> dict[str, Any]:
    """Return an answer as in `show --json`: the cell, and its answer; the thought is also in the response, if it came
    inside of it."""
    return {
        **{name: getattr(execution, name) for name in _TOLD},
        "thought": execution.thinking,
        "tags": (execution.tags or "").split(),
    }
