"""Listing containers and cancelling calls, against a control plane on loopback."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from grpclib import Status

from beacon_cli.deployment.control_plane import live_containers
from beacon_cli.errors import EnvironmentFault
from tests.support.fake_modal import FakeModal, fake_modal

CANCEL = "import sys; from beacon_cli.deployment.cancel import cancel_call; print(cancel_call('fc-123'))"


@pytest.fixture
def modal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeModal]:
    with fake_modal() as fake:
        for name, value in fake.variables(tmp_path).items():
            monkeypatch.setenv(name, value)
        yield fake


def cancelled() -> str:
    """Cancel a call in a process of its own (the SDK keeps its first connection) and return what was answered."""
    done = subprocess.run([sys.executable, "-c", CANCEL], env=os.environ, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_containers_are_listed_by_app(modal: FakeModal) -> None:
    modal.app("one").started("ta-1", "ta-2")
    modal.app("two").started("ta-3")
    modal.app("someone-else").started("ta-4")
    found = asyncio.run(live_containers("", ["ap-one", "ap-two", "ap-none"]))
    assert {app_id: [container.container_id for container in those] for app_id, those in found.items()} == {
        "ap-one": ["ta-1", "ta-2"],
        "ap-two": ["ta-3"],
        "ap-none": [],
    }
    assert found["ap-two"][0].app_name == "two"
    assert found["ap-two"][0].started_at


def test_a_container_that_is_late_or_was_preempted_is_listed_as_one_that_has_not_started(modal: FakeModal) -> None:
    app = modal.app("one")
    app.started("ta-1", "ta-2")
    again = app.preempt("ta-2")
    app.starting("ta-3")
    found = asyncio.run(live_containers("", ["ap-one"]))["ap-one"]
    started = {container.container_id: container.started_at is not None for container in found}
    assert started == {"ta-1": True, again: False, "ta-3": False}


def test_containers_that_cannot_be_listed_are_an_error_that_says_why(modal: FakeModal) -> None:
    modal.fail("TaskList", Status.PERMISSION_DENIED, "not in this environment")
    with pytest.raises(EnvironmentFault, match="not in this environment"):
        asyncio.run(live_containers("other", ["ap-one"]))
    assert modal.sent("TaskList")[0].environment_name == "other"


def test_a_call_is_cancelled_by_its_id(modal: FakeModal) -> None:
    assert cancelled() == "True"
    assert [request.function_call_id for request in modal.sent("FunctionCallCancel")] == ["fc-123"]


def test_a_cancellation_that_is_refused_is_no_error(modal: FakeModal) -> None:
    modal.fail("FunctionCallCancel", Status.NOT_FOUND, "no such call")
    assert cancelled() == "False"


def test_a_cancellation_that_hangs_is_given_up(modal: FakeModal) -> None:
    modal.hang("FunctionCallCancel")
    assert cancelled() == "False"


def test_without_credentials_nothing_is_tried(modal: FakeModal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_TOKEN_ID", "")
    assert cancelled() == "False"
    assert modal.calls == []
