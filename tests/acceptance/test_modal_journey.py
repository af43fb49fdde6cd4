"""From a deployment to an audited job, with a fake control plane and regions of the tests' own behind its URLs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from modal_deployment.regions import BUILT_IN_REGIONS
from tests.acceptance.conftest import Beacon
from tests.support.deployed_regions import CREDENTIALS, Deployed, deployed
from tests.support.fake_modal import FakeModal, fake_modal


@pytest.fixture
def world(beacon: Beacon) -> Iterator[tuple[Beacon, FakeModal, Deployed]]:
    with fake_modal() as modal, deployed() as regions:
        for region_id in (region.id for region in BUILT_IN_REGIONS):
            getattr(regions, region_id).wants_credentials = True
            for function, path in (("inference", "/inference"), ("status", "")):
                modal.function_urls[f"project-beacon-hf-{region_id}-{function}"] = f"{regions.url}/{region_id}{path}"
            modal.containers[f"project-beacon-hf-{region_id}"] = [f"ta-{region_id}-1", f"ta-{region_id}-2"]
        beacon.environment |= modal.variables(beacon.folder)
        beacon.environment |= {
            "BEACON_PROXY_KEY": CREDENTIALS["modal-key"],
            "BEACON_PROXY_SECRET": CREDENTIALS["modal-secret"],
        }
        yield beacon, modal, regions


def test_deploy_verify_run_audit(world: tuple[Beacon, FakeModal, Deployed], operators_job: str) -> None:
    """Nothing is configured but credentials: what the deployment recorded is what verify and run use."""
    beacon, _, _ = world
    code, document = beacon.json("deploy", "modal")
    assert (code, document["data"]["verify"]["regions"]["eu"]["missing"]) == (0, []), document
    code, document = beacon.json("verify", "endpoints", "--probe")
    assert code == 0, document
    code, document = beacon.json("run", operators_job)
    assert (code, document["data"]["counts"]["completed"]) == (0, 12), document
    inventory = document["data"]["modal_containers"]
    assert set(inventory["before"]) == set(inventory["after"]) == {"US", "EU", "ASIA"}
    code, document = beacon.json("check-db", "operators")
    assert document["data"]["by_region"] == {
        label: {"expected": 4, "completed": 4, "blocked": 0} for label in ("US", "EU", "ASIA")
    }
    assert "ws-canary" not in json.dumps(document)


def test_drift_after_a_deployment_is_exit_1_although_every_app_was_deployed(
    world: tuple[Beacon, FakeModal, Deployed],
) -> None:
    beacon, _, regions = world
    regions.eu.models["models_available"] = ["llama3.2-1b", "mistral-7b"]
    code, document = beacon.json("deploy", "modal")
    assert (code, document["ok"]) == (1, False)
    assert {app["status"] for app in document["data"]["apps"].values()} == {"deployed"}
    assert document["data"]["verify"]["regions"]["eu"]["extra"] == ["mistral-7b"]
