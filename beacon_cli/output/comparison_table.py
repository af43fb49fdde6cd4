"""How a comparison is shown to people: what is not comparable, the verdicts, what differs, each region's figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.figures import Figures, Rate, Spread
from beacon_cli.comparison.verdicts import Judged
from beacon_cli.printable import excerpt
from beacon_cli.program_name import command
from beacon_cli.wording import percent, quantity

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

_STYLES = {"different": "bold red", "indistinguishable": "green", "untestable": "yellow"}
_ROWS = 60
_NARROW, _ROOMY = 78, 120
_SAMPLED = 10
_REFUSALS = 10


def show_comparison(comparison: Comparison) -> Callable[[Console], None]:
    """Return what prints the comparison on a console."""

    def show(console: Console) -> None:
        wide = not console.is_terminal
        for style, line in (*_headline(comparison), *_findings(comparison)):
            console.print(line, style=style, soft_wrap=wide)
        console.print(_results(comparison, console.width))
        for style, line in (*_left_out(comparison), *_samples(comparison, console.width)):
            console.print(line, style=style, soft_wrap=wide)
        console.print(_regions(comparison, console.width))
        for style, line in (*_refusals(comparison), *_verdict(comparison)):
            console.print(line, style=style, soft_wrap=wide)

    return show


Line = tuple[str, str]
"""A style and a text."""


def _headline(comparison: Comparison) -> Iterator[Line]:
    for audit, repeats in zip(comparison.audits, comparison.repeats, strict=True):
        counted = f"{audit.coverage.completed} of {audit.coverage.expected} answers"
        missing = (
            "" if audit.coverage.completed >= audit.coverage.expected else "; incomplete: run it again, it goes on"
        )
        style = "bold red" if missing else "none"
        yield style, f"job {excerpt(audit.job_id)}: {counted}, {quantity(repeats, 'repeat')}{missing}"


def _findings(comparison: Comparison) -> Iterator[Line]:
    for finding in comparison.incomparable:
        if finding.accepted:
            yield "dim", f"accepted: {finding.name} differs: {finding.detail}"
        else:
            yield "bold red", f"not comparable: {finding.name} differs: {finding.detail}"
    if not comparison.comparable:
        names = " ".join(
            dict.fromkeys(f"--accept {each.name}" for each in comparison.incomparable if not each.accepted)
        )
        yield "dim", f"  a difference may come from that, not from the region; where it is meant to: {names}"
    if comparison.unrecorded:
        yield "yellow", f"not recorded in every answer, so not compared: {', '.join(comparison.unrecorded)}"


def _results(comparison: Comparison, width: int) -> Table:
    """Return the verdicts, different ones first; a narrow terminal gets fewer columns."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    over_time = len(comparison.job_ids) > 1
    roomy = width >= 100
    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    for name in ("question", "model", *(["region"] if over_time else []), "verdict"):
        table.add_column(name, overflow="fold")
    for name in ("effect", *(("95 %", "within", "between") if roomy else ()), "q"):
        table.add_column(name, justify="right", no_wrap=True)
    for result in _shown(comparison):
        found = result.difference
        numbers = [_number(found.effect if found else None)]
        if roomy:
            means = (found.within, found.between) if found else (None, None)
            numbers += [_interval(result), *map(_number, means)]
        subject = result.subject
        names = [subject.question_id, subject.model_id, *([subject.region or ""] if over_time else [])]
        table.add_row(
            *(Text(excerpt(name, 40)) for name in names),
            Text(result.verdict, _STYLES[result.verdict]),
            *(Text(number) for number in (*numbers, _small(result.q_value))),
        )
    return table


def _shown(comparison: Comparison) -> list[Judged]:
    others = [result for result in comparison.results if result.verdict != "different"]
    return [*comparison.different, *others][:_ROWS]


def _left_out(comparison: Comparison) -> Iterator[Line]:
    if (more := len(comparison.results) - _ROWS) > 0:
        yield "dim", f"… and {more} more: --json and {command('report')} have all of them"
    for reason, count in Counter(result.reason for result in comparison.results if result.reason).items():
        yield "yellow", f"{quantity(count, 'result')}: {reason}{_advice(comparison, reason)}"


def _advice(comparison: Comparison, reason: str) -> str:
    if reason.startswith("no noise"):
        return "; set a temperature above 0, and run it under a new id"
    if reason.startswith(("one answer", "too few", "among")):
        return f"; set repeats: {max(5, *(count + 2 for count in comparison.repeats))}, and run it under a new id"
    return ""


def _samples(comparison: Comparison, width: int) -> Iterator[Line]:
    """Yield what one answer of each region says, for what is different, else for what could not be tested."""
    different = [result.subject for result in comparison.different]
    untested = [result.subject for result in comparison.results if result.verdict == "untestable"]
    subjects = [subject for subject in different or untested if subject in comparison.samples][:_SAMPLED]
    for subject in subjects:
        where = "" if subject.region is None else f" · {subject.region}"
        yield "bold", f"{excerpt(subject.question_id, 40)} · {excerpt(subject.model_id, 40)}{where}"
        for name, text in comparison.samples[subject].items():
            label = f"  {excerpt(name, 40)}: "
            yield "none", label + excerpt(text, max(40, width - len(label)))


def _regions(comparison: Comparison, width: int) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, show_edge=False)
    rows = [_figures(name, figures.total, width) for name, figures in comparison.figures.items()]
    for name in rows[0] if rows else ():
        table.add_column(name, justify="left" if name == "region" else "right", no_wrap=name != "region")
    for row in rows:
        table.add_row(*map(Text, row.values()))
    return table


def _figures(name: str, total: Figures, width: int) -> dict[str, str]:
    """Return a region's cells by column; a number is never cut, a narrow terminal gets fewer of them."""
    roomy = width >= _ROOMY
    cells = {
        "region": excerpt(name, 40),
        "executions": str(total.executions),
        "refusals": _rate(total.refusal, interval=roomy),
        "empty": _rate(total.empty, interval=roomy),
        "failed": _rate(total.failure, interval=roomy),
        "words": _number(total.words.median, 0),
        "seconds": _second(total.seconds, "median"),
        "p95": _second(total.seconds, "p95"),
        "hops": str(total.hops),
    }
    left_out = ("executions", "words", "seconds", "p95", "hops") if width < _NARROW else () if roomy else ("p95",)
    return {column: cell for column, cell in cells.items() if column not in left_out}


def _refusals(comparison: Comparison) -> Iterator[Line]:
    if not comparison.refusals:
        return
    yield "none", f"counted as refusals (rule: {excerpt(comparison.rule)}):"
    for hit in comparison.refusals[:_REFUSALS]:
        where = " · ".join(excerpt(name, 40) for name in (hit.question_id, hit.model_id, hit.region))
        yield "none", f"  {where} · {hit.repeat}: “{excerpt(hit.words, 80)}”"
    if (more := sum(figures.total.refusal.count for figures in comparison.figures.values()) - _REFUSALS) > 0:
        yield "dim", f"  … and {more} more"


def _verdict(comparison: Comparison) -> Iterator[Line]:
    counts = comparison.verdicts
    counted = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
    if counts["different"]:
        counted += f" (of the different ones on average at most {percent(comparison.rate)} are chance)"
    yield _STYLES["different"] if counts["different"] else "bold", counted


def _rate(rate: Rate, *, interval: bool) -> str:
    if rate.rate is None or rate.low is None or rate.high is None:
        return "-"
    shown = f"{rate.count}/{rate.of}"
    return f"{shown} [{rate.low:.0%}–{rate.high:.0%}]" if interval else shown


def _interval(result: Judged) -> str:
    found = result.difference
    if found is None or found.low is None or found.high is None:
        return "-"
    return f"{_number(found.low)} – {_number(found.high)}"


def _number(value: float | None, digits: int = 2) -> str:
    return "-" if value is None else f"{round(value, digits) + 0.0:.{digits}f}"  # + 0.0: never -0.00


def _small(value: float | None) -> str:
    return "-" if value is None else "<0.001" if value < 0.001 else f"{value:.3f}"


def _second(spread: Spread, name: str) -> str:
    value = getattr(spread, name)
    return "-" if value is None else f"{value:.2f}"
