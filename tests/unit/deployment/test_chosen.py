"""What can be deployed is known before anything is sent, and each refusal names the key to set."""

from __future__ import annotations

from typing import Any

import pytest

from beacon_cli.deployment.chosen import chosen_regions, models_to_deploy, regions_to_deploy
from beacon_cli.errors import ConfigError, UsageError
from beacon_cli.settings import Settings

OWN = {"source": "acme/own", "revision": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "gpu": "L4", "context": 2048}


def settings(**tables: Any) -> Settings:
    return Settings.model_validate(tables)


def ids(regions: tuple[Any, ...]) -> list[str]:
    return [region.id for region in regions]


def test_all_that_is_deployed_is_chosen_unless_a_region_is_named() -> None:
    configured = settings(
        modal={"regions": ["eu", "br"]}, regions={"br": {"modal_region": "sa", "aliases": ["sa-east"]}}
    )
    assert ids(regions_to_deploy((), configured)) == ["eu", "br"]
    assert ids(regions_to_deploy(("SA-East", "br"), configured)) == ["br"]
    assert ids(regions_to_deploy((), settings())) == ["us", "eu", "apac"]


def test_a_region_that_went_can_still_be_rolled_back_and_not_be_deployed() -> None:
    configured = settings(modal={"regions": ["us"]})
    assert ids(chosen_regions(("eu",), configured)) == ["eu"]
    with pytest.raises(UsageError, match="region EU is not one of those that are deployed") as caught:
        regions_to_deploy(("eu",), configured)
    assert caught.value.hint == 'add "eu" to modal.regions in beacon.toml'


def test_a_region_that_modal_would_not_know_is_refused() -> None:
    configured = settings(modal={"regions": ["us", "br"]}, regions={"br": {}})
    with pytest.raises(ConfigError, match=r"regions\.br\.modal_region must be set to deploy region BR"):
        regions_to_deploy((), configured)


def test_an_unknown_region_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match=r"br \(BR\)"):
        regions_to_deploy(("mars",), settings(regions={"br": {}}))


def test_models_are_deployed_in_the_order_of_the_configuration() -> None:
    configured = settings(models={"own": OWN}, modal={"models": ["own", "qwen2.5-1.5b"]})
    assert [model.id for model in models_to_deploy(configured)] == ["own", "qwen2.5-1.5b"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, 'models."own".revision and models."own".gpu and models."own".context'),
        ({"revision": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "gpu": "L4"}, 'models."own".context'),
    ],
)
def test_a_model_that_lacks_what_deploying_needs_is_refused_only_then(given: dict[str, Any], missing: str) -> None:
    known = settings(models={"own": given})
    assert "own" in known.vocabulary.models
    assert models_to_deploy(known)
    with pytest.raises(ConfigError) as caught:
        models_to_deploy(settings(models={"own": given}, modal={"models": ["own"]}))
    assert caught.value.message == f"{missing} must be set to deploy own"
    assert 'below [models."own"] in beacon.toml' in caught.value.hint


@pytest.mark.parametrize("gpu", ["l4", "A100-40GB", "h100!", "H100:8"])
def test_a_gpu_is_written_as_modal_writes_it(gpu: str) -> None:
    assert settings(models={"own": {**OWN, "gpu": gpu}}).vocabulary.models["own"].gpu == gpu.upper()


@pytest.mark.parametrize("gpu", ["", "T 4", "T4/", "T4:0", "-T4", "T4\n", "ГПУ"])
def test_what_is_no_gpu_is_refused_when_the_configuration_is_read(gpu: str) -> None:
    with pytest.raises(ValueError, match=r"models.own.gpu"):
        settings(models={"own": {**OWN, "gpu": gpu}})
