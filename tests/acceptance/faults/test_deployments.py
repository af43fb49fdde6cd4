"""Deployments that work in some regions only, and a control plane that fails in each of its ways."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest
from grpclib import Status

from tests.acceptance.conftest import Beacon
from tests.support.fake_modal import TOKEN_ID, TOKEN_SECRET, FakeModal, fake_modal
from tests.support.invariant import Aftermath, assert_invariant

APAC = "project-beacon-hf-apac"
EU = "project-beacon-hf-eu"
US = "project-beacon-hf-us"
DEPLOY = ("deploy", "modal", "--no-verify", "--json")


@pytest.fixture
def modal(hurt: Beacon) -> Iterator[FakeModal]:
    """Modal's control plane on loopback, which `hurt` takes for the real one."""
    with fake_modal() as fake:
        hurt.environment |= fake.variables(hurt.folder)
        yield fake


def assert_nothing_told(done: subprocess.CompletedProcess[str]) -> None:
    assert TOKEN_ID not in done.stdout + done.stderr
    assert TOKEN_SECRET not in done.stdout + done.stderr


@pytest.mark.fault(46, "one of three regions is refused")
def test_each_regions_state_and_the_way_back_are_told(hurt: Beacon, modal: FakeModal) -> None:
    for app in (US, EU):
        modal.deployed(app)
    modal.fail("FunctionCreate", Status.INVALID_ARGUMENT, "no T4 there", app=APAC)
    done = hurt(*DEPLOY)
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"]) == (1, False)
    assert {region: app["status"] for region, app in document["data"]["apps"].items()} == {
        "us": "deployed",
        "eu": "deployed",
        "apac": "failed",
    }
    assert document["data"]["way_back"] == "beacon rollback modal --region us --region eu --to v1"
    assert [error["message"].split(":")[0] for error in document["errors"]] == ["ASIA"]
    assert_nothing_told(done)
    assert_invariant(Aftermath(hurt.folder, done=[done]))


# What the control plane does; the exit code, the error's code, and a part of what is said.
FAILURES = {
    "hangs": (("*", None, ""), 3, "environment", "did not answer within"),
    "refuses the token": (("*", Status.UNAUTHENTICATED, f"Token {TOKEN_ID} is not valid"), 4, "credentials", "token"),
    "loses the secret": (
        ("SecretGetOrCreate", Status.NOT_FOUND, "Secret 'huggingface' not found in environment 'main'"),
        *(1, "secret_missing", "modal secret create huggingface HF_TOKEN="),
    ),
}


@pytest.mark.fault(47, "a control plane that hangs, refuses the token, loses the secret")
@pytest.mark.parametrize("what", FAILURES)
def test_each_failure_has_its_own_message_and_code(hurt: Beacon, modal: FakeModal, what: str) -> None:
    (rpc, status, message), exit_code, code, said = FAILURES[what]
    modal.hang(rpc) if status is None else modal.fail(rpc, status, message)
    done = hurt(*DEPLOY, "--region", "us")
    (error,) = json.loads(done.stdout)["errors"]
    assert (done.returncode, error["code"]) == (exit_code, code)
    assert said in error["message"] + error["hint"]
    assert not modal.versions
    assert_nothing_told(done)
    assert_invariant(Aftermath(hurt.folder, done=[done]))


@pytest.mark.fault(47, "an image build that fails")
def test_a_failed_build_shows_the_end_of_its_log(hurt: Beacon, modal: FakeModal) -> None:
    modal.broken_build = US
    modal.build_log = ["Collecting torch", "ERROR: No matching distribution found for torch"]
    done = hurt("deploy", "modal", "--no-verify", "--region", "us")
    assert done.returncode == 1
    assert "error: US: the image build failed" in done.stderr
    assert "No matching distribution found for torch" in done.stdout
    assert not modal.versions
    assert_nothing_told(done)
    assert_invariant(Aftermath(hurt.folder, done=[done]))
