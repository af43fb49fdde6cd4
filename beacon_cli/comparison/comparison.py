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
from beacon_cli.comparison.verdicts import VERDICTS, Judged, Subject, Verdict
from beacon_cli.console.formatting import quantity
from beacon_cli.errors import ProblemsFound
from beacon_cli.records.cut_off import cut_off_answers


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

    `audits` has the audits of the jobs, in the order of `job_ids`. `samples` has an excerpt of one answer of each
    group, for subjects with different answers; `alike` has what tells apart sentences of these answers that are nearly
    alike, of the first 200 such subjects. `refusals` are the first hits of the rule; the figures count all.
    """

    job_ids: tuple[str, ...]
    audits: tuple[AuditReport, ...]
    repeats: tuple[int, ...]
    measure: str
    rate: float
    rule: str
    incomparable: tuple[Incomparable, ...]
    unrecorded: tuple[str, ...]
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
    def unequal_cut_off(self) -> str | None:
        """Why lengths cannot be compared, if the shares of cut-off answers differ between the groups."""
        rates = {name: figures.total.cut_off for name, figures in self.figures.items()}
        if len({rate.rate for rate in rates.values() if rate.rate is not None}) < 2:
            return None
        told = cut_off_answers({name: (rate.count, rate.of) for name, rate in rates.items() if rate.of})
        return f"{told}: unequal shares; where an answer was cut off, the limit decided how it ends, not the region"

    @property
    def verdicts(self) -> dict[Verdict, int]:
        """The number of results with each verdict."""
        counts = Counter(result.verdict for result in self.results)
        return {verdict: counts[verdict] for verdict in VERDICTS}

    @property
    def different(self) -> tuple[Judged, ...]:
        """The results whose answers differ, largest effect first."""
        found = [result for result in self.results if result.verdict == "different" and result.difference]
        return tuple(sorted(found, key=lambda result: -result.difference.effect))  # type: ignore[union-attr]

    def problems(self, *, fail_on_different: bool) -> tuple[ProblemsFound, ...]:
        """Return why the exit code is 1; nothing if it is 0."""
        found = [
            f"incomplete: job {audit.job_id} has {audit.cells.answered} of {audit.cells.expected} answers"
            for audit in self.audits
            if not audit.cells.whole
        ]
        found += [f"incomparable: {each.name}: {each.detail}" for each in self.incomparable if not each.accepted]
        if len(self.job_ids) > 1 and not any(sum(map(bool, each.answers.values())) > 1 for each in self.results):
            found.append("incomparable: no question, model and region has answers in both jobs")
        if fail_on_different and self.different:
            found.append(f"different: {quantity(len(self.different), 'result')}")
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
            "false_discovery_rate": self.rate,
            "verdicts": self.verdicts,
            "results": [_result(result) for result in self.results],
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


def _result(result: Judged) -> dict[str, Any]:
    found = result.difference
    return {
        **asdict(result.subject),
        "verdict": result.verdict,
        "reason": result.reason,
        "answers": dict(result.answers),
        "within": found and found.within,
        "between": found and found.between,
        "effect": found and found.effect,
        "interval": None if found is None or found.low is None else [found.low, found.high],
        "p_value": found and found.p_value,
        "q_value": result.q_value,
        "least_p_value": found and found.least_p_value,
        "pairs": [{"groups": list(pair), "between": value} for pair, value in found.between_pairs.items()]
        if found
        else [],
    }
