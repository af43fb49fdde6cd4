"""What a reader must know before any verdict: whether the job is complete, and whether its regions are comparable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from beacon_cli.audit.check import Check
from beacon_cli.audit.report import AuditReport
from beacon_cli.comparison.comparison import Comparison
from beacon_cli.console.formatting import quantity


@dataclass(frozen=True, slots=True)
class Finding:
    """A finding; `serious` ones put every verdict below in doubt."""

    title: str
    detail: str
    serious: bool = True


def findings(comparison: Comparison) -> tuple[Finding, ...]:
    """Return the findings, serious ones first."""
    [audit] = comparison.audits
    found = [*_missing(audit), _analysis(comparison), *_conditions(comparison), *_outcomes(comparison), *_checks(audit)]
    return tuple(sorted(found, key=lambda finding: not finding.serious))


def _missing(audit: AuditReport) -> Iterator[Finding]:
    coverage = audit.coverage
    if not audit.rows:
        yield Finding("Nothing was asked", "the job has no executions yet")
    elif missing := coverage.expected - coverage.completed:
        reasons = ", ".join(
            f"{number} {what}"
            for number, what in ((coverage.never_ran, "never ran"), (coverage.unanswered, "got no answer"))
            if number
        )
        yield Finding(
            "Incomplete",
            f"{quantity(missing, 'answer')} of {coverage.expected} missing ({reasons});"
            f" {audit.ending or 'run the job again to continue it'}",
        )


def _analysis(comparison: Comparison) -> Finding:
    """Return whether the verdicts are on terms that were planned."""
    title = "Analysis chosen afterwards" if comparison.chosen.afterwards else "Analysis"
    return Finding(title, str(comparison.chosen), serious=False)


def _conditions(comparison: Comparison) -> Iterator[Finding]:
    for each in comparison.incomparable:
        if each.accepted:
            yield Finding(f"Accepted: {each.title}", each.detail, serious=False)
        else:
            yield Finding(f"Not comparable: {each.title}", each.detail)
    if comparison.containers:
        yield Finding("Containers behind the answers", comparison.containers, serious=False)
    if comparison.unrecorded:
        names = ", ".join(comparison.unrecorded)
        yield Finding("Not recorded for every answer, so not compared", names, serious=False)


def _outcomes(comparison: Comparison) -> Iterator[Finding]:
    """Yield what became of questions beside an answer with text: it says something about the region."""
    if blocked := {name: each.total.blocked for name, each in comparison.figures.items() if each.total.blocked.count}:
        named = ", ".join(f"{name} {rate.count} of {rate.of}" for name, rate in blocked.items())
        yield Finding("Blocked", f"a provider refused to have prompts answered: {named}")
    if comparison.piled_failures:
        yield Finding("Failures", comparison.piled_failures)
    if comparison.superseded:
        yield Finding("Asked again", "; ".join(str(audit.superseded) for audit in comparison.audits), serious=False)


def failed_checks(audit: AuditReport) -> tuple[Check, ...]:
    """Return the failed checks, without the one for completeness, which has its own finding."""
    return tuple(check for check in audit.checks if check.status == "fail" and check.name != "complete")


def _checks(audit: AuditReport) -> Iterator[Finding]:
    if failed := failed_checks(audit):
        named = "; ".join(f"{check.name}: {check.detail}" for check in failed)
        yield Finding(f"The audit failed {quantity(len(failed), 'check')}", named)
