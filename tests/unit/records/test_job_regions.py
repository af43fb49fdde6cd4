"""By which names the rows of a stored job are read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.records.job_regions import job_regions
from beacon_cli.settings import Settings
from tests.support.vocabulary import REGIONS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["models", "regions", "id", "label", "place", "us", "br"]) | st.text(), inner)
    ),
    max_leaves=20,
)


def spec(**regions: dict[str, str | None]) -> dict[str, Any]:
    return {"models": [{"id": "a", "regions": list(regions)}], "regions": regions}


def test_a_job_of_before_is_read_by_the_built_in_names() -> None:
    old = {"models": [{"id": "a", "regions": ["us", "apac"]}]}
    renamed = Settings.model_validate({"regions": {"us": {"label": "USA"}}}).vocabulary.regions
    read = job_regions(old, REGIONS)
    assert [region.names for region in read.values()] == [region.names for region in REGIONS.values()]
    assert job_regions(old, renamed).labels == ["US", "EU", "ASIA"]


def test_the_job_s_own_names_win_and_places_of_containers_are_those_of_the_settings() -> None:
    known = Settings.model_validate(
        {"regions": {"br": {"label": "BRA", "container_prefixes": ["sa-"]}, "brasil": {"aliases": ["brazil", "bsb"]}}}
    ).vocabulary.regions
    regions = job_regions(spec(br={"label": "Brazil", "place": None}), known)
    assert regions.named("brazil").id == "br"
    assert regions.named("bsb").id == "brasil"
    assert (regions["br"].label, regions.of_container("sa-east1")) == ("Brazil", regions["br"])


@pytest.mark.parametrize("label", ["BR", "br", "us"])
def test_a_job_that_calls_two_regions_alike_is_read_by_the_known_names(label: str) -> None:
    assert (
        job_regions(spec(cl={"label": label, "place": None}, br={"label": "BR"}, us={"label": "us"}), REGIONS)
        == REGIONS
    )


@given(JSON)
def test_no_spec_is_too_strange(found: Any) -> None:
    assert job_regions(found, REGIONS).labels
