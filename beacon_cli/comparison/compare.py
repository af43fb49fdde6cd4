"""Comparing the regions of a job, or two jobs: read the answers once, count, test, judge."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from beacon_cli.audit.audit import audited
from beacon_cli.audit.report import AuditReport
from beacon_cli.comparison.assumptions import Assumptions
from beacon_cli.comparison.comparison import Comparison, RefusalHit
from beacon_cli.comparison.conditions import Conditions, Incomparable
from beacon_cli.comparison.controls import Control, ControlName, ControlTests
from beacon_cli.comparison.distance import MEASURES
from beacon_cli.comparison.figures import Figures, Tallies
from beacon_cli.comparison.grouping import Grouping
from beacon_cli.comparison.judged_answers import AnswerJudge
from beacon_cli.comparison.judging import judged
from beacon_cli.comparison.looks import looks_at
from beacon_cli.comparison.nearly_alike import NearlyAlikeGroups, between_groups
from beacon_cli.comparison.options import Options
from beacon_cli.comparison.own_words import own_words
from beacon_cli.comparison.planned import as_planned
from beacon_cli.comparison.pooled import Tag
from beacon_cli.comparison.refusal import Judgement
from beacon_cli.comparison.reply import Reply, reply_of
from beacon_cli.comparison.seeds import shared_seeds, varied
from beacon_cli.comparison.tagged import by_tag
from beacon_cli.comparison.verdicts import Subject
from beacon_cli.comparison.words import words
from beacon_cli.console.excerpts import differing_excerpts
from beacon_cli.console.formatting import arm_label
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError
from beacon_cli.executor.execution import GENERATED
from beacon_cli.records.expectation import from_spec
from beacon_cli.records.find_job import StoredJob
from beacon_cli.records.read_answers import question_ids, question_tags, stored_executions
from beacon_cli.records.snapshot import Connection, reading
from beacon_cli.records.stages import stages_of
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
    """Return the comparison of one job's regions or models, or of two jobs region by region.

    `models` are the known ones. The answers of one question and model are held at a time (of one question, if models
    are compared); each is read once. Raises `UsageError`, `MissingExtra` and `StoreError`.
    """
    if len({job.id for job in jobs}) < len(jobs):
        raise UsageError("a job cannot be compared with itself")
    options, chosen = as_planned(options, jobs)
    grouping = grouping_of(options, jobs)
    with reading(connection):
        tags = _tags(connection, jobs[0]) if options.by == "tag" else {}
        audits = tuple(audited(connection, job) for job in jobs)
        conditions = Conditions(jobs[0].regions, models, by_model=grouping.groups == "model")
        subjects = _subject_count(jobs, audits, grouping)
        measure = MEASURES[options.measure]
        looks = looks_at({job.id: stages_of(connection, job) for job in jobs})
        terms = looks.terms(options.terms)
        controls = ControlTests(_controls(audits), measure, subjects=subjects, terms=terms)
        walk = _Walk(options, conditions, controls, grouping, tags, varied=all(map(varied, jobs)))
        answered = walk.subjects(watch(grouping.in_order(stored_executions(connection, jobs))))
        missing = walk.missing(_expected(connection, jobs, audits))
        paired = shared_seeds(jobs)
        judgement = judged(
            itertools.chain(answered, missing),
            measure,
            subjects=subjects,
            paired=paired,
            terms=terms,
            tags=tags,
        )
        found = controls.result()
    return Comparison(
        job_ids=tuple(job.id for job in jobs),
        audits=audits,
        repeats=tuple(_repeats(job) for job in jobs),
        by=options.by,
        grouping=grouping,
        measure=options.measure,
        terms=options.terms,
        looks=looks,
        chosen=chosen,
        paired=paired,
        rule=options.rule.source,
        incomparable=walk.incomparable(options.accepted, audits, found),
        unrecorded=walk.conditions.unrecorded(),
        unequal_cut_off=walk.assumptions.unequal_cut_off(),
        piled_failures=walk.assumptions.piled_failures(),
        pooled=judgement.pooled,
        controls=found,
        results=judgement.results,
        figures=walk.tallies.figures(),
        model_figures=walk.tallies.turned() if options.by == "model" else {},
        tagged=by_tag(judgement, tags, walk.tag_figures()),
        refusals=tuple(walk.refusals),
        judged=walk.judge.result(),
        samples=walk.samples,
        alike=walk.alike,
        own_words=walk.own_words,
    )


def grouping_of(options: Options, jobs: Sequence[StoredJob]) -> Grouping:
    """Return what is compared. Raises `UsageError` if two jobs are to be compared otherwise than region by region."""
    if len(jobs) > 1:
        if options.by != "region":
            raise UsageError(f"--by {options.by}: two jobs are compared region by region", hint="leave out one of them")
        return Grouping("job")
    return Grouping("model" if options.by == "model" else "region")


def _tags(connection: Connection, job: StoredJob) -> dict[str, tuple[Tag, ...]]:
    """Return the tags of a job's questions; None stands for no tag. Raises `UsageError` if none has any."""
    found = question_tags(connection, job)
    if not any(found.values()):
        raise UsageError(
            f"--by tag: no question of job {excerpt(job.id)} has a tag",
            hint="a job file gives tags as `questions: [{id: …, text: …, tags: [control]}]`",
        )
    return {question_id: tags or (None,) for question_id, tags in found.items()}


def _repeats(job: StoredJob) -> int:
    return from_spec(job.spec, job.regions).repeats


def _controls(audits: Sequence[AuditReport]) -> Iterator[ControlName]:
    return ((audit.job_id, region) for audit in audits for region in audit.coverage.controls)


def _subject_count(jobs: Sequence[StoredJob], audits: Sequence[AuditReport], grouping: Grouping) -> int:
    """Return approximately how many subjects there will be."""
    questions = max(audit.coverage.expected_questions(_repeats(job)) for job, audit in zip(jobs, audits, strict=True))
    lanes = {grouping.subject("", lane.model_id, lane.region) for audit in audits for lane in audit.coverage.lanes}
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

    def __init__(
        self,
        options: Options,
        conditions: Conditions,
        controls: ControlTests,
        grouping: Grouping,
        tags: Mapping[str, Sequence[Tag]],
        *,
        varied: bool,
    ) -> None:
        self.conditions = conditions
        self._controls = controls
        self.assumptions = Assumptions(varied=varied, same_time=grouping.groups != "job")
        self.refusals: list[RefusalHit] = []
        self.samples: dict[Subject, Mapping[str, str]] = {}
        self.alike: dict[Subject, tuple[NearlyAlikeGroups, ...]] = {}
        self.own_words: dict[Subject, Mapping[str, Sequence[str]]] = {}
        self.tallies = Tallies()
        self._tag_tallies: dict[Tag, Tallies] = {}
        self._grouping = grouping
        self._tags = tags
        self._seen: set[Subject] = set()
        self.judge = AnswerJudge(options.rule, measure=options.measure, labels=options.labels, scorer=options.scorer)

    def subjects(self, executions: Iterable[StoredExecution]) -> Iterator[tuple[Subject, list[Reply]]]:
        """Yield each subject with what became of its cells."""
        for subject, found in itertools.groupby(executions, key=self._grouping.subject_of):
            rows = list(found)
            groups: dict[str, list[StoredExecution]] = {}
            replies: list[Reply | None] = []
            for execution, judgement in zip(rows, self.judge.judged(rows), strict=True):
                group = self._grouping.group_of(execution)
                reply = self._reply(execution, group, judgement)
                if not execution.arm:
                    groups.setdefault(group, []).append(execution)
                    replies.append(reply)
            self._controls.end_of(subject.question_id)
            self._seen.add(subject)
            self.conditions.add_prompt(subject, {group: each[0].prompt for group, each in groups.items()})
            self.assumptions.add(subject, groups)
            known = [reply for reply in replies if reply]
            self._sample(subject, known)
            yield subject, known

    def missing(self, expected: Iterable[tuple[str, str, str]]) -> Iterator[tuple[Subject, list[Reply]]]:
        """Yield each subject without any row, after the others."""
        for question_id, model_id, region in expected:
            subject = self._grouping.subject(question_id, model_id, region)
            if subject not in self._seen:
                self._seen.add(subject)
                yield subject, []

    def incomparable(
        self, accepted: frozenset[str], audits: Sequence[AuditReport], controls: Sequence[Control]
    ) -> tuple[Incomparable, ...]:
        """Return what else may explain a difference: conditions that differ, and assumptions that do not hold."""
        differing = (("control", control.finding()) for control in controls if control.different)
        broken = [*self.assumptions.broken(), *differing, *_fewer_than_planned(audits)]
        found = (Incomparable(name, detail, name in accepted) for name, detail in broken)
        return (*self.conditions.incomparable(accepted), *found)

    def tag_figures(self) -> dict[Tag, dict[str, Figures]]:
        """Return the figures of the regions, for the questions with each tag."""
        return {
            tag: {name: each.total for name, each in tallies.figures().items()}
            for tag, tallies in self._tag_tallies.items()
        }

    def _reply(self, execution: StoredExecution, group: str, judgement: Judgement | None) -> Reply | None:
        """Count an execution, and return what became of its cell. A control is counted apart from its region."""
        length = len(words(execution.text)) if execution.status == "completed" else 0
        over_time = self._grouping.groups == "job"
        shown = f"{group} · {execution.region}" if over_time else group
        of_region = execution.arm and self._grouping.groups == "model"
        self.judge.count(execution, arm_label(execution.region if of_region else shown, execution.arm), judgement)
        hit = judgement.words if judgement else None
        reply = reply_of(execution, group, refuses=hit is not None)
        self._controls.add(execution, reply, judgement, length=length)
        if not execution.arm:
            name = shown if over_time else execution.region
            for tallies in (self.tallies, *self._tallies_of_tags(execution.question_id)):
                tallies.of(name, execution.model_id).add(execution, judgement, length=length)
            self._note(execution, group, hit)
        return reply

    def _note(self, execution: StoredExecution, group: str, hit: str | None) -> None:
        """Note under which conditions an answer was given, and the words by which it is a refusal, if it is one."""
        if execution.status in GENERATED:
            self.conditions.add(execution, group)
        if hit is not None and len(self.refusals) < _REFUSALS_KEPT:
            self.refusals.append(
                RefusalHit(
                    execution.job_id, execution.question_id, execution.model_id, execution.region, execution.repeat, hit
                )
            )

    def _tallies_of_tags(self, question_id: str) -> list[Tallies]:
        return [self._tag_tallies.setdefault(tag, Tallies()) for tag in self._tags.get(question_id, ())]

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
                if sum(reply.has_text for reply in replies) == len(first):
                    self.own_words[subject] = own_words(first)


def _fewer_than_planned(audits: Sequence[AuditReport]) -> Iterator[tuple[str, str]]:
    """Yield the regions that have fewer answers than the job planned."""
    for audit in audits:
        regions = {name: cells for name, cells in audit.coverage.by_region().items() if not cells.whole}
        if regions:
            named = ", ".join(
                f"{excerpt(name, 30)} {cells.answered} of {cells.expected}" for name, cells in regions.items()
            )
            where = f" in job {excerpt(audit.job_id)}" if len(audits) > 1 else ""
            yield "repeats", f"fewer answers than planned{where}: {named}"
