"""Where an answer was given, as its columns tell it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.records.witnesses import WITNESSES, places
from tests.support.vocabulary import REGIONS


@pytest.mark.parametrize(
    ("provider_id", "label"),
    [
        ("modal-us-east", "US"),
        ("modal-us", "US"),
        ("local-apac", "ASIA"),
        ("modal-hf-eu-west", "EU"),
        ("MODAL-ASIA-PACIFIC", "ASIA"),
        ("golem-provider-1", None),
        ("us-east-node-7", None),
        ("modal", None),
        ("", None),
        (None, None),
    ],
)
def test_the_id_of_a_provider_may_end_with_its_region(provider_id: str | None, label: str | None) -> None:
    region = REGIONS.of_provider(provider_id)
    assert (region.label if region else None) == label


def test_each_column_is_read_in_its_own_way() -> None:
    columns = {
        "effective_region": "us-east",
        "answered_region": "mars",
        "provider_id": "modal-eu-west",
        "container_region": "ap-northeast-1",
    }
    assert places(columns, regions=REGIONS) == {
        "effective_region": "US",
        "answered_region": "mars",
        "provider_id": "EU",
        "container_region": "ASIA",
    }


def test_what_names_no_known_region_says_nothing_unless_the_endpoint_says_it() -> None:
    assert places({"provider_id": "somebody", "container_region": "luna-1"}, regions=REGIONS) == {}
    assert (
        places(dict.fromkeys(WITNESSES), regions=REGIONS) == places(dict.fromkeys(WITNESSES, ""), regions=REGIONS) == {}
    )
    assert places({"effective_region": "  "}, regions=REGIONS) == {}


@given(st.dictionaries(st.sampled_from(sorted(WITNESSES)), st.none() | st.text()))
def test_no_text_is_too_strange(columns: dict[str, str | None]) -> None:
    assert set(places(columns, regions=REGIONS)) <= set(columns)
