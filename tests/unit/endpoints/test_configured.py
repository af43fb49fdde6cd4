"""Where endpoints are, and to which of them credentials may travel."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from beacon_cli.endpoints.configured import Endpoint, configured_endpoints
from beacon_cli.endpoints.recorded import recorded_endpoints, save
from beacon_cli.errors import ConfigError
from beacon_cli.network.proxies import DIRECT_HOSTS
from beacon_cli.settings import Settings
from modal_deployment.regions import BUILT_IN_REGIONS, Regions

REGIONS = Regions(BUILT_IN_REGIONS)
US = [REGIONS["us"]]
CREDENTIALS = {"proxy_key": "wk-canary", "proxy_secret": "ws-canary"}


def settings(url: str, **more: str) -> Settings:
    return Settings.model_validate({"regions": {"us": {"base_url": url}}, **more})


def test_the_three_endpoints_lie_under_the_base_url_unless_one_is_given() -> None:
    configured = {"base_url": "http://h:1/us/", "models_url": "http://m/list"}
    endpoint = configured_endpoints(Settings.model_validate({"regions": {"us": configured}}), US)["us"]
    assert endpoint.inference_url == "http://h:1/us/inference"
    assert endpoint.models_url == "http://m/list"
    assert endpoint.health_url == "http://h:1/us/health"


@pytest.mark.parametrize(("environment", "owner"), [("", "acme"), ("dev", "acme-dev"), ("main", "acme")])
def test_a_modal_workspace_gives_the_urls_of_every_region(environment: str, owner: str) -> None:
    modal = {"workspace": "acme", "environment": environment}
    endpoints = configured_endpoints(Settings.model_validate({"modal": modal}), REGIONS.values())
    app = f"https://{owner}--project-beacon-hf-apac"
    assert endpoints["apac"].urls == (
        f"{app}-inference.modal.run",
        f"{app}-status.modal.run/models",
        f"{app}-status.modal.run/health",
    )
    assert set(endpoints) == {"us", "eu", "apac"}


def test_the_variable_of_modal_names_the_environment_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODAL_ENVIRONMENT", "dev")
    endpoints = configured_endpoints(Settings.model_validate({"modal": {"workspace": "acme"}}), US)
    assert endpoints["us"].inference_url == "https://acme-dev--project-beacon-hf-us-inference.modal.run"


def test_a_host_name_that_modal_would_shorten_must_be_given_as_it_is() -> None:
    with pytest.raises(ConfigError, match="too long") as caught:
        configured_endpoints(Settings.model_validate({"modal": {"workspace": "w" * 40}}), US)
    assert "regions.us.inference_url" in caught.value.hint


@pytest.mark.parametrize("configured", [{}, {"regions": {"eu": {"base_url": "http://h"}}}, {"regions": {"us": {}}}])
def test_a_region_without_an_endpoint_is_named(configured: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=r"region US|regions\.us"):
        configured_endpoints(Settings.model_validate(configured), US)


@pytest.mark.parametrize("host", [*DIRECT_HOSTS, "LOCALHOST"])
def test_credentials_may_travel_in_the_clear_on_this_machine(host: str) -> None:
    assert configured_endpoints(settings(f"http://{host}:8701", **CREDENTIALS), US)


@pytest.mark.parametrize(
    "host", ["127.0.0.2", "127.1.2.3", "[0:0:0:0:0:0:0:1]", "localhost.", "localhost.example.org", "h"]
)
def test_credentials_never_travel_in_the_clear_to_what_a_proxy_may_be_asked_for(host: str) -> None:
    assert configured_endpoints(settings(f"http://{host}:8701"), US)
    assert configured_endpoints(settings(f"https://{host}:8701", **CREDENTIALS), US)
    with pytest.raises(ConfigError, match="unencrypted") as caught:
        configured_endpoints(settings(f"http://{host}:8701", **CREDENTIALS), US)
    assert "canary" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    ("modal", "regions", "host"),
    [
        ({}, {}, "acme--recorded.modal.run"),
        ({"workspace": "acme"}, {}, "acme--recorded.modal.run"),
        ({"workspace": "other"}, {}, "other--project-beacon-hf-us-inference.modal.run"),
        ({}, {"us": {"base_url": "https://own.example"}}, "own.example"),
    ],
)
def test_a_regions_own_configuration_wins_over_what_a_deployment_recorded(
    modal: dict[str, str], regions: dict[str, Any], host: str
) -> None:
    recorded = {"us": Endpoint.at(REGIONS["us"], "https://acme--recorded.modal.run")}
    chosen = Settings.model_validate({"modal": modal, "regions": regions})
    assert urlsplit(configured_endpoints(chosen, US, recorded)["us"].inference_url).hostname == host


OWN = {"source": "acme/own", "revision": "0a1b2c3d4e5f60718293a4b5c6d7e8f901234567", "gpu": "L4", "context": 2048}
TWO_KINDS = {"models": {"own": OWN}, "modal": {"workspace": "acme", "models": ["qwen2.5-1.5b", "own"]}}
APP = "https://acme--project-beacon-hf-us"


def test_a_model_on_another_gpu_is_asked_at_the_function_of_that_gpu() -> None:
    endpoint = configured_endpoints(Settings.model_validate(TWO_KINDS), US)["us"]
    assert endpoint.of("qwen2.5-1.5b").inference_url == f"{APP}-inference.modal.run"
    assert endpoint.of("own").inference_url == f"{APP}-inference-l4.modal.run"
    assert endpoint.of("unknown") is endpoint
    assert f"{APP}-inference-l4.modal.run" in [each.inference_url for each in endpoint.all]


def test_what_was_recorded_of_the_functions_is_used(tmp_path: Path) -> None:
    chosen = Settings.model_validate({**TWO_KINDS, "modal": {"models": ["qwen2.5-1.5b", "own"]}, "data_dir": tmp_path})
    urls = {"inference": "https://i", "models": "https://m", "health": "https://h", "inference-l4": "https://l4"}
    save(chosen, "", {"us": ("app-us", "ap-1", urls)}, chosen.vocabulary.deployed)
    endpoint = configured_endpoints(chosen, US, recorded_endpoints(chosen))["us"]
    assert (endpoint.inference_url, endpoint.of("own").inference_url) == ("https://i", "https://l4")


def test_a_region_that_is_only_described_is_still_asked_on_modal() -> None:
    described = {"modal": {"workspace": "acme"}, "regions": {"us": {"place": "the United States"}}}
    assert (
        configured_endpoints(Settings.model_validate(described), US)["us"].inference_url == f"{APP}-inference.modal.run"
    )


def test_a_region_that_is_not_deployed_has_no_url_on_modal() -> None:
    chosen = Settings.model_validate({"modal": {"workspace": "acme", "regions": ["eu"]}})
    with pytest.raises(ConfigError, match="no endpoint is configured for region US") as caught:
        configured_endpoints(chosen, US)
    assert 'add "us" to modal.regions' in caught.value.hint
