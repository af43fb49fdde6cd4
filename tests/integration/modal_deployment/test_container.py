"""Containers, as Modal starts them: told what they serve, the module imported, and the applications called.

The models are found where the volume would have them, in the hub's cache; there they are tiny ones.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs torch: pip install '.[torch]'")
pytest.importorskip("transformers", reason="needs transformers: pip install '.[torch]'")

import modal_deployment
from modal_deployment.contents import AppContents
from modal_deployment.regions import Region
from modal_deployment.registry import BUILT_IN_MODELS, Model, registry_sha256
from tests.support.tiny_model import make_tiny_model

OWN = Model(id="own-1b", source="acme/Own-1B", revision="0a1b2c", gpu="L4", context=2048)
CONTENTS = AppContents(
    region=Region(id="br", label="BR", modal_region="sa", aliases=frozenset({"sa-east", "brazil"})),
    models=(*BUILT_IN_MODELS, OWN),
    lock_sha256="10c0",
)
DEVICE = {
    "name": "Tesla T4",
    "dtype": "float32",
    "driver": "580.95.05",
    **{package: version(package) for package in ("torch", "transformers", "tokenizers")},
}
ALL = {model.id: model for model in CONTENTS.models}
ON_T4, ON_L4 = sorted(model.id for model in BUILT_IN_MODELS), [OWN.id]
# The device's edge: a CPU that says that it is a GPU.
GPU = """
from modal_deployment import device
VERSIONS = {package: device.version(package) for package in device.PACKAGES}
def find_gpu(kind):
    return device.Device(place="cpu", name=f"Tesla {kind}", dtype="float32", driver="580.95.05", versions=VERSIONS)
device.find_gpu = find_gpu
"""
CONTAINER = """
import asyncio, json, sys
from modal_deployment import endpoints
loaded = endpoints._generators.cache_info().currsize == 1 and sorted(endpoints._generators())
import httpx2

async def call(app, method, path, **request):
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://modal") as client:
        answer = await client.request(method, path, **request)
        return [answer.status_code, answer.json()]

async def main():
    status = endpoints.status()
    inference = endpoints.inference() if endpoints.FUNCTION_VARIABLE in endpoints.os.environ else status
    ask = {"max_tokens": 4, "seed": 1}
    chat = {**ask, "model": sys.argv[1], "messages": [{"role": "user", "content": "Hi"}]}
    return {
        "loaded": loaded,
        "models": await call(status, "GET", "/models"),
        "health": [await call(app, "GET", "/health") for app in (status, inference)],
        "lists": [await call(app, "GET", "/v1/models") for app in (inference, status)],
        "answers": [await call(inference, "POST", "/", json={**ask, "prompt": "Hi", "model": name})
                    for name in ("llama3.2-1b", "qwen2.5-1.5b", "own-1b", "llama3.2:1b")],
        "chat": await call(inference, "POST", "/v1/chat/completions", json=chat),
        "chat on the CPU": await call(status, "POST", "/v1/chat/completions", json=chat),
    }

print(json.dumps(asyncio.run(main())))
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the hub that holds the models at their revisions."""
    cache = tmp_path_factory.mktemp("weights")
    tiny = make_tiny_model(tmp_path_factory.mktemp("tiny"))
    for model in ALL.values():
        snapshots = cache / f"models--{model.source.replace('/', '--')}" / "snapshots"
        shutil.copytree(tiny, snapshots / str(model.revision))
    return cache


@pytest.fixture(scope="module")
def said(hub: Path) -> dict[str, Any]:
    return container(hub, "inference", "llama3.2-1b")


def container(hub: Path, function: str | None, model_id: str) -> dict[str, Any]:
    done = start(hub, function, GPU + CONTAINER, model_id)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def start(
    hub: Path, function: str | None, script: str, *arguments: str, contents: AppContents = CONTENTS
) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(modal_deployment.__file__).parent.parent),
        "HF_HUB_CACHE": str(hub),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "BEACON_CONTENTS": contents.as_json(),
        **({} if function is None else {"BEACON_FUNCTION": function}),
        "MODAL_TASK_ID": "ta-123",
        "MODAL_REGION": "southamerica-east1",
        "MODAL_CLOUD_PROVIDER": "CLOUD_PROVIDER_GCP",
    }
    command = [sys.executable, "-c", script, *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_a_container_has_all_models_of_its_gpu_before_its_first_request(said: dict[str, Any]) -> None:
    assert said["loaded"] == ON_T4


def test_both_models_answer_from_their_pinned_revision(said: dict[str, Any]) -> None:
    for status, answer in said["answers"][:2]:
        assert (status, answer["region"], answer["tokens_generated"]) == (200, "br", 4)
        assert answer["model_revision"] == ALL[answer["model"]].revision
        assert (answer["container_id"], answer["container_region"], answer["gpu"]) == (
            "ta-123",
            "southamerica-east1",
            "Tesla T4",
        )
        assert answer["receipt"]["provenance"]["device"] == answer["device"]
        assert answer["device"] == DEVICE
        assert answer["containers"] == {"function": "inference", "at_most": 2}
        assert answer["receipt"]["provenance"]["version"] == modal_deployment.__version__
        assert answer["receipt"]["provenance"]["model_registry"] == registry_sha256(ALL.values())
    assert [answer["model"] for _, answer in said["answers"][:2]] == ON_T4


def test_a_model_of_another_gpu_and_an_unknown_one_are_404_as_on_a_local_server(said: dict[str, Any]) -> None:
    for status, answer in said["answers"][2:]:
        assert (status, answer["success"], answer["error"]["code"]) == (404, False, "unknown_model")


def test_a_container_of_another_gpu_has_that_gpus_models_alone(hub: Path) -> None:
    said = container(hub, "inference-l4", "own-1b")
    assert said["loaded"] == ON_L4
    assert [status for status, _ in said["answers"]] == [404, 404, 200, 404]
    assert (said["answers"][2][1]["gpu"], said["chat"][0]) == ("Tesla L4", 200)
    assert [model["id"] for model in said["lists"][0][1]["data"]] == ON_L4
    assert said["models"][1]["models_available"] == sorted(ALL)


def test_a_container_without_a_gpu_loads_nothing_and_lists_all(hub: Path) -> None:
    said = container(hub, None, "own-1b")
    assert said["loaded"] is False
    assert {status for status, _ in said["answers"]} == {404}
    assert [model["id"] for model in said["lists"][1][1]["data"]] == sorted(ALL)
    assert said["models"][1]["registry_sha256"] == registry_sha256(ALL.values())


def test_the_same_question_gets_the_same_answer_by_openais_route(said: dict[str, Any]) -> None:
    status, completion = said["chat"]
    (_, answer), *_ = said["answers"]
    assert (status, completion["choices"][0]["message"]["content"]) == (200, answer["response"])
    assert completion["system_fingerprint"] == ALL["llama3.2-1b"].revision
    assert completion["usage"]["completion_tokens"] == 4


def test_each_function_lists_what_is_asked_there_and_that_without_a_gpu_lists_all(said: dict[str, Any]) -> None:
    for (status, models), listed in zip(said["lists"], (ON_T4, sorted(ALL)), strict=True):
        assert (status, [model["id"] for model in models["data"]]) == (200, listed)
    assert said["chat on the CPU"][0] == 404


def test_models_and_health_answer_as_the_contract_says(said: dict[str, Any]) -> None:
    status, models = said["models"]
    assert (status, models["models_available"]) == (200, sorted(ALL))
    assert models["registry_sha256"] == registry_sha256(ALL.values())
    healthy = {
        "status": "healthy",
        "models_available": sorted(ALL),
        "region": "br",
        "container_id": "ta-123",
        "version": modal_deployment.__version__,
    }
    assert models["lock_sha256"] == "10c0"
    assert said["health"] == [[200, {**healthy, "device": None}], [200, {**healthy, "device": DEVICE}]]


def test_a_container_that_should_have_a_gpu_and_has_none_does_not_start(hub: Path) -> None:
    done = start(hub, "inference", "from modal_deployment import endpoints; print('started')")
    assert (done.returncode, done.stdout) == (1, "")
    assert "NoGpu: a container of a function on T4 has no GPU that can be used: " in done.stderr


BROKEN = """
import asyncio, json, torch
from modal_deployment import endpoints
import httpx2

stopped = []
async def take_no_more():
    stopped.append(True)
endpoints._take_no_more = take_no_more
llama, qwen = (endpoints._generators()[name] for name in ("llama3.2-1b", "qwen2.5-1.5b"))
with torch.no_grad():
    qwen._model.lm_head.weight.fill_(float("nan"))
forward, calls = llama._model.forward, 0
def dying(*args, **given):
    global calls
    calls += 1
    if calls > 4:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered\\nCUDA kernel errors ...")
    return forward(*args, **given)
llama._model.forward = dying

async def main():
    app = endpoints.inference()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://modal") as client:
        async def ask(model):
            answer = await client.post("/", json={"model": model, "prompt": "Hi", "max_tokens": 4, "seed": 1})
            return [answer.status_code, answer.json().get("error")]
        order = ["qwen2.5-1.5b", "llama3.2-1b", "llama3.2-1b", "llama3.2-1b", "qwen2.5-1.5b"]
        return [[await ask(model) for model in order], (await client.get("/health")).json(), len(stopped)]

print(json.dumps(asyncio.run(main())))
"""


def test_nan_is_no_answer_and_after_a_dead_gpu_there_is_none(hub: Path) -> None:
    done = start(hub, "inference", GPU + BROKEN)
    assert done.returncode == 0, done.stderr
    (nan, answered, died, *after), health, stopped = json.loads(done.stdout)
    message = "the model computed what is not a number (in float32), so there is no answer"
    assert nan == [500, {"code": "nan_logits", "message": message}]
    assert answered == [200, None]
    problem = "the GPU of this container failed: CUDA error: an illegal memory access was encountered"
    failed = {"code": "gpu_failed", "message": f"{problem}; it takes no more requests, another one will"}
    assert [died, *after] == [[503, failed]] * 3
    assert (health["status"], health["problem"], stopped) == ("unhealthy", problem, 3)


def test_a_snapshot_that_cannot_hold_the_gpus_is_made_before_the_models_are_loaded(hub: Path) -> None:
    one = replace(CONTENTS, snapshot=True)
    two = replace(one, models=tuple(replace(model, gpu="T4:2") for model in BUILT_IN_MODELS))
    loaded = "from modal_deployment import endpoints; print(endpoints._generators.cache_info().currsize, end='')"
    later = "; endpoints.inference(); print(endpoints._generators.cache_info().currsize)"
    for contents, printed in ((one, "11"), (two, "01")):
        done = start(hub, "inference", f"{GPU}\n{loaded}{later}", contents=contents)
        assert (done.stdout.strip(), done.returncode) == (printed, 0), done.stderr
