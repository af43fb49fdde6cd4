"""Shows a comparison to people: what is not comparable, the verdicts, what differs, each region's figures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from beacon_cli.comparison.apart import standing
from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.figures import Figures, Spread
from beacon_cli.comparison.shown import LOST_IN_THE_WHOLE, RATES, detectable, interval, number, rates, small
from beacon_cli.comparison.tag_table import print_left_out, print_tags
from beacon_cli.comparison.verdicts import DIFFERENT, Judged, Subject, Verdict, spoken
from beacon_cli.console.excerpts import differing_excerpts
from beacon_cli.console.formatting import percent, quantity, repeat_label
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.terminal import line_limit
from beacon_cli.design.design import fewest_repeats

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES: dict[Verdict, str] = {
    "different": "bold red",
    "no_text": "bold red",
    "deterministic_different": "bold yellow",
    "not_shown": "dim",
    "equivalent": "green",
    "deterministic_equal": "green",
    "untestable": "yellow",
}
_ROWS = 60
_ROOMY = 120  # minimum columns to show intervals
_SAMPLED = 10
_ALIKE = 3
_REFUSALS = 10
_PAIRS = 6
_SILENT = 10
_DIFFERING = 3


def show_comparison(comparison: Comparison) -> Callable[[Console], None]:
    """Return a function that prints the comparison on a console."""

    def show(console: Console) -> None:
        wide = line_limit(console) is None
        for style, line in (*_headline(comparison), *_findings(comparison)):
            console.print(line, style=style, soft_wrap=wide)
        console.print()
        for style, line in (*_whole_job(comparison), *_look(comparison), *_controls(comparison), *_silent(comparison)):
            console.print(line, style=style, soft_wrap=wide)
        console.print()
        if comparison.tagged:
            print_tags(comparison, console)
            console.print()
        _print_results(comparison, console)
        console.print()
        for style, line in (*_left_out(comparison), *_samples(comparison, console.width)):
            console.print(line, style=style, soft_wrap=wide)
        console.print()
        _print_regions(comparison, console)
        console.print()
        for line in comparison.judged.lines():
            console.print(line, soft_wrap=wide)
        for style, line in (*_refusals(comparison), *_verdict(comparison)):
            console.print(line, style=style, soft_wrap=wide)

    return show


Line = tuple[str, str]
"""A style and a text."""


def _headline(comparison: Comparison) -> Iterator[Line]:
    for audit, repeats in zip(comparison.audits, comparison.repeats, strict=True):
        cells = audit.cells
        counted = f"{cells.answered} of {cells.expected} answers{cells.note}"
        missing = "" if cells.whole else "; incomplete: run it again to ask what is missing"
        style = "bold red" if missing else "none"
        yield style, f"job {excerpt(audit.job_id, 255)}: {counted}, {quantity(repeats, 'repeat')}{missing}"


def _findings(comparison: Comparison) -> Iterator[Line]:
    yield "yellow" if comparison.chosen.afterwards else "dim", f"analysis: {comparison.chosen}"
    for finding in comparison.incomparable:
        if finding.accepted:
            yield "dim", f"accepted: {finding.title}: {finding.detail}"
        else:
            yield "bold red", f"not comparable: {finding.title}: {finding.detail}"
    if not comparison.comparable:
        yield (
            "dim",
            f"  Differences may come from that, not from the {comparison.grouping.groups}."
            f" If intended: {comparison.acceptance}",
        )
    if comparison.piled_failures:
        yield "bold yellow", comparison.piled_failures
    for audit in comparison.audits:
        if audit.superseded.count:
            where = f"job {excerpt(audit.job_id)}: " if len(comparison.audits) > 1 else ""
            yield "yellow", f"{where}{audit.superseded}"
    if comparison.containers:
        yield "dim", f"containers behind the answers: {comparison.containers}"
    if comparison.unrecorded:
        yield "yellow", f"not recorded for every answer, so not compared: {', '.join(comparison.unrecorded)}"


def _whole_job(comparison: Comparison) -> Iterator[Line]:
    """Yield the answer of all questions together, and which regions it names."""
    if (pooled := comparison.pooled) is None:
        return
    basis = f"p {small(pooled.p_value)}, {quantity(pooled.subjects, 'result')} together"
    if not pooled.different:
        yield "dim", f"the whole job: no difference between {comparison.grouping.plural} shown ({basis})"
        if comparison.tested_different:
            yield "dim", f"  {LOST_IN_THE_WHOLE}"
        return
    yield (
        "bold red",
        f"the whole job: {comparison.grouping.plural} differ: {standing(pooled.apart, pooled.pairs)} ({basis})",
    )
    if len(pooled.pairs) > 1:
        smallest_first = sorted(pooled.pairs.items(), key=lambda pair: pair[1])
        shown = [f"{excerpt(one, 20)}–{excerpt(other, 20)} {small(p)}" for (one, other), p in smallest_first]
        more = f" and {len(shown) - _PAIRS} more" if len(shown) > _PAIRS else ""
        yield "dim", f"  p of each two: {', '.join(shown[:_PAIRS])}{more}"


def _controls(comparison: Comparison) -> Iterator[Line]:
    """Yield what differs between the two arms of each control, by name."""
    for control in comparison.controls:
        where = f"job {excerpt(control.job_id)}: " if len(comparison.job_ids) > 1 else ""
        yield "bold yellow" if control.different else "dim", f"{where}{control.line()}"
        for result in control.differing[:_DIFFERING]:
            told = f"{excerpt(result.subject.question_id, 255)} · {excerpt(result.subject.model_id or '')}"
            effect = f", effect {number(result.effect)}" if result.difference else ""
            yield "dim", f"  {told}: {spoken(result.verdict)}{effect}"
        if len(control.differing) > _DIFFERING:
            yield "dim", f"  … and {len(control.differing) - _DIFFERING} more: --json has them"


def _look(comparison: Comparison) -> Iterator[Line]:
    """Yield at which look this is, if there is one."""
    if told := comparison.look_told:
        yield "dim", told


def _silent(comparison: Comparison) -> Iterator[Line]:
    """Yield the questions to which a region gave no text, by name."""
    silent = [result for result in comparison.results if result.verdict == "no_text"]
    for result in silent[:_SILENT]:
        yield "bold red", f"{_named(result.subject)}: {result.reason}"
    if (more := len(silent) - _SILENT) > 0:
        yield "dim", f"… and {more} more without text"


def _print_results(comparison: Comparison, console: Console) -> None:
    """Print the verdicts, `different` first; on a narrow console, without the means and the interval."""
    from beacon_cli.console.tables import Column, print_table

    inside = {"region": ["model"], "model": ["region"], "job": ["model", "region"]}[comparison.grouping.groups]
    tested = any(result.difference for result in comparison.results)
    columns = [Column(name) for name in ("question", *inside, "verdict", "apart")]
    columns += [Column("effect", right=True)]
    columns += [Column(name, right=True, optional=True) for name in ("95 %", "within")]
    columns += [Column("between", right=True, optional=tested), Column("q", right=True)]
    left_out = print_table(console, columns, [_result(result) for result in _shown(comparison)])
    print_left_out(left_out, console)


def _result(result: Judged) -> list[str | Text]:
    from rich.text import Text

    found = result.difference
    effect, within = (found.effect, found.within) if found else (None, None)
    return [
        *(excerpt(name, 255) for name in result.subject.names),
        Text(spoken(result.verdict), _STYLES[result.verdict]),
        _apart(result),
        *(number(effect), interval(found.low, found.high) if found else "-", number(within)),
        *(number(result.between), small(result.least_q_value)),
    ]


def _apart(result: Judged) -> str:
    """Return the groups that stand apart; where pairs cannot show any, the one that is furthest from the others."""
    if result.apart:
        return ", ".join(excerpt(name, 40) for name in result.apart)
    return f"most: {excerpt(result.most_apart, 40)}" if result.most_apart else ""


def _named(subject: Subject) -> str:
    return " · ".join(excerpt(name, 255) for name in subject.names)


def _shown(comparison: Comparison) -> list[Judged]:
    others = [result for result in comparison.results if result.verdict not in DIFFERENT]
    return [*comparison.different, *others][:_ROWS]


def _left_out(comparison: Comparison) -> Iterator[Line]:
    if (more := len(comparison.results) - _ROWS) > 0:
        yield "dim", f"… and {more} more: --json and {command('report')} show all of them"
    reasons = Counter(result.reason for result in comparison.results if result.reason and result.verdict != "no_text")
    for reason, count in reasons.items():
        yield "yellow", f"{quantity(count, 'result')}: {reason}{_advice(comparison, reason)}"
    if span := detectable(comparison.results):
        yield "dim", f"not shown: an effect of {span} would have been found in 80 % of the cases"


def _advice(comparison: Comparison, reason: str) -> str:
    if reason.startswith("no noise: answers"):
        return (
            "; at temperature 0, set a higher one and run it under a new id; at a higher one, the endpoints may answer"
            " from a cache"
        )
    if reason.startswith(("one answer", "too few", "among")):
        more = _repeats_enough(comparison)
        if more is None:
            return "; no number of repeats is enough for so many results: compare fewer questions"
        further = "; that is a further look" if comparison.looks.looks else ""
        return f"; set repeats: {more} in the job file, and run it again under the same id{further}"
    return ""


def _repeats_enough(comparison: Comparison) -> int | None:
    """Return how many repeats it takes at least to show that a single one of the results differs."""
    groups = {len(result.answers) for result in comparison.results if len(result.answers) > 1}
    tests = sum(bool(result.difference) + bool(result.outcome_test) for result in comparison.results)
    return fewest_repeats(
        groups,
        tests=tests or len(comparison.results),
        rate=comparison.terms.rate,
        seeds=comparison.paired,
        looked_at=max(comparison.repeats) if comparison.looks.looks else 0,
    )


def _samples(comparison: Comparison, width: int) -> Iterator[Line]:
    """Yield one answer of each region where they differ, of results that differ; if no test says so, also of those that
    were not tested."""
    shown = list(comparison.different)
    if not comparison.verdicts["different"]:
        shown += [result for result in comparison.results if result.verdict == "untestable"]
    subjects = [result.subject for result in shown if result.subject in comparison.samples][:_SAMPLED]
    for subject in subjects:
        yield "bold", _named(subject)
        samples = comparison.samples[subject]
        labels = [f"  {excerpt(name, 40)}: " for name in samples]
        texts = differing_excerpts(list(samples.values()), max(40, width - max(map(len, labels))))
        yield from (("none", label + text) for label, text in zip(labels, texts, strict=True))
        for name, own in comparison.own_words.get(subject, {}).items():
            yield "dim", f"  only {excerpt(name, 40)}: {excerpt(' '.join(own), 400) or 'nothing'}"
        alike = comparison.alike.get(subject, ())
        yield from (("yellow", f"  {each.line()}") for each in alike[:_ALIKE])
        if len(alike) > _ALIKE:
            yield "dim", f"  … and {len(alike) - _ALIKE} more that are nearly alike: --json has them"


def _print_regions(comparison: Comparison, console: Console) -> None:
    """Print the figures of each region, or model; fewer of them, and no intervals, on a narrow terminal."""
    from beacon_cli.console.tables import Column, print_table

    limit = line_limit(console)
    roomy = limit is None or limit >= _ROOMY
    columns = [
        Column("model" if comparison.model_figures else "region"),
        Column("executions", right=True, optional=True),
        *(Column(name, right=True) for name in RATES),
        *(Column(name, right=True, optional=True) for name in ("words", "seconds", "p95", "hops")),
    ]
    rows = [_figures(name, each.total, intervals=roomy) for name, each in comparison.figures_with_controls()]
    print_left_out(print_table(console, columns, rows), console)


def _figures(name: str, total: Figures, *, intervals: bool) -> list[str]:
    seconds = [_second(total.seconds, "median"), _second(total.seconds, "p95")]
    return [
        *(excerpt(name, 255), str(total.executions), *rates(total, intervals=intervals)),
        *(number(total.words.median, 0), *seconds, str(total.hops)),
    ]


def _refusals(comparison: Comparison) -> Iterator[Line]:
    if not comparison.refusals:
        return
    yield "none", f"counted as refusals (rule: {excerpt(comparison.rule)}):"
    for hit in comparison.refusals[:_REFUSALS]:
        where = " · ".join(excerpt(name, 255) for name in (hit.question_id, hit.model_id, hit.region))
        repeat = f" · {repeat_label(hit.repeat)}" if max(comparison.repeats) > 1 else ""
        yield "none", f"  {where}{repeat}: “{excerpt(hit.words, 80)}”"
    if (more := sum(figures.total.refusal.count for figures in comparison.figures.values()) - _REFUSALS) > 0:
        yield "dim", f"  … and {more} more"


def _verdict(comparison: Comparison) -> Iterator[Line]:
    told = comparison.verdicts_told
    if comparison.verdicts["different"]:
        told += f" (expected false alarms among the different ones: at most {percent(comparison.terms.rate)})"
    yield _STYLES["different"] if comparison.different else "bold", told


def _second(spread: Spread, name: str) -> str:
    value = getattr(spread, name)
    return "-" if value is None else f"{value:.2f}"
