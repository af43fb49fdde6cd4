from __future__ import annotations

import pytest

from beacon_cli.console.unknown_region import unknown_region
from modal_deployment.regions import UnknownRegionError
from tests.support.vocabulary import REGIONS


@pytest.mark.parametrize(("name", "meant"), [("eur", "eu"), ("asai", "ASIA"), ("us-eats", "us-east")])
def test_a_region_that_is_alike_is_suggested(name: str, meant: str) -> None:
    error = unknown_region(UnknownRegionError(name, REGIONS.values()), "--region")
    assert error.message.startswith(f"--region: unknown region '{name}'")
    assert error.hint.startswith(f"did you mean {meant}? a region of your own")


def test_a_name_like_none_is_not() -> None:
    assert unknown_region(UnknownRegionError("mars", REGIONS.values())).hint.startswith("a region of your own")
