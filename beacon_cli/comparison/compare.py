"""Comparing the regions of a job, or two jobs: read the answers once, count, test, judge."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from beacon_cli.audit.audit import audited
from beacon_cli.audit.report import AuditReport
from beacon_cli.comparison.assumptions import Assumptions
from beacon_cli.comparison.comparison import Comparison, GroupFigures, RefusalHit
from beacon_cli.comparison.conditions import Conditions, Incomparable
from beacon_cli.comparison.distance import MEASURES
from beacon_cli.comparison.figures import Tally
from beacon_cli.comparison.judged_answers import AnswerJudge
from beacon_cli.comparison.judging import judged
from beacon_cli.comparison.nearly_alike import NearlyAlikeGroups, between_groups
from beacon_cli.comparison.options import Options
from beacon_cli.comparison.planned import as_planned
from beacon_cli.comparison.reply import Reply, reply_of
from beacon_cli.comparison.seeds import shared_seeds, varied
from beacon_cli.comparison.verdicts import Subject
from beacon_cli.comparison.words import words
from beacon_cli.console.excerpts import differing_excerpts
from beacon_cli.console.printable import excerpt
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
    `UsageError`, `MissingExtra` and `StoreError`.
    """
    if len({job.id for job in jobs}) < len(jobs):
        raise UsageError("a job cannot be compared with itself")
    options, chosen = as_planned(options, jobs)
    with reading(connection):
        audits = tuple(audited(connection, job) for job in jobs)
        conditions = Conditions(jobs[0].regions, models)
        walk = _Walk(options, conditions, over_time=len(jobs) > 1, varied=all(map(varied, jobs)))
        answered = walk.subjects(watch(stored_executions(connection, jobs)))
        missing = walk.missing(_expected(connection, jobs, audits))
        paired = shared_seeds(jobs)
        judgement = judged(
            itertools.chain(answered, missing),
            MEASURES[options.measure],
            subjects=_subject_count(jobs, audits, over_time=walk.over_time),
            paired=paired,
            terms=options.terms,
        )
    return Comparison(
        job_ids=tuple(job.id for job in jobs),
        audits=audits,
        repeats=tuple(_repeats(job) for job in jobs),
        measure=options.measure,
        terms=options.terms,
        chosen=chosen,
        paired=paired,
        rule=options.rule.source,
        incomparable=walk.incomparable(options.accepted, audits),
        unrecorded=walk.conditions.unrecorded(),
        unequal_cut_off=walk.assumptions.unequal_cut_off(),
        piled_failures=walk.assumptions.piled_failures(),
        pooled=judgement.pooled,
        results=judgement.results,
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

    def __init__(self, options: Options, conditions: Conditions, *, over_time: bool, varied: bool) -> None:
        self.over_time = over_time
        self.conditions = conditions
        self.assumptions = Assumptions(varied=varied, same_time=not over_time)
        self.refusals: list[RefusalHit] = []
        self.samples: dict[Subject, Mapping[str, str]] = {}
        self.alike: dict[Subject, tuple[NearlyAlikeGroups, ...]] = {}
        self._seen: set[Subject] = set()
        self.judge = AnswerJudge(options.rule, measure=options.measure, labels=options.labels, scorer=options.scorer)
        self._totals: dict[str, Tally] = {}
        self._models: dict[str, dict[str, Tally]] = {}

    def subjects(self, executions: Iterable[StoredExecution]) -> Iterator[tuple[Subject, list[Reply]]]:
        """Yield each subject with what became of its cells."""
        for subject, rows in itertools.groupby(executions, key=self._subject_of):
            groups: dict[str, list[StoredExecution]] = {}
            replies: list[Reply | None] = []
            for execution in rows:
                group = execution.job_id if self.over_time else execution.region
                groups.setdefault(group, []).append(execution)
                refuses = self._count(execution, group)
                replies.append(reply_of(execution, group, refuses=refuses))
            self._seen.add(subject)
            self.conditions.add_prompt(subject, {group: found[0].prompt for group, found in groups.items()})
            self.assumptions.add(subject, groups)
            known = [reply for reply in replies if reply]
            self._sample(subject, known)
            yield subject, known

    def missing(self, expected: Iterable[tuple[str, str, str]]) -> Iterator[tuple[Subject, list[Reply]]]:
        """Yield each subject without any row, after the others."""
        for question_id, model_id, region in expected:
            subject = Subject(question_id, model_id, region if self.over_time else None)
            if subject not in self._seen:
                self._seen.add(subject)
                yield subject, []

    def incomparable(self, accepted: frozenset[str], audits: Sequence[AuditReport]) -> tuple[Incomparable, ...]:
        """Return what else may explain a difference: conditions that differ, and assumptions that do not hold."""
        broken = [*self.assumptions.broken(), *_fewer_than_planned(audits)]
        found = (Incomparable(name, detail, name in accepted) for name, detail in broken)
        return (*self.conditions.incomparable(accepted), *found)

    def figures(self) -> dict[str, GroupFigures]:
        """Return the figures of each group, in the usual order of the regions."""
        return {
            name: GroupFigures(tally.figures(), {model: each.figures() for model, each in self._models[name].items()})
            for name, tally in self._totals.items()
        }

    def _subject_of(self, execution: StoredExecution) -> Subject:
        return Subject(execution.question_id, execution.model_id, execution.region if self.over_time else None)

    def _count(self, execution: StoredExecution, group: str) -> bool:
        """Count an execution, and return whether it is a refusal."""
        length = len(words(execution.text)) if execution.status == "completed" else 0
        name = f"{group} · {execution.region}" if self.over_time else group
        judged = self.judge.judged(execution, name)
        hit = judged.words if judged else None
        models = self._models.setdefault(name, {})
        for tally in (self._totals.setdefault(name, Tally()), models.setdefault(execution.model_id, Tally())):
            tally.add(execution, judged, length=length)
        if execution.status in GENERATED:
            self.conditions.add(execution, group)
        if hit is not None and len(self.refusals) < _REFUSALS_KEPT:
            self.refusals.append(
                RefusalHit(
                    execution.job_id, execution.question_id, execution.model_id, execution.region, execution.repeat, hit
                )
            )
        return hit is not None

    def _sample(self, subject: Subject, replies: Sequence[Reply]) -> None:
        if len(self.samples) < _SAMPLED_SUBJECTS:
            first: dict[str, str] = {}
            for reply in replies:
                if reply.has_text:
                    first.setdefault(reply.group, reply.text)
            if len({reply.text for reply in replies if reply.has_text}) > 1:
                if len(self.alike) < _READ_SUBJECTS and (alike := between_groups(first)):
                    self.alike[subject] = alike
                shown = differing_excerpts(list(first.values()), _SAMPLE_CHARACTERS)
                self.samples[subject] = dict(zip(first, shown, strict=True))


def _fewer_than_planned(audits: Sequence[AuditReport]) -> Iterator[tuple[str, str]]:
    """Yield the regions that have fewer answers than the job planned."""
    for audit in audits:
        regions = {name: cells for name, cells in audit.coverage.by_region().items() if not cells.whole}
        if regions:
            named = ", ".join(
                f"{excerpt(name, 30)} {cells.answered} of {cells.expected}" for name, cells in regions.items()
            )
            yield "repeats", f"fewer answers than planned: {named}"
