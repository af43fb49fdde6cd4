"""The plan of a deployment: its functions by kind of GPU, caps, addresses, and numbers over all regions."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from beacon_cli.deployment.chosen import models_to_deploy, regions_to_deploy
from beacon_cli.deployment.plan import DeployRequest, deployment_plan
from beacon_cli.deployment.table import show_plan
from beacon_cli.settings import Settings
from modal_deployment.contents import gpu_functions, gpu_snapshot
from modal_deployment.images import lock_sha256

OWN = {
    "source": "acme/own",
    "revision": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
    "gpu": "A100-40GB",
    "context": 2048,
}
APP = "project-beacon-hf-br"


def plan(**modal: Any) -> dict[str, Any]:
    settings = Settings.model_validate(
        {"models": {"own": OWN}, "regions": {"br": {"modal_region": "sa"}}, "modal": modal}
    )
    request = DeployRequest(
        regions=regions_to_deploy((), settings),
        models=models_to_deploy(settings),
        environment="",
        strategy="recreate",
        timeout=1,
        containers=settings.modal.containers,
        snapshot=settings.modal.snapshot,
    )
    return deployment_plan(request, settings)


def test_each_kind_of_gpu_is_a_function_of_every_region() -> None:
    found = plan(workspace="acme", models=["llama3.2-1b", "own", "qwen2.5-1.5b"], regions=["us", "br"])
    assert (found["web_endpoints"], found["max_gpu_containers"]) == (6, 6)
    assert found["functions"] == {
        "inference": {"gpu": "T4", "models": ["llama3.2-1b", "qwen2.5-1.5b"]},
        "inference-a100-40gb": {"gpu": "A100-40GB", "models": ["own"]},
    }
    assert found["regions"]["br"] == {
        "app_name": APP,
        "modal_region": "sa",
        "functions": {
            "inference": {
                "label": f"{APP}-inference",
                "url": f"https://acme--{APP}-inference.modal.run",
                "gpu": "T4",
                "max_containers": 2,
                "max_inputs": 1,
                "snapshot": None,
                "models": ["llama3.2-1b", "qwen2.5-1.5b"],
                "timeout_seconds": 900,
                "startup_timeout_seconds": 1800,
                "scaledown_window_seconds": 120,
            },
            "inference-a100-40gb": {
                "label": f"{APP}-inference-a100-40gb",
                "url": f"https://acme--{APP}-inference-a100-40gb.modal.run",
                "gpu": "A100-40GB",
                "max_containers": 1,
                "max_inputs": 1,
                "snapshot": None,
                "models": ["own"],
                "timeout_seconds": 900,
                "startup_timeout_seconds": 1800,
                "scaledown_window_seconds": 120,
            },
            "status": {
                "label": f"{APP}-status",
                "url": f"https://acme--{APP}-status.modal.run",
                "gpu": None,
                "max_containers": 1,
                "models": [],
            },
        },
        "urls": {
            "inference": f"https://acme--{APP}-inference.modal.run",
            "models": f"https://acme--{APP}-status.modal.run/models",
            "health": f"https://acme--{APP}-status.modal.run/health",
            "status": f"https://acme--{APP}-status.modal.run",
            "inference-a100-40gb": f"https://acme--{APP}-inference-a100-40gb.modal.run",
        },
    }


def test_addresses_that_modal_would_shorten_are_left_out() -> None:
    found = plan(workspace="w" * 22, models=["llama3.2-1b", "own"])["regions"]["us"]
    assert (found["urls"], found["functions"]["inference"]["url"]) == (None, None)


def test_more_endpoints_than_a_starter_plan_allows_are_told() -> None:
    few = plan(models=["llama3.2-1b"], regions=["us", "br"])
    many = plan(models=["llama3.2-1b", "own"], regions=["us", "eu", "br"])
    assert [(found["web_endpoints"], found["starter_plan_endpoints"]) for found in (few, many)] == [(4, 8), (9, 8)]
    assert "in all apps together (January 2026)\n" in text_of(few)
    assert "in all apps together (January 2026): deploy fewer regions, or choose a larger plan\n" in text_of(many)


def text_of(found: dict[str, Any]) -> str:
    console = Console(file=StringIO(), width=80)
    show_plan(found)(console)
    written = console.file
    assert isinstance(written, StringIO)
    return written.getvalue()


def test_one_container_for_a_region_answers_for_all_models_of_a_gpu_and_queues_for_each() -> None:
    found = plan(
        containers="region", snapshot=True, models=["llama3.2-1b", "own", "qwen2.5-1.5b"], regions=["us", "br"]
    )
    assert (found["containers"], found["snapshot"], found["lock_sha256"]) == ("region", True, lock_sha256())
    assert found["max_gpu_containers"] == 4
    functions = found["regions"]["br"]["functions"]
    keys = ("max_containers", "max_inputs", "snapshot")
    assert {name: [functions[name].get(key) for key in keys] for name in functions} == {
        "inference": [1, 34, "memory and GPU"],
        "inference-a100-40gb": [1, 17, "memory and GPU"],
        "status": [1, None, None],
    }


def test_a_snapshot_holds_the_memory_of_one_gpu_and_not_of_several() -> None:
    own = {**OWN, "gpu": "L4:2"}
    settings = Settings.model_validate({"models": {"own": own}, "modal": {"models": ["own"], "snapshot": True}})
    (function,) = gpu_functions(settings.vocabulary.deployed)
    assert gpu_snapshot(function) is False
