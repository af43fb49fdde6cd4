"""The result of a comparison, as a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from beacon_cli.audit.report import AuditReport
from beacon_cli.comparison.conditions import Incomparable
from beacon_cli.comparison.controls import Control
from beacon_cli.comparison.figures import GroupFigures
from beacon_cli.comparison.grouping import By, Grouping
from beacon_cli.comparison.judged_answers import JudgedAnswers
from beacon_cli.comparison.looks import Looks
from beacon_cli.comparison.nearly_alike import NearlyAlikeGroups
from beacon_cli.comparison.planned import Chosen
from beacon_cli.comparison.pooled import Pooled
from beacon_cli.comparison.tagged import Tagged
from beacon_cli.comparison.verdicts import DIFFERENT, VERDICTS, Judged, Subject, Terms, Verdict, spoken
from beacon_cli.console.formatting import arm_label, quantity
from beacon_cli.console.long_list import MadeList
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import ProblemsFound

_NAMED = 5


@dataclass(frozen=True, slots=True)
class RefusalHit:
    """An answer that was counted as a refusal, and the words that the rule found in it."""

    job_id: str
    question_id: str
    model_id: str
    region: str
    repeat: int
    words: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of a job's regions or models, or of two jobs region by region.

    `audits` has the audits of the jobs, in the order of `job_ids`. `terms` are those of all `looks` together, and
    `chosen` says which of them were planned. `paired`: repeats have the same seed in all groups.
    `unequal_cut_off` and `piled_failures` say what is not spread evenly over the groups, `pooled` is the test of the
    whole job, and `controls` what differs inside regions that were asked twice. `samples` has an excerpt of one answer
    of each group, for subjects with different answers; `alike` has what tells apart sentences of these answers that are
    nearly alike, of the first 200 such subjects; `own_words` the words that only one of them has, where there is one
    answer each. `refusals` are the first hits of the rule; the figures count all. `figures` are of each region, in it
    of each model; `model_figures` the other way round, if models are compared. `tagged` has what was found for each
    tag, if that was asked for.
    """

    job_ids: tuple[str, ...]
    audits: tuple[AuditReport, ...]
    repeats: tuple[int, ...]
    by: By
    grouping: Grouping
    measure: str
    terms: Terms
    looks: Looks
    chosen: Chosen
    paired: bool
    rule: str
    incomparable: tuple[Incomparable, ...]
    unrecorded: tuple[str, ...]
    unequal_cut_off: str | None
    piled_failures: str | None
    pooled: Pooled | None
    controls: tuple[Control, ...]
    results: tuple[Judged, ...]
    figures: Mapping[str, GroupFigures]
    model_figures: Mapping[str, GroupFigures]
    tagged: tuple[Tagged, ...]
    refusals: tuple[RefusalHit, ...]
    judged: JudgedAnswers
    samples: Mapping[Subject, Mapping[str, str]]
    alike: Mapping[Subject, Sequence[NearlyAlikeGroups]]
    own_words: Mapping[Subject, Mapping[str, Sequence[str]]]

    @property
    def complete(self) -> bool:
        """Whether every expected cell of every job has its answer."""
        return all(audit.cells.whole for audit in self.audits)

    @property
    def comparable(self) -> bool:
        """Whether nothing but the region differs, except for accepted conditions."""
        return all(finding.accepted for finding in self.incomparable)

    @property
    def acceptance(self) -> str:
        """The options that accept what differs besides: `--accept system_prompt --accept cut_off`; empty if nothing."""
        names = dict.fromkeys(finding.name for finding in self.incomparable if not finding.accepted)
        return " ".join(f"--accept {name}" for name in names)

    @property
    def superseded(self) -> int:
        """The number of answers of the jobs that were asked again and replaced."""
        return sum(audit.superseded.count for audit in self.audits)

    @property
    def design(self) -> str:
        """`paired` if repeats have the same seed in all groups, else `unpaired`."""
        return "paired" if self.paired else "unpaired"

    @property
    def tests(self) -> int:
        """The number of tests of single results: of texts, and of outcomes."""
        q_values = [each for result in self.results for each in (result.q_value, result.outcome_test)]
        return sum(each is not None for each in q_values)

    @property
    def comparable_answers(self) -> bool:
        """Whether any question has answers in two groups."""
        return any(sum(map(bool, result.answers.values())) > 1 for result in self.results)

    @property
    def tested_different(self) -> bool:
        """Whether a test of a single result shows a difference."""
        return any(result.verdict == "different" for result in self.results)

    @property
    def look_told(self) -> str:
        """At which look this is, for people; empty where nothing could be tested, not even a control."""
        tested = self.tests or self.pooled or any(control.p_value is not None for control in self.controls)
        return self.looks.told(self.terms.rate) if tested else ""

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """The number of results with each verdict."""
        return _verdicts(self.results)

    @property
    def verdicts_told(self) -> str:
        """The number of results with each verdict that there is, for people: `1 different, 7 not shown`."""
        counts = self.verdicts
        return ", ".join(
            f"{count} {spoken(verdict)}" for verdict, count in counts.items() if count or verdict == "different"
        )

    @property
    def containers(self) -> str:
        """How many containers gave the answers of each group, for people; empty if none are recorded."""
        counts = {name: figures.total.containers for name, figures in self.group_figures.items()}
        return (
            ", ".join(f"{excerpt(name, 40)} {count}" for name, count in counts.items()) if any(counts.values()) else ""
        )

    @property
    def group_figures(self) -> Mapping[str, GroupFigures]:
        """The figures of what is compared: of models, or of regions (in each of two jobs)."""
        return self.model_figures or self.figures

    @property
    def pooled_data(self) -> dict[str, Any] | None:
        """The test of the whole job as a JSON object; None if there was nothing to test."""
        return self.pooled.as_data() if self.pooled else None

    def figures_with_controls(self) -> Iterator[tuple[str, GroupFigures]]:
        """Yield the figures of each group, and after those of a control's region the figures of its second arm.

        If models are compared, the second arms, of all models together, come last.
        """
        second = {self._group_of(control): control for control in self.controls}
        for name, figures in self.group_figures.items():
            yield name, figures
            if control := second.get(name):
                yield arm_label(name, 1), control.figures
        if self.grouping.groups == "model":
            for name, control in second.items():
                yield arm_label(name, 1), GroupFigures(control.figures.total, {})

    def _group_of(self, control: Control) -> str:
        return control.region if len(self.job_ids) == 1 else f"{control.job_id} · {control.region}"

    @property
    def different(self) -> tuple[Judged, ...]:
        """The results that count for `--fail-on different`: a region without text first, then the largest effect."""
        found = [result for result in self.results if result.verdict in DIFFERENT]
        return tuple(sorted(found, key=lambda result: (result.verdict != "no_text", -result.effect)))

    def problems(self, *, fail_on_different: bool) -> tuple[ProblemsFound, ...]:
        """Return why the exit code is 1; nothing if it is 0."""
        unaccepted = [each for each in self.incomparable if not each.accepted]
        found = [
            f"incomplete: job {audit.job_id} has {audit.cells.answered} of {audit.cells.expected} answers"
            for audit in self.audits
            if not audit.cells.whole and any(each.name == "repeats" for each in unaccepted)
        ]
        found += [f"incomparable: {each.name}: {each.detail}" for each in unaccepted if each.name != "repeats"]
        if len(self.job_ids) > 1 and not self.comparable_answers:
            found.append("incomparable: no question, model and region has answers in both jobs")
        if fail_on_different and self.different:
            found.append(f"different: {quantity(len(self.different), 'result')}{_named(self.different)}")
        return tuple(ProblemsFound(text) for text in found)

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `compare --json`; its results are made one by one when they are written."""
        return {
            "job_id": self.job_ids[0],
            "other_job_id": self.job_ids[1] if len(self.job_ids) > 1 else None,
            "complete": self.complete,
            "jobs": {
                audit.job_id: {
                    "expected": audit.cells.expected,
                    "answered": audit.cells.answered,
                    "superseded": audit.superseded.count,
                }
                for audit in self.audits
            },
            "comparable": self.comparable,
            "incomparable": [asdict(finding) for finding in self.incomparable],
            "unrecorded": list(self.unrecorded),
            "unequal_cut_off": self.unequal_cut_off,
            "superseded": self.superseded,
            "by": self.by,
            "measure": self.measure,
            "false_discovery_rate": self.terms.rate,
            "margin": self.terms.margin,
            **self.looks.as_data(self.terms.rate),
            "analysis": self.chosen.as_data(),
            "design": self.design,
            "failures_pile_up": self.piled_failures,
            "pooled": self.pooled_data,
            "controls": [_control(control) for control in self.controls],
            "verdicts": self.verdicts,
            "results": MadeList(lambda: (_result(result, self.design) for result in self.results)),
            "regions": {name: figures.as_data("models") for name, figures in self.figures.items()},
            "models": {name: figures.as_data("regions") for name, figures in self.model_figures.items()} or None,
            "tags": [each.as_data() for each in self.tagged] or None,
            "refusal_rule": self.rule,
            "refusals": [asdict(hit) for hit in self.refusals],
            **self.judged.as_data(),
            "nearly_alike": [
                {**asdict(subject), "groups": list(each.groups), **asdict(each.found)}
                for subject, found in self.alike.items()
                for each in found
            ],
            "own_words": [
                {**asdict(subject), "words": {name: list(words) for name, words in found.items()}}
                for subject, found in self.own_words.items()
            ],
        }


def _pooled(pooled: Pooled | None) -> dict[str, Any] | None:
    if pooled is None:
        return None
    return {
        "p_value": pooled.p_value,
        "different": pooled.different,
        "results": pooled.subjects,
        "regions": list(pooled.apart),
        "pairs": [{"groups": list(pair), "p_value": p_value} for pair, p_value in pooled.pairs.items()],
    }


def _verdicts(results: Sequence[Judged]) -> dict[Verdict, int]:
    counts = Counter(result.verdict for result in results)
    return {verdict: counts[verdict] for verdict in VERDICTS}


def _control(control: Control) -> dict[str, Any]:
    return {
        **control.summary(),
        "verdicts": _verdicts(control.results),
        "pooled": _pooled(control.pooled),
        "results": [_result(result, "unpaired") for result in control.results],
        "figures": control.figures.as_data("models"),
    }


def _named(results: Sequence[Judged]) -> str:
    """Return which questions have a region without text, for an error that names them."""
    silent = [each for each in results if each.verdict == "no_text"]
    named = ", ".join(f"{excerpt(each.subject.question_id, 40)} ({', '.join(each.apart)})" for each in silent[:_NAMED])
    return f"; no text: {named}" if silent else ""


def _result(result: Judged, design: str) -> dict[str, Any]:
    found, outcome = result.difference, result.outcome_test
    test = found.test if found else None
    return {
        **asdict(result.subject),
        "verdict": result.verdict,
        "reason": result.reason,
        "design": design,
        "answers": dict(result.answers),
        "outcomes": {group: dict(counts) for group, counts in result.outcomes.items()},
        "within": found and found.within,
        "between": result.between,
        "effect": found and found.effect,
        "interval": None if found is None or found.low is None else [found.low, found.high],
        "upper": found and found.upper,
        "detectable": result.detectable,
        "p_value": test and test.p_value,
        "q_value": result.q_value,
        "least_p_value": test and test.least_p_value,
        "outcomes_p_value": outcome and outcome.p_value,
        "outcomes_q_value": outcome and outcome.q_value,
        "regions_apart": list(result.apart),
        "most_apart": result.most_apart,
        "pairs": _pairs(result),
    }


def _pairs(result: Judged) -> list[dict[str, Any]]:
    """Return the distances of each two groups; without repeats there is no effect."""
    if result.difference is None:
        return [
            {"groups": list(names), "between": between, "effect": None} for names, between in result.distances.items()
        ]
    pairs = result.difference.pairs
    return [{"groups": list(names), "between": pair.between, "effect": pair.effect} for names, pair in pairs.items()]
