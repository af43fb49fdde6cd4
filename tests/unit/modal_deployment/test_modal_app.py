"""The app of a region as it is declared to Modal's SDK, before anything reaches a network."""

from __future__ import annotations

import runpy
import warnings
from pathlib import Path
from typing import Any

import modal
import pytest

import beacon_cli
import modal_deployment
from modal_deployment.app import build_app, build_weights_app
from modal_deployment.contents import AppContents, built_in
from modal_deployment.regions import BUILT_IN_REGIONS, Region
from modal_deployment.registry import BUILT_IN_MODELS, Model, registry_sha256

FUNCTIONS = ["inference", "status"]
REGION_IDS = [region.id for region in BUILT_IN_REGIONS]


def functions(app: modal.App) -> dict[str, modal.Function[..., Any, Any]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated in 1.6, without another way to list them before a deployment
        return dict(app.registered_functions)


@pytest.mark.parametrize("region_id", REGION_IDS)
def test_each_region_has_an_app_with_two_functions(region_id: str) -> None:
    app = build_app(built_in(region_id))
    assert app.name == f"project-beacon-hf-{region_id}"
    assert list(functions(app)) == FUNCTIONS


@pytest.mark.parametrize("region_id", REGION_IDS)
def test_every_function_is_a_web_function_in_its_region(region_id: str) -> None:
    for function in functions(build_app(built_in(region_id))).values():
        assert function.info().regions == [built_in(region_id).region.modal_region]
        assert function.info().web_info is not None


def test_only_inference_has_a_gpu_and_the_weights_and_nothing_has_the_token() -> None:
    declared = functions(build_app(built_in("us")))
    inference = declared["inference"]._spec_
    assert inference.gpus == "T4"
    volumes: dict[Any, Any] = dict(inference.volumes)
    assert {str(path): volume.name for path, volume in volumes.items()} == {"/weights": "beacon-weights"}
    status = declared["status"]._spec_
    assert (status.gpus, status.volumes) == (None, {})
    assert not any("huggingface" in repr(secret) for secret in (*inference.secrets, *status.secrets))


def test_the_weights_are_fetched_on_a_cpu_in_the_region_with_the_token() -> None:
    app, fetch = build_weights_app(built_in("apac"))
    assert (app.name, list(functions(app))) == ("project-beacon-hf-apac-weights", ["fetch"])
    spec = fetch._spec_
    volumes: dict[Any, Any] = dict(spec.volumes)
    assert (spec.gpus, [volume.name for volume in volumes.values()]) == (None, ["beacon-weights"])
    assert (fetch.info().regions, fetch.info().timeout) == (["ap"], 3600)
    assert any("huggingface" in repr(secret) for secret in spec.secrets)
    assert fetch.info().web_info is None


def test_an_answer_may_take_15_minutes_and_a_cold_start_30() -> None:
    info = functions(build_app(built_in("us")))["inference"].info()
    assert (info.timeout, info.startup_timeout) == (900, 1800)


def test_the_tags_say_which_version_and_registry_is_deployed() -> None:
    tags = build_app(built_in("eu"))._local_state.tags
    assert tags == {
        "version": modal_deployment.__version__,
        "registry_sha256": registry_sha256(BUILT_IN_MODELS)[:12],
    }


def test_containers_and_command_line_have_one_version() -> None:
    assert modal_deployment.__version__ == beacon_cli.__version__


@pytest.mark.parametrize("region_id", REGION_IDS)
def test_the_entry_file_of_a_region_has_its_app(region_id: str) -> None:
    path = Path(modal_deployment.__file__).with_name(f"modal_hf_{region_id}.py")
    assert runpy.run_path(str(path))["app"].name == f"project-beacon-hf-{region_id}"


def test_an_unknown_region_is_never_mapped_to_another() -> None:
    with pytest.raises(KeyError, match="mars"):
        built_in("mars")


MISTRAL = Model(
    id="mistral-7b", source="mistralai/Mistral-7B-Instruct-v0.3", revision="c170c7", gpu="L4", context=32768
)
BRAZIL = Region(id="br", label="BR", modal_region="sa", aliases=frozenset({"sa-east"}))


def test_each_kind_of_gpu_has_a_function_of_its_own() -> None:
    declared = functions(build_app(AppContents(BRAZIL, (*BUILT_IN_MODELS, MISTRAL))))
    assert list(declared) == ["inference", "inference-l4", "status"]
    gpus = {name: function._spec_.gpus for name, function in declared.items()}
    assert gpus == {"inference": "T4", "inference-l4": "L4", "status": None}
    assert all(function.info().regions == ["sa"] for function in declared.values())
