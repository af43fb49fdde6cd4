"""Modal's billing report and rates, through the SDK, from a control plane on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import modal as sdk
import psycopg
import pytest
from grpclib import Status

from beacon_cli.costs.billing import whole_intervals
from tests.support.audit_jobs import JOB, START, add_execution, add_job, add_run
from tests.support.fake_modal import FakeModal, fake_modal
from tests.support.in_process import beacon
from tests.support.modal_billing import Bill, Billing

Connection = psycopg.Connection[tuple[Any, ...]]
HOUR = START.replace(minute=0, second=0)
RATES = {"gpu_hour_cost_t4": "0.36", "cpu_hour_cost": "0", "mem_gib_hour_cost": "0", "volume_gib_month": "0.09"}


@pytest.fixture(scope="module")
def control_plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeModal]:
    """One for all tests: the SDK keeps its first connection."""
    folder = tmp_path_factory.mktemp("modal")
    with fake_modal() as fake, pytest.MonkeyPatch.context() as patch:
        for name, value in fake.variables(folder).items():
            patch.setenv(name, value)
        yield fake
        sdk.Client.from_env().close()


@pytest.fixture
def modal(
    control_plane: FakeModal, tmp_path: Path, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeModal]:
    """The control plane, and a job whose two rows are from Modal: 10 s in US and 30 s in EU."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path / "data"))
    add_job(connection)
    run = add_run(connection)
    for label, seconds in (("US", 10), ("EU", 30)):
        output = json.dumps({"inference_time": seconds, "gpu": "T4"})
        row = {"provider_id": "modal-oci", "output_data": output}
        add_execution(connection, run, "math_basic", "llama3.2-1b", label, at=START, **row)
    control_plane.billing = Billing(
        rates=RATES,
        bills=[
            Bill("project-beacon-hf-us", HOUR, {"T4": "0.10", "CPU": "0.02"}),
            Bill("project-beacon-hf-eu", HOUR, {"T4": "0.30"}),
            Bill("project-beacon-hf-us", HOUR + timedelta(hours=1), {"T4": "9"}),  # after the job
            Bill("something-else", HOUR, {"T4": "7"}),
        ],
    )
    control_plane.faults.clear()
    control_plane.calls.clear()
    yield control_plane
    control_plane.faults.clear()


def costs(url: str, *options: str) -> dict[str, Any]:
    done = beacon("costs", JOB, "--json", *options, url=url)
    assert done.code == 0, done.out + done.err
    data: dict[str, Any] = done.document["data"]
    return data


def test_what_modal_billed_stands_beside_the_rows_and_the_workspaces_rates_hold_from_now_on(
    modal: FakeModal, database_url: str
) -> None:
    before = costs(database_url, "--no-billing")
    assert (before["billing"], modal.calls) == (None, [])
    data = costs(database_url)
    assert data["billing"] == {
        "workspace": "acme",
        "start": "2026-01-02T03:00:00+00:00",
        "end": "2026-01-02T04:00:00+00:00",
        "resolution": "h",
        "cost": 0.42,
        "by_region": {"US": 0.12, "EU": 0.3},
    }
    assert data["cost"] == pytest.approx(40 * 0.0001 * 1.5)
    assert data["sources"][0].startswith("the rates of workspace acme, 20")
    assert data["with_idle_time"] == pytest.approx(2 * (1 + 120) * 0.0001 * 1.5)
    assert costs(database_url, "--no-billing")["cost"] == data["cost"] != before["cost"]
    shown = beacon("costs", JOB, url=database_url, columns=80).out
    assert "billed by Modal to acme: $0.42 (US $0.12, EU $0.30)" in shown
    assert "from 2026-01-02 03:00 to 2026-01-02 04:00 UTC (1 whole hour)" in shown


def test_a_report_that_cannot_be_read_is_said_and_takes_nothing_away(modal: FakeModal, database_url: str) -> None:
    modal.fail("WorkspaceBillingReport", Status.PERMISSION_DENIED, "billing is for owners")
    data = costs(database_url)
    assert (data["billing"], data["executions"]) == (None, 2)
    assert data["billing_error"] == "billing report: Modal refused the token: billing is for owners"
    shown = beacon("costs", JOB, url=database_url).out
    assert "Modal's billing report is not there: billing report: Modal refused the token" in shown


def test_another_environment_is_not_counted(
    modal: FakeModal, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEACON_MODAL__ENVIRONMENT", "staging")
    assert costs(database_url)["billing"]["by_region"] == {}


def test_only_intervals_that_are_over_are_reported() -> None:
    at = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    hour = at.replace(minute=0)
    assert whole_intervals(at, at, at) == (hour, hour, "h")
    assert whole_intervals(at, at, at + timedelta(hours=3)) == (hour, hour + timedelta(hours=1), "h")
    long = whole_intervals(at, at + timedelta(days=20), at + timedelta(days=20, hours=5))
    assert long == (hour.replace(hour=0), hour.replace(hour=0) + timedelta(days=20), "d")
