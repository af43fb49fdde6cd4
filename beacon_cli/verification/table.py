"""Shows a verification to people: a row per region, the findings with hints, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import TYPE_CHECKING

from beacon_cli.console.formatting import duration, quantity
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.verification.findings import Finding
from beacon_cli.verification.report import RegionReport, VerifyReport

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_STYLES = {"fail": "bold red", "warn": "yellow"}
_COLUMNS = ("region", "reachable", "serves", "missing", "extra", "says", "latency", "cold", "hops", "probes")
_NUMBERS = frozenset({"serves", "missing", "extra", "latency", "cold", "hops"})


def show_verification(report: VerifyReport) -> Callable[[Console], None]:
    """Return a function that prints the report on a console."""

    def show(console: Console) -> None:
        _print_regions(report, console)
        _print_findings(report, console)
        for line in _verdict(report):
            console.print(line, soft_wrap=not console.is_terminal)

    return show


def _print_regions(report: VerifyReport, console: Console) -> None:
    from rich.text import Text

    from beacon_cli.console.tables import Column, print_table

    columns = [Column(name, right=name in _NUMBERS) for name in _COLUMNS]
    rows = [
        [Text(value, "" if region.ok else "red") for value in _row(region, report)]
        for region in report.regions.values()
    ]
    print_table(console, columns, rows)


def _row(region: RegionReport, report: VerifyReport) -> list[str]:
    known = region.source is not None
    served = len(region.expected) - len(region.missing)
    return [
        region.region.label,
        "yes" if region.reachable else "no",
        f"{served}/{len(region.expected)}" if known else "?",
        str(len(region.missing)) if known else "?",
        "-" if region.api == "openai" else str(len(region.extra)) if known else "?",
        excerpt(region.says_region or "-", 12),
        _seconds(region.latency_seconds),
        _seconds(region.cold_start_seconds),
        _hops(region),
        _probes(region, report),
    ]


def _seconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f}s" if seconds < 10 else duration(seconds)


def _hops(region: RegionReport) -> str:
    return str(region.hops + sum(probe.hops for probe in region.probes.values()) or "-")


def _probes(region: RegionReport, report: VerifyReport) -> str:
    if not report.probed:
        return "-"
    return f"{sum(probe.ok for probe in region.probes.values())}/{len(region.expected)}"


def _print_findings(report: VerifyReport, console: Console) -> None:
    from rich.text import Text

    from beacon_cli.console.hanging import print_hanging

    console.print()
    for region in report.regions.values():
        ordered = sorted(region.findings, key=lambda found: (found.severity, found.hint))
        for hint, alike in groupby(ordered, key=lambda found: found.hint):
            for found in alike:
                print_hanging(_head(region, found), excerpt(found.message, 400), console, indent=6)
            print_hanging(Text("      do: "), hint, console, indent=10)


def _head(region: RegionReport, found: Finding) -> Text:
    from rich.text import Text

    style = _STYLES[found.severity]
    return Text.assemble((f"{found.severity}  ", style), f"{region.region.label:<5} ", (found.code, style), "  ")


def _verdict(report: VerifyReport) -> Iterator[Text]:
    from rich.text import Text

    fails, warnings = (_count(report, severity) for severity in ("fail", "warn"))
    if any(region.findings for region in report.regions.values()):
        yield Text("")
    if report.ok:
        warned = f"; {quantity(warnings, 'warning')}" if warnings else ""
        yield Text.assemble(("ok", "bold green"), f": {_proven(report)}{warned}")
    else:
        bad = ", ".join(region.region.label for region in report.regions.values() if not region.ok)
        warned = f", {quantity(warnings, 'warning')}" if warnings else ""
        yield Text.assemble(("not ok", "bold red"), f": {quantity(fails, 'failure')}{warned}; check {bad}")
    yield Text(f"next:   {_next(report)}")


def _proven(report: VerifyReport) -> str:
    """Return what is known of regions without a failure. One that lists nothing is known once it has answered."""
    known = [region for region in report.regions.values() if report.probed or region.source is not None]
    unknown = [region.region.label for region in report.regions.values() if region not in known]
    if not known:
        return f"nothing failed, and nothing is known of {', '.join(unknown)}"
    regions = quantity(len(known), "region serves", "regions serve")
    also = f" and {'answers' if len(known) == 1 else 'answer'}" if report.probed else ""
    rest = f"; not known of {', '.join(unknown)}" if unknown else ""
    registries = {region.expected for region in known}
    if len(registries) == 1 and all(region.api == "beacon" for region in known):
        models = quantity(len(next(iter(registries))), "model")
        return f"{regions} exactly the registry ({models}){also}{rest}"
    return f"{regions} the models that are expected there{also}{rest}"


def _next(report: VerifyReport) -> str:
    if not report.ok:
        return f"follow the hints above, then {report.again}"
    return command("run JOB_FILE") if report.probed else f"{report.again} --probe"


def _count(report: VerifyReport, severity: str) -> int:
    return sum(found.severity == severity for region in report.regions.values() for found in region.findings)
