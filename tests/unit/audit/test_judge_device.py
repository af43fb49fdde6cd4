"""What each model was computed on, and where that differs."""

from __future__ import annotations

from typing import Any

from beacon_cli.audit.judge_device import device
from beacon_cli.records.expectation import Expectation
from tests.support.vocabulary import REGIONS

EXPECTED = Expectation("the job file", known=REGIONS, question_ids=("q1",), lanes=(("a", "US"), ("a", "EU")))
T4 = "Tesla T4, float16, torch 2.13.0, transformers 5.23.0, tokenizers 0.23.3"


def found(*rows: tuple[str, str, str | None]) -> list[dict[str, Any]]:
    return [{"model_id": model, "region": region, "device": name, "executions": 3} for model, region, name in rows]


def test_the_same_device_everywhere_passes_and_is_named() -> None:
    check = device(EXPECTED, devices=found(("a", "US", T4), ("a", "EU", T4)))
    assert (check.status, check.detail) == ("pass", f"the same in each region: {T4}")


def test_two_models_may_run_on_two_devices() -> None:
    assert device(EXPECTED, devices=found(("a", "US", "x"), ("b", "US", "y"))).status == "pass"


def test_another_gpu_in_a_region_is_a_doubt_that_names_what_differs() -> None:
    l4 = T4.replace("Tesla T4, float16", "NVIDIA L4, bfloat16")
    check = device(EXPECTED, devices=found(("a", "US", T4), ("a", "EU", l4), ("a", "ASIA", T4)))
    told = "not the same everywhere: a: Tesla T4, float16 in US, ASIA and NVIDIA L4, bfloat16 in EU"
    assert (check.status, check.detail) == ("warn", told)


def test_answers_without_a_device_are_a_doubt_beside_those_with_one_and_nothing_to_judge_alone() -> None:
    check = device(EXPECTED, devices=found(("a", "US", T4), ("a", "EU", None)))
    assert check.status == "warn"
    assert check.detail.endswith("3 answers without a record of the device")
    assert device(EXPECTED, devices=found(("a", "US", None))).status == "skip"
