"""How many containers a job can need at the same time."""

from __future__ import annotations

from beacon_cli.executor.caps import containers_at_most
from beacon_cli.job.lanes import Lane
from beacon_cli.job.limits import Limits
from tests.support.vocabulary import REGIONS

LANES = [Lane(model, region) for model in ("a", "b", "c") for region in REGIONS.values()]


def test_each_model_of_a_region_may_need_one() -> None:
    assert containers_at_most(LANES, Limits()) == 9
    assert containers_at_most(LANES, Limits(per_endpoint=2)) == 6
    assert containers_at_most(LANES, Limits(max_in_flight=4)) == 4


def test_models_that_share_a_container_need_one_in_each_region() -> None:
    shared = {"a": "inference", "b": "inference", "other": "inference-l4"}
    assert containers_at_most(LANES, Limits(), shared) == 6
    assert containers_at_most(LANES, Limits(per_endpoint=1), shared) == 3
