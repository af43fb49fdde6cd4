"""`compare`, `report`, `show` and `export` of a job with a control."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from beacon_cli.console.formatting import p_text
from tests.support.audit_jobs import JOB, MODELS
from tests.support.in_process import beacon
from tests.support.noisy_jobs import NoisyJob, store

Connection = psycopg.Connection[tuple[Any, ...]]
CONTROLLED = NoisyJob(controls=("EU",))
ODD = replace(CONTROLLED, odd=True)


def compared(*arguments: str, url: str) -> tuple[int, dict[str, Any], list[str]]:
    document = beacon("compare", *arguments, "--json", url=url).document
    errors = [error["message"] for error in document["errors"]]
    return (0 if document["ok"] else 1), document["data"], errors


def test_a_control_that_is_alike_stands_beside_the_verdicts(connection: Connection, database_url: str) -> None:
    store(connection, CONTROLLED)
    code, data, _ = compared(JOB, url=database_url)
    [control] = data["controls"]
    assert (code, data["comparable"]) == (0, True)
    assert set(control) == {
        *("job_id", "region", "different", "p_value", "results_different", "verdicts", "pooled", "results", "figures")
    }
    assert (control["job_id"], control["region"], control["different"]) == (JOB, "EU", False)
    assert (control["results_different"], control["verdicts"]["not_shown"]) == (0, 8)
    assert control["p_value"] > 0.05
    assert [pair["groups"] for pair in control["pooled"]["pairs"]] == [["EU", "EU control"]]
    assert control["results"][0]["answers"] == {"EU": 5, "EU control": 5}
    assert control["figures"]["executions"] == 40
    assert control["figures"]["models"][MODELS[0]]["executions"] == 20
    done = beacon("compare", JOB, url=database_url)
    assert "control EU: 0 of 8 results differ, p " in done.out
    assert "that is what chance, load and time do alone" in done.out
    assert "EU control" in done.out.split("refusals")[1]


def test_the_second_arm_takes_no_part_in_the_comparison_of_regions(connection: Connection, database_url: str) -> None:
    store(connection, ODD)
    _, controlled, _ = compared(JOB, "--accept", "control", url=database_url)
    connection.execute("UPDATE jobs SET spec = spec - 'controls'")
    connection.execute("DELETE FROM executions WHERE arm = 1")
    _, plain, _ = compared(JOB, url=database_url)
    assert plain.pop("controls") == []
    assert len(controlled.pop("controls")) == 1
    assert controlled["unknown_language"].pop("EU control") == 40
    for data in (plain, controlled):
        del data["jobs"]
        del data["incomparable"]
        del data["analysis"]
    assert controlled == plain


def test_a_control_that_differs_is_told_before_any_verdict_and_fails(connection: Connection, database_url: str) -> None:
    store(connection, ODD)
    code, data, errors = compared(JOB, url=database_url)
    [finding] = data["incomparable"]
    assert (code, finding["name"], finding["accepted"]) == (1, "control", False)
    assert finding["detail"].startswith("EU and its control differ (p ")
    assert errors == [f"incomparable: control: {finding['detail']}"]
    assert data["controls"][0]["results_different"] == 8
    done = beacon("compare", JOB, url=database_url)
    assert done.code == 1
    assert done.out.index("not comparable: control: EU and its control differ") < done.out.index("the whole job:")
    told = f"p {p_text(data['controls'][0]['p_value'])}"
    assert f"8 of 8 results differ, {told} of all tests together: more than chance" in done.out
    assert "--accept control" in done.out
    assert "  … and 5 more: --json has them" in done.out
    accepted = beacon("compare", JOB, "--accept", "control", url=database_url)
    assert (accepted.code, "accepted: control: EU and its control differ" in accepted.out) == (0, True)


def test_two_jobs_show_the_controls_of_both(connection: Connection, database_url: str) -> None:
    store(connection, replace(CONTROLLED, planted=None))
    store(connection, replace(CONTROLLED, id="later", seed=2, planted=None, controls=("US", "EU")))
    code, data, _ = compared(JOB, "later", url=database_url)
    assert code == 0
    assert [(each["job_id"], each["region"]) for each in data["controls"]] == [
        (JOB, "EU"),
        ("later", "US"),
        ("later", "EU"),
    ]
    assert "job later: control US: 0 of 8 results differ" in beacon("compare", JOB, "later", url=database_url).out
    assert f"{JOB} · EU control" in beacon("compare", JOB, "later", url=database_url).out


def test_refusals_of_a_control_are_counted_apart(connection: Connection, database_url: str) -> None:
    store(connection, CONTROLLED)
    connection.execute(
        "UPDATE executions SET response = 'I cannot help with that.' WHERE arm = 1 AND question_id = 'q0'"
    )
    _, data, _ = compared(JOB, "--accept", "control", url=database_url)
    assert data["regions"]["EU"]["refusal"]["count"] == 0
    assert data["refusals"] == []
    [control] = data["controls"]
    assert control["figures"]["refusal"]["count"] == 10
    assert control["results"][0]["outcomes"] == {"EU": {"answered": 5}, "EU control": {"refused": 5}}


def test_by_model_the_second_arm_has_a_row_of_its_own_by_the_name_that_lines_use(
    connection: Connection, database_url: str
) -> None:
    store(connection, CONTROLLED)
    _, data, _ = compared(JOB, "--by", "model", "--accept", "control", url=database_url)
    assert set(data["unknown_language"]) == {*MODELS, "EU control"}
    rows = [line.split() for line in beacon("compare", JOB, "--by", "model", url=database_url).out.splitlines()]
    assert [row[:3] for row in rows if row[:2] == ["EU", "control"]] == [["EU", "control", "40"]]


def test_the_page_shows_controls_and_keeps_their_answers_out(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    store(connection, ODD)
    path = tmp_path / "page.html"
    done = beacon("report", JOB, "-o", str(path), "--json", url=database_url)
    [control] = done.document["data"]["controls"]
    assert (control["region"], control["different"], control["results_different"]) == ("EU", True, 8)
    assert done.document["data"]["answers_shown"] == 120
    page = path.read_text(encoding="utf-8")
    assert "Not comparable: control" in page
    assert "control EU: 8 of 8 results differ" in page
    assert "<bdi>EU control</bdi>" in page
    assert "Answers of controls are not among them" in page
    assert ", control EU: 160 answers expected" in page


def test_answers_of_both_arms_are_shown_and_exported(connection: Connection, database_url: str) -> None:
    store(connection, replace(CONTROLLED, questions=1, repeats=1, models=MODELS[:1], words=3))
    out = beacon("show", JOB, url=database_url).out
    assert "US" in out
    heading = next(line for line in out.splitlines() if "ASIA" in line)
    assert heading.split() == ["US", "EU", "EU", "control", "ASIA"]
    answers = beacon("show", JOB, "--json", url=database_url).document["data"]["answers"]
    assert [(each["region"], each["arm"]) for each in answers] == [("US", 0), ("EU", 0), ("EU", 1), ("ASIA", 0)]
    lines = beacon("export", JOB, url=database_url).out.splitlines()
    assert [(row["region"], row["arm"]) for row in map(json.loads, lines)] == [
        *(("US", 0), ("EU", 0), ("EU", 1), ("ASIA", 0))
    ]
    connection.execute("DELETE FROM executions WHERE arm = 1")
    assert "(never ran)" in beacon("show", JOB, url=database_url).out
