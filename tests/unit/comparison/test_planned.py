"""What is planned before the first answer is used, and what is chosen afterwards is told."""

from __future__ import annotations

from typing import Any

import pytest

from beacon_cli.comparison.options import chosen_options
from beacon_cli.comparison.planned import as_planned
from beacon_cli.job.analysis import Analysis, analysis_sha256
from beacon_cli.records.find_job import StoredJob
from tests.support.vocabulary import REGIONS

PLAN = Analysis(rate=0.01, margin=0.05, accept=["system_prompt"])
SHA256 = PLAN.sha256


def stored(plan: dict[str, Any] | None, sha256: str | None = None, *, job_id: str = "j") -> StoredJob:
    spec = {} if plan is None else {"analysis": plan, "analysis_sha256": sha256 or analysis_sha256(plan)}
    return StoredJob("beacon", job_id, job_id, spec, "question", True, {}, REGIONS)


def test_a_plan_is_used_where_no_option_is_given() -> None:
    options, chosen = as_planned(chosen_options(None, None, None, (), None), [stored(PLAN.spec())])
    assert (options.measure, options.terms.rate, options.terms.margin) == ("lexical", 0.01, 0.05)
    assert options.accepted == {"system_prompt"}
    assert chosen.as_data() == {
        "used": PLAN.spec(),
        "planned": PLAN.spec(),
        "planned_sha256": SHA256,
        "chosen_afterwards": [],
    }
    assert str(chosen) == (
        f"planned before the first answer (sha256 {SHA256[:12]}); as planned: lexical, rate 0.01, margin 0.05,"
        " accept system_prompt"
    )


def test_options_override_a_plan_and_are_told() -> None:
    options, chosen = as_planned(chosen_options("lexical", 0.05, None, ["gpu"], None), [stored(PLAN.spec())])
    assert (options.terms.rate, options.terms.margin) == (0.05, 0.05)
    assert options.accepted == {"system_prompt", "gpu"}
    assert chosen.afterwards == ("rate", "accept")
    assert str(chosen).endswith(
        "; chosen afterwards: rate 0.05 (planned: rate 0.01), accept gpu system_prompt (planned: accept system_prompt);"
        " as planned: lexical, margin 0.05"
    )


def test_an_option_that_says_what_was_planned_is_no_choice() -> None:
    _, chosen = as_planned(chosen_options("lexical", 0.01, 0.05, ["system_prompt"], None), [stored(PLAN.spec())])
    assert chosen.afterwards == ()


@pytest.mark.parametrize(
    ("jobs", "why"),
    [
        ([stored(None)], "not planned before the first answer"),
        ([stored(PLAN.spec(), "0" * 64)], "what was planned was changed in the database, and does not count"),
        (
            [stored({**PLAN.spec(), "measure": "telepathic"})],
            "what was planned cannot be read by this Beacon, and does not count",
        ),
        ([stored(None), stored(None)], "not planned before the first answer"),
        (
            [stored(PLAN.spec()), stored(None)],
            "planned before the first answer by one of the two jobs only, so it does not count",
        ),
        (
            [stored(PLAN.spec()), stored(Analysis().spec())],
            "the two jobs plan different analyses, so neither counts",
        ),
    ],
)
def test_without_a_plan_that_counts_the_defaults_are_told(jobs: list[StoredJob], why: str) -> None:
    options, chosen = as_planned(chosen_options(None, None, 0.1, (), None), jobs)
    assert (options.terms.rate, options.terms.margin, options.accepted) == (0.05, 0.1, frozenset())
    assert (chosen.planned, chosen.as_data()["planned_sha256"], chosen.afterwards) == (None, None, ("margin",))
    assert str(chosen) == (f"{why}; chosen afterwards: margin 0.1; the defaults: lexical, rate 0.05, nothing accepted")


def test_two_jobs_with_the_same_plan_are_compared_by_it() -> None:
    jobs = [stored(PLAN.spec()), stored(PLAN.spec(), job_id="k")]
    assert as_planned(chosen_options(None, None, None, (), None), jobs)[0].terms.rate == 0.01
