"""Deploying and rolling back, decision by decision.

The control plane is on loopback, and what runs in a process of its own is a script that answers as that process does:
what a region's process really says is tested in `tests/acceptance/test_deploy.py`.
"""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import modal as sdk
import pytest

from beacon_cli.deployment.deploy import deploy
from beacon_cli.deployment.plan import DeployRequest
from beacon_cli.deployment.report import DeployReport
from beacon_cli.deployment.rollback import RollbackReport, RollbackRequest, rollback
from beacon_cli.endpoints.recorded import recorded_apps
from beacon_cli.errors import CredentialsError, EnvironmentFault
from beacon_cli.settings import Settings
from modal_deployment.regions import BUILT_IN_REGIONS
from modal_deployment.registry import BUILT_IN_MODELS
from tests.support.fake_modal import FakeModal, fake_modal

REGION_IDS = [region.id for region in BUILT_IN_REGIONS]
APP = "project-beacon-hf-{}"
SCRIPT = r"""#!/bin/sh
# What is run is one of these: -P -m beacon_cli.deployment.child --contents JSON …, -P -m modal app COMMAND NAME …, and
# -P -m modal container list …
case "$3" in
    *.child) answer="child-$(expr "$5" : '[^a-z]*region[^a-z]*id[^a-z]*\([a-z]*\)')" ;;
    *.app_urls) answer="urls-$4" ;;
    *) answer="$4-$5-$6" ;;
esac
cd '{folder}' && [ -f "$answer" ] || exit 9
. "./$answer"
"""


@dataclass
class Modal:
    """Says what the processes answer, by what they are run for, and keeps what was told to the operator."""

    folder: Path
    settings: Settings
    said: list[str] = field(default_factory=list)

    def answers(self, process: str, out: Any = "", err: str = "", code: int = 0) -> None:
        text = out if isinstance(out, str) else json.dumps(out)
        (self.folder / f"{process}.out").write_text(text)
        (self.folder / f"{process}.err").write_text(err)
        (self.folder / process).write_text(f"cat '{process}.out'; cat '{process}.err' >&2; exit {code}\n")

    def deployed(self, region_id: str, **more: Any) -> None:
        app = APP.format(region_id)
        urls = {name: f"https://acme--{app}-{name}.modal.run" for name in ("inference", "models", "health")}
        answer = {"status": "deployed", "app_id": f"ap-{app}", "urls": urls, "error": None, **more}
        self.answers(f"child-{region_id}", answer)

    def failed(self, region_id: str, status: str, code: str, message: str) -> None:
        error = {"code": code, "message": message, "hint": "a hint"}
        self.answers(f"child-{region_id}", {"status": status, "error": error}, err=f"the log of {region_id}\n", code=0)

    def hangs(self, process: str) -> None:
        (self.folder / process).write_text("exec sleep 600\n")

    def deploy(self, timeout: float = 30) -> DeployReport:
        request = DeployRequest(BUILT_IN_REGIONS, BUILT_IN_MODELS, "", "recreate", timeout)
        return deploy(request, self.settings, self.said.append)

    def has_versions(self, region_id: str, *versions: int) -> None:
        self.answers(f"app-history-{APP.format(region_id)}", [{"version": f"v{version}"} for version in versions])

    def rollback(self, *, dry_run: bool = False) -> RollbackReport:
        return rollback(RollbackRequest(BUILT_IN_REGIONS, "", dry_run), self.settings, self.said.append)


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
def modal(control_plane: FakeModal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Modal:
    python = tmp_path / "python"
    python.write_text(SCRIPT.format(folder=tmp_path))
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(python))
    made = Modal(tmp_path, Settings(data_dir=tmp_path / "data"))
    made.answers("container-list---json", [])
    return made


def states(report: DeployReport | RollbackReport) -> dict[str, str]:
    return {region_id: outcome.status for region_id, outcome in report.outcomes.items()}


def codes(report: DeployReport | RollbackReport) -> list[str]:
    return [error.code for error in report.errors]


class TestDeploying:
    def test_what_is_deployed_is_recorded_beside_a_region_that_fails(self, modal: Modal) -> None:
        modal.deployed("us")
        modal.failed("eu", "failed", "image_build", "the image build failed")
        modal.deployed("apac")
        report = modal.deploy()
        assert states(report) == {"us": "deployed", "eu": "failed", "apac": "deployed"}
        assert (report.exit_code, codes(report)) == (1, ["image_build"])
        assert report.way_back(ok=False) == "beacon rollback modal --region us --region apac"
        assert set(recorded_apps(modal.settings, "")) == set(report.endpoints()) == {"us", "apac"}
        failed = report.outcomes["eu"]
        assert failed.failure is not None
        assert (failed.failure.hint, failed.tail) == (f"read the build log: {failed.log}", ("the log of eu",))
        assert failed.log.read_text() == "the log of eu\n"

    def test_a_failure_that_all_share_is_said_once_with_its_own_exit_code(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.failed(region_id, "failed", "credentials", "Modal refused the token")
        report = modal.deploy()
        assert report.exit_code == CredentialsError.exit_code
        assert [error.message for error in report.errors] == ["US, EU, ASIA: Modal refused the token"]
        assert report.way_back(ok=False) is None
        assert recorded_apps(modal.settings, "") == {}

    def test_what_was_not_published_has_no_way_back(self, modal: Modal) -> None:
        modal.failed("us", "unpublished", "conflict", "another change got in between")
        modal.failed("eu", "unknown", "environment", "Modal cannot be reached")
        modal.deployed("apac", error={"code": "containers_not_stopped", "message": "old ones run", "hint": ""})
        report = modal.deploy()
        assert states(report) == {"us": "unpublished", "eu": "unknown", "apac": "deployed"}
        assert (report.exit_code, codes(report)) == (1, ["conflict", "environment", "containers_not_stopped"])
        assert report.way_back(ok=False) == "beacon rollback modal --region apac"

    def test_silence_is_not_taken_for_a_failure(self, modal: Modal) -> None:
        modal.answers("child-us", code=7)
        modal.answers("child-eu", "not JSON")
        modal.hangs("child-apac")
        report = modal.deploy(timeout=1)
        assert states(report) == {"us": "unknown", "eu": "unknown", "apac": "unknown"}
        assert codes(report) == ["no_result", "no_result", "timeout"]
        assert "ended with code 7 without output" in report.errors[0].message

    def test_containers_that_cannot_be_listed_are_a_warning(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.deployed(region_id)
        modal.answers("container-list---json", err="Error: not in this environment\n", code=1)
        report = modal.deploy()
        assert (report.exit_code, report.outcomes["us"].containers) == (0, None)
        assert modal.said[-1].startswith("warning: Modal's containers cannot be listed: Error: not in this environment")

    def test_a_record_that_cannot_be_written_is_an_error_of_no_region(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.deployed(region_id)
        (modal.settings.data_path() / "deployments.json").mkdir(parents=True)
        report = modal.deploy()
        assert set(states(report).values()) == {"deployed"}
        assert (report.exit_code, len(report.problems)) == (EnvironmentFault.exit_code, 1)

    def test_nothing_is_begun_without_credentials(self, modal: Modal, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("MODAL_TOKEN_SECRET", "")
        with pytest.raises(CredentialsError):
            modal.deploy()
        assert not (modal.settings.data_path() / "deployments").exists()


class TestRollingBack:
    def test_each_region_goes_back_to_the_version_before_the_present_one(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.has_versions(region_id, 5, 4, 3)
            modal.answers(f"app-rollback-{APP.format(region_id)}")
        report = modal.rollback()
        assert (report.exit_code, set(states(report).values())) == (0, {"rolled_back"})
        assert {(found.from_version, found.to_version) for found in report.outcomes.values()} == {(5, 4)}
        assert "EU: from v5 back to v4" in modal.said

    def test_a_dry_run_names_the_versions_and_changes_nothing(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.has_versions(region_id, 5, 4)
        report = modal.rollback(dry_run=True)
        assert (report.exit_code, set(states(report).values())) == (0, {"planned"})
        assert "EU: would go from v5 back to v4" in modal.said

    def test_no_region_hides_what_became_of_another(self, modal: Modal) -> None:
        modal.has_versions("us", 1)
        modal.answers(f"app-history-{APP.format('eu')}", "[{}]")
        modal.has_versions("apac", 2, 1)
        modal.answers(f"app-rollback-{APP.format('apac')}", err="Error: containers did not all terminate\n", code=1)
        report = modal.rollback()
        assert states(report) == {"us": "failed", "eu": "failed", "apac": "rolled_back"}
        assert (report.exit_code, codes(report)) == (1, ["no_version_before", "rollback", "containers_not_stopped"])

    def test_what_the_record_knew_of_a_region_is_its_registry_no_longer(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.deployed(region_id)
        modal.deploy()
        assert all(app["registry_sha256"] for app in recorded_apps(modal.settings, "").values())
        modal.has_versions("us", 2, 1)
        modal.answers(f"app-rollback-{APP.format('us')}")
        report = modal.rollback()
        assert states(report) == {"us": "rolled_back", "eu": "failed", "apac": "failed"}
        known = {region_id: app["registry_sha256"] for region_id, app in recorded_apps(modal.settings, "").items()}
        assert known["us"] is None
        assert known["eu"]
