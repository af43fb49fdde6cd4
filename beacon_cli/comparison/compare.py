"""Comparing the regions of a job, or two jobs: read the answers once, count, test, judge."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from beacon_cli.audit.audit import audited
from beacon_cli.audit.report import AuditReport
from beacon_cli.comparison.comparison import Comparison, GroupFigures, RefusalHit
from beacon_cli.comparison.conditions import Conditions
from beacon_cli.comparison.distance import MEASURES
from beacon_cli.comparison.figures import Tally
from beacon_cli.comparison.judged_answers import AnswerJudge
from beacon_cli.comparison.nearly_alike import NearlyAlikeGroups, between_groups
from beacon_cli.comparison.options import Options
from beacon_cli.comparison.verdicts import Subject, judged
from beacon_cli.console.excerpts import differing_excerpts
from beacon_cli.errors import UsageError
from beacon_cli.executor.execution import GENERATED
from beacon_cli.records.expectation import from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.read_answers import question_ids, stored_executions
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.records.stored_answer import StoredExecution
from modal_deployment.registry import Model

_SAMPLED_SUBJECTS = 2000
_SAMPLE_CHARACTERS = 400
_READ_SUBJECTS = 200  # sentence by sentence
_REFUSALS_KEPT = 1000


Watch = Callable[[Iterable[StoredExecution]], Iterator[StoredExecution]]
"""Sees the executions that are read, and passes them on."""


def compare_jobs(
    connection: Connection,
    jobs: Sequence[StoredJob],
    options: Options,
    *,
    models: Mapping[str, Model],
    watch: Watch = iter,
) -> Comparison:
    """Return the comparison of one job's regions, or of two jobs region by region.

    `models` are the known ones. The answers of one question and model are held at a time; each is read once. Raises
    `UsageError` and `StoreError`.
    """
    if len({job.id for job in jobs}) < len(jobs):
        raise UsageError("a job cannot be compared with itself")
    with reading(connection):
        audits = tuple(audited(connection, job) for job in jobs)
        walk = _Walk(options, Conditions(jobs[0].regions, models), over_time=len(jobs) > 1)
        answered = walk.subjects(watch(stored_executions(connection, jobs)))
        missing = walk.missing(_expected(connection, jobs, audits))
        results = judged(
            itertools.chain(answered, missing),
            MEASURES[options.measure],
            subjects=_subject_count(jobs, audits, over_time=walk.over_time),
            rate=options.rate,
        )
    return Comparison(
        job_ids=tuple(job.id for job in jobs),
        audits=audits,
        repeats=tuple(_repeats(job) for job in jobs),
        measure=options.measure,
        rate=options.rate,
        rule=options.rule.source,
        incomparable=walk.conditions.incomparable(options.accepted),
        unrecorded=walk.conditions.unrecorded(),
        results=tuple(results),
        figures=walk.figures(),
        refusals=tuple(walk.refusals),
        judged=walk.judge.result(),
        samples=walk.samples,
        alike=walk.alike,
    )


def _repeats(job: StoredJob) -> int:
    return from_spec(job.spec, job.regions).repeats


def _subject_count(jobs: Sequence[StoredJob], audits: Sequence[AuditReport], *, over_time: bool) -> int:
    """Return approximately how many tests there will be: (question, model), or (question, model, region) over time."""
    questions = max(audit.coverage.expected_questions(_repeats(job)) for job, audit in zip(jobs, audits, strict=True))
    lanes = {(lane.model_id, lane.region if over_time else "") for audit in audits for lane in audit.coverage.lanes}
    return questions * len(lanes)


def _expected(
    connection: Connection, jobs: Sequence[StoredJob], audits: Sequence[AuditReport]
) -> Iterator[tuple[str, str, str]]:
    """Yield question, model and region of what incomplete jobs should have answered."""
    for job, audit in zip(jobs, audits, strict=True):
        if not audit.cells.whole:
            lanes = [(lane.model_id, lane.region) for lane in audit.coverage.lanes]
            for question_id in question_ids(connection, job):
                yield from ((question_id, *lane) for lane in lanes)


class _Walk:
    """One pass over the executions: it counts on the way, and yields the answers of each subject in turn."""

    def __init__(self, options: Options, conditions: Conditions, *, over_time: bool) -> None:
        self.over_time = over_time
        self.conditions = conditions
        self.refusals: list[RefusalHit] = []
        self.samples: dict[Subject, Mapping[str, str]] = {}
        self.alike: dict[Subject, tuple[NearlyAlikeGroups, ...]] = {}
        self._seen: set[Subject] = set()
        self.judge = AnswerJudge(options.rule, measure=options.measure, labels=options.labels, scorer=options.scorer)
        self._totals: dict[str, Tally] = {}
        self._models: dict[str, dict[str, Tally]] = {}

    def subjects(self, executions: Iterable[StoredExecution]) -> Iterator[tuple[Subject, dict[str, list[str]]]]:
        """Yield each subject with its answers by group."""
        for subject, rows in itertools.groupby(executions, key=self._subject_of):
            groups: dict[str, list[str]] = {}
            prompts: dict[str, str | None] = {}
            for execution in rows:
                group = execution.job_id if self.over_time else execution.region
                texts = groups.setdefault(group, [])
                prompts.setdefault(group, execution.prompt)
                self._count(execution, group)
                if execution.status == "completed":
                    texts.append(execution.text)
            self._seen.add(subject)
            self.conditions.add_prompt(subject, prompts)
            self._sample(subject, groups)
            yield subject, groups

    def missing(self, expected: Iterable[tuple[str, str, str]]) -> Iterator[tuple[Subject, dict[str, list[str]]]]:
        """Yield each subject without any row, after the others."""
        for question_id, model_id, region in expected:
            subject = Subject(question_id, model_id, region if self.over_time else None)
            if subject not in self._seen:
                self._seen.add(subject)
                yield subject, {}

    def figures(self) -> dict[str, GroupFigures]:
        """Return the figures of each group, in the usual order of the regions."""
        return {
            name: GroupFigures(tally.figures(), {model: each.figures() for model, each in self._models[name].items()})
            for name, tally in self._totals.items()
        }

    def _subject_of(self, execution: StoredExecution) -> Subject:
        return Subject(execution.question_id, execution.model_id, execution.region if self.over_time else None)

    def _count(self, execution: StoredExecution, group: str) -> None:
        name = f"{group} · {execution.region}" if self.over_time else group
        judged = self.judge.judged(execution, name)
        hit = judged.words if judged else None
        models = self._models.setdefault(name, {})
        for tally in (self._totals.setdefault(name, Tally()), models.setdefault(execution.model_id, Tally())):
            tally.add(execution, judged)
        if execution.status in GENERATED:
            self.conditions.add(execution, group)
        if hit is not None and len(self.refusals) < _REFUSALS_KEPT:
            self.refusals.append(
                RefusalHit(
                    execution.job_id, execution.question_id, execution.model_id, execution.region, execution.repeat, hit
                )
            )

    def _sample(self, subject: Subject, groups: Mapping[str, list[str]]) -> None:
        if len(self.samples) < _SAMPLED_SUBJECTS and len({text for texts in groups.values() for text in texts}) > 1:
            first = {name: texts[0] for name, texts in groups.items() if texts}
            if len(self.alike) < _READ_SUBJECTS and (alike := between_groups(first)):
                self.alike[subject] = alike
            shown = differing_excerpts(list(first.values()), _SAMPLE_CHARACTERS)
            self.samples[subject] = dict(zip(first, shown, strict=True))
