"""`modal deploy` of the entry files, with the real SDK against a control plane on loopback: what Modal is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from modal_proto import api_pb2

import modal_deployment
from modal_deployment.contents import AppContents, built_in
from modal_deployment.images import BASE_IMAGE, MODEL_LOCK, UV_VERSION, WEB_LOCK, lock_sha256
from modal_deployment.registry import BUILT_IN_MODELS
from tests.support.fake_modal import FakeModal, fake_modal

PACKAGE = Path(modal_deployment.__file__).parent
NAMES = ("inference", "status")
LOCKS = (WEB_LOCK, MODEL_LOCK)


@pytest.fixture(scope="module", params=["us", "eu", "apac"])
def region_id(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def deployed(region_id: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeModal]:
    folder = tmp_path_factory.mktemp(region_id)
    with fake_modal() as fake:
        command = [sys.executable, "-m", "modal", "deploy", str(PACKAGE / f"modal_hf_{region_id}.py")]
        environment = {**os.environ, **fake.variables(folder), "PYTHONPATH": str(PACKAGE.parent)}
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        yield fake


@pytest.fixture
def functions(deployed: FakeModal) -> dict[str, Any]:
    return {request.function.function_name: request.function for request in deployed.sent("FunctionCreate")}


def steps(deployed: FakeModal) -> list[str]:
    """What the images are built with, one text each."""
    return [" ".join(request.image.dockerfile_commands) for request in deployed.sent("ImageGetOrCreate")]


def test_the_app_of_the_region_is_published_with_its_functions(deployed: FakeModal, region_id: str) -> None:
    (published,) = deployed.sent("AppPublish")
    assert published.name == f"project-beacon-hf-{region_id}"
    assert set(published.function_ids) == set(NAMES)
    assert set(published.tags) == {"version", "registry_sha256"}


def test_every_function_answers_at_its_address_only_with_a_proxy_token(
    functions: dict[str, Any], region_id: str
) -> None:
    for name, function in functions.items():
        web = function.webhook_config
        assert web.requested_suffix == f"project-beacon-hf-{region_id}-{name}"
        assert (web.type, web.requires_proxy_auth) == (api_pb2.WEBHOOK_TYPE_ASGI_APP, True)


def test_a_region_never_holds_more_gpu_containers_than_models(functions: dict[str, Any]) -> None:
    inference = functions["inference"]
    assert inference.autoscaler_settings.max_containers == len(BUILT_IN_MODELS)
    assert inference.autoscaler_settings.scaledown_window == 120
    assert inference.resources.gpu_config.gpu_type == "T4"
    assert inference.max_concurrent_inputs == 0  # Modal's word for "one at a time"
    status = functions["status"]
    assert status.resources.gpu_config.count == 0
    assert status.autoscaler_settings.max_containers == 1


def test_a_container_imports_the_callables_and_not_the_app(functions: dict[str, Any]) -> None:
    for name, function in functions.items():
        assert (function.module_name, function.function_name) == ("modal_deployment.endpoints", name)


def test_what_is_served_is_in_the_environment_and_not_in_the_image(deployed: FakeModal, region_id: str) -> None:
    environments = [dict(sent.env_dict) for sent in deployed.sent("SecretGetOrCreate") if sent.env_dict]
    told = replace(built_in(region_id), lock_sha256=lock_sha256())
    assert {AppContents.from_json(found["BEACON_CONTENTS"]) for found in environments} == {told}
    assert sum(found.get("BEACON_FUNCTION") == "inference" for found in environments) == 1
    assert not any(region_id in step.split() or "BEACON" in step for step in steps(deployed))


def test_a_container_on_a_gpu_reads_the_volume_and_has_no_token_of_the_hub(deployed: FakeModal, region_id: str) -> None:
    assert not [sent.deployment_name for sent in deployed.sent("SecretGetOrCreate") if sent.deployment_name]
    (volume,) = deployed.sent("VolumeGetOrCreate")
    assert volume.deployment_name == "beacon-weights"
    environments = [dict(sent.env_dict) for sent in deployed.sent("SecretGetOrCreate")]
    (gpu,) = (found for found in environments if "BEACON_FUNCTION" in found)
    assert (gpu["HF_HUB_CACHE"], gpu["HF_HUB_OFFLINE"]) == (f"/weights/{region_id}", "1")


def test_the_images_hold_what_their_locks_name_and_nothing_else(deployed: FakeModal) -> None:
    images = [request.image for request in deployed.sent("ImageGetOrCreate")]
    assert {command for image in images for command in image.dockerfile_commands} == {
        f"FROM {BASE_IMAGE}",
        "FROM base",
        f"COPY --from=ghcr.io/astral-sh/uv:{UV_VERSION} /uv /.uv/uv",
        *(f"COPY /.0_{lock.name} /.uv/0/{lock.name}" for lock in LOCKS),
        *(
            "RUN /.uv/uv pip install --python $(command -v python) --compile-bytecode --require-hashes --no-deps"
            f" --requirements /.uv/0/{lock.name}"
            for lock in LOCKS
        ),
    }
    sent = {file.filename: file.data for image in images for file in image.context_files}
    assert sent == {f"/.0_{lock.name}": lock.read_bytes() for lock in LOCKS}


def test_only_our_own_package_is_mounted(deployed: FakeModal) -> None:
    files = {file.filename for sent in deployed.sent("MountGetOrCreate") for file in sent.files}
    assert "/root/modal_deployment/serving.py" in files
    assert {name.split("/")[2] for name in files if name.startswith("/root/")} == {"modal_deployment"}
