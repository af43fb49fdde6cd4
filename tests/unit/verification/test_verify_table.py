"""The table for people, also where it is narrow."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from beacon_cli.verification.findings import finding
from beacon_cli.verification.report import Probe, RegionReport, VerifyReport
from beacon_cli.verification.table import show_verification
from modal_deployment.regions import BUILT_IN_REGIONS, Regions

NOT_READ = RegionReport(
    region=Regions(BUILT_IN_REGIONS)["us"],
    reachable=False,
    source=None,
    models_served=(),
    missing=(),
    extra=(),
    renamed={},
    registry_sha256=None,
    hash_matches=None,
    lock_sha256=None,
    says_region=None,
    version=None,
    container_id=None,
    latency_seconds=None,
    cold_start_seconds=None,
    hops=0,
    probes={},
    findings=(),
    expected=("m",),
)
READ = replace(NOT_READ, reachable=True, source="models", models_served=("m",), says_region="us", latency_seconds=0.25)
ANSWERED = Probe(True, "us", "ta-1", "us-east-1", 200.0, 2, None)


CHAT = replace(NOT_READ, reachable=True, api="openai")


def shown(*regions: RegionReport, width: int = 80, probed: bool = False, target: Any = "modal") -> str:
    from rich.console import Console

    out = io.StringIO()
    report = VerifyReport(target, probed, {str(number): region for number, region in enumerate(regions)})
    show_verification(report)(Console(file=out, width=width, markup=False))
    return out.getvalue()


def row(text: str) -> list[str]:
    return next(line.split() for line in text.splitlines() if line.startswith("US"))


def test_what_is_not_known_is_a_question_mark_and_no_zero() -> None:
    down = replace(NOT_READ, findings=(finding("unreachable", "refused", "modal"),))
    assert row(shown(down)) == ["US", "no", "?", "?", "?", "-", "-", "-", "-", "-"]


def test_a_cold_start_and_the_probes_hops_are_shown() -> None:
    cold = replace(READ, cold_start_seconds=95.0, probes={"m": ANSWERED})
    text = shown(cold, probed=True)
    assert row(text)[-5:] == ["0.25s", "1m", "35s", "2", "1/1"]
    assert "ok: 1 region serves exactly the registry (1 model) and answers" in text


def test_a_narrow_terminal_gets_a_region_on_several_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    lines = shown(READ, width=50).splitlines()
    assert lines[3].split() == ["US", "yes", "1/1", "0", "0", "us"]
    assert lines[4].split() == ["0.25s", "-", "-", "-"]
    assert max(map(len, lines[:5])) <= 50


def test_the_same_advice_is_given_once() -> None:
    both = (finding("missing_model", "m", "modal"), finding("extra_model", "x", "modal"))
    text = shown(replace(READ, findings=both))
    assert text.count("do: deploy what beacon.toml says (beacon deploy modal), or restore beacon.toml") == 1
    assert "not ok: 2 failures; check US" in text


@pytest.mark.parametrize(
    ("probed", "target", "line"),
    [
        (False, "modal", "next:   beacon verify endpoints --probe"),
        (False, "local", "next:   beacon verify endpoints --local --probe"),
        (True, "modal", "next:   beacon run JOB_FILE"),
    ],
)
def test_the_next_command_is_named(probed: bool, target: str, line: str) -> None:
    assert shown(replace(READ, probes={"m": ANSWERED}), probed=probed, target=target).splitlines()[-1] == line


def test_the_next_command_is_about_the_same_regions_and_environment() -> None:
    from rich.console import Console

    report = VerifyReport("modal", False, {"us": READ}, named=(READ.region,), environment="staging")
    again = "BEACON_MODAL__ENVIRONMENT=staging beacon verify endpoints --region us"
    assert report.again == again
    out = io.StringIO()
    show_verification(report)(Console(file=out, width=200))
    assert out.getvalue().splitlines()[-1] == f"next:   {again} --probe"


def test_warnings_leave_the_verdict_good() -> None:
    text = shown(replace(READ, findings=(finding("old_deployment", "no models function", "modal"),)))
    assert "ok: 1 region serves exactly the registry (1 model); 1 warning" in text
    assert "warn  US    old_deployment  no models function" in text


def test_hostile_text_is_printed_literally() -> None:
    text = shown(replace(READ, says_region="[red]", findings=(finding("unhealthy", "\x1b]0;x\x07 [/b]", "modal"),)))
    assert "[red]" in text
    assert "\\x1b]0;x\\x07 [/b]" in text


def test_a_region_that_lists_nothing_is_known_once_it_has_answered() -> None:
    listed = replace(CHAT, source="models")
    assert "ok: nothing failed, and nothing is known of US" in shown(CHAT)
    assert "ok: 1 region serves the models that are expected there; not known of US" in shown(listed, CHAT)
    assert "ok: 2 regions serve the models that are expected there and answer" in shown(listed, CHAT, probed=True)


def test_more_models_in_a_list_than_are_asked_are_not_counted() -> None:
    row = next(
        line for line in shown(replace(CHAT, source="models", models_served=("m", "n"))).splitlines() if "US" in line
    )
    assert row.split()[:5] == ["US", "yes", "1/1", "0", "-"]


def test_a_long_finding_is_broken_under_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    url = "https://acme--project-beacon-hf-us-status.modal.run/models: the connection failed"
    text = shown(replace(READ, findings=(finding("unreachable", url, "modal"),)))
    lines = [line.rstrip() for line in text.splitlines()]
    place = lines.index("fail  US    unreachable")
    assert lines[place + 1].startswith("      https://acme--"), "the URL is whole, on a line of its own"
