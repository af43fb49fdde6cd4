"""Which region is served on which port."""

from __future__ import annotations

import pytest

from beacon_cli.errors import UsageError
from beacon_cli.local.foreground import chosen_ports
from beacon_cli.settings import Settings

REGIONS = Settings.model_validate(
    {"regions": {region_id: {} for region_id in ("br", "cl", "eu", "in", "jp", "mx", "ng", "za")}}
).vocabulary.regions


def test_each_of_ten_regions_has_a_port_of_its_own_which_stays_when_others_are_left_out() -> None:
    every = chosen_ports((), None, REGIONS)
    assert list(every.values()) == list(range(8701, 8711))
    assert [every[region_id] for region_id in ("us", "eu", "apac", "br")] == [8701, 8702, 8703, 8704]
    assert chosen_ports(["ZA", "us", "za"], None, REGIONS) == {"za": 8710, "us": 8701}
    assert chosen_ports(["ZA", "us"], 9000, REGIONS) == {"za": 9000, "us": 9001}


def test_an_unknown_region_is_named_with_all_that_are_known() -> None:
    with pytest.raises(UsageError, match=r"unknown region 'mars'.* ng \(NG\), za \(ZA\)"):
        chosen_ports(["mars"], None, REGIONS)
