"""`beacon models` and `beacon regions` as programs: what they list, their JSON, and that they fit a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from beacon_cli.endpoints.recorded import save
from beacon_cli.local.bundled import SMOLLM2
from beacon_cli.settings import Settings
from modal_deployment.registry import BUILT_IN_MODELS
from tests.support.in_process import Done, beacon

TOML = """
[models."llama3.2-1b"]
context = 4096
[models.spare]
source = "acme/Spare"
[models.own]
source = "acme/Own"
revision = "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567"
gpu = "L4"
context = 2048
[modal]
models = ["qwen2.5-1.5b", "own"]
regions = ["us", "br"]
[local.models.scripted]
script = "answers.yaml"
[regions.eu]
base_url = "https://eu.example"
[regions.br]
label = "BRA"
place = "Brazil"
modal_region = "sa"
aliases = ["sa-east"]
container_prefixes = ["sa-"]
"""
URLS = {name: f"https://{name}.example" for name in ("inference", "models", "health", "status", "inference-l4")}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("MODAL_ENVIRONMENT", raising=False)
    (tmp_path / "beacon.toml").write_text(TOML)
    return tmp_path


def run(home: Path, *arguments: str, columns: int = 80) -> Done:
    done = beacon("--config", str(home / "beacon.toml"), *arguments, url="embedded", columns=columns)
    assert (done.code, done.err) == (0, "")
    return done


def listed(home: Path, command: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = run(home, command, "--json").document["data"][command]
    return entries


def settings(home: Path) -> Settings:
    return Settings.model_validate(
        {
            "data_dir": home / "data",
            "models": {
                "own": {
                    "source": "acme/Own",
                    "revision": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
                    "gpu": "L4",
                    "context": 2048,
                }
            },
            "modal": {"models": ["qwen2.5-1.5b", "own"]},
        }
    )


def test_each_model_says_where_it_comes_from_and_whether_it_is_deployed(home: Path) -> None:
    deployed = settings(home)
    save(deployed, "", {"us": ("a", "ap-1", URLS)}, deployed.vocabulary.deployed)
    save(deployed, "", {"eu": ("a", "ap-2", URLS)}, BUILT_IN_MODELS)
    models = {model["id"]: model for model in listed(home, "models")}
    assert list(models)[:4] == ["llama3.2-1b", "qwen2.5-1.5b", "spare", "own"]
    assert list(models)[4:] == ["qwen2.5-coder-0.5b", "scripted", "smollm2-135m"]
    assert models["own"] == {
        "id": "own",
        "source": "acme/Own",
        "revision": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567",
        "gpu": "L4",
        "context": 2048,
        "architecture": "transformers",
        "target": "modal",
        "from": ["beacon.toml"],
        "deploy": True,
        "function": "inference-l4",
        "deployed_in": ["us"],
        "unknown_in": [],
    }
    assert (models["llama3.2-1b"]["from"], models["llama3.2-1b"]["context"]) == (["built in", "beacon.toml"], 4096)
    assert [models["llama3.2-1b"][key] for key in ("deploy", "function", "deployed_in")] == [False, None, []]
    assert models["qwen2.5-1.5b"]["deployed_in"] == ["us", "eu"], "eu has other models beside it"
    assert [models["spare"][key] for key in ("target", "gpu", "revision")] == [None, None, None]
    assert (models["smollm2-135m"]["target"], models["smollm2-135m"]["revision"]) == ("local", SMOLLM2.sha256)
    assert models["scripted"]["source"] == str(home / "answers.yaml")


def test_each_region_says_its_names_and_where_it_is_asked(home: Path) -> None:
    deployed = settings(home)
    save(deployed, "", {"us": ("a", "ap-1", URLS)}, deployed.vocabulary.deployed)
    regions = {region["id"]: region for region in listed(home, "regions")}
    assert list(regions) == ["us", "eu", "apac", "br"]
    us = regions["us"]
    assert (us["endpoint"], us["inference_urls"]) == (URLS["inference"], {"own": URLS["inference-l4"]})
    assert (us["deploy"], us["current"], us["deployed_at"][:2]) == (True, True, "20")
    assert (regions["eu"]["endpoint"], regions["eu"]["deploy"]) == ("https://eu.example/inference", False)
    assert regions["br"] == {
        "id": "br",
        "label": "BRA",
        "place": "Brazil",
        "modal_region": "sa",
        "aliases": ["sa-east"],
        "container_prefixes": ["sa-"],
        "from": ["beacon.toml"],
        "api": "beacon",
        "deploy": True,
        "deployed_at": None,
        "current": None,
        "registry_sha256": None,
        "endpoint": None,
        "inference_urls": {},
        "problem": "no endpoint is configured for region BRA",
    }


def test_a_region_with_other_models_and_one_that_was_rolled_back_are_told_apart(home: Path) -> None:
    deployed = settings(home)
    save(deployed, "", {"us": ("a", "ap-1", URLS)}, BUILT_IN_MODELS)
    save(deployed, "", {"apac": ("a", "ap-2", URLS)}, None)
    table = run(home, "regions", columns=120).out.partition("asked at")[0]
    regions = {line.split()[0]: line for line in table.splitlines() if line}
    assert ", other models" in regions["us"]
    assert ", rolled back" in regions["apac"], "it was deployed, though beacon.toml no longer names it"
    models = {line.split()[0]: line for line in run(home, "models").out.splitlines() if line}
    assert models["qwen2.5-1.5b"].split()[-1] == "US"
    assert models["own"].endswith("unknown")
    assert models["next:"].endswith("beacon verify endpoints")


@pytest.mark.parametrize("command", ["models", "regions"])
def test_what_people_see_fits_80_columns(home: Path, command: str) -> None:
    lines = run(home, command).out.splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert any("own" in line or "BRA" in line for line in lines)
    assert not any("\x1b" in line for line in lines)
