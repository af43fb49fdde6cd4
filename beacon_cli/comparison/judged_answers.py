"""What the answers with text are, group by group: refusals, what people and one's own program say of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beacon_cli.comparison.corrected import Corrected, CorrectedRate, LabelCount
from beacon_cli.comparison.figures import Rate
from beacon_cli.comparison.labels import Human, name_of, read_labels, require_all_found
from beacon_cli.comparison.refusal import Judgement, RefusalRule
from beacon_cli.comparison.scorer import GroupScores, Scorer, Scores
from beacon_cli.comparison.semantic import ForeignAnswers
from beacon_cli.comparison.shown import share_interval
from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.records.stored_answer import StoredExecution


@dataclass(frozen=True, slots=True)
class JudgedAnswers:
    """What was found: answers by group in a language that the rule for refusals does not know; a warning if the measure
    does not know the language of some; rates of refusals that people's labels correct; what a program says."""

    unknown: Mapping[str, int]
    warning: str | None
    corrected: Corrected | None
    scores: Scores | None

    def as_data(self) -> dict[str, Any]:
        """Return the keys that are added to the `data` of `compare --json`."""
        return {
            "unknown_language": dict(self.unknown),
            "measure_warning": self.warning,
            "corrected_refusals": self.corrected and asdict(self.corrected),
            "scores": self.scores and self.scores.as_data(),
        }

    def lines(self) -> Iterator[str]:
        """Yield it for people, one line each."""
        if self.warning:
            yield self.warning
        if self.unknown:
            named = ", ".join(f"{excerpt(name, 40)} {count}" for name, count in self.unknown.items())
            yield f"in a language that the rule for refusals does not know, so in no rate of refusals: {named}"
        if self.corrected:
            yield from _corrected_lines(self.corrected)
        if self.scores:
            yield f"scores of {self.scores.scorer}:"
            yield from (f"  {excerpt(name, 40)}: {_scored(each)}" for name, each in self.scores.groups.items())


class AnswerJudge:
    """Judges the answers of a comparison, and counts them."""

    def __init__(self, rule: RefusalRule, *, measure: str, labels: Path | None, scorer: str | None) -> None:
        """Raise `UsageError` for labels that cannot be read, or a scorer that cannot be found."""
        self._rule = rule
        self._foreign = ForeignAnswers() if measure == "semantic" else None
        self._file = labels
        self._labels: Mapping[str, Human] = read_labels(labels) if labels else {}
        self._counts = LabelCount()
        self._scorer = Scorer(scorer) if scorer else None
        self._unknown: Counter[str] = Counter()

    def judged(self, executions: Sequence[StoredExecution]) -> Iterator[Judgement | None]:
        """Yield what the answer of each execution is; None if it has no text."""
        judgements = iter(self._rule.judged([each.text for each in executions if each.status == "completed"]))
        yield from (next(judgements) if each.status == "completed" else None for each in executions)

    def count(self, execution: StoredExecution, group: str, judgement: Judgement | None) -> None:
        """Count an answer of a group; `judgement` is what it is."""
        if judgement is None:
            return
        if judgement.label == "unknown":
            self._unknown[group] += 1
        if self._labels:
            self._counts.add(group, judgement.label, self._labels.get(name_of(execution)))
        if self._foreign:
            self._foreign.add(execution.text)
        if self._scorer:
            self._scorer.add(execution, group)

    def result(self) -> JudgedAnswers:
        """Return what was found. Raises `UsageError` for labels of other answers, `EnvironmentFault` of the scorer."""
        if self._file:
            require_all_found(self._file, self._labels, self._counts.labels)
        return JudgedAnswers(
            unknown=dict(self._unknown),
            warning=self._foreign.warning() if self._foreign else None,
            corrected=self._counts.corrected() if self._file else None,
            scores=self._scorer.scores() if self._scorer else None,
        )


def _corrected_lines(corrected: Corrected) -> Iterator[str]:
    accuracy = "the rule finds too few to tell"
    if corrected.sensitivity is not None and corrected.specificity is not None:
        accuracy = (
            f"the rule finds {100 * corrected.sensitivity:.0f} % of the refusals, and takes "
            f"{100 * (1 - corrected.specificity):.0f} % of the answers for one"
        )
    unclear = f", {corrected.unclear} of them unclear" if corrected.unclear else ""
    yield f"refusals, corrected by {quantity(corrected.labels, 'label')}{unclear} ({accuracy}):"
    for name, each in corrected.groups.items():
        yield f"  {excerpt(name, 40)}: {_corrected(each)}"


def _corrected(rate: CorrectedRate) -> str:
    share = "-" if rate.rate is None else f"{100 * rate.rate:.0f} %"
    return f"{share} {share_interval(rate.low, rate.high)}"


def _scored(scores: GroupScores) -> str:
    unscored = f", {quantity(scores.unscored, 'answer')} without" if scores.unscored else ""
    if scores.labels is not None:
        return ", ".join(f"{label} {_share(share)}" for label, share in scores.labels.items()) + unscored
    if scores.mean is None:
        return f"none{unscored}"
    interval = "" if scores.low is None else f" [{scores.low:.3g}–{scores.high:.3g}]"
    return f"mean {scores.mean:.3g}{interval}{unscored}"


def _share(share: Rate) -> str:
    if share.low is None or share.high is None:
        return f"{share.count}/{share.of}"
    return f"{share.count}/{share.of} {share_interval(share.low, share.high)}"
