"""`beacon deploy modal` and `beacon rollback modal` through the real SDK, against a control plane on loopback."""

from __future__ import annotations

import contextlib
import json
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from grpclib import Status
from modal_proto import api_pb2

from modal_deployment.regions import BUILT_IN_REGIONS
from modal_deployment.registry import BUILT_IN_MODELS
from tests.acceptance.conftest import Beacon
from tests.support.fake_modal import TOKEN_ID, TOKEN_SECRET, FakeModal, fake_modal
from tests.support.fleet import until

US, EU, APAC = (f"project-beacon-hf-{region_id}" for region_id in ("us", "eu", "apac"))
FUNCTIONS = ("inference", "status")
DEPLOY = ("deploy", "modal", "--no-verify")


@pytest.fixture
def modal() -> Iterator[FakeModal]:
    with fake_modal() as fake:
        yield fake


@pytest.fixture
def operator(beacon: Beacon, modal: FakeModal) -> Beacon:
    """A `beacon` whose Modal is the fake one."""
    beacon.environment |= modal.variables(beacon.folder)
    return beacon


def assert_no_secrets(operator: Beacon, *texts: str) -> None:
    logs = [path.read_text() for path in operator.folder.rglob("*.log")]
    kept = [path.read_text() for path in operator.folder.rglob("deployments.json")]
    for text in (*texts, *logs, *kept):
        assert TOKEN_ID not in text
        assert TOKEN_SECRET not in text


def processes_of(modal: FakeModal) -> list[str]:
    """Return the ids of the processes that were given this control plane."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            if modal.url.encode() in path.read_bytes():
                found.append(path.parent.name)
    return found


def states(data: dict[str, Any]) -> dict[str, str]:
    return {region_id: app["status"] for region_id, app in data["apps"].items()}


class TestDeploying:
    def test_three_apps_of_two_functions_each_with_what_the_design_says(
        self, operator: Beacon, modal: FakeModal
    ) -> None:
        done = operator(*DEPLOY, "--json")
        document = json.loads(done.stdout)
        assert (done.returncode, document["ok"], document["errors"]) == (0, True, [])
        created: dict[str, dict[str, Any]] = defaultdict(dict)
        for request in modal.sent("FunctionCreate"):
            created[request.function.app_name][request.function.function_name] = request.function
        weights = [created.pop(f"{app}-weights") for app in (US, EU, APAC)]
        assert set(created) == {US, EU, APAC}
        for region, functions in zip(BUILT_IN_REGIONS, weights, strict=True):
            assert list(functions) == ["fetch"]
            fetch = functions["fetch"]
            assert (fetch.resources.gpu_config.count, fetch.webhook_config.type) == (0, 0)
            assert list(fetch.scheduler_placement.regions) == [region.modal_region]
        for region in BUILT_IN_REGIONS:
            functions = created[f"project-beacon-hf-{region.id}"]
            assert set(functions) == set(FUNCTIONS)
            for name, function in functions.items():
                webhook = function.webhook_config
                assert webhook.requested_suffix == f"project-beacon-hf-{region.id}-{name}"
                assert webhook.requires_proxy_auth
                assert webhook.type == api_pb2.WEBHOOK_TYPE_ASGI_APP
                assert function.max_concurrent_inputs == 0  # Modal's word for "one at a time"
                assert list(function.scheduler_placement.regions) == [region.modal_region]
                assert function.resources.gpu_config.gpu_type == ("T4" if name == "inference" else "")
            on_gpu = functions["inference"]
            assert on_gpu.autoscaler_settings.max_containers == len(BUILT_IN_MODELS)
            assert (on_gpu.timeout_secs, on_gpu.startup_timeout_secs) == (900, 1800)
            assert on_gpu.autoscaler_settings.scaledown_window == 120
            assert [mount.mount_path for mount in on_gpu.volume_mounts] == ["/weights"]
        named = {request.deployment_name for request in modal.sent("SecretGetOrCreate")}
        assert named - {""} == {"huggingface"}
        assert {request.deployment_name for request in modal.sent("VolumeGetOrCreate")} == {"beacon-weights"}
        assert all("mistral" not in str(request).lower() for _, request in modal.calls)
        assert modal.tokens == {(TOKEN_ID, TOKEN_SECRET)}
        assert_no_secrets(operator, done.stdout, done.stderr)

    def test_the_json_document_and_the_record_say_what_modal_answered(self, operator: Beacon, modal: FakeModal) -> None:
        modal.function_urls[f"{EU}-inference"] = "https://shortened-by-modal.modal.run"
        modal.deployed(EU, containers=("ta-old",))
        code, document = operator.json(*DEPLOY, "--region", "eu-west", "--environment", "staging")
        assert code == 0
        data = document["data"]
        assert (data["environment"], data["workspace"], data["verify"]) == ("staging", "acme", None)
        assert len(data["registry_sha256"]) == 64
        assert list(data["apps"]) == ["eu"]
        app = data["apps"]["eu"]
        assert set(app) == {
            *("app_name", "app_id", "version", "urls", "status", "error", "log", "seconds", "containers")
        }
        assert (app["app_name"], app["app_id"], app["status"], app["error"]) == (EU, f"ap-{EU}", "deployed", None)
        assert app["version"] == 2
        assert app["urls"] == {
            "inference": "https://shortened-by-modal.modal.run",
            "models": f"https://acme--{EU}-status.modal.run/models",
            "health": f"https://acme--{EU}-status.modal.run/health",
            "status": f"https://acme--{EU}-status.modal.run",
        }
        assert app["containers"] == [], "recreate stops the containers of the version before"
        recorded = json.loads((operator.data / "deployments.json").read_text())
        entry = recorded["environments"]["staging"]["eu"]
        assert (entry["app_id"], entry["urls"]) == (app["app_id"], app["urls"])
        assert entry["registry_sha256"] == data["registry_sha256"]
        assert {request.environment_name for request in modal.sent("AppGetByDeploymentName")} == {"staging"}

    def test_rolling_leaves_the_old_containers_and_lists_them_in_any_locale(
        self, operator: Beacon, modal: FakeModal
    ) -> None:
        modal.deployed(US, containers=("ta-old",))
        operator.environment |= {"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
        _, document = operator.json(*DEPLOY, "--region", "US", "--strategy", "rolling")
        assert [found["container_id"] for found in document["data"]["apps"]["us"]["containers"]] == ["ta-old"]

    def test_endpoints_are_verified_afterwards_and_a_dead_one_is_exit_3(
        self, operator: Beacon, modal: FakeModal
    ) -> None:
        nobody = "http://127.0.0.1:9"
        modal.function_urls |= {f"{US}-{name}": f"{nobody}/{name}" for name in FUNCTIONS}
        operator.environment["NO_PROXY"] = "*"
        code, document = operator.json("deploy", "modal", "--region", "us")
        assert code == 3
        assert states(document["data"]) == {"us": "deployed"}
        assert document["data"]["verify"]["regions"]["us"]["reachable"] is False
        assert document["data"]["way_back"] is None, "it is the first version"

    def test_a_region_whose_weights_cannot_be_had_is_not_published(self, operator: Beacon, modal: FakeModal) -> None:
        modal.returns[f"{EU}-weights"] = {"llama3.2-1b": "the account of HF_TOKEN may not read meta-llama/…"}
        code, document = operator.json(*DEPLOY, "--region", "us", "--region", "eu")
        assert (code, states(document["data"])) == (1, {"us": "deployed", "eu": "failed"})
        (error,) = document["errors"]
        assert (error["code"], error["message"]) == (
            "weights",
            "EU: weights could not be fetched, so nothing was published: "
            "llama3.2-1b: the account of HF_TOKEN may not read meta-llama/…",
        )
        published = [request.name for request in modal.sent("AppPublish") if request.name]
        assert published == [US]


class TestPlan:
    def test_a_dry_run_asks_nobody_and_matches_what_is_deployed(self, operator: Beacon, modal: FakeModal) -> None:
        operator.environment["BEACON_MODAL__WORKSPACE"] = "acme"
        code, document = operator.json("deploy", "modal", "--dry-run", "--region", "ap")
        assert (code, modal.calls) == (0, [])
        plan = document["data"]["plan"]["regions"]["apac"]
        _, deployed = operator.json(*DEPLOY, "--region", "apac")
        assert (plan["urls"], set(plan["functions"])) == (deployed["data"]["apps"]["apac"]["urls"], set(FUNCTIONS))
        assert document["data"]["plan"]["web_endpoints"] == 2
        for request in modal.sent("FunctionCreate"):
            if request.function.app_name.endswith("-weights"):
                continue
            planned, sent = plan["functions"][request.function.function_name], request.function
            assert planned["gpu"] == (sent.resources.gpu_config.gpu_type or None)
            assert planned["max_containers"] == sent.autoscaler_settings.max_containers
            assert planned["label"] == sent.webhook_config.requested_suffix

    def test_a_dry_run_needs_no_credentials(self, beacon: Beacon) -> None:
        done = beacon("deploy", "modal", "--dry-run")
        assert done.returncode == 0
        assert "6 web endpoints; at most 6 GPU containers" in done.stdout

    def test_an_unknown_region_is_exit_2_and_names_the_known_ones(self, beacon: Beacon) -> None:
        done = beacon("deploy", "modal", "--region", "mars")
        assert done.returncode == 2
        assert "apac (ASIA)" in done.stderr


class TestFailures:
    """Each failure has its own message and code, and none takes for ever."""

    def refused(self, operator: Beacon, *options: str, code: int, error: str) -> tuple[str, dict[str, Any]]:
        done = operator(*DEPLOY, "--json", *options)
        document = json.loads(done.stdout)
        assert (done.returncode, document["ok"]) == (code, False)
        assert [found["code"] for found in document["errors"]] == [error]
        assert document["errors"][0]["hint"]
        assert_no_secrets(operator, done.stdout, done.stderr)
        return document["errors"][0]["message"] + " | " + document["errors"][0]["hint"], document["data"]

    def test_no_credentials(self, operator: Beacon) -> None:
        operator.environment["MODAL_TOKEN_SECRET"] = ""
        said, _ = self.refused(operator, code=4, error="credentials")
        assert "modal token new" in said

    def test_no_network(self, operator: Beacon) -> None:
        operator.environment["MODAL_SERVER_URL"] = "http://127.0.0.1:9"
        said, _ = self.refused(operator, code=3, error="environment")
        assert "127.0.0.1" in said

    def test_a_refused_token(self, operator: Beacon, modal: FakeModal) -> None:
        modal.fail("*", Status.UNAUTHENTICATED, f"Token {TOKEN_ID} is not valid")
        said, _ = self.refused(operator, code=4, error="credentials")
        assert "modal token new" in said

    def test_a_control_plane_that_hangs(self, operator: Beacon, modal: FakeModal) -> None:
        modal.hang("*")
        said, _ = self.refused(operator, code=3, error="environment")
        assert "did not answer within" in said

    def test_a_missing_secret_names_the_command_that_makes_it(self, operator: Beacon, modal: FakeModal) -> None:
        modal.fail("SecretGetOrCreate", Status.NOT_FOUND, "Secret 'huggingface' not found in environment 'main'")
        said, data = self.refused(operator, "--region", "us", code=1, error="secret_missing")
        assert "modal secret create huggingface HF_TOKEN=" in said
        assert states(data) == {"us": "failed"}
        assert data["way_back"] is None

    def test_a_missing_secret_is_missing_in_an_environment(self, operator: Beacon, modal: FakeModal) -> None:
        modal.fail("SecretGetOrCreate", Status.NOT_FOUND, "Secret 'huggingface' not found in environment 'staging'")
        where = ("--region", "us", "--environment", "staging")
        said, _ = self.refused(operator, *where, code=1, error="secret_missing")
        assert said.endswith("create it: modal secret create huggingface HF_TOKEN=- --env staging")

    def test_an_environment_that_does_not_exist_is_named_once(self, operator: Beacon, modal: FakeModal) -> None:
        modal.environments = {"main"}
        where = ("--region", "us", "--region", "eu", "--environment", "stagign")
        said, _ = self.refused(operator, *where, code=1, error="unknown_environment")
        assert said.startswith("US, EU: the Modal environment does not exist")
        assert said.endswith("create it: modal environment create stagign")

    def test_a_client_that_is_too_old_is_no_change_of_somebody_else(self, operator: Beacon, modal: FakeModal) -> None:
        text = "Input plane is not supported for client_version='1.1.0'. Please upgrade to 1.1.3 or later."
        modal.fail("FunctionCreate", Status.FAILED_PRECONDITION, text)
        said, _ = self.refused(operator, "--region", "us", code=1, error="client_too_old")
        assert text in said

    def test_eight_web_endpoints_are_enough_and_five_are_told(self, operator: Beacon, modal: FakeModal) -> None:
        modal.endpoint_limit = 8
        code, document = operator.json(*DEPLOY)
        assert code == 0
        modal.apps.clear()
        modal.endpoint_limit = 5
        said, data = self.refused(operator, code=1, error="endpoint_limit")
        assert sorted(states(data).values()) == ["deployed", "deployed", "unpublished"]
        assert "allows 5 web endpoints: 4 are deployed, and this app needs 2" in said
        assert "the whole deployment needs 6, in 3 regions" in said
        assert document["data"]["apps"]["eu"]["version"] == 1

    def test_publishing_whose_answer_is_lost_may_have_happened(self, operator: Beacon, modal: FakeModal) -> None:
        modal.lose_answers("AppPublish", app=US)
        said, data = self.refused(operator, "--region", "us", code=3, error="environment")
        assert states(data) == {"us": "unknown"}
        assert "it may be serving" in said
        assert f"modal app history {US} shows whether there is a new version" in said
        assert modal.versions == {US: 1}

    def test_addresses_are_those_of_the_deployment_even_if_nothing_can_be_looked_up(
        self, operator: Beacon, modal: FakeModal
    ) -> None:
        for rpc in ("FunctionGet", "AppGetOrCreate"):
            modal.fail(rpc, Status.PERMISSION_DENIED, "no look-ups")
        code, document = operator.json(*DEPLOY, "--region", "us")
        app = document["data"]["apps"]["us"]
        assert (code, app["status"], app["version"]) == (0, "deployed", None)
        assert app["urls"]["inference"] == f"https://acme--{US}-inference.modal.run"

    def test_a_failed_build_shows_the_end_of_its_log(self, operator: Beacon, modal: FakeModal) -> None:
        modal.deployed(US)
        modal.broken_build = EU
        modal.build_log = ["Collecting torch", "ERROR: No matching distribution found for torch"]
        done = operator(*DEPLOY, "--region", "us", "--region", "eu")
        assert done.returncode == 1
        assert "error: EU: the image build failed" in done.stderr
        assert "ERROR: No matching distribution found for torch" in done.stdout
        assert "to roll back: beacon rollback modal --region us --to v1\n" in done.stdout
        assert "Traceback" not in done.stdout + done.stderr

    def test_one_region_of_three_fails_and_the_others_are_told(self, operator: Beacon, modal: FakeModal) -> None:
        modal.deployed(US, 2)
        modal.deployed(EU, 2)
        modal.fail("FunctionCreate", Status.INVALID_ARGUMENT, "no T4 there", app=APAC)
        said, data = self.refused(operator, code=1, error="invalid")
        assert said.startswith("ASIA: ")
        assert states(data) == {"us": "deployed", "eu": "deployed", "apac": "failed"}
        assert data["apps"]["apac"]["error"]["code"] == "invalid"
        assert data["way_back"] == "beacon rollback modal --region us --region eu --to v2"

    def test_publishing_fails_after_the_functions_were_created(self, operator: Beacon, modal: FakeModal) -> None:
        modal.fail("AppPublish", Status.FAILED_PRECONDITION, "the app was changed", app=US)
        _, data = self.refused(operator, "--region", "us", code=1, error="conflict")
        assert states(data) == {"us": "unpublished"}
        assert data["apps"]["us"]["urls"] is None

    def test_an_exhausted_workspace(self, operator: Beacon, modal: FakeModal) -> None:
        modal.fail("FunctionCreate", Status.RESOURCE_EXHAUSTED, "too many web functions")
        said, _ = self.refused(operator, "--region", "us", code=1, error="resource_exhausted")
        assert said.startswith("US: ")

    def test_old_containers_that_do_not_stop_are_an_error_of_their_region(
        self, operator: Beacon, modal: FakeModal
    ) -> None:
        modal.deployed(US, containers=("ta-old",))
        modal.fail("ContainerStop", Status.FAILED_PRECONDITION, "it will not stop")
        _, data = self.refused(operator, "--region", "us", code=1, error="containers_not_stopped")
        assert states(data)["us"] == "deployed"
        assert [found["container_id"] for found in data["apps"]["us"]["containers"]] == ["ta-old"]

    def test_ctrl_c_ends_the_children_and_says_what_may_have_been_deployed(
        self, operator: Beacon, modal: FakeModal
    ) -> None:
        modal.hang("FunctionCreate", EU)
        process, _ = operator.start_until("US: deployed", *DEPLOY, "--region", "us", "--region", "eu")
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=300)
        assert process.returncode == 130
        assert "may have been deployed: EU (modal app history project-beacon-hf-eu)" in said
        assert "to roll back: beacon rollback modal --region us" in said
        assert processes_of(modal) == []

    def test_the_children_end_with_a_killed_parent(self, operator: Beacon, modal: FakeModal) -> None:
        modal.hang("FunctionCreate")
        process, _ = operator.start_until("EU: deploying", *DEPLOY, "--region", "eu")
        until(lambda: bool(modal.sent("FunctionCreate")), 300)
        arguments = [Path(f"/proc/{pid}/cmdline").read_text() for pid in processes_of(modal)]
        assert len(arguments) >= 2
        assert_no_secrets(operator, *arguments)
        process.kill()
        process.communicate()
        until(lambda: not processes_of(modal), 300)

    def test_a_broken_configuration_of_the_sdk(self, operator: Beacon) -> None:
        (operator.folder / "modal.toml").write_text("[one]\nactive = true\n[two]\nactive = true\n")
        said, _ = self.refused(operator, code=4, error="credentials")
        assert "More than one Modal profile is active" in said


class TestRollback:
    def test_every_region_goes_back_to_a_named_version_and_its_containers_stop(
        self, operator: Beacon, modal: FakeModal
    ) -> None:
        for app in (US, EU, APAC):
            modal.deployed(app, 3, (f"ta-{app}",))
        code, document = operator.json("rollback", "modal", "--to", "v2", "--no-verify")
        assert code == 0
        assert document["data"]["apps"]["eu"] == {
            "app_name": EU,
            "status": "rolled_back",
            "error": None,
            "from_version": 3,
            "to_version": 2,
            "version": 4,
            "earlier_version": 1,
            "verified_at": None,
            "urls": {
                "inference": f"https://acme--{EU}-inference.modal.run",
                "models": f"https://acme--{EU}-status.modal.run/models",
                "health": f"https://acme--{EU}-status.modal.run/health",
                "status": f"https://acme--{EU}-status.modal.run",
            },
        }
        assert {(request.app_id, request.version) for request in modal.sent("AppRollback")} == {
            (f"ap-{app}", 2) for app in (US, EU, APAC)
        }
        assert modal.containers == {US: [], EU: [], APAC: []}

        code, document = operator.json("rollback", "modal", "--to", "2", "--no-verify")
        assert (code, states(document["data"])) == (0, dict.fromkeys(("us", "eu", "apac"), "already_there"))
        assert modal.versions == {US: 4, EU: 4, APAC: 4}

    def test_a_way_back_to_three_functions_is_recorded_with_their_addresses(
        self, operator: Beacon, modal: FakeModal
    ) -> None:
        modal.deployed(EU, functions=("inference", "models", "health"))
        operator.json(*DEPLOY, "--region", "eu")
        code, document = operator.json("rollback", "modal", "--region", "eu", "--to", "v1", "--no-verify")
        urls = {name: f"https://acme--{EU}-{name}.modal.run" for name in ("inference", "models", "health")}
        assert (code, document["data"]["apps"]["eu"]["urls"]) == (0, urls)
        recorded = json.loads((operator.data / "deployments.json").read_text())
        assert recorded["environments"][""]["eu"]["urls"] == urls

    def test_a_region_without_a_way_back_and_a_refused_one_say_why(self, operator: Beacon, modal: FakeModal) -> None:
        modal.deployed(US, 1)
        modal.deployed(EU, 2)
        modal.fail("AppRollback", Status.FAILED_PRECONDITION, "that version is too old")
        code, document = operator.json("rollback", "modal", "--to", "1", "--no-verify")
        assert code == 1
        assert states(document["data"]) == {"us": "already_there", "eu": "failed", "apac": "failed"}
        assert [(error["code"], error["message"]) for error in document["errors"]] == [
            ("rollback", "EU: modal app rollback project-beacon-hf-eu failed: that version is too old"),
            ("not_found", "ASIA: project-beacon-hf-apac is not deployed"),
        ]
