"""`controls`: regions that are asked everything in a second arm."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from beacon_cli.errors import JobFileError
from beacon_cli.executor.caps import containers_at_most, endpoint_caps
from beacon_cli.executor.execution import Cell
from beacon_cli.job.changes import spec_differences
from beacon_cli.job.generation import MAX_SEED, seed_of
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import Job
from beacon_cli.job.part import Part

Load = Callable[..., Job]
Refused = Callable[..., JobFileError]

JOB = {
    "questions": ["math_basic", "geography_basic"],
    "models": ["llama3.2-1b", {"id": "qwen2.5-1.5b", "regions": ["US"]}],
    "regions": ["US", "EU", "ASIA"],
    "repeats": 5,
}


def test_a_control_has_its_cells_twice(load: Load) -> None:
    job = load({**JOB, "controls": ["europe-west"]})
    assert [(lane.region.label, job.cells_in(lane)) for lane in job.lanes()] == [
        ("US", 5),
        ("EU", 10),
        ("ASIA", 5),
        ("US", 5),
    ]
    assert (job.expected, load(JOB).expected) == (2 * 25, 2 * 20)
    assert job.expected_in(Part(regions=("EU",), questions=("math_basic",))) == 10
    assert job.expected_in(Part(without=("EU",))) == 2 * 15
    assert (job.controls_in(Part()), job.controls_in(Part(without=("EU",)))) == (("EU",), ())


def test_a_control_needs_no_more_containers(load: Load) -> None:
    job, limits = load({**JOB, "controls": ["US", "EU"]}), Limits()
    assert endpoint_caps(job.lanes(), limits) == {"us": 2, "eu": 1, "apac": 1}
    assert containers_at_most(job.lanes(), limits) == 4


def test_a_job_without_controls_is_the_job_that_it_was(load: Load) -> None:
    job = load(JOB)
    assert "controls" not in job.spec()
    assert job.spec_sha256 == "5ee49d7cd876703e3c11f202bd854c3889610ec8d235fbed6811d2d50cc8aef3"


def test_controls_are_a_part_of_what_a_job_asks_and_their_order_is_not(load: Load) -> None:
    job = load({**JOB, "controls": ["EU", "US"]})
    assert job.spec()["controls"] == ["eu", "us"]
    assert job.spec_sha256 == load({**JOB, "controls": ["us-east", "EU"]}).spec_sha256
    assert job.spec_sha256 != load({**JOB, "controls": ["EU"]}).spec_sha256
    assert spec_differences(load(JOB).spec(), job.spec()) == ["controls: none → EU, US"]
    assert spec_differences(job.spec(), load({**JOB, "controls": ["US", "EU"]}).spec()) == []


@pytest.mark.parametrize(
    ("controls", "message", "hint"),
    [
        ("[mars]", '4:12: controls[0]: unknown region "mars"', "known regions: US (us)"),
        ("[us-east]", "4:12: controls[0]: the job does not ask in us-east", "one of the job's regions: EU"),
        ("[EU, eu-west]", "4:16: controls[1]: the region EU is repeated: controls[0] on line 4", "remove one"),
        ("[]", "4:11: controls: must not be empty", "write controls: [EU]"),
        ("EU", '4:11: controls: must be a list, not the text "EU"', "write controls: [EU]"),
    ],
)
def test_a_control_that_cannot_be_is_refused(refused: Refused, controls: str, message: str, hint: str) -> None:
    text = f"questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [EU]\ncontrols: {controls}\n"
    error = refused(text)
    assert error.message.startswith(f"job.yaml:{message}")
    assert hint in error.hint


def test_each_arm_has_seeds_of_its_own_whatever_the_number_of_repeats() -> None:
    assert [seed_of(7, repeat=repeat, arm=0) for repeat in range(3)] == [7, 8, 9]
    assert [seed_of(7, repeat=repeat, arm=1) for repeat in range(3)] == [1_000_007, 1_000_008, 1_000_009]
    for seed in (0, MAX_SEED - 5, MAX_SEED):
        first, second = ({seed_of(seed, repeat=repeat, arm=arm) for repeat in range(1000)} for arm in (0, 1))
        assert not first & second
        assert max(first | second) <= MAX_SEED


def test_people_see_the_arm_of_a_cell(load: Load) -> None:
    job = load({**JOB, "controls": ["EU"]})
    question, lane = next(iter(job.questions)), job.lanes()[1]
    assert str(Cell(question, lane)) == "math_basic · llama3.2-1b · EU"
    assert str(Cell(question, lane, arm=1)) == "math_basic · llama3.2-1b · EU control"
