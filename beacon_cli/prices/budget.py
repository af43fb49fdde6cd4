"""The limit on what a job may cost: which call may still be made."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from beacon_cli.console.formatting import dollars, dollars_up
from beacon_cli.errors import UsageError
from beacon_cli.executor.execution import Cell, Execution
from beacon_cli.job.lanes import Lane
from beacon_cli.job.model import Job
from beacon_cli.prices.price import SLOWEST_TOKENS_A_SECOND, Price, Unpriced, Usage, usage_of

# What a chat template adds around a question and a system prompt, in tokens.
_TEMPLATE_TOKENS = 50


class Budget:
    """What a job may still cost. A call is made only if its cost, with that of all calls that are made, stays below.

    Before a call is over its cost is a guess. For a price per token it is the most that the call can cost: no token is
    shorter than a byte, and no answer longer than `max_tokens`. For a price per second it is that of the dearest call
    of its lane so far, and before there is one, that of an answer of `max_tokens` at `SLOWEST_TOKENS_A_SECOND`.

    `spent` is what the job's rows cost, and `longest` how many seconds the longest call of a lane took, by its rows.
    """

    def __init__(
        self,
        job: Job,
        max_cost: float,
        spent: float,
        prices: Mapping[Lane, Price],
        longest: Mapping[Lane, float] | None = None,
    ) -> None:
        self._job = job
        self._max_cost = max_cost
        self._spent = spent
        self._prices = prices
        self._held: dict[Cell, float] = {}
        self._in_flight = 0.0
        self._dearest = {lane: seconds * prices[lane].per_second for lane, seconds in (longest or {}).items()}
        self._changed = asyncio.Event()

    async def take(self, cell: Cell) -> bool:
        """Hold what a call may cost, and return whether it may be made.

        Calls that were taken for dearer than they are may leave enough for it, so it waits until they have ended.
        """
        while self._spent + self._in_flight + (cost := self._guess(cell)) > self._max_cost:
            if not self._held:
                return False
            self._changed.clear()
            await self._changed.wait()
        self._held[cell] = cost
        self._in_flight += cost
        return True

    def give_back(self, cell: Cell) -> None:
        """Hold nothing for a call any more: it was not made, or is paid."""
        self._in_flight -= self._held.pop(cell, 0.0)
        self._changed.set()

    def pay(self, execution: Execution) -> None:
        """Count what a call cost."""
        lane = execution.cell.lane
        cost = self._prices[lane].of(usage_of(execution))
        self._spent += cost
        self._dearest[lane] = max(cost, self._dearest.get(lane, 0.0))
        self.give_back(execution.cell)

    def exhausted(self, cell: Cell) -> str:
        """Return why no further call is made, and the least limit with which that of `cell` would be."""
        limit, spent = dollars(self._max_cost), dollars(self._spent)
        enough = dollars_up(self._spent + self._guess(cell))
        where = " in the job file" if self._job.limits.max_cost is not None else ""
        go_on = f"to go on, set it to {enough} or more{where}"
        if self._spent > self._max_cost:
            return f"limits.max_cost of {limit} was exceeded: {spent} are spent; {go_on}"
        return f"limits.max_cost is {limit}: {spent} are spent, and the next call could pass it; {go_on}"

    def _guess(self, cell: Cell) -> float:
        price = self._prices[cell.lane]
        longest = self._job.generation.max_tokens
        if price.per_second:
            slowest = price.per_second * longest / SLOWEST_TOKENS_A_SECOND
            return self._dearest.get(cell.lane) or slowest
        prompt = cell.question.text + (self._job.prompt_system(cell.lane.region) or "")
        return price.of(Usage(input_tokens=len(prompt.encode()) + _TEMPLATE_TOKENS, output_tokens=longest))


def require_priced(prices: Mapping[Lane, Price | Unpriced], max_cost: float) -> dict[Lane, Price]:
    """Return the prices. Raises `UsageError` if one is unknown: the limit could not be kept."""
    known: dict[Lane, Price] = {}
    for lane, price in prices.items():
        if isinstance(price, Unpriced):
            raise UsageError(
                f"limits.max_cost ({dollars(max_cost)}) cannot be kept for {lane.model_id} in {lane.region.label}:"
                f" {price.why}",
                hint=price.hint,
            )
        known[lane] = price
    return known
