"""Containers, as Modal starts them: told what they serve, the module imported, and the applications called.

The models are found where the volume would have them, in the hub's cache; there they are tiny ones.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
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
)
ALL = {model.id: model for model in CONTENTS.models}
ON_T4, ON_L4 = sorted(model.id for model in BUILT_IN_MODELS), [OWN.id]
CONTAINER = """
import asyncio, json, sys
from modal_deployment import endpoints
loaded = endpoints._service.cache_info().currsize == 1 and sorted(endpoints._service()._slots)
import httpx2

async def call(app, method, path, **request):
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://modal") as client:
        answer = await client.request(method, path, **request)
        return [answer.status_code, answer.json()]

async def main():
    inference, status = endpoints.inference(), endpoints.status()
    ask = {"max_tokens": 4, "seed": 1}
    chat = {**ask, "model": sys.argv[1], "messages": [{"role": "user", "content": "Hi"}]}
    return {
        "loaded": loaded,
        "models": await call(status, "GET", "/models"),
        "health": await call(status, "GET", "/health"),
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
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(modal_deployment.__file__).parent.parent),
        "HF_HUB_CACHE": str(hub),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "BEACON_CONTENTS": CONTENTS.as_json(),
        **({} if function is None else {"BEACON_FUNCTION": function}),
        "MODAL_TASK_ID": "ta-123",
        "MODAL_REGION": "southamerica-east1",
        "MODAL_CLOUD_PROVIDER": "CLOUD_PROVIDER_GCP",
    }
    command = [sys.executable, "-c", CONTAINER, model_id]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_container_has_all_models_of_its_gpu_before_its_first_request(said: dict[str, Any]) -> None:
    assert said["loaded"] == ON_T4


def test_both_models_answer_from_their_pinned_revision(said: dict[str, Any]) -> None:
    for status, answer in said["answers"][:2]:
        assert (status, answer["region"], answer["tokens_generated"]) == (200, "br", 4)
        assert answer["model_revision"] == ALL[answer["model"]].revision
        assert (answer["container_id"], answer["container_region"], answer["gpu"]) == (
            "ta-123",
            "southamerica-east1",
            "T4",
        )
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
    assert (said["answers"][2][1]["gpu"], said["chat"][0]) == ("L4", 200)
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


def test_both_functions_list_models_and_only_one_can_ask_them(said: dict[str, Any]) -> None:
    for status, models in said["lists"]:
        assert (status, [model["id"] for model in models["data"]]) == (200, ON_T4)
    assert said["chat on the CPU"][0] == 404


def test_models_and_health_answer_as_the_contract_says(said: dict[str, Any]) -> None:
    status, models = said["models"]
    assert (status, models["models_available"]) == (200, sorted(ALL))
    assert models["registry_sha256"] == registry_sha256(ALL.values())
    assert said["health"] == [
        200,
        {
            "status": "healthy",
            "models_available": sorted(ALL),
            "region": "br",
            "container_id": "ta-123",
            "version": modal_deployment.__version__,
        },
    ]
