"""Compares what is installed in the containers of regions: the same models under other libraries answer otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from beacon_cli.console.printable import excerpt
from beacon_cli.verification.findings import Target, finding
from beacon_cli.verification.report import RegionReport

_SHOWN = 12  # characters of a hash


def with_other_images(reports: Mapping[str, RegionReport], target: Target) -> dict[str, RegionReport]:
    """Return the reports, with a finding for each region whose containers are not installed as those of the first one.

    What a region does not report is unknown: a doubt, where another one reports it.
    """
    first = next((report for report in reports.values() if report.lock_sha256 is not None), None)
    return {
        region_id: report if first is None else _compared(report, first, target)
        for region_id, report in reports.items()
    }


def _compared(report: RegionReport, first: RegionReport, target: Target) -> RegionReport:
    if report.lock_sha256 == first.lock_sha256 or report.source != "models" or report.api != "beacon":
        return report
    there = f"{first.region.label}'s have lock {excerpt(str(first.lock_sha256), _SHOWN)}"
    if report.lock_sha256 is None:
        found = finding("image_unknown", f"it does not say what is installed in its containers; {there}", target)
    else:
        own = excerpt(report.lock_sha256, _SHOWN)
        found = finding("different_image", f"its containers have other packages: lock {own}; {there}", target)
    return replace(report, findings=(*report.findings, found))
