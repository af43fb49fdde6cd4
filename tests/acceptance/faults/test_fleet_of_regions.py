"""Regions of which one is slow or dead, serves the wrong models, or is deployed anew while it is asked."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import pytest

from modal_deployment.registry import registry_document
from tests.acceptance.conftest import Beacon
from tests.support.answers import good_answer
from tests.support.deployed_regions import CREDENTIALS, deployed
from tests.support.hostile_endpoints import Asked, endpoints, met, run_arguments, write_job
from tests.support.invariant import Aftermath, assert_invariant
from tests.support.ports import free_port
from tests.support.raw_server import Request, http, raw_server_in_thread
from tests.support.vocabulary import REGISTRY

PROMPTS = [f"Question {number}?" for number in range(2)]
MODELS = "[llama3.2-1b, qwen2.5-1.5b]"


@pytest.mark.fault(43, "one region refuses connections, another never answers")
def test_a_slow_and_a_dead_region_cost_their_own_cells_only(hurt: Beacon) -> None:
    async def answer(asked: Asked) -> bytes:
        await asyncio.sleep(600 if asked.region == "eu" else 0.05)
        return asked.good()

    with endpoints(dict.fromkeys(PROMPTS, answer)) as served:
        hurt.environment |= served.environment("us", "eu")
        hurt.environment["BEACON_REGIONS__APAC__BASE_URL"] = f"http://127.0.0.1:{free_port()}"
        job = write_job(
            *(hurt, PROMPTS),
            regions="[US, EU, ASIA]",
            models=MODELS,
            answer_timeout="2s",
            attempts=1,
            max_in_flight=4,
            min_success_rate=0.3,
        )
        found = met(hurt, hurt(*run_arguments(hurt, job)))
        assert found.done.returncode == 0, "a third was wanted, and a third is there"
        data = found.document["data"]
        assert data["by_region"] == {
            "US": {"expected": 4, "completed": 4, "blocked": 0},
            "EU": {"expected": 4, "completed": 0, "blocked": 0},
            "ASIA": {"expected": 4, "completed": 0, "blocked": 0},
        }
        assert (data["counts"]["completed"], data["counts"]["timeout"], data["counts"]["failed"]) == (4, 4, 4)
        assert data["max_in_flight"] <= 4
        assert max(served.most_at_once.values()) == 2, "the number of the job's models there"
        assert_invariant(found.aftermath())


SPOILT: dict[str, tuple[list[str], str, str]] = {
    "extra": ([*REGISTRY, "mistral-7b"], "extra_model", "mistral-7b"),
    "missing": (["qwen2.5-1.5b"], "missing_model", "llama3.2-1b"),
    "doubled": (["llama3.2-1b", "llama3.2-1b", "qwen2.5-1.5b"], "listed_twice", "llama3.2-1b"),
    "renamed": (["llama-3.2-1b", "qwen2.5-1.5b"], "renamed_model", "llama-3.2-1b"),
}


@pytest.mark.fault(44, "an extra, a missing, a doubled and a renamed model")
def test_verify_names_what_is_wrong_with_a_registry(hurt: Beacon) -> None:
    hurt.environment |= {
        "BEACON_PROXY_KEY": CREDENTIALS["modal-key"],
        "BEACON_PROXY_SECRET": CREDENTIALS["modal-secret"],
    }
    done = []
    with deployed() as regions:
        hurt.environment |= regions.environment()
        for region in (regions.us, regions.eu, regions.apac):
            region.wants_credentials = True
        for what, (listed, code, name) in SPOILT.items():
            regions.eu.models["models_available"] = listed
            if what == "renamed":
                document = registry_document(REGISTRY.values())
                document["llama-3.2-1b"] = document.pop("llama3.2-1b")
                regions.eu.models["model_registry"] = document
            found = hurt("verify", "endpoints")
            assert found.returncode == 1, what
            line = next(line for line in found.stdout.splitlines() if code in line)
            assert line.split()[:3] == ["fail", "EU", code], what
            assert name in " ".join(found.stdout.split()), what
            assert f"{code}" not in found.stdout.replace(line, ""), "only that region"
            done.append(found)
    assert_invariant(Aftermath(hurt.folder, done=done))


class Redeployed:
    """Regions of which EU and ASIA are deployed anew after the first answer: another list, another revision."""

    def __init__(self) -> None:
        self.answers = 0

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        region, function = request.path.strip("/").split("/")
        revision = "2" if self.answers and region == "apac" else "1"
        if function == "inference":
            self.answers += 1
            return http(200, good_answer(region, request.json["model"], model_revision=revision))
        if function == "health":
            return http(404)
        models = ["llama3.2-1b", "other"] if self.answers and region == "eu" else ["llama3.2-1b"]
        registry: dict[str, Any] = {model: {"revision": revision} for model in models}
        sha256 = hashlib.sha256(json.dumps(registry).encode()).hexdigest()
        return http(200, {"models_available": models, "model_registry": registry, "registry_sha256": sha256})


@pytest.mark.fault(45, "two regions are deployed anew after the first answer")
def test_a_registry_that_changes_in_mid_run_is_reported_and_rows_say_what_answered(hurt: Beacon) -> None:
    with raw_server_in_thread(Redeployed().handle) as server:
        for region in ("US", "EU", "APAC"):
            hurt.environment[f"BEACON_REGIONS__{region}__BASE_URL"] = f"{server.url}/{region.lower()}"
        job = write_job(hurt, PROMPTS, regions="[US, EU, ASIA]")
        found = met(hurt, hurt(*run_arguments(hurt, job)))
    assert found.done.returncode == 0, found.done.stderr
    assert found.document["data"]["registry_changes"] == {
        "EU": "it served llama3.2-1b at the start, and llama3.2-1b, other at the end",
        "ASIA": "llama3.2-1b was revision 1 at the start, and 2 at the end",
    }
    assert "warning: region EU changed during the run: it served" in found.done.stderr
    assert "warning: region US" not in found.done.stderr
    last = found.row(PROMPTS[-1], "ASIA")["output_data"]["model_revision"]
    assert (last, found.row(PROMPTS[-1], "US")["output_data"]["model_revision"]) == ("2", "1")
    assert_invariant(found.aftermath())
