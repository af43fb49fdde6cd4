"""The judgement of `regions`: which was asked, which answered, and where the container says it ran."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from beacon_cli.audit.check import Check, with_examples
from beacon_cli.console.formatting import quantity
from beacon_cli.records.expectation import Expectation
from modal_deployment.regions import REGIONS, region_of_container, region_or_none

MAX_COMBINATIONS = 2000
"""How many distinct combinations are looked at. Providers have some hundred regions; ours are three."""

_LABELS = frozenset(region.label for region in REGIONS.values())


def regions(expected: Expectation, *, combinations: Sequence[dict[str, Any]]) -> Check:
    """Every region's name is known, and the answering region is the asked one."""
    faults: Counter[str] = Counter()
    doubts: Counter[str] = Counter()
    for combination in combinations:
        rows = int(combination["executions"])
        if fault := _fault(combination):
            faults[fault] += rows
        elif doubt := _doubt(combination):
            doubts[doubt] += rows
    if faults:
        return Check("regions", "fail", _told(faults))
    if len(combinations) >= MAX_COMBINATIONS:
        return Check("regions", "fail", f"the rows name more than {MAX_COMBINATIONS} combinations of regions")
    if "container_region" in expected.unrecorded:
        return Check("regions", "pass", "every region is known; where containers ran is not recorded here")
    if doubts:
        return Check("regions", "warn", _told(doubts))
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
        return "not recorded where the container ran"
    if region_of_container(combination["container"]) is None:
        return f"ran in {combination['container']}, which is in no known region"
    return None


def _label(answering: str) -> str | None:
    """Return the label that an answer's own region stands for; a provider's name for a place counts too."""
    region = region_or_none(answering) or region_of_container(answering)
    return region.label if region else None


def _told(findings: Counter[str]) -> str:
    told: Iterable[str] = (f"{quantity(rows, 'row')} {finding}" for finding, rows in findings.most_common(5))
    return with_examples(quantity(findings.total(), "row"), told, len(findings))
