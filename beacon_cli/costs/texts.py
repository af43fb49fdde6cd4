"""What costs look like for people."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from beacon_cli.console.formatting import dollars, duration, quantity
from beacon_cli.console.hanging import print_hanging
from beacon_cli.console.printable import excerpt

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.costs.estimate import Estimate
    from beacon_cli.costs.report import CostReport
    from beacon_cli.costs.sums import CostSum

NOTHING_ASKED = "nothing was asked, so nothing was paid"


def print_lines(lines: Iterable[str], console: Console) -> None:
    """Print lines, which keep their own indentation where they are broken."""
    from rich.text import Text

    for line in lines:
        text = line.lstrip()
        before = len(line) - len(text)
        print_hanging(Text(" " * before), text, console, indent=before + 2)


def sum_cells(name: str, total: CostSum) -> list[str]:
    """Return a row of `costs`: name, executions, seconds at the models, tokens of input and of output, and the cost."""
    cost = "not known" if total.unpriced.total() == total.executions else dollars(total.dollars)
    return [
        excerpt(name, 255),
        str(total.executions),
        duration(total.seconds) if total.seconds else "-",
        f"{total.input_tokens:,}" if total.input_tokens else "-",
        f"{total.output_tokens:,}" if total.output_tokens else "-",
        cost,
    ]


def report_lines(report: CostReport) -> Iterator[str]:
    """Yield what stands below the rows: whose prices they are, what is not in them, and what Modal billed.

    Lines that belong to the one before are indented.
    """
    total = report.total
    if total.free:
        yield "servers on this machine cost nothing"
        return
    if total.sources:
        yield f"prices: {'; '.join(total.sources)}"
    yield from missing_lines([total])
    if total.on_modal:
        idle = "cold starts and idle time on Modal are not in it"
        about = "" if report.containers is None else f"; with them about {dollars(report.containers)}"
        yield f"{idle}{about}"
    if report.billed is not None:
        yield from _billed(report)
    elif report.not_billed is not None:
        yield f"Modal's billing report is not there: {excerpt(report.not_billed.message, 300)}"
    elif total.on_modal and not report.unasked:
        yield "with Modal's credentials, its billing report would stand here"


def _billed(report: CostReport) -> Iterator[str]:
    assert report.billed is not None
    billed = report.billed
    unit = "hour" if billed.resolution == "h" else "day"
    if billed.start >= billed.end:
        yield f"Modal has not billed this yet: it reports whole {unit}s, when they are over"
        return
    regions = ", ".join(f"{label} {dollars(amount)}" for label, amount in billed.by_region.items())
    yield (
        f"billed by Modal to {excerpt(billed.workspace, 60)}: {dollars(billed.dollars)}"
        f" ({regions or 'nothing for these apps'})"
    )
    spans = int((billed.end - billed.start).total_seconds() // (3600 if unit == "hour" else 86400))
    yield (
        f"  from {billed.start:%Y-%m-%d %H:%M} to {billed.end:%Y-%m-%d %H:%M} UTC ({quantity(spans, f'whole {unit}')}),"
        " everything that Beacon's apps did in that time"
    )


def estimate_lines(estimate: Estimate, max_cost: float | None) -> Iterator[str]:
    """Yield the lines of a plan about cost, also the limit if there is one; those after the first are indented."""
    if estimate.free:
        yield "cost: nothing; servers on this machine are free"
        return
    prices = [each.price for each in estimate.lanes if each.price is not None]
    unpriced = [each for each in estimate.lanes if each.unpriced is not None]
    if prices:
        without = f" of {quantity(len(prices), 'lane')}" if unpriced else ""
        calls = quantity(sum(each.calls for each in estimate.lanes if each.price is not None), "call")
        yield f"cost{without}: {dollars(estimate.low)} to {dollars(estimate.high)}, for {calls}"
    yield from (f"  {basis}" for basis in dict.fromkeys(price.basis for price in prices))
    if sources := dict.fromkeys(source for price in prices for source in price.sources):
        yield f"  prices: {'; '.join(sources)}"
    if max_cost is not None:
        yield f"  limits.max_cost is {dollars(max_cost)}, over all runs of the job and without idle time"
        yield from _at_limit(estimate, max_cost)
    yield from (f"  {assumption}" for assumption in estimate.assumptions)
    for why in dict.fromkeys(each.unpriced for each in unpriced):
        lanes = ", ".join(
            f"{excerpt(each.lane.model_id, 60)} in {each.lane.region.label}"
            for each in unpriced
            if each.unpriced == why
        )
        assert why is not None
        yield f"cost of {lanes}: not known, because {why.why}"
        yield f"  {why.hint}"


def _at_limit(estimate: Estimate, max_cost: float) -> Iterator[str]:
    """Yield whether the limit, less what the job's rows cost so far, is below what is expected."""
    if not estimate.calls or not estimate.known:
        return
    left = max_cost - estimate.spent
    spent = f" ({dollars(estimate.spent)} are spent)" if estimate.spent else ""
    if left < estimate.low:
        yield f"  the job will stop before it is complete: the limit{spent} is below the least that answers cost"
    elif left < estimate.answers_high:
        yield f"  the job may stop before it is complete: the limit{spent} is below the most that answers cost"


def sum_lines(total: CostSum, containers: float | None, *, of_run: CostSum) -> Iterator[str]:
    """Yield what a job cost by its rows, `of_run` in its last run; nothing if servers on this machine gave all answers.

    `containers` is what the containers on Modal that gave them cost as a whole, None if that is not known.
    """
    if total.free:
        return
    if total.unpriced.total() == total.executions:
        yield "cost by rows: not known"
    else:
        earlier = "" if of_run.executions == total.executions else f" ({dollars(of_run.dollars)} of it in this run)"
        yield f"cost by rows: {dollars(total.dollars)}{earlier}{_used(total)}"
        yield f"  prices: {'; '.join(total.sources) or 'beacon.toml'}"
    if total.on_modal:
        up = "" if containers is None else f": with them about {dollars(containers)}, by the containers that answered"
        yield f"  cold starts and idle time are not in it{up}"
    yield from missing_lines([total])


def missing_lines(sums: Iterable[CostSum]) -> Iterator[str]:
    """Yield what is not in some sums, and why."""
    unmeasured = 0
    why: dict[str, int] = {}
    hints: dict[str, None] = {}
    for each in sums:
        unmeasured += each.unmeasured
        for price, count in each.unpriced.items():
            why[price.why] = why.get(price.why, 0) + count
            hints[price.hint] = None
    for reason, count in why.items():
        yield f"  not in it: {quantity(count, 'execution')}, because {reason}"
    yield from (f"    {hint}" for hint in hints)
    if unmeasured:
        say = "does not say what it" if unmeasured == 1 else "do not say what they"
        yield f"  not in it: {quantity(unmeasured, 'answer')} that {say} took"


def _used(total: CostSum) -> str:
    parts = []
    if total.seconds:
        parts.append(f"{duration(total.seconds)} at the models")
    if total.input_tokens:
        parts.append(f"{total.input_tokens:,} tokens of input")
    if total.output_tokens and not total.seconds:
        parts.append(f"{total.output_tokens:,} of output")
    return f", for {' and '.join(parts)}" if parts else ""
