"""A job in regions of one's own is run as the settings call them, and read as it was stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.config import load_settings
from tests.support.in_process import Done, beacon
from tests.support.scripted_regions import scripted_regions

SETTINGS = """
[regions.br]
place = "Brazil"
aliases = ["sa-east"]
container_prefixes = ["sa-", "brazilsouth"]

[regions.south-africa]
label = "ZA"
place = "South Africa"

[regions.eu]
label = "EUROPE"
"""
JOB = {
    "id": "own-regions",
    "questions": ["math_basic", "identity_basic"],
    "models": ["llama3.2-1b", "qwen2.5-1.5b"],
    "regions": ["sa-east", "south-africa", "europe"],
    "repeats": 2,
    "system_prompt": "You are in {place}.",
}
LABELS = ("BR", "ZA", "EUROPE")

Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that writes `beacon.toml` and runs a command beside it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path / "data"))
    Path("job.json").write_text(json.dumps(JOB))

    def command(*words: str, settings: str = SETTINGS) -> Done:
        Path("beacon.toml").write_text(settings)
        return beacon(*words, url=database_url)

    return command


@pytest.fixture
def stored(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Done:
    """The job, run to its end at endpoints that variables name."""
    Path("beacon.toml").write_text(SETTINGS)
    Path("script.yaml").write_text("")
    regions = load_settings().vocabulary.regions
    with scripted_regions(tmp_path / "script.yaml", regions) as variables, monkeypatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return run("run", "job.json", "--json")


def test_a_job_is_asked_and_judged_in_regions_of_one_s_own(
    run: Run, stored: Done, connection: psycopg.Connection[Any]
) -> None:
    assert (stored.code, stored.document["data"]["status"]) == (0, "completed")
    rows = connection.execute(
        "SELECT region, system_prompt, effective_region, count(*) FROM executions GROUP BY 1, 2, 3 ORDER BY 1"
    ).fetchall()
    places = (("BR", "Brazil"), ("EUROPE", "Europe"), ("ZA", "South Africa"))
    assert rows == [(label, f"You are in {place}.", label, 8) for label, place in places]
    assert connection.execute("SELECT spec -> 'regions' FROM jobs").fetchone() == (
        {
            "br": {"label": "BR", "place": "Brazil"},
            "south-africa": {"label": "ZA", "place": "South Africa"},
            "eu": {"label": "EUROPE", "place": "Europe"},
        },
    )
    again = run("run", "job.json", "--json")
    assert (again.code, again.document["data"]["nothing_to_ask"]) == (0, True)


@pytest.mark.parametrize("settings", [SETTINGS, "", "[regions.brasil]\nlabel = 'BR'\naliases = ['za', 'europe']\n"])
def test_it_is_read_under_the_names_that_were_stored_whatever_the_settings_say(
    run: Run, stored: Done, settings: str
) -> None:
    assert stored.code == 0
    audit = run("check-db", "own-regions", "--json", settings=settings)
    assert audit.code == 0
    assert list(audit.document["data"]["by_region"]) == ["EUROPE", "BR", "ZA"]
    shown = run("show", "own-regions", settings=settings)
    compared = run("compare", "own-regions", "--accept", "system_prompt", settings=settings)
    exported = run("export", "own-regions", settings=settings)
    report = run("report", "own-regions", "-o", "page.html", settings=settings)
    assert [done.code for done in (shown, compared, exported, report)] == [0] * 4
    assert {json.loads(line)["region"] for line in exported.out.splitlines()} == set(LABELS)
    for text in (shown.out, compared.out, Path("page.html").read_text()):
        assert all(label in text for label in LABELS)
    assert "A scripted answer from South Africa." in shown.out


def test_it_is_not_resumed_under_other_names(run: Run, stored: Done) -> None:
    assert stored.code == 0
    gone = run("run", "job.json", settings="")
    assert gone.code == 2
    assert 'unknown region "sa-east"' in gone.err
    renamed = run("run", "job.json", settings=SETTINGS.replace("ZA", "RSA").replace('"Brazil"', '"Brasil"'))
    assert renamed.code == 2
    changes = 'regions.br.place: "Brazil" \\u2192 "Brasil"; regions.south-africa.label: "ZA" \\u2192 "RSA"'
    assert f"stored with different contents: {changes}" in renamed.err


def test_a_place_that_is_not_known_is_an_error_where_the_prompt_stands(run: Run) -> None:
    done = run("run", "job.json", settings=SETTINGS.replace('place = "Brazil"', ""))
    assert done.code == 2
    assert "system_prompt: {place} has no text for BR: its place is not known" in done.err
    assert "set regions.br.place in beacon.toml" in done.err


def test_local_servers_are_started_for_them(run: Run, connection: psycopg.Connection[Any]) -> None:
    rules = "rules: [{region: za, response: 'I am in {region}, {place}.'}, {response: 'I am in {place}.'}]"
    Path("script.yaml").write_text(rules)
    Path("job.json").write_text(json.dumps({**JOB, "models": ["demo"], "repeats": 1, "questions": ["math_basic"]}))
    settings = SETTINGS + '[local.models.demo]\nscript = "script.yaml"\n'
    done = run("run", "job.json", "--local", "--json", settings=settings)
    assert done.code == 0
    assert dict(connection.execute("SELECT region, response FROM executions").fetchall()) == {
        "BR": "I am in Brazil.",
        "ZA": "I am in south-africa, South Africa.",
        "EUROPE": "I am in Europe.",
    }
