"""What a stored job asks for, in whatever form it was stored."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.records.expectation import EVERY_MODEL, from_job, from_spec
from tests.support.jobs import make_job

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(
                ["id", "name", "questions", "models", "regions", "constraints", "runs", "repeats", "limits"]
            ),
            inner,
        )
    ),
    max_leaves=20,
)


def test_beacon_s_own_spec_means_the_job_that_it_came_from() -> None:
    job = make_job(3, repeats=2, limits={"min_success_rate": 0.75})
    stored, asked = from_spec(job.spec(), questions_stored=True), from_job(job)
    assert (stored.lanes, stored.repeats, stored.min_success_rate) == (asked.lanes, 2, 0.75)
    assert asked.question_ids == ("q0", "q1", "q2")
    assert not stored.guessed
    assert not asked.guessed


def test_the_old_system_s_spec() -> None:
    spec: dict[str, Any] = {
        "questions": ["q1", {"id": "q2"}, "q1"],
        "models": [{"id": "a", "regions": ["us-east", "US", "apac"]}, {"name": "b"}],
        "constraints": {"regions": ["eu-west", "ASIA"], "min_success_rate": 0.67},
        "runs": 3,
    }
    expected = from_spec(spec)
    assert expected.question_ids == ("q1", "q2")
    assert expected.lanes == (("a", "US"), ("a", "ASIA"), ("b", "EU"), ("b", "ASIA"))
    assert (expected.repeats, expected.min_success_rate) == (3, 0.67)


def test_a_model_without_any_region_leaves_the_lanes_open() -> None:
    expected = from_spec({"questions": ["q"], "models": ["a", {"id": "b", "regions": ["US"]}]})
    assert (expected.lanes, expected.models, expected.guessed) == (None, ("a", "b"), True)


@given(JSON)
def test_no_json_value_is_too_strange(spec: object) -> None:
    expected = from_spec(spec)
    assert expected.repeats >= 1
    assert 0 <= expected.min_success_rate <= 1


@given(st.text())
def test_every_model_is_known_to_an_audit(name: str) -> None:
    assert name in EVERY_MODEL
