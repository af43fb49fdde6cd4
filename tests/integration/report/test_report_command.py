"""`beacon report` as a program: the file it writes, what the page says first, its JSON document, its exit codes."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from beacon_cli.comparison.options import Options
from beacon_cli.comparison.verdicts import VERDICTS
from beacon_cli.extras import how_to_install
from beacon_cli.records.find_job import find_job
from beacon_cli.report.report import write_report
from tests.support.audit_jobs import JOB, OLD_SPEC, fingerprint, seed, seed_legacy
from tests.support.in_process import PROGRAM, beacon, without_database
from tests.support.report_jobs import ReportJob, store
from tests.support.vocabulary import REGIONS, REGISTRY

Connection = psycopg.Connection[tuple[Any, ...]]
SMALL = ReportJob(questions=4, repeats=5)


def report(*arguments: str, url: str, folder: Path) -> subprocess.CompletedProcess[str]:
    with contextlib.chdir(folder):
        done = beacon("report", *arguments, url=url)
    return subprocess.CompletedProcess(arguments, done.code, done.out, done.err)


def report_anew(
    *arguments: str, url: str, folder: Path, python: tuple[str, ...] = ("-c", PROGRAM), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *python, "report", *arguments],
        env={**os.environ, "BEACON_DATABASE_URL": url, "PYTHONIOENCODING": "utf-8", **environment},
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )


def written(connection: Connection, path: Path, **options: Any) -> str:
    write_report(connection, find_job(connection, JOB, regions=REGIONS), Options(), path, models=REGISTRY, **options)
    return path.read_text(encoding="utf-8")


def test_the_file_is_written_into_the_working_folder(connection: Connection, database_url: str, tmp_path: Path) -> None:
    store(connection, SMALL)
    before = fingerprint(connection)
    done = report(JOB, url=database_url, folder=tmp_path)
    assert (done.returncode, without_database(done.stderr)) == (0, "")
    path = tmp_path / f"beacon-report-{JOB}.html"
    assert list(tmp_path.iterdir()) == [path]
    assert str(path) in done.stdout
    assert "1 different, 7 not shown" in done.stdout
    assert "incomplete: the report lists what is missing" in done.stdout
    assert fingerprint(connection) == before


def test_a_dash_is_stdout(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    done = beacon("report", JOB, "-o", "-", url=database_url)
    assert (done.code, done.out.lower().startswith("<!doctype html>"), done.out.rstrip()[-7:]) == (0, True, "</html>")
    for flag in ("--json", "--open"):
        assert beacon("report", JOB, "-o", "-", flag, url=database_url).code == 2


def test_the_page_says_at_which_look_it_is_and_how_many_repeats_each_run_planned(
    connection: Connection, tmp_path: Path
) -> None:
    store(connection, ReportJob(questions=1, repeats=3, troubles=False))
    page = written(connection, tmp_path / "page.html")
    assert "First look, at 3 repeats: results count up to p or q 0.033; the rest of 0.05 is kept for repeats to" in page
    assert '<th scope="col" class="n">Repeats</th>' in page


def test_the_json_document(connection: Connection, database_url: str, tmp_path: Path) -> None:
    store(connection, SMALL)
    done = report(JOB, "--output", "page.html", "--json", url=database_url, folder=tmp_path)
    document = json.loads(done.stdout)
    assert set(document["data"]["pooled"]) == {"p_value", "different", "results", "regions", "pairs"}
    assert document == {
        "schema_version": 1,
        "command": "report",
        "ok": True,
        "data": {
            "job_id": JOB,
            "path": str(tmp_path / "page.html"),
            "by": "region",
            "bytes": (tmp_path / "page.html").stat().st_size,
            "verdicts": {**dict.fromkeys(VERDICTS, 0), "different": 1, "not_shown": 7},
            "pooled": document["data"]["pooled"],
            "controls": [],
            "look": 1,
            "level": pytest.approx(0.04),
            "looks": [{"repeats": {JOB: 5}, "level": pytest.approx(0.04)}],
            "superseded": 0,
            "answers_shown": 120,
            "answers_left_out": 0,
        },
        "errors": [],
    }
    assert done.returncode == 0


def test_what_is_missing_is_said_before_any_verdict(connection: Connection, tmp_path: Path) -> None:
    store(connection, SMALL)
    page = written(connection, tmp_path / "page.html")
    assert "1 answer of 120 missing (1 got no answer)" in page
    assert page.index("1 answer of 120 missing") < page.index('id="verdicts"')
    assert "✗ not comparable" in page
    assert "Not comparable: repeats</strong>" in page
    assert page.index("fewer answers than planned: ") < page.index('id="verdicts"')


def test_what_makes_regions_incomparable_is_said_before_any_verdict(connection: Connection, tmp_path: Path) -> None:
    store(connection, SMALL)
    other = 'output_data || \'{"gpu": "L4"}\''
    connection.execute(
        f"UPDATE executions SET output_data = {other} WHERE region = 'EU' AND error_code IS NULL".encode()
    )
    page = written(connection, tmp_path / "page.html")
    assert "✗ not comparable" in page
    assert page.index("Not comparable: gpu differs") < page.index('id="verdicts"')
    write_report(
        connection,
        find_job(connection, JOB, regions=REGIONS),
        Options(accepted=frozenset({"gpu", "repeats"})),
        tmp_path / "page.html",
        models=REGISTRY,
    )
    page = (tmp_path / "page.html").read_text()
    assert "✓ comparable" in page
    assert "Accepted: gpu differs" in page


def test_a_clean_job_says_that_it_is(connection: Connection, tmp_path: Path) -> None:
    store(connection, ReportJob(questions=2, repeats=3, troubles=False))
    page = written(connection, tmp_path / "page.html")
    assert "✓ complete" in page
    assert "✓ comparable" in page
    assert "✓ audit passed" in page


def test_answers_beyond_the_budget_are_left_out_the_different_ones_last(connection: Connection, tmp_path: Path) -> None:
    store(connection, SMALL)
    path = tmp_path / "page.html"
    done = write_report(
        connection, find_job(connection, JOB, regions=REGIONS), Options(), path, budget=25_000, models=REGISTRY
    )
    data = done.as_data()
    assert 0 < data["answers_shown"] < 120
    assert data["answers_shown"] + data["answers_left_out"] == 120
    page = path.read_text()
    assert f"{data['answers_left_out']} of 120 executions are left out here" in page
    assert "Development has brought benefits" in page
    assert "beacon export" in page


def test_no_answer_at_all_may_fit(connection: Connection, tmp_path: Path) -> None:
    store(connection, SMALL)
    assert "No answer is shown." in written(connection, tmp_path / "page.html", budget=1)


def test_hosts_and_processes_are_not_in_it(connection: Connection, tmp_path: Path) -> None:
    store(connection, SMALL)
    page = written(connection, tmp_path / "page.html")
    assert "secret-host" not in page
    assert "c4c4c4c4" in page
    assert "1.2.0" in page


def test_one_answer_for_each_cell_is_enough_for_a_page(connection: Connection, tmp_path: Path) -> None:
    seed(connection)
    page = written(connection, tmp_path / "page.html")
    assert "one answer each" in page
    assert "4 results: each question with each model. The effect" in page
    assert "No single question could be tested." in page
    assert "not recorded for every answer" in page.lower()


def test_a_page_of_one_region_says_that_there_is_no_second_one(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    store(connection, ReportJob(questions=2, repeats=5, troubles=False))
    connection.execute("DELETE FROM executions WHERE region <> 'US'")
    connection.execute("""UPDATE jobs SET spec = replace(spec::text, '["us", "eu", "apac"]', '["us"]')::jsonb""")
    page = written(connection, tmp_path / "page.html")
    assert "× 1 region ×" in page
    assert "This cannot be tested: no question has answers in two regions." in page
    for told in ("first look", "few answers can only show large ones", "are chance"):
        assert told not in page.lower()
    assert "first look" not in beacon("compare", JOB, url=database_url).out


def test_the_page_tells_results_from_tests(connection: Connection, tmp_path: Path) -> None:
    store(connection, SMALL)
    page = written(connection, tmp_path / "page.html")
    assert "8 results: each question with each model. They took " in page
    assert re.search(r"They took \d+ tests, of texts and of outcomes; of the results that they show", page)


def test_a_job_without_executions_has_a_page_that_says_so(connection: Connection, tmp_path: Path) -> None:
    seed(connection)
    connection.execute("DELETE FROM executions")
    page = written(connection, tmp_path / "page.html")
    assert "Nothing was asked" in page
    assert "no answer" in page


def test_a_job_of_the_old_tables_has_what_they_record(legacy: Connection, tmp_path: Path) -> None:
    seed_legacy(legacy)
    page = written(legacy, tmp_path / "page.html")
    assert "What llama3.2-1b has to say in US of math_basic." in re.sub("</?(mark|ins)>", "", page)
    assert "No timeline: no execution names both its container and its times." in page
    assert "Runs are not recorded in the old system&#39;s tables." in page
    assert 'id="latency-title"' in page
    assert "<dt>Batching</dt><dd>not recorded</dd>" in page
    [prompt] = re.findall('<th scope="row">system_prompt</th>.*', page)
    assert "not recorded" in prompt


def test_a_job_of_the_old_tables_may_have_next_to_no_spec(legacy: Connection, tmp_path: Path) -> None:
    seed_legacy(legacy, {"models": OLD_SPEC["models"]})
    assert "math_basic" in written(legacy, tmp_path / "page.html")


def test_a_file_that_cannot_be_written_is_an_error_of_the_environment(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    seed(connection)
    done = report(JOB, "-o", "missing/page.html", url=database_url, folder=tmp_path)
    assert done.returncode == 3
    assert "error: cannot write missing/page.html: No such file or directory" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_job_leaves_no_file(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    done = report("bias-demo-2", url=database_url, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "did you mean bias-demo-1?" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_open_gives_the_file_to_the_browser(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    done = report_anew(JOB, "--open", "-o", "page.html", url=database_url, folder=tmp_path, BROWSER=f"{browser} %s")
    assert done.returncode == 0
    assert (tmp_path / "opened").read_text() == (tmp_path / "page.html").as_uri() + "\n"


def test_what_a_browser_writes_does_not_reach_the_document_on_stdout(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    seed(connection)
    browser = tmp_path / "browser"
    browser.write_text("#!/bin/sh\necho escape codes\n")
    browser.chmod(0o755)
    done = report_anew(JOB, "--open", "--json", url=database_url, folder=tmp_path, BROWSER=f"{browser} %s")
    assert json.loads(done.stdout)["ok"]
    assert "escape codes" in done.stderr


def test_a_text_browser_is_not_started_unasked(connection: Connection, database_url: str, tmp_path: Path) -> None:
    seed(connection)
    lynx = tmp_path / "lynx"
    lynx.write_text("#!/bin/sh\necho escape codes\n")
    lynx.chmod(0o755)
    done = report_anew(JOB, "--open", url=database_url, folder=tmp_path, PATH=str(tmp_path), TERM="xterm")
    assert done.returncode == 0
    assert "escape codes" not in done.stdout + done.stderr
    assert "no browser could be started: open the file yourself" in done.stderr


def test_without_its_extra_the_command_says_what_to_install(
    connection: Connection, database_url: str, tmp_path: Path
) -> None:
    without = (
        "import importlib.util as util; find = util.find_spec;"
        "util.find_spec = lambda name, *rest: None if name == 'jinja2' else find(name, *rest);"
        "import sys; from beacon_cli.__main__ import main; sys.exit(main())"
    )
    done = report_anew(JOB, url=database_url, folder=tmp_path, python=("-c", without))
    assert done.returncode == 3
    assert "this needs jinja2" in done.stderr
    assert f"hint: {how_to_install('report')}" in done.stderr
    assert "Traceback" not in done.stderr
