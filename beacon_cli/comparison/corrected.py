"""Rates of refusals that are corrected by what people say of a sample of the answers.

A rule is wrong now and then: of `R` refusals it finds the share `Se` (its sensitivity), and of what is none it leaves
the share `Sp` alone (its specificity). A share `p` of hits then means a share (p + Sp - 1) / (Se + Sp - 1) of refusals
(Rogan and Gladen 1978). Both are estimated from the labels, for all regions together. Since the sample is drawn by what
the rule says, the labels tell which share of its hits are refusals, and which of the rest; the numbers of both in the
whole job then give Se and Sp.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from beacon_cli.comparison.labels import Human
from beacon_cli.comparison.refusal import Label

_DRAWS = 20_000
_SEED = 17
_PRIOR = 0.5  # Jeffreys' prior of a share


@dataclass(frozen=True, slots=True)
class CorrectedRate:
    """The share of refusals among the answers with text whose language is known, with a 95 % interval.

    None where the labels leave no way to tell: the rule finds refusals no better than chance.
    """

    rate: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Corrected:
    """The rates by group, what the rule was found to be, and how many labels it rests on; `unclear` are not used."""

    sensitivity: float | None
    specificity: float | None
    labels: int
    unclear: int
    groups: Mapping[str, CorrectedRate]


@dataclass(slots=True)
class LabelCount:
    """Counts what the rule says of the answers of each group, and what people say of those in the sample."""

    said: dict[str, Counter[Label]] = field(default_factory=dict)
    labelled: dict[Label, Counter[Human]] = field(default_factory=dict)

    def add(self, group: str, label: Label, human: Human | None) -> None:
        """Count one answer with text; `human` is None if nobody labelled it."""
        self.said.setdefault(group, Counter())[label] += 1
        if human is not None:
            self.labelled.setdefault(label, Counter())[human] += 1

    @property
    def labels(self) -> int:
        """The number of labels that were found."""
        return sum(counts.total() for counts in self.labelled.values())

    def corrected(self) -> Corrected:
        """Return the corrected rates. The intervals come from draws of all shares that are uncertain: those of the
        labels, and each group's own (Beta distributions with Jeffreys' prior; the random numbers have a fixed seed)."""
        hits, rest = (sum(counts[label] for counts in self.said.values()) for label in ("refusal", "answer"))
        of_hits, of_rest = (self.labelled.get(label, Counter()) for label in ("refusal", "answer"))
        found = _accuracy(_share(of_hits), _share(of_rest), hits, rest)
        chance = np.random.default_rng(_SEED)
        drawn = _accuracy(_beta(of_hits, chance), _beta(of_rest, chance), hits, rest)
        groups = {name: _rate(counts, found, drawn, chance) for name, counts in self.said.items()}
        sensitivity, specificity = (None if np.isnan(each) else float(each) for each in found)
        unclear = sum(counts["unclear"] for counts in self.labelled.values())
        return Corrected(sensitivity, specificity, self.labels, unclear, groups)


_Pair = tuple[np.ndarray, np.ndarray]


def _accuracy(right_hits: np.ndarray, missed: np.ndarray, hits: int, rest: int) -> _Pair:
    """Return sensitivity and specificity from the shares of refusals among the hits and among the rest."""
    refusals, others = hits * right_hits + rest * missed, hits * (1 - right_hits) + rest * (1 - missed)
    with np.errstate(invalid="ignore", divide="ignore"):
        return hits * right_hits / refusals, rest * (1 - missed) / others


def _rate(counts: Counter[Label], found: _Pair, drawn: _Pair, chance: np.random.Generator) -> CorrectedRate:
    hits, rest = counts["refusal"], counts["answer"]
    if not hits + rest:
        return CorrectedRate(None, 0.0, 1.0)
    rate = _true_share(np.array(hits / (hits + rest)), found)
    shares = chance.beta(hits + _PRIOR, rest + _PRIOR, _DRAWS)
    draws = _true_share(shares, drawn)
    unknown = np.isnan(draws)  # a draw in which the rule is no better than chance allows any share
    draws[unknown] = chance.random(int(unknown.sum()))
    low, high = np.quantile(draws, (0.025, 0.975))
    return CorrectedRate(None if np.isnan(rate) else float(rate), float(low), float(high))


def _true_share(share: np.ndarray, accuracy: _Pair) -> np.ndarray:
    sensitivity, specificity = accuracy
    better = sensitivity + specificity - 1
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(better > 0, np.clip((share + specificity - 1) / better, 0, 1), np.nan)


def _share(labels: Counter[Human]) -> np.ndarray:
    judged = labels["refusal"] + labels["answer"]
    return np.array(labels["refusal"] / judged if judged else np.nan)


def _beta(labels: Counter[Human], chance: np.random.Generator) -> np.ndarray:
    return chance.beta(labels["refusal"] + _PRIOR, labels["answer"] + _PRIOR, _DRAWS)
