"""`beacon plan`, the same plan by `run --dry-run`, and the warning of a run that can hardly find anything."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.in_process import Done, beacon
from tests.support.operator import Operator
from tests.support.regions_server import Regions, regions_server

ROOT = Path(__file__).parents[3]
NO_DATABASE = "postgresql://127.0.0.1:1/nothing"
JOB = {
    "questions": ["math_basic", "greatest_leader"],
    "models": ["llama3.2-1b", "qwen2.5-1.5b"],
    "regions": ["US", "EU", "ASIA"],
    "repeats": 5,
    "generation": {"temperature": 0.7},
}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def planned(*options: str, command: tuple[str, ...] = ("plan",), **changes: object) -> dict[str, Any]:
    Path("job.json").write_text(json.dumps({**JOB, **changes}))
    name, *words = command
    done = beacon(name, "job.json", *words, "--local", *options, "--json", url=NO_DATABASE)
    assert (done.code, done.document["command"]) == (0, name)
    data: dict[str, Any] = done.document["data"]
    return data


def test_a_plan_says_what_the_design_can_find() -> None:
    data = planned()
    design = data["design"]
    effects = design.pop("effects")
    assert design.pop("measured").keys() == {"questions", "jobs"}
    assert design == {
        "results": 4,
        "regions": [3],
        "repeats": 5,
        "seeds": False,
        "looks": [],
        "level": pytest.approx(0.04),
        "false_discovery_rate": 0.05,
        "power": 0.8,
        "warnings": [],
    }
    assert [each["effect"] for each in effects] == ["refusals", "half_length", "sentence", "prefix"]
    for each in effects:
        assert each.keys() == {"effect", "one_question", "whole_job"}
        for chance in (each["one_question"], each["whole_job"]):
            assert chance.keys() == {"power", "repeats", "most"}
            assert 0 <= chance["power"] <= 1
    assert (data["expected"], data["analysis"], data["warnings"]) == (60, None, [])


def test_a_dry_run_is_the_same_plan() -> None:
    plan, dry = planned("--job-id", "a"), planned("--job-id", "a", command=("run", "--dry-run"))
    assert plan == dry


def test_more_power_takes_more_repeats() -> None:
    less, more = (planned("--power", power)["design"]["effects"][1]["one_question"] for power in ("0.5", "0.95"))
    assert less["repeats"] < more["repeats"]


def test_a_part_is_planned_as_a_part() -> None:
    assert planned("--model", "llama3.2-1b", "--question", "math_basic")["design"]["results"] == 1
    assert planned("--region", "US")["design"] is None


def test_what_the_job_plans_is_a_part_of_its_plan() -> None:
    data = planned(analysis={"rate": 0.01, "accept": ["gpu"]})
    sha256 = data["analysis"].pop("sha256")
    assert data["analysis"] == {"measure": "lexical", "rate": 0.01, "margin": None, "accept": ["gpu"]}
    assert data["design"]["false_discovery_rate"] == 0.01
    text = beacon("plan", "job.json", "--local", url=NO_DATABASE).out
    assert f"\nanalysis planned: lexical, rate 0.01, no margin, accept gpu (sha256 {sha256[:12]})\n" in text


def test_warnings_are_told_in_both_forms() -> None:
    [warning] = planned(repeats=1)["warnings"]
    assert warning.startswith("with one repeat nothing shows how much answers vary by chance")
    assert f"\nwarning: {warning}\n" in beacon("plan", "job.json", "--local", url=NO_DATABASE).out


def test_a_plan_says_which_models_local_servers_do_not_serve_and_a_run_refuses_them() -> None:
    told = "--local does not serve llama3.2-1b, qwen2.5-1.5b"
    cannot = planned()["cannot_run"]
    assert cannot.startswith(f"{told}: name only ")
    assert cannot.endswith("smollm2-135m in the job file, or add models under [local.models] in beacon.toml")
    assert planned(models=["smollm2-135m"])["cannot_run"] is None
    Path("job.json").write_text(json.dumps(JOB))
    refused = beacon("run", "job.json", "--local", url=NO_DATABASE)
    assert (refused.code, refused.err.splitlines()[0]) == (2, f"error: {told}")


def test_the_printed_plan_of_the_demo_is_what_the_program_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "how-to" / "before-you-pay.md").read_text(encoding="utf-8")
    shown = re.search(r"^\$ beacon plan examples/bias-demo.yaml --local\n(.*?)```", page, re.MULTILINE | re.DOTALL)
    assert shown is not None
    done = beacon("plan", "examples/bias-demo.yaml", "--local", url=NO_DATABASE)
    lines = done.out.splitlines(keepends=True)
    [warning] = [line for line in lines if line.startswith("warning: ")]
    assert "the chances are those of a first look: whether there was one is not known" in warning  # no database here
    lines.remove(warning)
    assert (done.code, "".join(lines)) == (0, shown.group(1))


def warned(done: Done) -> list[str]:
    return [line for line in done.err.splitlines() if "can be found" in line]


def test_a_run_warns_once_before_it_asks_what_can_hardly_be_found(operator: Operator, database_url: str) -> None:
    with regions_server(Regions()) as regions:
        operator.uses(regions.environment())
        first = beacon("run", "job.yaml", "--without", "ASIA", "--question", "math_basic", url=database_url)
        second, data = operator.run()
    [line] = warned(first)
    assert "warning: with one repeat nothing shows how much answers vary by chance" in line
    assert line.endswith("; beacon plan job.yaml shows what can be found")
    assert warned(second) == []
    [warning] = data["warnings"]
    assert warning.split(";")[0] in line
