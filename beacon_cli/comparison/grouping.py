"""What is compared: the regions of a job, its models, or two jobs."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from beacon_cli.comparison.verdicts import Subject
from beacon_cli.records.stored_answer import StoredExecution

By = Literal["region", "model", "tag"]
BY: tuple[By, ...] = get_args(By)
"""What people can choose. By tag, it is the regions that are compared, and then their differences between tags."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """Says of an execution to which group it belongs, and to which subject: what is tested together.

    The groups are regions inside a question and model, models inside a question and region, or jobs inside all three.
    """

    groups: Literal["region", "model", "job"] = "region"

    @property
    def plural(self) -> str:
        """The word for several groups."""
        return f"{self.groups}s"

    def group_of(self, execution: StoredExecution) -> str:
        """Return the name of an execution's group."""
        return {"region": execution.region, "model": execution.model_id, "job": execution.job_id}[self.groups]

    def subject(self, question_id: str, model_id: str, region: str) -> Subject:
        """Return the subject of a cell."""
        return Subject(
            question_id,
            None if self.groups == "model" else model_id,
            None if self.groups == "region" else region,
        )

    def subject_of(self, execution: StoredExecution) -> Subject:
        """Return the subject of an execution."""
        return self.subject(execution.question_id, execution.model_id, execution.region)

    def in_order(self, executions: Iterable[StoredExecution]) -> Iterator[StoredExecution]:
        """Yield executions, which come in the order of question, model and region, subject by subject.

        If models are compared, those of one question are held at a time.
        """
        if self.groups != "model":
            return iter(executions)
        questions = itertools.groupby(executions, key=lambda each: each.question_id)
        return (each for _, rows in questions for each in _by_region(rows))


def _by_region(executions: Iterable[StoredExecution]) -> Iterator[StoredExecution]:
    regions: dict[str, list[StoredExecution]] = {}
    for each in executions:
        regions.setdefault(each.region, []).append(each)
    return itertools.chain.from_iterable(regions.values())
