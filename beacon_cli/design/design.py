"""What the design of a job can find: how likely, with how many repeats, and what stands in its way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, get_args

from beacon_cli.console.formatting import percent, quantity
from beacon_cli.design.curves import Effect, measured_curves
from beacon_cli.design.shapes import MOST_ANSWERS, Bluntness, Shape, bluntness
from beacon_cli.design.spending import rate_at
from beacon_cli.job.analysis import Analysis
from beacon_cli.job.model import Job
from beacon_cli.job.part import Part

POWER = 0.8
"""How likely a difference should be found, if nothing else is wanted."""

HARDLY = 0.5
"""The chance below which a design can hardly find something."""


_BLUNT: Mapping[Bluntness, str] = {
    "few answers": "no single question can be shown to differ",
    "one group": "a single question can hardly be shown to differ where one region differs from others that agree",
    "few exchanges": "there are too few exchanges of labels to show that a single question differs",
}


@dataclass(frozen=True, slots=True)
class Design:
    """What is compared: `results` are the questions of each model, `regions` the numbers of regions in which models are
    asked, and `seeds` whether repeat n has the same seed in all of them.

    `looks` are the numbers of repeats at which answers were stored: each look at them has spent a part of the rate.
    """

    results: int
    regions: tuple[int, ...]
    repeats: int
    seeds: bool
    temperature: float
    analysis: Analysis
    looks: tuple[int, ...] = ()

    def rate(self, repeats: int) -> float:
        """The rate of false discoveries at the look after so many repeats."""
        return rate_at(self.analysis.rate, min(repeats, MOST_ANSWERS), self.looks)

    @property
    def looked_at(self) -> int:
        """How many repeats the job has already, with answers; 0 if none."""
        return max(self.looks, default=0)


@dataclass(frozen=True, slots=True)
class Chance:
    """How likely an effect is found, from 0 to 1, and the fewest repeats with which it is found as likely as wanted.

    `power` is None where this was not measured. `repeats` is None if more than `most` are needed; if `most` is None,
    too, no number of repeats was measured.
    """

    power: float | None
    repeats: int | None
    most: int | None


@dataclass(frozen=True, slots=True)
class Prospect:
    """How likely an effect of one region is found: if it is there in one question, and if it is there in all."""

    effect: Effect
    one_question: Chance
    whole_job: Chance


@dataclass(frozen=True, slots=True)
class Prospects:
    """What a design can find. `power` is how likely that should be; `warnings` are sentences."""

    design: Design
    power: float
    found: tuple[Prospect, ...]
    warnings: tuple[str, ...]

    @property
    def doubt(self) -> str | None:
        """Why the design can hardly find anything; None if it can, or if this is not known."""
        if self.design.repeats == 1 or self.design.temperature == 0:
            return self.warnings[0]
        chances = [chance.power for each in self.found for chance in (each.one_question, each.whole_job)]
        best = max((power for power in chances if power is not None), default=1.0)
        if best >= HARDLY:
            return None
        return (
            f"with {quantity(self.design.repeats, 'repeat')} and {quantity(self.design.results, 'result')} this job can"
            f" hardly show that a region differs: the chance is at most {percent(best)}"
        )

    def as_data(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        curves = measured_curves()
        return {
            "results": self.design.results,
            "regions": list(self.design.regions),
            "repeats": self.design.repeats,
            "seeds": self.design.seeds,
            "looks": list(self.design.looks),
            "level": self.design.rate(self.design.repeats),
            "false_discovery_rate": self.design.analysis.rate,
            "power": self.power,
            "effects": [asdict(each) for each in self.found],
            "measured": {"questions": curves.questions, "jobs": curves.jobs},
            "warnings": list(self.warnings),
        }


def design_of(job: Job, part: Part, *, looks: tuple[int, ...] = ()) -> Design | None:
    """Return the design of a part of a job; None if no model is asked in two regions, so that nothing is compared.

    `looks` are the numbers of repeats at which it has answers.
    """
    regions = Counter(lane.model_id for lane in job.lanes_in(part))
    compared = {model_id: count for model_id, count in regions.items() if count > 1}
    if not compared:
        return None
    return Design(
        results=len(compared) * job.questions_in(part),
        regions=tuple(sorted(set(compared.values()))),
        repeats=job.repeats,
        seeds=job.generation.seed is not None,
        temperature=job.generation.temperature,
        analysis=job.analysis or Analysis(),
        looks=looks,
    )


def prospects(design: Design, *, power: float = POWER) -> Prospects:
    """Return what a design can find, and with how many repeats it finds it as likely as `power`."""
    return Prospects(
        design,
        power,
        tuple(_prospect(design, effect, power) for effect in get_args(Effect)),
        tuple(_warnings(design)),
    )


def tests_of(design: Design, effect: Effect) -> int:
    """Return how many tests there are: one of the texts of each result, and of the outcomes where some are refused."""
    return design.results + (effect == "refusals")


def _prospect(design: Design, effect: Effect, power: float) -> Prospect:
    curves = measured_curves()

    def in_one_question(repeats: int) -> float | None:
        threshold = design.rate(repeats) / tests_of(design, effect)
        return _least(
            design,
            lambda regions: curves.in_one_question(
                effect, seeds=design.seeds, regions=regions, repeats=repeats, threshold=threshold
            ),
        )

    def in_whole_job(repeats: int) -> float | None:
        return _least(
            design,
            lambda regions: curves.in_whole_job(
                effect,
                seeds=design.seeds,
                regions=regions,
                repeats=repeats,
                results=design.results,
                level=design.rate(repeats),
            ),
        )

    return Prospect(effect, _chance(design, power, in_one_question), _chance(design, power, in_whole_job))


def _least(design: Design, found: Callable[[int], float | None]) -> float | None:
    """Return the smallest chance over the numbers of regions; None if one was not measured, and for what was never
    simulated: another measure, or answers without noise."""
    if design.temperature == 0 or design.analysis.measure != "lexical":
        return None
    chances = [found(regions) for regions in design.regions]
    known = [chance for chance in chances if chance is not None]
    return min(known) if len(known) == len(chances) else None


def _chance(design: Design, wanted: float, found: Callable[[int], float | None]) -> Chance:
    tried = range(max(design.looked_at, min(measured_curves().repeats)), max(measured_curves().repeats) + 1)
    by_repeats = {repeats: chance for repeats in tried if (chance := found(repeats)) is not None}
    enough = (repeats for repeats, chance in by_repeats.items() if chance >= wanted)
    return Chance(found(design.repeats), next(enough, None), max(by_repeats, default=None))


def _warnings(design: Design) -> Iterator[str]:
    if design.repeats == 1:
        yield "with one repeat nothing shows how much answers vary by chance, so no difference can be tested"
    if design.temperature == 0:
        yield "at temperature 0 repeats are copies: no difference can be tested, only whether regions give the same"
    elif design.repeats > 1 and (blunt := _blunt_design(design)):
        among = f"with {quantity(design.repeats, 'repeat')}, among {quantity(design.results, 'test')}"
        yield f"{among}, {_BLUNT[blunt]}; {_sharp_enough(design)}"
    if design.analysis.measure != "lexical":
        yield f"what the measure {design.analysis.measure} finds was not simulated"


def _blunt_design(design: Design) -> Bluntness | None:
    rate = design.rate(design.repeats)
    return _blunt(design.regions, design.repeats, tests=design.results, rate=rate, seeds=design.seeds)


def fewest_repeats(groups: Iterable[int], *, tests: int, rate: float, seeds: bool, looked_at: int = 0) -> int | None:
    """Return with how many repeats one question alone can be shown to differ; None if no number is enough.

    `groups` are the numbers of groups that are compared, and `tests` how many tests there are. If the job was
    `looked_at` with some repeats, this is a further look, with more repeats and what is left of the rate.
    """
    numbers, looks = tuple(groups), (looked_at,) if looked_at else ()
    for repeats in range(max(2, looked_at + 1), MOST_ANSWERS):
        if not _blunt(numbers, repeats, tests=tests, rate=rate_at(rate, repeats, looks), seeds=seeds):
            return repeats
    return None


def _blunt(groups: Iterable[int], repeats: int, *, tests: int, rate: float, seeds: bool) -> Bluntness | None:
    """Return why one question alone cannot be shown to differ with so many repeats; None if it can."""
    kept = min(repeats, MOST_ANSWERS)
    found = (bluntness(_shapes(number, kept, seeds=seeds), tests=tests, rate=rate) for number in groups)
    return next(filter(None, found), None)


def _sharp_enough(design: Design) -> str:
    """Return how many repeats would do."""
    fewest = fewest_repeats(
        design.regions, tests=design.results, rate=design.analysis.rate, seeds=design.seeds, looked_at=design.looked_at
    )
    return "no number of repeats is enough" if fewest is None else f"it takes {fewest} at least"


def _shapes(regions: int, repeats: int, *, seeds: bool) -> tuple[Shape, ...]:
    """Return the shapes under which a question is tested: over all answers, and with seeds also inside each of them."""
    over_all: Shape = ((repeats,) * regions,)
    return (((1,) * regions,) * repeats, over_all) if seeds else (over_all,)
