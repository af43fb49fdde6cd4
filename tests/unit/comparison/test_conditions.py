from __future__ import annotations

import json
from typing import Any

import pytest

from beacon_cli.comparison.conditions import CONDITIONS, NAMES, Conditions, Incomparable
from beacon_cli.comparison.verdicts import Subject
from tests.support.vocabulary import REGIONS, REGISTRY
from tests.unit.comparison.executions import execution


def conditions(*regions: dict[str, Any]) -> Conditions:
    """Return the conditions of one answer of each region: US, EU and so on, with these fields."""
    found = Conditions(models=REGISTRY, regions=REGIONS)
    for region, fields in zip(("US", "EU", "ASIA"), regions, strict=False):
        found.add(execution(region=region, **{"answered_region": region, **fields}), region)
    return found


def names(found: Conditions) -> list[str]:
    return [finding.name for finding in found.incomparable(frozenset())]


def test_the_same_conditions_everywhere_are_comparable_and_all_recorded() -> None:
    found = conditions({}, {}, {})
    assert found.incomparable(frozenset()) == ()
    assert found.unrecorded() == ()


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("model", "effective_model", "other"),
        ("model_revision", "model_revision", "77a"),
        ("gpu", "gpu", "H100"),
        ("precision", "precision", "float16"),
        ("libraries", "libraries", "torch 2.12.0"),
        ("generator", "architecture", "llama.cpp"),
        ("registry", "model_registry", "def"),
        ("system_prompt", "system_prompt", "You are in Europe."),
        ("system_prompt", "effective_system_prompt", "You are in Europe."),
        ("sampling", "temperature", "0.7"),
        ("sampling", "max_tokens", "100"),
    ],
)
def test_what_differs_in_one_region_is_named_with_its_values(name: str, field: str, value: str) -> None:
    (finding,) = conditions({}, {field: value}).incomparable(frozenset())
    assert (finding.name, finding.accepted) == (name, False)
    assert "US: " in finding.detail
    assert value in finding.detail
    assert finding.detail.endswith("(m)")


def test_long_values_are_cut_where_they_still_differ() -> None:
    long = "You answer in one sentence, and you always say that you are in "
    prompts = [{"system_prompt": long + place} for place in ("the US.", "Europe.", "Europe.")]
    (finding,) = conditions(*prompts).incomparable(frozenset())
    assert finding.detail == "US: '…you are in the US.'; EU: '…you are in Europe.'; ASIA: '…you are in Europe.' (m)"


def test_every_condition_can_be_accepted_and_then_stays_named() -> None:
    (finding,) = conditions({}, {"gpu": "H100"}).incomparable(frozenset({"gpu"}))
    assert finding.accepted
    assert set(CONDITIONS) < set(NAMES)


def test_what_differs_inside_a_region_counts_too() -> None:
    found = conditions({})
    found.add(execution(gpu="H100"), "US")
    assert names(found) == ["gpu"]


def test_other_models_may_be_other_models() -> None:
    found = conditions({})
    found.add(execution(model_id="other", model_revision="77a"), "US")
    assert names(found) == []


def test_models_that_differ_alike_are_named_together() -> None:
    found = Conditions(models=REGISTRY, regions=REGIONS)
    for model in ("one", "two"):
        found.add(execution(model_id=model, gpu="A"), "US")
        found.add(execution(model_id=model, gpu="B"), "EU")
    assert [finding.detail for finding in found.incomparable(frozenset())] == ["US: 'A'; EU: 'B' (one, two)"]


def test_what_nobody_recorded_is_unknown_and_no_difference() -> None:
    found = conditions({"gpu": None, "model_revision": None}, {"gpu": "A10G", "model_revision": None})
    assert names(found) == []
    assert found.unrecorded() == ("model_revision", "gpu")


def test_no_system_prompt_is_a_value_and_not_an_unknown() -> None:
    assert conditions({}, {}).unrecorded() == ()
    assert names(conditions({}, {"system_prompt": "Hello."})) == ["system_prompt"]


def test_what_the_endpoint_says_counts_more_than_what_was_sent() -> None:
    sent = {"system_prompt": "In Europe.", "effective_system_prompt": "In the US."}
    assert names(conditions({"system_prompt": "In the US."}, sent)) == []


def test_a_prompt_of_the_old_system_that_is_not_recorded_is_unknown_and_no_difference() -> None:
    found = conditions({"run_id": None}, {"run_id": None, "system_prompt": "Hello."})
    assert (names(found), found.unrecorded()) == ([], ("system_prompt",))


def test_a_model_may_be_named_by_its_source() -> None:
    model = REGISTRY["llama3.2-1b"]
    asked = {"model_id": model.id}
    assert names(conditions({**asked, "effective_model": model.id}, {**asked, "effective_model": model.source})) == []


def test_answers_that_do_not_say_where_they_were_given_are_said_to_be_so() -> None:
    assert conditions({"answered_region": None}, {}).unrecorded() == ("region",)


@pytest.mark.parametrize(
    ("sent", "differs"),
    [
        ({"temperature": 0.1, "max_tokens": 500}, False),
        ({"temperature": 0.1, "max_completion_tokens": 500}, False),
        ({"temperature": 0.1, "max_tokens": 500, "reasoning_effort": "low"}, True),
        ({"temperature": 0.7, "max_tokens": 500}, True),
    ],
)
def test_every_parameter_that_was_sent_is_compared_with_what_a_receipt_says(
    sent: dict[str, Any], differs: bool
) -> None:
    unknown = {"temperature": None, "max_tokens": None}
    found = conditions({}, {"sent": json.dumps(sent), **unknown}).incomparable(frozenset())
    assert [each.name for each in found] == (["sampling"] if differs else [])


def test_what_a_job_asked_of_beacons_own_endpoints_is_compared_with_what_was_sent_to_others() -> None:
    job = {"temperature": None, "max_tokens": None, "sent": json.dumps({"temperature": 0.0, "max_tokens": 50})}
    sent = {**job, "sent_model": "m-small", "effective_model": "m-small"}
    extra = {**sent, "sent": json.dumps({"temperature": 0, "max_tokens": 50, "reasoning_effort": "low"})}
    assert (names(conditions(job, sent)), conditions(job, sent).unrecorded()) == ([], ())
    assert names(conditions(job, extra)) == ["sampling"]


def test_an_endpoints_own_name_of_the_model_is_the_model_that_was_meant_and_another_one_is_unknown() -> None:
    named = {"sent_model": "m-small", "effective_model": "m-small"}
    version = {"sent_model": "m-small", "effective_model": "m-small-2026-01-01"}
    assert (names(conditions({}, named)), conditions({}, named).unrecorded()) == ([], ())
    assert (names(conditions({}, version)), conditions({}, version).unrecorded()) == ([], ("model",))


@pytest.mark.parametrize(
    ("other", "shown"),
    [
        (
            {"sent_model": "two", "effective_model": "two", "asked_at": "http://a"},
            "one at http://a and two at http://a",
        ),
        (
            {"sent_model": "one", "effective_model": "one", "asked_at": "http://b"},
            "one at http://a and one at http://b",
        ),
        ({}, "Beacon's API and one at http://a"),
    ],
)
def test_a_lane_that_was_asked_in_two_ways_is_incomparable(other: dict[str, Any], shown: str) -> None:
    found = conditions({"sent_model": "one", "effective_model": "one", "asked_at": "http://a"}, {})
    found.add(execution(repeat=1, **other), "US")
    (finding,) = found.incomparable(frozenset({"model"}))
    assert (finding.name, finding.accepted) == ("model", True)
    assert finding.detail == f"US was asked in different ways: {shown} (m)"


def test_sampling_is_unknown_only_where_nothing_of_it_is_known() -> None:
    assert conditions({"temperature": None, "max_tokens": None}, {}).unrecorded() == ("sampling",)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"answered_region": "eu"}, "EU"),
        ({"answered_region": "mars"}, "mars"),
        ({"effective_region": "eu-west"}, "EU"),
        ({"provider_id": "modal-eu-west"}, "EU"),
        ({"container_region": "eu-west"}, "EU"),
    ],
)
def test_answers_given_in_another_region_are_counted(fields: dict[str, Any], where: str) -> None:
    (finding,) = conditions(fields).incomparable(frozenset())
    assert finding == Incomparable("region", f"1 answer of US, answered in {where}")


def test_a_container_somewhere_unknown_says_nothing() -> None:
    assert names(conditions({"container_region": "moon-1", "answered_region": None})) == []


def test_one_id_with_two_texts_is_another_question() -> None:
    found = Conditions(models=REGISTRY, regions=REGIONS)
    found.add_prompt(Subject("q1", "m"), {"job-1": "What is 2+2?", "job-2": "What is 2+3?"})
    found.add_prompt(Subject("q2", "m"), {"job-1": "Who are you?", "job-2": "Who are you?"})
    (finding,) = found.incomparable(frozenset())
    assert finding.name == "prompt"
    assert finding.detail == "1 question with different texts: q1"


def test_more_values_than_can_be_shown_are_counted() -> None:
    found = Conditions(models=REGISTRY, regions=REGIONS)
    for number in range(5):
        found.add(execution(gpu=f"G{number}"), "US")
    (finding,) = found.incomparable(frozenset())
    assert finding.detail == "US: 'G0' and 'G1' and 'G2' and 2 more (m)"
