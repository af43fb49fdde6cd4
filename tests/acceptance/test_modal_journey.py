"""From a deployment to an audited job, with a fake control plane and regions of the tests' own behind its URLs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from grpclib import Status

from modal_deployment.contents import AppContents
from modal_deployment.regions import BUILT_IN_REGIONS
from modal_deployment.registry import BUILT_IN_MODELS, Model
from tests.acceptance.conftest import Beacon
from tests.support.deployed_regions import CREDENTIALS, Deployed, deployed
from tests.support.fake_modal import FakeModal, fake_modal


@pytest.fixture
def world(beacon: Beacon) -> Iterator[tuple[Beacon, FakeModal, Deployed]]:
    with fake_modal() as modal, deployed() as regions:
        for region_id in (*(region.id for region in BUILT_IN_REGIONS), "br"):
            getattr(regions, region_id).wants_credentials = True
            for function, path in (("inference", "/inference"), ("inference-l4", "/inference-l4"), ("status", "")):
                modal.function_urls[f"project-beacon-hf-{region_id}-{function}"] = f"{regions.url}/{region_id}{path}"
            modal.app(f"project-beacon-hf-{region_id}").started(f"ta-{region_id}-1", f"ta-{region_id}-2")
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


MISTRAL = Model(
    id="mistral-7b",
    source="mistralai/Mistral-7B",
    revision="c170c708c41dac9275d15a8fff4eca08d52bab71",
    gpu="L4",
    context=32768,
)
MISTRAL_TOML = """
[models."mistral-7b"]
source = "mistralai/Mistral-7B"
revision = "c170c708c41dac9275d15a8fff4eca08d52bab71"
gpu = "L4"
context = 32768
"""


# Each region is a process or more of every command: what is about several regions needs no more than two.
TWO_REGIONS = '[modal]\nregions = ["us", "eu"]\n'


def sent(modal: FakeModal) -> dict[str, dict[str, tuple[str, int, list[str]]]]:
    """What the control plane was sent since the last time: GPU, cap and regions of each function, by app."""
    found: dict[str, dict[str, tuple[str, int, list[str]]]] = {}
    for request in modal.sent("FunctionCreate"):
        function = request.function
        placed = list(function.scheduler_placement.regions)
        what = (function.resources.gpu_config.gpu_type, function.autoscaler_settings.max_containers, placed)
        found.setdefault(function.app_name, {})[function.function_name] = what
    modal.calls.clear()
    return found


def codes(document: dict[str, Any]) -> dict[str, list[str]]:
    regions = document["data"]["regions"].items()
    return {region_id: [finding["code"] for finding in region["findings"]] for region_id, region in regions}


def test_a_model_on_another_gpu_is_added_and_removed_by_beacon_toml(
    world: tuple[Beacon, FakeModal, Deployed],
) -> None:
    beacon, modal, regions = world
    everywhere = ("us", "eu")
    beacon.write("beacon.toml", TWO_REGIONS)
    assert beacon.json("deploy", "modal")[0] == 0
    assert sent(modal)["project-beacon-hf-eu"] == {"inference": ("T4", 2, ["eu"]), "status": ("", 1, ["eu"])}

    models = 'models = ["llama3.2-1b", "qwen2.5-1.5b", "mistral-7b"]\n'
    beacon.write("beacon.toml", f"{MISTRAL_TOML}{TWO_REGIONS}{models}")
    code, document = beacon.json("verify", "endpoints")
    assert (code, codes(document)) == (1, {region_id: ["missing_model"] for region_id in everywhere})
    for region_id in everywhere:
        getattr(regions, region_id).serves((*BUILT_IN_MODELS, MISTRAL))
    code, document = beacon.json("deploy", "modal")
    assert (code, document["data"]["functions"]) == (
        0,
        {
            "inference": {"gpu": "T4", "models": ["llama3.2-1b", "qwen2.5-1.5b"]},
            "inference-l4": {"gpu": "L4", "models": ["mistral-7b"]},
        },
    ), document
    assert document["data"]["apps"]["eu"]["urls"]["inference-l4"] == f"{regions.url}/eu/inference-l4"
    assert sent(modal)["project-beacon-hf-eu"]["inference-l4"] == ("L4", 1, ["eu"])
    code, document = beacon.json("verify", "endpoints", "--probe", "--region", "eu")
    assert (code, codes(document)) == (0, {"eu": []})
    posted = [request for request in regions.eu.requests if request.method == "POST"]
    asked = {request.json["model"]: request.path for request in posted if "model" in request.json}
    assert asked == {
        "llama3.2-1b": "/eu/inference",
        "qwen2.5-1.5b": "/eu/inference",
        "mistral-7b": "/eu/inference-l4",
    }

    beacon.write("beacon.toml", f'{TWO_REGIONS}models = ["llama3.2-1b", "qwen2.5-1.5b"]\n')
    code, document = beacon.json("verify", "endpoints")
    assert (code, codes(document)) == (1, {region_id: ["extra_model"] for region_id in everywhere})
    for region_id in everywhere:
        getattr(regions, region_id).serves(BUILT_IN_MODELS)
    code, document = beacon.json("rollback", "modal")
    assert (code, document["data"]["verify"]["regions"]["us"]["hash_matches"]) == (0, True), document


def test_a_region_is_added_and_another_one_left_out_by_beacon_toml(world: tuple[Beacon, FakeModal, Deployed]) -> None:
    beacon, modal, _ = world
    beacon.write(
        "beacon.toml",
        '[modal]\nregions = ["us", "br"]\n[regions.br]\nplace = "Brazil"\nmodal_region = "sa"\naliases = ["sa-east"]\n',
    )
    code, document = beacon.json("deploy", "modal")
    assert (code, list(document["data"]["apps"])) == (0, ["us", "br"])
    assert codes({"data": document["data"]["verify"]}) == {"us": [], "br": []}
    told = [sent.env_dict["BEACON_CONTENTS"] for sent in modal.sent("SecretGetOrCreate") if sent.env_dict]
    assert {AppContents.from_json(text).region.place for text in told} == {"the US", "Brazil"}
    assert sent(modal)["project-beacon-hf-br"] == {"inference": ("T4", 2, ["sa"]), "status": ("", 1, ["sa"])}
    code, document = beacon.json("verify", "endpoints")
    assert (code, codes(document)) == (0, {"us": [], "br": []})


APPS = {region_id: f"project-beacon-hf-{region_id}" for region_id in ("us", "eu")}


def rolled(document: dict[str, Any]) -> dict[str, tuple[str, int | None]]:
    """What became of each region, and which version it serves."""
    return {region_id: (app["status"], app["version"]) for region_id, app in document["data"]["apps"].items()}


def test_a_half_failed_rollback_is_repeated_until_every_region_serves_what_was_verified(
    world: tuple[Beacon, FakeModal, Deployed],
) -> None:
    beacon, modal, regions = world
    beacon.write("beacon.toml", TWO_REGIONS)
    assert beacon.json("deploy", "modal")[0] == 0
    for region_id, app in APPS.items():
        modal.deployed(app, 2)  # by somebody else, and it is broken
        getattr(regions, region_id).health["status"] = "broken"
    assert beacon.json("verify", "endpoints")[0] == 1
    for region_id in APPS:
        getattr(regions, region_id).health["status"] = "healthy"

    modal.fail("AppRollback", Status.INVALID_ARGUMENT, "not now", app=APPS["eu"])
    code, document = beacon.json("rollback", "modal")
    assert (code, rolled(document)) == (1, {"us": ("rolled_back", 3), "eu": ("failed", 2)})
    modal.faults.clear()
    code, document = beacon.json("rollback", "modal")
    assert (code, rolled(document)) == (0, {"us": ("already_there", 3), "eu": ("rolled_back", 3)})
    for _ in range(2):
        code, document = beacon.json("rollback", "modal")
        assert (code, rolled(document)) == (0, dict.fromkeys(APPS, ("already_there", 3)))
    assert {app: row.restores for app in APPS.values() for row in modal.app(app).versions[2:]} == dict.fromkeys(
        APPS.values(), 1
    )


def test_what_verify_found_is_the_way_back_on_this_machine_and_no_other(
    world: tuple[Beacon, FakeModal, Deployed],
) -> None:
    beacon, modal, _ = world
    eu = ("--region", "eu")
    assert beacon.json("deploy", "modal", "--no-verify", *eu)[0] == 0
    modal.deployed(APPS["eu"], 2)
    assert beacon.json("verify", "endpoints", *eu)[0] == 0
    modal.deployed(APPS["eu"], 3)
    done = beacon("rollback", "modal", "--dry-run", *eu)
    assert done.returncode == 0
    assert "planned" in done.stdout
    code, document = beacon.json("rollback", "modal", "--dry-run", *eu)
    planned = document["data"]["apps"]["eu"]
    assert (planned["from_version"], planned["to_version"], bool(planned["verified_at"])) == (3, 2, True)

    beacon.environment["BEACON_DATA_DIR"] = str(beacon.folder / "another-machine")
    code, document = beacon.json("rollback", "modal", *eu)
    assert (code, document["errors"][0]["code"]) == (1, "nothing_verified")
    assert document["errors"][0]["hint"].startswith("beacon rollback modal --region eu --to v2 goes to")
    assert modal.sent("AppRollback") == []
