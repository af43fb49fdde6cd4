"""A container of `inference`, as Modal starts one: the module imported, and the applications called.

The registry's models are found where the volume would have them, in the hub's cache; there they are tiny ones.
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
from modal_deployment.registry import REGISTRY, registry_sha256
from tests.support.tiny_model import make_tiny_model

CONTAINER = """
import asyncio, json
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
    chat = {**ask, "model": "llama3.2-1b", "messages": [{"role": "user", "content": "Hi"}]}
    return {
        "loaded": loaded,
        "models": await call(status, "GET", "/models"),
        "health": await call(status, "GET", "/health"),
        "lists": [await call(app, "GET", "/v1/models") for app in (inference, status)],
        "answers": [await call(inference, "POST", "/", json={**ask, "prompt": "Hi", "model": name})
                    for name in ("llama3.2-1b", "qwen2.5-1.5b", "llama3.2:1b")],
        "chat": await call(inference, "POST", "/v1/chat/completions", json=chat),
        "chat on the CPU": await call(status, "POST", "/v1/chat/completions", json=chat),
    }

print(json.dumps(asyncio.run(main())))
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of the hub that holds the registry's models at their revisions."""
    cache = tmp_path_factory.mktemp("weights")
    tiny = make_tiny_model(tmp_path_factory.mktemp("tiny"))
    for model in REGISTRY.values():
        shutil.copytree(tiny, cache / f"models--{model.source.replace('/', '--')}" / "snapshots" / str(model.revision))
    return cache


@pytest.fixture(scope="module")
def said(hub: Path) -> dict[str, Any]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(modal_deployment.__file__).parent.parent),
        "HF_HUB_CACHE": str(hub),
        "HF_HUB_OFFLINE": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "BEACON_REGION": "eu",
        "BEACON_LOAD_MODELS": "1",
        "MODAL_TASK_ID": "ta-123",
        "MODAL_REGION": "europe-west4",
        "MODAL_CLOUD_PROVIDER": "CLOUD_PROVIDER_GCP",
    }
    command = [sys.executable, "-c", CONTAINER]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_container_has_the_whole_registry_before_its_first_request(said: dict[str, Any]) -> None:
    assert said["loaded"] == sorted(REGISTRY)


def test_both_models_answer_from_their_pinned_revision(said: dict[str, Any]) -> None:
    for status, answer in said["answers"][:2]:
        assert (status, answer["region"], answer["tokens_generated"]) == (200, "eu", 4)
        assert answer["model_revision"] == REGISTRY[answer["model"]].revision
        assert (answer["container_id"], answer["container_region"], answer["gpu"]) == ("ta-123", "europe-west4", "T4")
        assert answer["receipt"]["provenance"]["version"] == modal_deployment.__version__
    assert [answer["model"] for _, answer in said["answers"][:2]] == list(REGISTRY)


def test_a_model_that_is_not_of_the_registry_is_404_as_on_a_local_server(said: dict[str, Any]) -> None:
    status, answer = said["answers"][2]
    assert (status, answer["success"], answer["error"]["code"]) == (404, False, "unknown_model")


def test_the_same_question_gets_the_same_answer_by_openais_route(said: dict[str, Any]) -> None:
    status, completion = said["chat"]
    (_, answer), *_ = said["answers"]
    assert (status, completion["choices"][0]["message"]["content"]) == (200, answer["response"])
    assert completion["system_fingerprint"] == REGISTRY["llama3.2-1b"].revision
    assert completion["usage"]["completion_tokens"] == 4


def test_both_functions_list_the_models_and_only_one_can_ask_them(said: dict[str, Any]) -> None:
    for status, models in said["lists"]:
        assert (status, [model["id"] for model in models["data"]]) == (200, sorted(REGISTRY))
    assert said["chat on the CPU"][0] == 404


def test_models_and_health_answer_as_the_contract_says(said: dict[str, Any]) -> None:
    status, models = said["models"]
    assert (status, models["models_available"]) == (200, sorted(REGISTRY))
    assert models["registry_sha256"] == registry_sha256(REGISTRY.values())
    assert said["health"] == [
        200,
        {
            "status": "healthy",
            "models_available": sorted(REGISTRY),
            "region": "eu",
            "container_id": "ta-123",
            "version": modal_deployment.__version__,
        },
    ]
