"""How to compare."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from beacon_cli.comparison.conditions import NAMES
from beacon_cli.comparison.distance import MEASURES
from beacon_cli.comparison.refusal import RefusalRule, built_in_rule, rule_of_file
from beacon_cli.comparison.verdicts import DEFAULT_TERMS, Terms
from beacon_cli.console.printable import excerpt
from beacon_cli.errors import UsageError


@dataclass(frozen=True)
class Options:
    """How to compare: the measure of distance, the terms of the verdicts, the rule for refusals, and which conditions
    may differ."""

    measure: str = "lexical"
    terms: Terms = DEFAULT_TERMS
    rule: RefusalRule = field(default_factory=built_in_rule)
    accepted: frozenset[str] = frozenset()


def chosen_options(measure: str, terms: Terms, accepted: Iterable[str], refusals: Path | None) -> Options:
    """Return the given options. Raises `UsageError` for unknown names, or an unusable rule."""
    for option, known, names in (("--measure", MEASURES, [measure]), ("--accept", NAMES, accepted)):
        for name in names:
            if name not in known:
                raise UsageError(f"{option}: unknown {excerpt(name)!r}", hint=f"known: {', '.join(known)}")
    return Options(measure, terms, rule_of_file(refusals) if refusals else built_in_rule(), frozenset(accepted))
