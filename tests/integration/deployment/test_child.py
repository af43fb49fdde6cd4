"""The process that deploys one region, with the real SDK against a control plane on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from grpclib import Status

from modal_deployment.contents import AppContents, built_in
from modal_deployment.registry import BUILT_IN_MODELS
from tests.support.fake_modal import FakeModal, fake_modal

APP = "project-beacon-hf-us"


@pytest.fixture
def modal() -> Iterator[FakeModal]:
    with fake_modal() as fake:
        yield fake


def deployed(modal: FakeModal, contents: AppContents, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "beacon_cli.deployment.child", "--contents", contents.as_json()]
    ours, parents = os.pipe()  # it ends when its parent does
    try:
        done = subprocess.run(
            [*command, "--strategy", "recreate"],
            env={**os.environ, **modal.variables(folder)},
            stdin=ours,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        os.close(ours)
        os.close(parents)
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def test_one_container_for_a_region_that_starts_from_a_snapshot(modal: FakeModal, tmp_path: Path) -> None:
    own = replace(BUILT_IN_MODELS[0], id="own", gpu="L4:2")
    models = (*BUILT_IN_MODELS, own)
    contents = replace(built_in("us"), models=models, containers="region", snapshot=True)
    assert deployed(modal, contents, tmp_path)["status"] == "deployed"
    functions = {request.function.function_name: request.function for request in modal.sent("FunctionCreate")}
    told = {
        name: (
            function.autoscaler_settings.max_containers,
            function.max_concurrent_inputs,
            function.checkpointing_enabled,
            dict(function.experimental_options),
        )
        for name, function in functions.items()
        if name.startswith("inference")
    }
    assert told == {
        "inference": (1, 34, True, {"enable_gpu_snapshot": "True"}),
        "inference-l4-x2": (1, 17, True, {}),
    }
    assert (functions["status"].checkpointing_enabled, functions["fetch"].checkpointing_enabled) == (False, False)


def test_weights_are_fetched_before_anything_is_published(modal: FakeModal, tmp_path: Path) -> None:
    assert deployed(modal, built_in("us"), tmp_path)["status"] == "deployed"
    steps = [name for name, _ in modal.calls if name in {"AppPublish", "FunctionGetOutputs"}]
    assert steps == ["AppPublish", "FunctionGetOutputs", "AppPublish"]  # the first one is that of the fetching app
    (secret,) = (sent for sent in modal.sent("SecretGetOrCreate") if sent.deployment_name)
    assert (secret.deployment_name, list(secret.required_keys)) == ("huggingface", ["HF_TOKEN"])


def test_a_fetching_app_that_cannot_run_leaves_the_region_as_it_was(modal: FakeModal, tmp_path: Path) -> None:
    modal.fail("AppPublish", Status.FAILED_PRECONDITION, "no", app=f"{APP}-weights")
    outcome = deployed(modal, built_in("us"), tmp_path)
    assert (outcome["status"], modal.versions) == ("failed", {})


def test_weights_that_cannot_be_had_are_told_model_by_model(modal: FakeModal, tmp_path: Path) -> None:
    modal.returns[f"{APP}-weights"] = {"llama3.2-1b": "gated", "qwen2.5-1.5b": "gone"}
    outcome = deployed(modal, built_in("us"), tmp_path)
    assert (outcome["status"], modal.versions) == ("failed", {})
    assert outcome["error"]["code"] == "weights"
    assert outcome["error"]["message"].endswith("llama3.2-1b: gated; qwen2.5-1.5b: gone")
