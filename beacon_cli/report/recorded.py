"""What one pass over the executions of a job collects for the page: answers, times, conditions."""

from __future__ import annotations

import itertools
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from beacon_cli.comparison.conditions import CONDITIONS
from beacon_cli.comparison.grouping import Grouping
from beacon_cli.executor.execution import GENERATED
from beacon_cli.records.stored_answer import StoredExecution
from beacon_cli.report.answer_sets import AnswerFile, Gathering, key_of
from beacon_cli.report.timeline import Timeline

_VALUES_KEPT = 20
_CODES_KEPT = 30
_MESSAGE_CHARACTERS = 1000
_PROMPTS_KEPT = 5000
_PROMPT_CHARACTERS = 300

Lane = tuple[str, str]
"""A region's label and a model's id."""


@dataclass(slots=True)
class Failure:
    """The number of executions without text for one reason, and the message of the first one."""

    example: str
    count: int = 0


@dataclass(slots=True)
class Recorded:
    """`seconds` has the durations of the answers with text; `conditions` maps name → model → region → values;
    `failures` are executions without an answer and `blocked` are blocked answers, by error code, or by status if there
    is no code."""

    answers: AnswerFile
    grouping: Grouping
    timeline: Timeline = field(default_factory=Timeline)
    seconds: dict[Lane, array[float]] = field(default_factory=dict)
    conditions: dict[str, dict[str, dict[str, set[str]]]] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)
    blocked: dict[str, Failure] = field(default_factory=dict)
    prompts: dict[str, str] = field(default_factory=dict)
    first: datetime | None = None
    last: datetime | None = None

    def watch(self, executions: Iterable[StoredExecution]) -> Iterator[StoredExecution]:
        """Yield all executions, which are ordered by subject, and collect on the way.

        The answers of a control's second arm are no answers of its region.
        """
        for subject, rows in itertools.groupby(executions, key=self.grouping.subject_of):
            gathering = Gathering(key_of(subject))
            for execution in rows:
                self._note(execution)
                if not execution.arm:
                    gathering.add(execution, self.grouping.group_of(execution))
                yield execution
            found = gathering.gathered()
            if len(self.prompts) < _PROMPTS_KEPT:
                self.prompts.setdefault(subject.question_id, found.prompt[:_PROMPT_CHARACTERS])
            self.answers.add(found)

    def _note(self, execution: StoredExecution) -> None:
        self.timeline.add(execution)
        if execution.status == "completed" and execution.seconds is not None and not execution.arm:
            lane = (execution.region, execution.model_id)
            self.seconds.setdefault(lane, array("d")).append(execution.seconds)
        if execution.status in GENERATED:
            self._note_conditions(execution)
        elif execution.status == "blocked":
            _count(execution, self.blocked)
        else:
            _count(execution, self.failures)
        for moment in (execution.queued_at, execution.started_at, execution.completed_at):
            if moment is not None:
                self.first = moment if self.first is None else min(self.first, moment)
                self.last = moment if self.last is None else max(self.last, moment)

    def _note_conditions(self, execution: StoredExecution) -> None:
        for name, value_of in CONDITIONS.items():
            models = self.conditions.setdefault(name, {})
            values = models.setdefault(execution.model_id, {}).setdefault(execution.region, set())
            value = value_of(execution)
            if value is not None and len(values) < _VALUES_KEPT:
                values.add(value)


def _count(execution: StoredExecution, failures: dict[str, Failure]) -> None:
    code = execution.error_code or execution.status
    if code in failures or len(failures) < _CODES_KEPT:
        failures.setdefault(code, Failure((execution.error_message or "")[:_MESSAGE_CHARACTERS])).count += 1
