"""The fake control plane is one to Modal's own program: what it is told to be is what that program shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.support.fake_modal import FakeModal, fake_modal
from tests.support.modal_billing import Bill

APP = "project-beacon-hf-eu"


@pytest.fixture
def modal() -> Iterator[FakeModal]:
    with fake_modal() as fake:
        yield fake


def shown(modal: FakeModal, folder: Path, *arguments: str) -> Any:
    """Return what `modal …` prints as JSON."""
    done = subprocess.run(
        [sys.executable, "-m", "modal", *arguments, "--json"],
        env={**os.environ, **modal.variables(folder)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_rates_and_a_report_by_resource(modal: FakeModal, tmp_path: Path) -> None:
    modal.billing.rates = {"T4": "0.59", "CPU": "0.047"}
    hour = datetime(2026, 11, 25, 10, tzinfo=UTC)
    modal.billing.bills = [
        Bill(APP, hour, {"T4": "0.30", "CPU": "0.02"}),
        Bill("another", hour, {"T4": "9"}),
        Bill(APP, datetime(2026, 11, 27, tzinfo=UTC), {"T4": "7"}),
    ]
    assert shown(modal, tmp_path, "billing", "rates") == {"T4": "0.59", "CPU": "0.047"}
    rows = shown(modal, tmp_path, "billing", "report", "--start", "2026-11-25", "--end", "2026-11-26", "-r", "h")
    assert [(row["object_id"], row["description"], row["cost"]) for row in rows] == [
        (f"ap-{APP}", APP, "0.32"),
        ("ap-another", "another", "9"),
    ]


def test_a_history_with_staged_and_restored_versions(modal: FakeModal, tmp_path: Path) -> None:
    app = modal.deployed(APP, 2)
    app.publish({}, "trial", staged=True)
    app.roll_back(1)
    history = shown(modal, tmp_path, "app", "history", APP)
    assert [row["version"] for row in history] == ["v4", "v3", "v2", "v1"]
    assert (app.production, app.functions) == (4, app.versions[0].functions)
    assert [row.rollback_version for row in app.history()] == [1, 0, 0, 0]


def test_the_same_contents_again_make_no_version(modal: FakeModal) -> None:
    app = modal.deployed(APP, 2)
    assert app.publish(dict(app.functions)) == 0
    assert app.production == 2
