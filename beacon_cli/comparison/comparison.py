"""The result of a comparison, as a value."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from beacon_cli.audit.report import AuditReport
from beacon_cli.comparison.conditions import Incomparable
from beacon_cli.comparison.figures import Figures
from beacon_cli.comparison.judged_answers import JudgedAnswers
from beacon_cli.comparison.nearly_alike import NearlyAlikeGroups
from beacon_cli.comparison.planned import Chosen
from beacon_cli.comparison.pooled import Pooled
from beacon_cli.comparison.verdicts import DIFFERENT, VERDICTS, Judged, Subject, Terms, Verdict, spoken
from beacon_cli.console.formatting import quantity
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
class GroupFigures:
    """The figures of a region, or of a job if jobs are compared: for all models together, and for each."""

    total: Figures
    models: Mapping[str, Figures]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of a job's regions, or of two jobs region by region.

    `audits` has the audits of the jobs, in the order of `job_ids`. `paired`: repeats have the same seed in all groups.
    `chosen` says which of the terms were planned.
    `unequal_cut_off` and `piled_failures` say what is not spread evenly over the groups, `pooled` is the test of the
    whole job. `samples` has an excerpt of one answer of each group, for subjects with different answers; `alike` has
    what tells apart sentences of these answers that are nearly alike, of the first 200 such subjects. `refusals` are
    the first hits of the rule; the figures count all.
    """

    job_ids: tuple[str, ...]
    audits: tuple[AuditReport, ...]
    repeats: tuple[int, ...]
    measure: str
    terms: Terms
    chosen: Chosen
    paired: bool
    rule: str
    incomparable: tuple[Incomparable, ...]
    unrecorded: tuple[str, ...]
    unequal_cut_off: str | None
    piled_failures: str | None
    pooled: Pooled | None
    results: tuple[Judged, ...]
    figures: Mapping[str, GroupFigures]
    refusals: tuple[RefusalHit, ...]
    judged: JudgedAnswers
    samples: Mapping[Subject, Mapping[str, str]]
    alike: Mapping[Subject, Sequence[NearlyAlikeGroups]]

    @property
    def complete(self) -> bool:
        """Whether every expected cell of every job has its answer."""
        return all(audit.cells.whole for audit in self.audits)

    @property
    def comparable(self) -> bool:
        """Whether nothing but the region differs, except for accepted conditions."""
        return all(finding.accepted for finding in self.incomparable)

    @property
    def superseded(self) -> int:
        """The number of answers of the jobs that were asked again and replaced."""
        return sum(audit.superseded.count for audit in self.audits)

    @property
    def design(self) -> str:
        """`paired` if repeats have the same seed in all groups, else `unpaired`."""
        return "paired" if self.paired else "unpaired"

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """The number of results with each verdict."""
        counts = Counter(result.verdict for result in self.results)
        return {verdict: counts[verdict] for verdict in VERDICTS}

    @property
    def verdicts_told(self) -> str:
        """The number of results with each verdict that there is, for people: `1 different, 7 not shown`."""
        counts = self.verdicts
        return ", ".join(
            f"{count} {spoken(verdict)}" for verdict, count in counts.items() if count or verdict == "different"
        )

    @property
    def containers(self) -> str:
        """How many containers gave the answers of each region, for people; empty if none are recorded."""
        counts = {name: figures.total.containers for name, figures in self.figures.items()}
        return (
            ", ".join(f"{excerpt(name, 40)} {count}" for name, count in counts.items()) if any(counts.values()) else ""
        )

    @property
    def pooled_data(self) -> dict[str, Any] | None:
        """The test of the whole job as a JSON object; None if there was nothing to test."""
        if self.pooled is None:
            return None
        return {
            "p_value": self.pooled.p_value,
            "different": self.pooled.different,
            "results": self.pooled.subjects,
            "regions": list(self.pooled.apart),
            "pairs": [{"groups": list(pair), "p_value": p_value} for pair, p_value in self.pooled.pairs.items()],
        }

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
        if len(self.job_ids) > 1 and not any(sum(map(bool, each.answers.values())) > 1 for each in self.results):
            found.append("incomparable: no question, model and region has answers in both jobs")
        if fail_on_different and self.different:
            found.append(f"different: {quantity(len(self.different), 'result')}{_named(self.different)}")
        return tuple(ProblemsFound(text) for text in found)

    def as_data(self) -> dict[str, Any]:
        """Return the `data` of `compare --json`."""
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
            "measure": self.measure,
            "false_discovery_rate": self.terms.rate,
            "margin": self.terms.margin,
            "analysis": self.chosen.as_data(),
            "design": self.design,
            "failures_pile_up": self.piled_failures,
            "pooled": self.pooled_data,
            "verdicts": self.verdicts,
            "results": [_result(result, self.design) for result in self.results],
            "regions": {
                name: {
                    **figures.total.as_data(),
                    "models": {model: each.as_data() for model, each in figures.models.items()},
                }
                for name, figures in self.figures.items()
            },
            "refusal_rule": self.rule,
            "refusals": [asdict(hit) for hit in self.refusals],
            **self.judged.as_data(),
            "nearly_alike": [
                {**asdict(subject), "groups": list(each.groups), **asdict(each.found)}
                for subject, found in self.alike.items()
                for each in found
            ],
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
        "between": found and found.between,
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
        "pairs": [
            {"groups": list(names), "between": pair.between, "effect": pair.effect}
            for names, pair in found.pairs.items()
        ]
        if found
        else [],
    }
