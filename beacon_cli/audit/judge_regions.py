"""The judgement of `regions`: the region that was asked, and those that the answer and its provider name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from beacon_cli.audit.check import Check, with_examples
from beacon_cli.console.formatting import quantity
from beacon_cli.records.expectation import Expectation
from beacon_cli.records.witnesses import places
from modal_deployment.regions import Regions

MAX_COMBINATIONS = 2000
"""Maximum number of distinct combinations to read. Providers have a few hundred regions; a job has a few."""


def regions(expected: Expectation, *, combinations: Sequence[dict[str, Any]], mixed: Sequence[str] = ()) -> Check:
    """Check that every region's name is known, and that the region that answered is the one that was asked.

    `mixed` are the lanes that were asked in more than one way: their answers may come from different models.
    """
    faults: Counter[str] = Counter()
    doubts: Counter[str] = Counter()
    for combination in combinations:
        rows = int(combination["executions"])
        if fault := _fault(combination, expected.known):
            faults[fault] += rows
        elif doubt := _doubt(combination, expected):
            doubts[doubt] += rows
    if faults:
        return Check("regions", "fail", _listed(faults))
    if len(combinations) >= MAX_COMBINATIONS:
        return Check("regions", "fail", f"the rows name more than {MAX_COMBINATIONS} combinations of regions")
    warnings = [_listed(doubts)] if doubts else []
    if mixed:
        lanes = f"{quantity(len(mixed), 'lane')} asked in more than one way (name of the model, API, URL or parameters)"
        warnings.append(with_examples(lanes, mixed[:5], len(mixed)))
    if warnings:
        return Check("regions", "warn", "; ".join(warnings))
    told = "every answer came from the region that was asked"
    if "container_region" in expected.unrecorded:
        told += ", as far as the answers say; these tables do not record where containers ran"
    return Check("regions", "pass", told)


def _fault(combination: dict[str, Any], known: Regions) -> str | None:
    asked = combination["asked"]
    if asked not in known.labels:
        return f"unknown region {asked!r}"
    for witness, place in places(combination, known).items():
        if place != asked:
            how = "ran in" if witness == "container_region" else "answered by"
            return f"asked {asked}, {how} {combination[witness]}"
    return None


def _doubt(combination: dict[str, Any], expected: Expectation) -> str | None:
    if not combination["generated"]:
        return None
    if "container_region" in expected.unrecorded:
        return None if places(combination, expected.known) else "that do not say where they were answered"
    if not combination["container_region"]:
        return "without a record of where the container ran"
    if expected.known.of_container(combination["container_region"]) is None:
        return f"ran in {combination['container_region']}, which is in no known region"
    return None


def _listed(findings: Counter[str]) -> str:
    lines: Iterable[str] = (f"{quantity(rows, 'row')} {finding}" for finding, rows in findings.most_common(5))
    return with_examples(quantity(findings.total(), "row"), lines, len(findings))
