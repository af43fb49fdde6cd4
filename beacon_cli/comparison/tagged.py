"""Regional differences by the tags of questions: how large they are with each tag, and beside the other questions.

Answers to different questions are not compared with each other: they are about different things. What can be compared
between tags is how much regions differ: the effect of each question, and the shares of refusals and the like.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from beacon_cli.comparison.discoveries import discovery_rates
from beacon_cli.comparison.figures import Figures
from beacon_cli.comparison.pooled import Pooled, Tag
from beacon_cli.comparison.student import t_quantile
from beacon_cli.comparison.verdicts import DIFFERENT, Judged, Judgement

DRAWS = 9_999
"""The number of random ways to give a tag to as many questions."""

_SAME = 1e-9


@dataclass(frozen=True, slots=True)
class Contrast:
    """The mean effect of questions with a tag, minus that of the others, tested by giving the tag to other questions.

    `least` is the smallest p-value that so few questions can give.
    """

    rest: float
    difference: float
    p_value: float
    least: float
    q_value: float = math.nan


@dataclass(frozen=True, slots=True)
class Tagged:
    """What was found for the questions with a tag; `tag` is None for those without any.

    `different` counts the verdicts that `--fail-on different` fails on; so many of them are `no_text`.
    `effect` is the mean of the effects of its questions, with a 95 % interval over them (None with one question).
    `contrast` is None if there are no other questions with an effect. `figures` are by region.
    """

    tag: Tag
    questions: int
    results: int
    different: int
    no_text: int
    pooled: Pooled | None
    effect: float | None
    low: float | None
    high: float | None
    contrast: Contrast | None
    figures: Mapping[str, Figures]

    def as_data(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        contrast = self.contrast
        return {
            "tag": self.tag,
            "questions": self.questions,
            "results": self.results,
            "different": self.different,
            "no_text": self.no_text,
            "pooled": self.pooled and self.pooled.as_data(),
            "effect": self.effect,
            "interval": None if self.low is None else [self.low, self.high],
            "other_questions": contrast
            and {
                "effect": contrast.rest,
                "difference": contrast.difference,
                "p_value": contrast.p_value,
                "q_value": contrast.q_value,
                "least_p_value": contrast.least,
            },
            "regions": {name: asdict(each) for name, each in self.figures.items()},
        }


def by_tag(
    judgement: Judgement, tags: Mapping[str, Sequence[Tag]], figures: Mapping[Tag, Mapping[str, Figures]]
) -> tuple[Tagged, ...]:
    """Return what was found for each tag, in the order in which the job's questions name them."""
    effects = _effects(judgement.results)
    names = dict.fromkeys(tag for mine in tags.values() for tag in mine)
    contrasts = _corrected({name: _contrast(effects, {each for each in tags if name in tags[each]}) for name in names})
    return tuple(
        _tagged(
            name,
            [each for each in judgement.results if name in tags.get(each.subject.question_id, ())],
            effects,
            judgement.pooled_by_tag.get(name),
            contrasts.get(name),
            figures.get(name, {}),
        )
        for name in names
    )


def _tagged(
    tag: Tag,
    results: Sequence[Judged],
    effects: Mapping[str, float],
    pooled: Pooled | None,
    contrast: Contrast | None,
    figures: Mapping[str, Figures],
) -> Tagged:
    questions = dict.fromkeys(result.subject.question_id for result in results)
    mine = [effects[question] for question in questions if question in effects]
    low, high = _interval(mine)
    return Tagged(
        tag=tag,
        questions=len(questions),
        results=len(results),
        different=sum(result.verdict in DIFFERENT for result in results),
        no_text=sum(result.verdict == "no_text" for result in results),
        pooled=pooled,
        effect=statistics.fmean(mine) if mine else None,
        low=low,
        high=high,
        contrast=contrast,
        figures=figures,
    )


def _effects(results: Iterable[Judged]) -> dict[str, float]:
    """Return the effect of each question, the mean over its models."""
    found: dict[str, list[float]] = {}
    for result in results:
        if result.difference:
            found.setdefault(result.subject.question_id, []).append(result.effect)
    return {question: statistics.fmean(mine) for question, mine in found.items()}


def _interval(effects: Sequence[float]) -> tuple[float | None, float | None]:
    """Return Student's 95 % interval of the mean of such questions; None of a single one."""
    if len(effects) < 2:
        return None, None
    middle = statistics.fmean(effects)
    margin = t_quantile(0.975, len(effects) - 1) * statistics.stdev(effects) / math.sqrt(len(effects))
    return middle - margin, middle + margin


def _contrast(effects: Mapping[str, float], tagged: set[str]) -> Contrast | None:
    """Return how much larger the effects of some questions are, and how often chance alone makes such a difference."""
    values = np.array(list(effects.values()))
    mine = np.array([question in tagged for question in effects])
    count, total = int(mine.sum()), len(mine)
    if not 0 < count < total:
        return None
    real = _difference(values, mine[None, :])[0]
    chance = np.random.default_rng(0)
    drawn = chance.permuted(np.tile(mine, (DRAWS, 1)), axis=1)
    p_value = (1 + np.count_nonzero(np.abs(_difference(values, drawn)) >= abs(real) - _SAME)) / (DRAWS + 1)
    least = max(1 / (DRAWS + 1), (2 if 2 * count == total else 1) / math.comb(total, count))
    return Contrast(float(values[~mine].mean()), float(real), float(p_value), least)


def _difference(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return, for each row, the mean of the chosen values minus that of the others."""
    count = chosen.sum(axis=1)
    mine = chosen @ values
    found: np.ndarray = mine / count - (values.sum() - mine) / (len(values) - count)
    return found


def _corrected(contrasts: Mapping[Tag, Contrast | None]) -> dict[Tag, Contrast]:
    """Return the contrasts that there are, corrected for their number."""
    found = {name: each for name, each in contrasts.items() if each is not None}
    rates = discovery_rates([each.p_value for each in found.values()])
    return {
        name: Contrast(each.rest, each.difference, each.p_value, each.least, rate)
        for (name, each), rate in zip(found.items(), rates, strict=True)
    }
