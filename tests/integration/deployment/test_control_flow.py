"""Deploying and rolling back, decision by decision.

The control plane is on loopback, and what runs in a process of its own is a script that answers as that process does:
what a region's process really says is tested in `tests/acceptance/test_deploy.py`.
"""

from __future__ import annotations

import json
import signal
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import modal as sdk
import pytest
from pydantic import SecretStr

from beacon_cli.deployment.commands import deploy_modal, rollback_modal
from beacon_cli.deployment.deploy import deploy
from beacon_cli.deployment.plan import DeployRequest
from beacon_cli.deployment.report import DeployReport
from beacon_cli.deployment.rollback import RollbackReport, RollbackRequest, plan_rollback, rollback
from beacon_cli.endpoints.recorded import recorded_apps
from beacon_cli.endpoints.versions import AppVersions, record_versions
from beacon_cli.errors import CredentialsError, EnvironmentFault
from beacon_cli.region_settings import RegionSettings
from beacon_cli.settings import Settings
from beacon_cli.signals import Interrupted
from modal_deployment.regions import BUILT_IN_REGIONS
from modal_deployment.registry import BUILT_IN_MODELS, registry_sha256
from tests.support.fake_modal import FakeModal, fake_modal

REGION_IDS = [region.id for region in BUILT_IN_REGIONS]
APP = "project-beacon-hf-{}"
SCRIPT = r"""#!/bin/sh
# What is run is one of these: -P -m beacon_cli.deployment.child --contents JSON …, -P -m
# beacon_cli.deployment.production ENVIRONMENT APP…, -P -m modal app COMMAND NAME …, and -P -m modal container list …
cd '{folder}' || exit 9
case "$3" in
    *.child) answer="child-$(expr "$5" : '[^a-z]*region[^a-z]*id[^a-z]*\([a-z]*\)')" ;;
    *.production)
        shift 4
        printf '{{'
        for app; do [ -f "serves-$app" ] && cat "serves-$app" && printf ','; done
        printf '"": {{"app_id": "", "version": 0, "urls": null}}}}'
        exit 0 ;;
    *) answer="$4-$5-$6" ;;
esac
[ -f "$answer" ] || exit 9
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
        answer = {"status": "deployed", "app_id": f"ap-{app}", "version": 3, "urls": urls, "error": None, **more}
        self.answers(f"child-{region_id}", answer)

    def failed(self, region_id: str, status: str, code: str, message: str) -> None:
        error = {"code": code, "message": message, "hint": "a hint"}
        self.answers(f"child-{region_id}", {"status": status, "error": error}, err=f"the log of {region_id}\n", code=0)

    def hangs(self, process: str) -> None:
        (self.folder / process).write_text("exec sleep 600\n")

    def deploy(self, timeout: float = 300, environment: str = "") -> DeployReport:
        request = DeployRequest(BUILT_IN_REGIONS, BUILT_IN_MODELS, environment, "recreate", timeout)
        return deploy(request, self.settings, self.said.append)

    def has_versions(self, region_id: str, *versions: int) -> None:
        """Have versions, the newest first; that one serves."""
        self.answers(f"app-history-{APP.format(region_id)}", [{"version": f"v{version}"} for version in versions])
        if versions:
            self._serves(region_id, versions[0], f"serves-{APP.format(region_id)}")

    def _serves(self, region_id: str, version: int, name: str) -> None:
        app = APP.format(region_id)
        serves = {"app_id": f"ap-{app}", "version": version, "urls": None}
        (self.folder / name).write_text(f"{json.dumps(app)}: {json.dumps(serves)}")

    def can_roll_back(self, region_id: str, *, makes: int, err: str = "", code: int = 0) -> None:
        """Let the command succeed, unless it ends with a code, and a new version serve then."""
        name = f"app-rollback-{APP.format(region_id)}"
        self.answers(name, err=err, code=code)
        self._serves(region_id, makes, f"next-{region_id}")
        script = (self.folder / name).read_text()
        (self.folder / name).write_text(f"cp next-{region_id} serves-{APP.format(region_id)}; {script}")

    def verified(self, region_id: str, *versions: int) -> None:
        """Record that the versions were verified, with what is deployed by default."""
        known = AppVersions(f"ap-{APP.format(region_id)}")
        for version in versions:
            known = known.verified(version, ok=True, registry_sha256=registry_sha256(BUILT_IN_MODELS))
        record_versions(self.settings, "", {region_id: known})

    def plan(self, to: int | None = None) -> RollbackReport:
        return plan_rollback(RollbackRequest(BUILT_IN_REGIONS, "", to), self.settings, self.said.append)

    def rollback(self, to: int | None = None) -> RollbackReport:
        return rollback(self.plan(to), self.settings, self.said.append)


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
        assert report.way_back(ok=False) == "beacon rollback modal --region us --region apac --to v2"
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
        assert report.way_back(ok=False) == "beacon rollback modal --region apac --to v2"

    def test_the_way_back_is_to_what_was_verified_and_a_first_version_has_none(self, modal: Modal) -> None:
        modal.verified("us", 1, 2)
        modal.deployed("us")
        modal.deployed("eu", version=5)
        modal.deployed("apac", version=1)
        report = modal.deploy()
        assert report.way_back(ok=True) is None
        assert report.way_back(ok=False) == (
            "beacon rollback modal --region us && beacon rollback modal --region eu --to v4"
        )
        assert [outcome.region.id for outcome in report.first] == ["apac"]

    def test_every_command_names_the_environment_and_the_app(self, modal: Modal) -> None:
        modal.deployed("us")
        modal.answers("child-eu", code=7)
        modal.hangs("child-apac")
        report = modal.deploy(timeout=3, environment="staging")
        assert report.way_back(ok=False) == "beacon rollback modal --region us --environment staging --to v2"
        hints = {error.message.partition(":")[0]: error.hint for error in report.errors}
        for label, region_id in (("EU", "eu"), ("ASIA", "apac")):
            assert f"modal app history {APP.format(region_id)} --env staging" in hints[label]

    def test_silence_is_not_taken_for_a_failure(self, modal: Modal) -> None:
        modal.answers("child-us", code=7)
        modal.answers("child-eu", "not JSON")
        modal.hangs("child-apac")
        report = modal.deploy(timeout=3)
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
    def test_each_region_goes_back_to_the_version_that_was_verified_last(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.has_versions(region_id, 5, 4, 3)
            modal.verified(region_id, 3)
            modal.can_roll_back(region_id, makes=6)
        report = modal.rollback()
        assert (report.exit_code, set(states(report).values())) == (0, {"rolled_back"})
        assert {(found.from_version, found.to_version, found.version) for found in report.outcomes.values()} == {
            (5, 3, 6)
        }
        assert "EU: from v5 back to v3 (as v6)" in modal.said

    def test_a_plan_names_the_versions_and_changes_nothing(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.has_versions(region_id, 5, 4)
            modal.verified(region_id, 4)
        report = modal.plan()
        assert (report.exit_code, set(states(report).values())) == (0, {"planned"})
        verified = report.outcomes["eu"].verified
        assert f"EU: would go from v5 back to v4, verified {verified}" in modal.said
        assert verified.endswith(" UTC")

    def test_a_half_failed_rollback_that_is_repeated_ends_in_the_same_state(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.has_versions(region_id, 2, 1)
            modal.verified(region_id, 1)
            modal.can_roll_back(region_id, makes=3)
        modal.answers(f"app-rollback-{APP.format('eu')}", err="Error: the control plane is busy\n", code=1)
        report = modal.rollback()
        assert states(report) == {"us": "rolled_back", "eu": "failed", "apac": "rolled_back"}

        modal.can_roll_back("eu", makes=3)
        report = modal.rollback()
        assert states(report) == {"us": "already_there", "eu": "rolled_back", "apac": "already_there"}
        for _ in range(2):
            report = modal.rollback()
            assert (report.exit_code, set(states(report).values())) == (0, {"already_there"})
            assert {outcome.version for outcome in report.outcomes.values()} == {3}

    def test_a_version_of_ones_own_choice(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.has_versions(region_id, 3, 2, 1)
            modal.verified(region_id, 2)
            modal.can_roll_back(region_id, makes=4)
        report = modal.rollback(to=1)
        assert {outcome.to_version for outcome in report.outcomes.values()} == {1}
        assert states(modal.rollback(to=1)) == dict.fromkeys(REGION_IDS, "already_there")
        report = modal.rollback(to=9)
        assert codes(report) == ["no_such_version"] * 3
        assert "has no version v9; the newest are v3, v2, v1" in report.errors[0].message

    def test_what_was_not_verified_from_here_has_to_be_named(self, modal: Modal) -> None:
        modal.has_versions("us", 1)
        for region_id in ("eu", "apac"):
            modal.has_versions(region_id, 5, 4)
        report = modal.rollback()
        assert (report.exit_code, codes(report)) == (1, ["no_version_before", "nothing_verified", "nothing_verified"])
        first, eu, _ = report.errors
        assert first.hint.endswith("beacon deploy modal --region us")
        assert eu.hint.startswith("beacon rollback modal --region eu --to v4 ")

    def test_versions_of_an_app_that_was_stopped_and_deployed_again_are_others(self, modal: Modal) -> None:
        modal.has_versions("us", 2, 1)
        record_versions(modal.settings, "", {"us": AppVersions("ap-before").verified(1, ok=True, registry_sha256="")})
        assert "nothing_verified" in codes(modal.rollback())

    def test_no_region_hides_what_became_of_another(self, modal: Modal) -> None:
        modal.has_versions("us", 1)
        modal.has_versions("eu", 2, 1)
        modal.answers(f"app-history-{APP.format('eu')}", "[{}]")
        modal.has_versions("apac", 2, 1)
        modal.verified("apac", 1)
        modal.can_roll_back("apac", makes=3, err="Error: containers did not all terminate\n", code=1)
        report = modal.rollback()
        assert states(report) == {"us": "failed", "eu": "failed", "apac": "rolled_back"}
        assert (report.exit_code, codes(report)) == (1, ["no_version_before", "rollback", "containers_not_stopped"])

    def test_what_the_record_knew_of_a_region_is_its_registry_no_longer(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.deployed(region_id)
        modal.deploy()
        assert all(app["registry_sha256"] for app in recorded_apps(modal.settings, "").values())
        modal.has_versions("us", 2, 1)
        modal.verified("us", 1)
        modal.can_roll_back("us", makes=3)
        report = modal.rollback()
        assert states(report) == {"us": "rolled_back", "eu": "failed", "apac": "failed"}
        known = {region_id: app["registry_sha256"] for region_id, app in recorded_apps(modal.settings, "").items()}
        assert known["us"] is None
        assert known["eu"]


class TestVerifyingAfterwards:
    def test_what_was_rolled_back_is_reported_whatever_the_verification_meets(self, modal: Modal) -> None:
        for region_id in REGION_IDS:
            modal.has_versions(region_id, 2, 1)
            modal.verified(region_id, 1)
            modal.can_roll_back(region_id, makes=3)
        unencrypted = {"us": RegionSettings(base_url="http://modal.invalid")}
        settings = modal.settings.model_copy(
            update={"regions": unencrypted, "proxy_key": SecretStr("wk-1"), "proxy_secret": SecretStr("ws-canary-1")}
        )
        request = RollbackRequest(BUILT_IN_REGIONS, "")
        result = rollback_modal(request, settings, confirm=lambda plan: None, verify=True, as_json=True)
        assert {app["status"] for app in result.data["apps"].values()} == {"rolled_back"}
        [error] = result.errors
        assert (result.exit_code, error.code, result.data["verify"]) == (2, "config", None)
        assert "would be sent unencrypted to modal.invalid" in error.message

    def test_what_was_deployed_is_reported_when_the_verification_is_interrupted(
        self, modal: Modal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for region_id in REGION_IDS:
            modal.deployed(region_id)

        def interrupted(*_: object, **__: object) -> None:
            raise Interrupted(signal.SIGINT)

        monkeypatch.setattr("beacon_cli.verification.verify.verify_endpoints", interrupted)
        request = DeployRequest(BUILT_IN_REGIONS, BUILT_IN_MODELS, "", "recreate", 30)
        result = deploy_modal(request, modal.settings, verify=True, as_json=True)
        assert {app["status"] for app in result.data["apps"].values()} == {"deployed"}
        [error] = result.errors
        assert (result.exit_code, error.code, result.data["verify"]) == (130, "interrupted", None)
        assert error.hint == "only the verification was interrupted; the deployment stays: beacon verify endpoints"
