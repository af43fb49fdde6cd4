"""On a terminal, `@last` and the beginning of an id stand for a job, where jobs are only read."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pexpect
import pytest

from tests.acceptance.conftest import Beacon, new_beacon

JOBS = ("demo", "demo-1", "demo-2", "other")
INSERT = (
    "INSERT INTO jobs (id, spec, spec_sha256, batching, status, created_at)"
    " VALUES ('{}', '{{}}', 'x', 'lane', 'failed', '2026-01-0{}')"
)


@pytest.fixture(scope="module")
def four_jobs() -> Iterator[Beacon]:
    """Four jobs, each newer than the one before, with a server that is there already."""
    with new_beacon() as beacon:
        beacon("db", "url")
        inserts = ";".join(INSERT.format(job_id, number) for number, job_id in enumerate(JOBS, 1))
        assert beacon("db", "psql", "-qc", inserts).returncode == 0
        yield beacon


def on_terminal(beacon: Beacon, line: str) -> tuple[int, str]:
    """Run a command line of the shell on a terminal; return its exit code and all that came, without styles."""
    shown, code = pexpect.run(
        f"/bin/sh -c '{line}'",
        env={**beacon.variables(), "TERM": "dumb"},
        cwd=str(beacon.folder),
        withexitstatus=True,
        timeout=300,
    )
    return code, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode()).replace("\r\n", "\n")


def test_the_job_that_is_chosen_is_said(four_jobs: Beacon) -> None:
    """More of it is tested in `tests/integration/records/test_chosen_job.py`."""
    code, shown = on_terminal(four_jobs, "beacon show @last")
    assert (code, shown) == (0, "job other\nno answers are stored yet\n")


@pytest.mark.parametrize("line", ["beacon show @last | cat", "beacon show @last < /dev/null"])
def test_nothing_is_guessed_for_a_script(four_jobs: Beacon, line: str) -> None:
    _, shown = on_terminal(four_jobs, f"{line}; true")
    assert "no job '@last'" in shown
    assert "did you mean other?" in shown or "the newest are other" in shown


def test_nothing_is_guessed_where_a_job_is_run(four_jobs: Beacon) -> None:
    job = four_jobs.write("job.yaml", "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\n")
    code, shown = on_terminal(four_jobs, f"beacon run {job} --local --dry-run --job-id @last")
    assert code == 2
    assert "is not a job id" in shown


def test_a_page_of_the_documentation_opens_in_the_pager_of_a_terminal(four_jobs: Beacon) -> None:
    _, shown = on_terminal(four_jobs, 'PAGER="sed s/^/paged:/" beacon docs batching')
    assert re.search(r"^paged: +Batching$", shown, re.MULTILINE)
    assert all(line.startswith("paged:") and len(line) <= len("paged:") + 80 for line in shown.splitlines())
    _, shown = on_terminal(four_jobs, 'PAGER="sed s/^/paged:/" beacon docs batching | cat')
    assert shown.startswith("# Batching\n")


def test_a_page_is_shown_for_reading_where_there_is_no_pager(four_jobs: Beacon) -> None:
    code, shown = on_terminal(four_jobs, "PAGER=nonexistent beacon docs batching")
    assert (code, "Batching" in shown, "](" in shown, "nonexistent" in shown) == (0, True, False, False)
