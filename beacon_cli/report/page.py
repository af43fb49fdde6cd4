"""The page: a template that escapes everything, one style, one script, and a policy that allows nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, TextIO

from jinja2 import Environment
from markupsafe import Markup

from beacon_cli import __version__
from beacon_cli.comparison.apart import standing
from beacon_cli.comparison.figures import Rate
from beacon_cli.comparison.refusal import RefusalRule
from beacon_cli.comparison.shown import LOST_IN_THE_WHOLE, detectable
from beacon_cli.comparison.tag_table import differing, tag_name, together
from beacon_cli.comparison.verdicts import Judged, Verdict, spoken
from beacon_cli.console.excerpts import differing_excerpts
from beacon_cli.html.environment import new_environment
from beacon_cli.html.style import source_hash, style
from beacon_cli.report.answer_sets import key_of
from beacon_cli.report.charts import latency_chart, plotting, timeline_chart
from beacon_cli.report.contents import Report
from beacon_cli.report.effect_map import effect_map
from beacon_cli.report.findings import failed_checks, findings
from beacon_cli.report.side_by_side import anchors_of, groups
from beacon_cli.report.svg import colour_number

SYMBOLS: dict[Verdict, str] = {
    "different": "≠",
    "no_text": "∅",
    "deterministic_different": "≢",
    "not_shown": "·",
    "equivalent": "≈",
    "deterministic_equal": "=",
    "untestable": "?",
}
_CHECK_SYMBOLS = {"pass": "✓", "fail": "✗", "warn": "!", "skip": "–"}
_MOST_LISTED = 50
_LONGEST_VALUE = 300  # characters of a condition's value


def write_page(file: TextIO, report: Report, rule: RefusalRule) -> None:
    """Write the report as one HTML document, piece by piece."""
    template = _environment().get_template("page.html.j2")
    with plotting():
        for piece in template.generate(_values(report, rule)):
            file.write(piece)


def policy() -> str:
    """Return the content security policy: the page's own script and style, data: images, and no request anywhere."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {source_hash(_script())}",
            f"style-src {source_hash(style())}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _values(report: Report, rule: RefusalRule) -> dict[str, Any]:
    comparison, recorded, regions = report.comparison, report.recorded, report.regions
    [audit] = comparison.audits
    shown = report.answers.kept
    runs = recorded.timeline.runs()
    return {
        "version": __version__,
        "policy": policy(),
        "style": Markup(style()),
        "script": Markup(_script()),
        "made_at": report.made_at,
        "comparison": comparison,
        "history": report.history,
        "recorded": recorded,
        "answers": report.answers,
        "audit": audit,
        "questions": audit.coverage.expected_questions(comparison.repeats[0]),
        "models": list(dict.fromkeys(lane.model_id for lane in audit.coverage.lanes)),
        "regions": regions,
        "findings": findings(comparison),
        "failed_checks": failed_checks(audit),
        "results": comparison.results,
        "pooled": comparison.pooled,
        "standing": comparison.pooled and standing(comparison.pooled.apart, comparison.pooled.pairs),
        "silent": [result for result in comparison.results if result.verdict == "no_text"][:_MOST_LISTED],
        "different": comparison.different[:_MOST_LISTED],
        "outcomes_differ": [each for each in comparison.results if _outcomes_differ(each, comparison.terms.rate)][
            :_MOST_LISTED
        ],
        "grouping": comparison.grouping,
        "names": report.groups,
        "detectable": detectable(comparison.results),
        "lost_in_the_whole": LOST_IN_THE_WHOLE,
        "reasons": _reasons(report),
        "map": effect_map(comparison, shown, recorded.prompts),
        "anchors": {key: anchor for key, anchor in anchors_of(comparison).items() if key in shown},
        "key_of": key_of,
        "subject": comparison.grouping.subject,
        "groups": groups(comparison, shown, report.groups, rule),
        "latency": latency_chart(recorded.seconds, regions) if recorded.seconds else "",
        "timelines": [timeline_chart(run, number, regions) for number, run in _numbered(report, runs)],
        "bars": sum(len(run.bars) for run in runs),
        "lanes_left_out": sum(run.lanes_left_out for run in runs),
        "conditions": list(_conditions(recorded.conditions, regions)),
        "symbols": SYMBOLS,
        "check_symbols": _CHECK_SYMBOLS,
    }


def _outcomes_differ(result: Judged, rate: float) -> bool:
    """Return whether what became of the cells differs, though every group gave some text."""
    test = result.outcome_test
    return result.verdict == "different" and test is not None and test.q_value <= rate


def _reasons(report: Report) -> dict[str, int]:
    """Return why results show nothing, or less than they could, with their number."""
    counts: dict[str, int] = {}
    for result in report.comparison.results:
        if result.reason and result.verdict != "no_text":
            counts[result.reason] = counts.get(result.reason, 0) + 1
    return counts


def _numbered(report: Report, runs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
    """Yield the drawn runs with their numbers in the list of runs."""
    numbers = {run.id: number for number, run in enumerate(report.history.runs, 1)}
    return ((numbers.get(run.run_id, place), run) for place, run in enumerate(runs, 1))


def _conditions(
    conditions: Mapping[str, Mapping[str, Mapping[str, set[str]]]], regions: Sequence[str]
) -> Iterator[tuple[str, str, str, list[str]]]:
    """Yield name, models, regions and values of each condition; equal ones together."""
    for name, models in conditions.items():
        same: dict[tuple[str, tuple[str, ...]], list[str]] = {}
        for model, by_region in _excerpts(models).items():
            for where, values in _same_regions(by_region, regions):
                same.setdefault((where, values), []).append(model)
        for (where, values), named in same.items():
            yield name, "all" if len(named) == len(models) else ", ".join(named), where, list(values)


def _excerpts(models: Mapping[str, Mapping[str, set[str]]]) -> dict[str, dict[str, set[str]]]:
    """Return the values of a condition, by model and region, with long ones cut so that they still differ."""
    values = sorted({value for by_region in models.values() for found in by_region.values() for value in found})
    shown = dict(zip(values, differing_excerpts(values, _LONGEST_VALUE), strict=True))
    return {
        model: {region: {shown[value] for value in found} for region, found in by_region.items()}
        for model, by_region in models.items()
    }


def _same_regions(by_region: Mapping[str, set[str]], regions: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    same: dict[tuple[str, ...], list[str]] = {}
    for region in sorted(by_region, key=lambda label: regions.index(label) if label in regions else len(regions)):
        same.setdefault(tuple(sorted(by_region[region])), []).append(region)
    for values, where in same.items():
        yield "all" if len(same) == 1 else ", ".join(where), values


@cache
def _environment() -> Environment:
    return new_environment(
        "beacon_cli.report",
        {
            "rate": _rate,
            "spoken": spoken,
            "differing": differing,
            "tag_name": tag_name,
            "together": together,
            "colour_number": colour_number,
        },
    )


@cache
def _script() -> str:
    return resources.files("beacon_cli.report").joinpath("templates", "page.js").read_text(encoding="utf-8")


def _rate(rate: Rate) -> str:
    if rate.rate is None or rate.low is None or rate.high is None:
        return "–"
    return f"{rate.count} of {rate.of} ({100 * rate.low:.0f}–{100 * rate.high:.0f} %)"
