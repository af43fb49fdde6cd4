"""How to compare."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from beacon_cli.comparison.conditions import NAMES
from beacon_cli.comparison.distance import MEASURES
from beacon_cli.comparison.embeddings import is_installed, require_it
from beacon_cli.comparison.grouping import By
from beacon_cli.comparison.refusal import RefusalRule, built_in_rule, rule_of_file
from beacon_cli.comparison.refusal_classifier import classifying_rule
from beacon_cli.comparison.verdicts import DEFAULT_TERMS, Terms
from beacon_cli.console.input_file import require_stdin_once
from beacon_cli.console.printable import excerpt
from beacon_cli.console.suggestions import suggestion
from beacon_cli.errors import UsageError


@dataclass(frozen=True)
class Options:
    """How to compare: the measure of distance, the terms of the verdicts, the rule for refusals, which conditions may
    differ, the file with people's labels, the command that scores answers, and what is compared. `given` names which of
    measure, rate, margin and accept are not defaults: what the job plans is used for the others."""

    measure: str = "lexical"
    terms: Terms = DEFAULT_TERMS
    rule: RefusalRule = field(default_factory=lambda: refusal_rule(None))
    accepted: frozenset[str] = frozenset()
    labels: Path | None = None
    scorer: str | None = None
    by: By = "region"
    given: frozenset[str] = frozenset()


def refusal_rule(file: Path | None) -> RefusalRule:
    """Return the rule for refusals: that of a file, else the built-in one, with the classifier if the extra is there.

    Raises `UsageError` for an unusable file.
    """
    if file is not None:
        return rule_of_file(file)
    return classifying_rule() if is_installed() else built_in_rule()


def built_in_rule_of(source: str) -> RefusalRule:
    """Return the built-in rule that an earlier comparison names as its `source`.

    Raises `UsageError` for the rule of somebody's own file, and `MissingExtra`.
    """
    if source == built_in_rule().source:
        return built_in_rule()
    if source != classifying_rule().source:
        raise UsageError(f"refusals were found by a rule that is not built in: {excerpt(source, 100)}")
    require_it()
    return classifying_rule()


def chosen_options(
    measure: str | None,
    rate: float | None,
    margin: float | None,
    accepted: Collection[str],
    refusals: Path | None,
    *,
    labels: Path | None = None,
    scorer: str | None = None,
    by: By = "region",
) -> Options:
    """Return the given options; None stands for what the job plans, or the default.

    Raises `UsageError` for unknown names, or an unusable rule, and `MissingExtra`.
    """
    require_stdin_once(refusals, labels)
    for option, known, names in (("--measure", MEASURES, [measure] if measure else []), ("--accept", NAMES, accepted)):
        for name in names:
            if name not in known:
                hint = f"{suggestion(name, known)}known: {', '.join(known)}"
                raise UsageError(f"{option}: unknown {excerpt(name)!r}", hint=hint)
    if measure == "semantic":
        require_it()
    values = {"measure": measure, "rate": rate, "margin": margin, "accept": accepted or None}
    return Options(
        measure=measure or Options.measure,
        terms=Terms(DEFAULT_TERMS.rate if rate is None else rate, margin),
        rule=refusal_rule(refusals),
        accepted=frozenset(accepted),
        labels=labels,
        scorer=scorer,
        by=by,
        given=frozenset(name for name, value in values.items() if value is not None),
    )
