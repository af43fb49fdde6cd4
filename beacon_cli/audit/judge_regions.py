"""The judgement of `regions`: the region that was asked, the one that answered, and where the container ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from beacon_cli.audit.check import Check, with_examples
from beacon_cli.console.formatting import quantity
from beacon_cli.records.expectation import Expectation
from modal_deployment.regions import REGIONS, region_of_container, region_or_none

MAX_COMBINATIONS = 2000
"""Maximum number of distinct combinations to read. Providers have a few hundred regions; Beacon has three."""

_LABELS = frozenset(region.label for region in REGIONS.values())


def regions(expected: Expectation, *, combinations: Sequence[dict[str, Any]]) -> Check:
    """Check that every region's name is known, and that the region that answered is the one that was asked."""
    faults: Counter[str] = Counter()
    doubts: Counter[str] = Counter()
    for combination in combinations:
        rows = int(combination["executions"])
        if fault := _fault(combination):
            faults[fault] += rows
        elif doubt := _doubt(combination):
            doubts[doubt] += rows
    if faults:
        return Check("regions", "fail", _listed(faults))
    if len(combinations) >= MAX_COMBINATIONS:
        return Check("regions", "fail", f"the rows name more than {MAX_COMBINATIONS} combinations of regions")
    if "container_region" in expected.unrecorded:
        return Check("regions", "pass", "every region is known; the tables do not record where containers ran")
    if doubts:
        return Check("regions", "warn", _listed(doubts))
    return Check("regions", "pass", "every answer came from the region that was asked")


def _fault(combination: dict[str, Any]) -> str | None:
    asked, answering, container = (combination[key] for key in ("asked", "answering", "container"))
    if asked not in _LABELS:
        return f"unknown region {asked!r}"
    if answering and _label(answering) != asked:
        return f"asked {asked}, answered by {answering}"
    ran_in = region_of_container(container)
    if ran_in is not None and ran_in.label != asked:
        return f"asked {asked}, ran in {container}"
    return None


def _doubt(combination: dict[str, Any]) -> str | None:
    if not combination["answered"]:
        return None
    if not combination["container"]:
        return "without a record of where the container ran"
    if region_of_container(combination["container"]) is None:
        return f"ran in {combination['container']}, which is in no known region"
    return None


def _label(answering: str) -> str | None:
    """Return the label of the region in an answer; a provider's name for a place is also understood."""
    region = region_or_none(answering) or region_of_container(answering)
    return region.label if region else None


def _listed(findings: Counter[str]) -> str:
    lines: Iterable[str] = (f"{quantity(rows, 'row')} {finding}" for finding, rows in findings.most_common(5))
    return with_examples(quantity(findings.total(), "row"), lines, len(findings))
