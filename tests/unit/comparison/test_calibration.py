"""A small calibration: what is drawn is fixed by its seed, so these are bounds on figures that stay the same."""

from __future__ import annotations

import pytest

from benchmarks.calibration.jobs import TESTS, Design, JobOutcome, outcomes

JOBS = 5


def simulated(design: Design) -> list[JobOutcome]:
    return [outcomes((design, seed)) for seed in range(JOBS)]


@pytest.mark.parametrize(
    "design",
    [Design("replaced", 3), Design("heavy", 5, lost=0.2), Design("short", 3), Design("replaced", 5, regions=2)],
)
def test_without_a_difference_few_tests_are_below_5_percent_and_few_jobs_have_a_different_one(design: Design) -> None:
    jobs = simulated(design)
    below = sum(each.p_value is not None and each.p_value <= 0.05 for job in jobs for each in job.results)
    assert below <= 0.05 * JOBS * TESTS + 3 * (0.05 * 0.95 * JOBS * TESTS) ** 0.5
    assert sum(any(each.different for each in job.results) for job in jobs) <= 1


def test_the_same_seeds_in_all_regions_do_not_raise_false_alarms() -> None:
    jobs = simulated(Design("replaced", 5, dependence="seeds"))
    assert not any(each.different for job in jobs for each in job.results)


def test_a_prefix_on_every_answer_to_shared_seeds_is_found_and_its_region_named() -> None:
    jobs = simulated(Design("prefixed", 5, planted=TESTS, size=1.0, dependence="seeds"))
    assert all(job.pooled and job.named for job in jobs)


@pytest.mark.parametrize("kind", ["refused", "silent"])
def test_a_region_that_never_gives_an_answer_is_found_and_named(kind: str) -> None:
    jobs = simulated(Design(kind, 6, planted=1, size=1.0))
    assert all(job.results[0].different and job.results[0].named for job in jobs)


def test_what_is_planted_is_found_and_little_else() -> None:
    jobs = simulated(Design("replaced", 5, planted=4, size=1.0))
    assert all(each.different for job in jobs for each in job.results[:4])
    assert sum(each.different for job in jobs for each in job.results[4:]) <= 0.15 * 4 * JOBS


def test_the_same_seed_gives_the_same_job() -> None:
    design = Design("heavy", 3, planted=2, size=0.5)
    assert outcomes((design, 1)) == outcomes((design, 1)) != outcomes((design, 2))
