"""What a comparison says, as a part of a page: findings, verdicts, outcomes, the map, answers side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from jinja2 import Environment

from beacon_cli.comparison.apart import standing
from beacon_cli.comparison.figures import Rate
from beacon_cli.comparison.refusal import RefusalRule
from beacon_cli.comparison.shown import LOST_IN_THE_WHOLE, detectable
from beacon_cli.comparison.tag_table import differing, tag_name, together
from beacon_cli.comparison.verdicts import Judged, Subject, Verdict, spoken
from beacon_cli.html.environment import new_environment
from beacon_cli.report.answer_sets import key_of
from beacon_cli.report.contents import Report
from beacon_cli.report.effect_map import effect_map
from beacon_cli.report.findings import failed_checks, findings
from beacon_cli.report.side_by_side import anchors_of, groups

SYMBOLS: dict[Verdict, str] = {
    "different": "≠",
    "no_text": "∅",
    "deterministic_different": "≢",
    "not_shown": "·",
    "equivalent": "≈",
    "deterministic_equal": "=",
    "untestable": "?",
}
_MOST_LISTED = 50

AnswersAt = Callable[[Subject], str]
"""Returns the address of all answers of a subject; empty if there is none."""


def judgement_html(report: Report, rule: RefusalRule, *, answers_at: AnswersAt) -> str:
    """Return this part of a page. Whatever has all answers of a subject is linked to `answers_at` of it."""
    template = environment().get_template("judgement.html.j2")
    return template.render(judgement_values(report, rule, answers_at=answers_at))


def judgement_values(report: Report, rule: RefusalRule, *, answers_at: AnswersAt) -> dict[str, Any]:
    """Return the values of its template."""
    comparison = report.comparison
    [audit] = comparison.audits
    shown = report.answers.kept
    reasons, other_reasons = _reasons(comparison.results)
    return {
        "comparison": comparison,
        "recorded": report.recorded,
        "answers": report.answers,
        "audit": audit,
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
        "reasons": reasons,
        "other_reasons": other_reasons,
        "map": effect_map(comparison, shown, report.recorded.prompts),
        "anchors": {key: anchor for key, anchor in anchors_of(comparison).items() if key in shown},
        "key_of": key_of,
        "subject": comparison.grouping.subject,
        "answers_at": answers_at,
        "groups": groups(comparison, shown, report.groups, rule),
        "symbols": SYMBOLS,
    }


@cache
def environment() -> Environment:
    """Return the environment of the templates of a report."""
    return new_environment(
        "beacon_cli.report",
        {
            "rate": _rate,
            "spoken": spoken,
            "differing": differing,
            "tag_name": tag_name,
            "together": together,
        },
    )


def _outcomes_differ(result: Judged, rate: float) -> bool:
    """Return whether what became of the cells differs, though every group gave some text."""
    test = result.outcome_test
    return result.verdict == "different" and test is not None and test.q_value <= rate


def _reasons(results: Iterable[Judged]) -> tuple[list[tuple[str, int]], int]:
    """Return the commonest reasons why results show nothing, or less than they could, and how many have another."""
    counts = Counter(each.reason for each in results if each.reason and each.verdict != "no_text")
    listed = counts.most_common(_MOST_LISTED)
    return listed, counts.total() - sum(count for _, count in listed)


def _rate(rate: Rate) -> str:
    if rate.rate is None or rate.low is None or rate.high is None:
        return "–"
    return f"{rate.count} of {rate.of} ({100 * rate.low:.0f}–{100 * rate.high:.0f} %)"
