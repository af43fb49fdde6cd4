"""What was deployed is found again, and a damaged record is no obstacle."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beacon_cli.endpoints.environment import environment_name
from beacon_cli.endpoints.recorded import recorded_apps, recorded_endpoints, save
from beacon_cli.errors import EnvironmentFault
from beacon_cli.settings import ModalSettings, Settings
from modal_deployment.registry import BUILT_IN_MODELS

URLS = {"inference": "https://i", "models": "https://m", "health": "https://h"}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MODAL_ENVIRONMENT", raising=False)


@pytest.mark.parametrize("urls", [URLS, {**URLS, "status": "https://s"}], ids=["three functions", "two functions"])
def test_endpoints_are_found_after_a_deployment(tmp_path: Path, urls: dict[str, str]) -> None:
    settings = Settings(data_dir=tmp_path)
    assert recorded_endpoints(settings) == {}
    save(settings, "", {"eu": ("app-eu", "ap-1", urls)}, BUILT_IN_MODELS)
    found = recorded_endpoints(settings)
    assert list(found) == ["eu"]
    assert (found["eu"].inference_url, found["eu"].models_url, found["eu"].health_url) == tuple(URLS.values())


def test_environments_and_regions_do_not_disturb_each_other(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    save(settings, "", {"eu": ("app-eu", "ap-1", URLS)}, BUILT_IN_MODELS)
    save(settings, "staging", {"eu": ("app-eu", "ap-2", URLS)}, BUILT_IN_MODELS)
    save(settings, "", {"us": ("app-us", "ap-3", URLS)}, BUILT_IN_MODELS)
    assert {region: entry["app_id"] for region, entry in recorded_apps(settings, "").items()} == {
        "eu": "ap-1",
        "us": "ap-3",
    }
    staging = Settings(data_dir=tmp_path, modal=ModalSettings(environment="staging"))
    assert list(recorded_endpoints(staging)) == ["eu"]


def test_the_address_of_a_function_that_a_rollback_may_bring_back_stays(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    save(
        settings,
        "",
        {"eu": ("app-eu", "ap-1", {**URLS, "status": "https://s", "inference-l4": "https://l4"})},
        BUILT_IN_MODELS,
    )
    save(settings, "", {"eu": ("app-eu", "ap-1", URLS)}, BUILT_IN_MODELS)
    assert recorded_apps(settings, "")["eu"]["urls"] == {**URLS, "inference-l4": "https://l4"}


def test_a_region_of_ones_own_is_found(tmp_path: Path) -> None:
    settings = Settings.model_validate({"data_dir": tmp_path, "regions": {"br": {"modal_region": "sa"}}})
    save(settings, "", {"br": ("app-br", "ap-1", URLS)}, BUILT_IN_MODELS)
    assert list(recorded_endpoints(settings)) == ["br"]
    assert recorded_endpoints(Settings(data_dir=tmp_path)) == {}, "it is not known any more"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        '{"schema_version": 2}',
        '{"schema_version": 1, "environments": []}',
        '{"schema_version": 1, "environments": {"": []}}',
        '{"schema_version": 1, "environments": {"": {"eu": 1, "mars": {}, "us": {"urls": {"inference": 1}}}}}',
    ],
)
def test_a_damaged_record_counts_as_empty_and_is_replaced(tmp_path: Path, text: str) -> None:
    settings = Settings(data_dir=tmp_path)
    (tmp_path / "deployments.json").write_text(text)
    assert recorded_endpoints(settings) == {}
    save(settings, "", {"eu": ("app-eu", "ap-1", URLS)}, None)
    assert list(recorded_endpoints(settings)) == ["eu"]
    assert [path.name for path in tmp_path.iterdir()] == ["deployments.json"]
    assert json.loads((tmp_path / "deployments.json").read_text())["environments"][""]["eu"]["registry_sha256"] is None


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault, match="cannot be recorded"):
        save(Settings(data_dir=tmp_path / "file"), "", {"eu": ("app-eu", "ap-1", URLS)}, BUILT_IN_MODELS)


def test_the_flag_goes_before_the_configuration_and_that_before_the_sdks_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configured = Settings(modal=ModalSettings(environment="configured"))
    monkeypatch.setenv("MODAL_ENVIRONMENT", "variable")
    assert environment_name(configured, "flag") == "flag"
    assert environment_name(configured) == "configured"
    assert environment_name(Settings()) == "variable"
