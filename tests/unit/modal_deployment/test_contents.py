"""Which functions serve which models, and what a container is told."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modal_deployment.contents import AppContents, built_in, gpu_functions
from modal_deployment.regions import BUILT_IN_REGIONS, Region
from modal_deployment.registry import BUILT_IN_MODELS, Model

GPUS = ("T4", "L4", "A10", "A100-40GB", "A100-80GB", "H100", "H100!", "H100:2", "H100!:2")
models = st.lists(
    st.builds(Model, id=st.text(min_size=1), source=st.text(), gpu=st.sampled_from([None, *GPUS])), max_size=12
)


def test_the_models_that_come_with_beacon_share_the_function_of_old() -> None:
    (function,) = gpu_functions(BUILT_IN_MODELS)
    assert (function.name, function.gpu, function.models) == ("inference", "T4", BUILT_IN_MODELS)


@pytest.mark.parametrize(
    ("gpu", "name"),
    [("L4", "inference-l4"), ("A100-40GB", "inference-a100-40gb"), ("H100!:2", "inference-h100-exact-x2")],
)
def test_a_further_kind_of_gpu_is_in_the_name_of_its_function(gpu: str, name: str) -> None:
    own = Model(id="own", source="acme/own", gpu=gpu)
    assert [function.name for function in gpu_functions((*BUILT_IN_MODELS, own))] == ["inference", name]
    assert [function.name for function in gpu_functions((own,))] == ["inference"]


@given(models)
def test_every_model_with_a_gpu_is_in_one_function_whose_name_modal_accepts(served: list[Model]) -> None:
    functions = gpu_functions(served)
    assert sum(len(function.models) for function in functions) == sum(model.gpu is not None for model in served)
    names = [function.name for function in functions]
    assert len(set(names)) == len(names) == len({model.gpu for model in served} - {None})
    assert all(re.fullmatch(r"inference(-[a-z0-9]+)*", name) for name in names)


regions = st.builds(
    Region,
    id=st.text(),
    label=st.text(),
    modal_region=st.none() | st.text(),
    place=st.none() | st.text(),
    aliases=st.frozensets(st.text()),
    container_prefixes=st.frozensets(st.text()),
)


@given(regions, models)
def test_a_container_reads_what_it_was_told(region: Region, served: list[Model]) -> None:
    contents = AppContents(region, tuple(served))
    assert AppContents.from_json(contents.as_json()) == contents


def test_what_is_built_in_fits_into_a_variable_many_times() -> None:
    assert len(built_in(BUILT_IN_REGIONS[-1].id).as_json()) * 20 < 32_768
