"""What a job will cost, before it is run: from a low to a high number, with what they assume."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from beacon_cli.console.formatting import duration, quantity
from beacon_cli.executor.caps import endpoint_caps
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from beacon_cli.job.part import Part
from beacon_cli.prices.price import FREE, SLOWEST_TOKENS_A_SECOND, Price, Unpriced, Usage
from modal_deployment.contents import IDLE_SECONDS

if TYPE_CHECKING:
    from beacon_cli.costs.usage import UsageGroup

FASTEST_TOKENS_A_SECOND = 60.0
SHORTEST_SHARE = 0.25
"""How short answers are taken to be, as a share of `max_tokens`."""
COLD_START_SECONDS = 120.0
MOST_BYTES_A_TOKEN, FEWEST_BYTES_A_TOKEN = 4.0, 2.0
_QUESTIONS_READ = 1000
_ERRORS = 2.0
"""How many standard errors the mean so far may be off. The deviation of answers is taken to be their mean."""


@dataclass(frozen=True, slots=True)
class LaneEstimate:
    """What is left to ask of a lane, and what that costs at its price, or why it has none."""

    lane: Lane
    calls: int
    price: Price | None = None
    unpriced: Unpriced | None = None
    low: float = 0.0
    high: float = 0.0

    def as_data(self) -> dict[str, Any]:
        """Return it as in JSON documents."""
        return {
            "model_id": self.lane.model_id,
            "region": self.lane.region.label,
            "calls": self.calls,
            "low": self.price and round(self.low, 6),
            "high": self.price and round(self.high, 6),
            "price": self.price and self.price.basis,
            "sources": list(self.price.sources) if self.price else [],
            "unpriced": self.unpriced and self.unpriced.why,
            "hint": self.unpriced and self.unpriced.hint,
        }


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a job will cost in US dollars. `low` and `high` are of the lanes that have a price.

    `spent` is what its rows cost so far.
    """

    lanes: Sequence[LaneEstimate]
    low: float
    high: float
    assumptions: Sequence[str]
    spent: float = 0.0

    @property
    def answers_high(self) -> float:
        """The most that the answers cost, without cold starts and idle time."""
        return sum(each.high for each in self.lanes)

    @property
    def calls(self) -> int:
        """How many calls are left to make."""
        return sum(each.calls for each in self.lanes)

    @property
    def known(self) -> bool:
        """Whether every lane has a price."""
        return all(each.price is not None for each in self.lanes)

    @property
    def free(self) -> bool:
        """Whether only servers on this machine are asked."""
        return all(each.price == FREE for each in self.lanes)

    def as_data(self) -> dict[str, Any]:
        """Return it as in JSON documents; without a price for every lane, `low` and `high` are None."""
        return {
            "currency": "USD",
            "low": round(self.low, 6) if self.known else None,
            "high": round(self.high, 6) if self.known else None,
            "calls": self.calls,
            "spent": round(self.spent, 6),
            "assumptions": list(self.assumptions),
            "lanes": [each.as_data() for each in self.lanes],
        }


@dataclass(frozen=True, slots=True)
class _Span:
    """What a call takes, from little to much."""

    low: Usage
    high: Usage


@dataclass(frozen=True, slots=True)
class _Measured:
    """What an answer of a lane took in the mean, and of how many answers that is the mean."""

    mean: Usage
    answers: int

    @property
    def factor(self) -> float:
        """By which factor the mean of all answers may be lower or higher than the mean of these."""
        return 1 + _ERRORS / math.sqrt(self.answers)


def estimated(
    job: Job,
    part: Part,
    limits: Limits,
    *,
    prices: Mapping[Lane, Price | Unpriced],
    calls: Mapping[Lane, int],
    earlier: Iterable[UsageGroup] = (),
    shared: Mapping[str, str] | None = None,
) -> Estimate:
    """Return what `calls` cost at these prices; `earlier` is what the job's rows say so far.

    Models with the same value in `shared`, by id, are in one container of their region, and take turns.
    """
    measured = _measured(earlier)
    prompts = _prompt_bytes(job, part) if any(_by_tokens(price) for price in prices.values()) else 0.0
    spans = {lane: _span(job, lane, measured, prompts) for lane in prices}
    lanes = [_lane(lane, calls[lane], price, spans[lane]) for lane, price in prices.items()]
    up = _containers(prices, calls, spans, limits, shared)
    low = sum(each.low for each in lanes)
    high = sum(each.high for each in lanes if not _by_seconds(prices[each.lane])) + sum(up.values())
    return Estimate(lanes, low, max(low, high), tuple(_assumptions(job, prices, measured, len(up))))


def _by_tokens(price: Price | Unpriced) -> bool:
    return isinstance(price, Price) and bool(price.per_input or price.per_output)


def _by_seconds(price: Price | Unpriced) -> bool:
    return isinstance(price, Price) and bool(price.per_second)


def _measured(earlier: Iterable[UsageGroup]) -> dict[tuple[str, str], _Measured]:
    """Return what an answer took, by model and label of the region."""
    groups: dict[tuple[str, str], list[UsageGroup]] = defaultdict(list)
    for group in earlier:
        if group.answered:
            groups[group.model_id, group.region].append(group)
    return {lane: _mean(of_lane) for lane, of_lane in groups.items()}


def _mean(groups: Sequence[UsageGroup]) -> _Measured:
    answered = sum(group.answered for group in groups)
    mean = Usage(
        seconds=sum(group.seconds for group in groups) / answered,
        input_tokens=round(sum(group.input_tokens for group in groups) / answered),
        output_tokens=round(sum(group.output_tokens for group in groups) / answered),
    )
    return _Measured(mean, answered)


def _prompt_bytes(job: Job, part: Part) -> float:
    """Return the mean length of a prompt, of the questions at the beginning."""
    asked = (question for question in job.questions if part.has_question(question.id))
    lengths = [len(question.text.encode()) for question in islice(asked, _QUESTIONS_READ)]
    return sum(lengths) / max(1, len(lengths))


def _span(job: Job, lane: Lane, measured: Mapping[tuple[str, str], _Measured], prompt_bytes: float) -> _Span:
    longest = job.generation.max_tokens
    if (known := measured.get((lane.model_id, lane.region.label))) is not None:
        low, high = _times(known.mean, 1 / known.factor), _times(known.mean, known.factor)
        return _Span(low, replace(high, output_tokens=max(known.mean.output_tokens, min(high.output_tokens, longest))))
    asked = prompt_bytes + len((job.prompt_system(lane.region) or "").encode())
    return _Span(
        Usage(
            longest * SHORTEST_SHARE / FASTEST_TOKENS_A_SECOND,
            round(asked / MOST_BYTES_A_TOKEN),
            round(longest * SHORTEST_SHARE),
        ),
        Usage(longest / SLOWEST_TOKENS_A_SECOND, round(asked / FEWEST_BYTES_A_TOKEN), longest),
    )


def _times(usage: Usage, factor: float) -> Usage:
    return Usage(usage.seconds * factor, round(usage.input_tokens * factor), round(usage.output_tokens * factor))


def _lane(lane: Lane, calls: int, price: Price | Unpriced, span: _Span) -> LaneEstimate:
    if isinstance(price, Unpriced):
        return LaneEstimate(lane, calls, unpriced=price)
    return LaneEstimate(lane, calls, price, low=calls * price.of(span.low), high=calls * price.of(span.high))


def _containers(
    prices: Mapping[Lane, Price | Unpriced],
    calls: Mapping[Lane, int],
    spans: Mapping[Lane, _Span],
    limits: Limits,
    shared: Mapping[str, str] | None,
) -> dict[tuple[str, int], float]:
    """Return what each container on Modal costs at most, by region id and number.

    All of them are up as long as the slowest region needs, with a cold start before and the idle time after it.
    """
    lanes = [lane for lane, price in prices.items() if _by_seconds(price) and calls[lane]]
    caps = endpoint_caps(lanes, limits)
    busy: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    rates: dict[str, dict[str, float]] = defaultdict(dict)
    for lane in lanes:
        price = prices[lane]
        assert isinstance(price, Price)
        home = (shared or {}).get(lane.model_id, lane.model_id)
        busy[lane.region.id][home] += calls[lane] * spans[lane].high.seconds
        rates[lane.region.id][home] = price.per_second
    up = {region_id: min(caps[region_id], len(homes)) for region_id, homes in rates.items()}
    longest = max((_longest(busy[region_id], count, shared) for region_id, count in up.items()), default=0.0)
    seconds = COLD_START_SECONDS + longest + IDLE_SECONDS
    return {
        (region_id, number): seconds * rate
        for region_id, count in up.items()
        for number, rate in enumerate(sorted(rates[region_id].values(), reverse=True)[:count])
    }


def _longest(busy: Mapping[str, float], containers: int, shared: Mapping[str, str] | None) -> float:
    """Return how long a region's containers need for their work; one that models share is helped by no other."""
    spread = sum(busy.values()) / containers
    return spread if shared is None else max(spread, *busy.values())


def _assumptions(
    job: Job, prices: Mapping[Lane, Price | Unpriced], measured: Mapping[tuple[str, str], _Measured], containers: int
) -> Iterable[str]:
    paid = [lane for lane, price in prices.items() if _by_seconds(price) or _by_tokens(price)]
    known = [lane for lane in paid if (lane.model_id, lane.region.label) in measured]
    if known:
        fewest = min((measured[lane.model_id, lane.region.label] for lane in known), key=lambda each: each.answers)
        yield (
            f"answers take as long, and as many tokens, as this job's so far ({quantity(len(known), 'lane')}, of"
            f" {quantity(fewest.answers, 'answer')} at least), up to {fewest.factor:.1f} times less or more"
        )
    assumed = [lane for lane in paid if lane not in known]
    if assumed:
        longest = job.generation.max_tokens
        yield f"answers have {round(longest * SHORTEST_SHARE)} to {longest} tokens (assumed; max_tokens is {longest})"
    if any(_by_seconds(prices[lane]) for lane in assumed):
        yield (f"a model writes {FASTEST_TOKENS_A_SECOND:g} to {SLOWEST_TOKENS_A_SECOND:g} tokens a second (assumed)")
    if any(_by_tokens(prices[lane]) for lane in assumed):
        yield f"a token of a prompt has {MOST_BYTES_A_TOKEN:g} to {FEWEST_BYTES_A_TOKEN:g} bytes (assumed)"
    if containers:
        yield (
            f"low: only answers count; high: {quantity(containers, 'container')} each from a cold start of"
            f" {duration(COLD_START_SECONDS)} (assumed) to {duration(IDLE_SECONDS)} after the last answer,"
            " all as long as the slowest region needs"
        )
    if paid:
        yield "no call is repeated or fails"
