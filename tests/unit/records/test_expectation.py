"""What a stored job asks for, in whatever form it was stored."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.records.expectation import EVERY_MODEL, from_job, from_spec
from tests.support.jobs import make_job
from tests.support.vocabulary import REGIONS

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("id", "name", "questions", "models", "regions", "constraints", "runs", "repeats", "limits"),
                    *("metadata", "jobspec", "target_regions", "min_success_rate", "input", "benchmark"),
                    "per_endpoint",
                ]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


def test_beacon_s_own_spec_means_the_job_that_it_came_from() -> None:
    job = make_job(3, repeats=2, limits={"min_success_rate": 0.75})
    stored, asked = from_spec(job.spec(), questions_stored=True, regions=REGIONS), from_job(job, regions=REGIONS)
    assert (stored.lanes, stored.repeats, stored.min_success_rate) == (asked.lanes, 2, 0.75)
    assert asked.question_ids == ("q0", "q1", "q2")
    assert (stored.unknown, asked.unknown) == ((), ())


def test_the_old_system_s_spec() -> None:
    spec: dict[str, Any] = {
        "questions": ["q1", {"id": "q2"}, "q1"],
        "models": [{"id": "a", "regions": ["us-east", "US", "apac"]}, {"name": "b"}],
        "constraints": {"regions": ["eu-west", "ASIA"], "min_success_rate": 0.67},
        "runs": 3,
    }
    expected = from_spec(spec, regions=REGIONS)
    assert expected.question_ids == ("q1", "q2")
    assert expected.lanes == (("a", "US"), ("a", "ASIA"), ("b", "EU"), ("b", "ASIA"))
    assert (expected.repeats, expected.min_success_rate) == (3, 0.67)


def test_what_the_portal_stored_is_understood() -> None:
    job: dict[str, Any] = {
        "benchmark": {"input": {"questions": ["Who are you?"]}},
        "constraints": {"regions": ["US"]},
        "metadata": {"models": ["a", "b", "c"]},
    }
    assert from_spec(job, regions=REGIONS).lanes == (("a", "US"), ("b", "US"), ("c", "US"))
    assert (from_spec(job, regions=REGIONS).question_ids, from_spec(job, regions=REGIONS).min_success_rate) == (
        ("Who are you?",),
        0.67,
    )
    envelope = from_spec({"jobspec": job, "target_regions": ["EU", "ASIA"], "min_success_rate": 0.5}, regions=REGIONS)
    assert {region for _, region in envelope.lanes or ()} == {"EU", "ASIA"}
    assert envelope.min_success_rate == 0.5


def test_caps_are_those_of_the_executor() -> None:
    job = make_job(1, limits={"per_endpoint": 4})
    assert (
        from_spec(job.spec(), regions=REGIONS).caps()
        == from_job(job, regions=REGIONS).caps()
        == {"US": 4, "EU": 4, "ASIA": 4}
    )
    models = [{"id": "a", "regions": ["us", "eu"]}, {"id": "b", "regions": ["us"]}]
    assert from_spec({"models": models, "limits": {}}, regions=REGIONS).caps() == {"US": 2, "EU": 1}


def test_what_is_not_recorded_is_named() -> None:
    assert from_spec({}, regions=REGIONS).unknown == ("questions", "models", "regions")
    assert from_spec({"questions": ["q"], "constraints": {"regions": ["US"]}}, regions=REGIONS).unknown == ("models",)


def test_a_model_without_any_region_leaves_the_lanes_open() -> None:
    expected = from_spec({"questions": ["q"], "models": ["a", {"id": "b", "regions": ["US"]}]}, regions=REGIONS)
    assert (expected.lanes, expected.models, expected.unknown) == (None, ("a", "b"), ("regions",))


@given(JSON)
def test_no_json_value_is_too_strange(spec: object) -> None:
    expected = from_spec(spec, regions=REGIONS)
    assert expected.repeats >= 1
    assert 0 <= expected.min_success_rate <= 1


@given(st.text())
def test_every_model_is_known_to_an_audit(name: str) -> None:
    assert name in EVERY_MODEL
