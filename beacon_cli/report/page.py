"""The page: a template that escapes everything, one style, one script, and a policy that allows nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any, TextIO

from markupsafe import Markup

from beacon_cli import __version__
from beacon_cli.audit.sentences import MARKS
from beacon_cli.comparison.refusal import RefusalRule
from beacon_cli.console.excerpts import differing_excerpts
from beacon_cli.html.style import source_hash, style
from beacon_cli.report.charts import latency_chart, plotting, timeline_chart
from beacon_cli.report.contents import Report
from beacon_cli.report.judgement import environment, judgement_values

_LONGEST_VALUE = 300  # characters of a condition's value


def write_page(file: TextIO, report: Report, rule: RefusalRule) -> None:
    """Write the report as one HTML document, piece by piece."""
    template = environment().get_template("page.html.j2")
    with plotting():
        for piece in template.generate(_values(report, rule)):
            file.write(piece)


def policy() -> str:
    """Return the content security policy: the page's own script and style, data: images, and no request anywhere."""
    return "; ".join(
        (
            "default-src 'none'",
            f"script-src {source_hash(page_script())}",
            f"style-src {source_hash(style())}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _values(report: Report, rule: RefusalRule) -> dict[str, Any]:
    recorded, regions = report.recorded, report.regions
    judgement = judgement_values(report, rule, answers_at=lambda _: "")
    coverage = judgement["audit"].coverage
    runs = recorded.timeline.runs()
    return {
        **judgement,
        "version": __version__,
        "policy": policy(),
        "style": Markup(style()),
        "script": Markup(page_script()),
        "made_at": report.made_at,
        "history": report.history,
        "questions": coverage.expected_questions(report.comparison.repeats[0]),
        "models": list(dict.fromkeys(lane.model_id for lane in coverage.lanes)),
        "regions": regions,
        "latency": latency_chart(recorded.seconds, regions) if recorded.seconds else "",
        "timelines": [timeline_chart(run, number, regions) for number, run in _numbered(report, runs)],
        "bars": sum(len(run.bars) for run in runs),
        "lanes_left_out": sum(run.lanes_left_out for run in runs),
        "conditions": list(_conditions(recorded.conditions, regions)),
        "check_symbols": MARKS,
    }


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
def page_script() -> str:
    """Return the script of the page: it filters the map and the answers. Without it everything is shown."""
    return resources.files("beacon_cli.report").joinpath("templates", "page.js").read_text(encoding="utf-8")
