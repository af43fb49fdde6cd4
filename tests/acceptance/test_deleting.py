"""The question of `delete` and `prune` on a terminal: yes, no, Ctrl-C."""

from __future__ import annotations

from collections.abc import Iterator

import pexpect
import pytest

from tests.acceptance.conftest import BEACON, Beacon, new_beacon

INSERT = (
    "INSERT INTO jobs (id, spec, spec_sha256, batching, status, created_at)"
    " VALUES ('{}', '{{}}', 'x', 'lane', 'failed', '2026-01-0{}')"
)


@pytest.fixture
def two_jobs() -> Iterator[Beacon]:
    with new_beacon() as beacon:
        beacon("db", "url")
        inserts = ";".join(INSERT.format(job_id, number) for number, job_id in enumerate(("one", "two"), 1))
        assert beacon("db", "psql", "-qc", inserts).returncode == 0
        yield beacon


def asked(beacon: Beacon, question: str, *arguments: str) -> pexpect.spawn[str]:
    """Start a command on a terminal, and return it once it has asked."""
    environment = {**beacon.variables(), "TERM": "dumb"}
    child = pexpect.spawn(
        str(BEACON), [*arguments], env=environment, cwd=str(beacon.folder), encoding="utf-8", timeout=300
    )
    child.expect_exact(question)
    return child


def ended(child: pexpect.spawn[str]) -> tuple[int | None, str]:
    child.expect(pexpect.EOF)
    child.close()
    return child.exitstatus, str(child.before).replace("\r\n", "\n")


def job_ids(beacon: Beacon) -> list[str]:
    _, document = beacon.json("jobs")
    return [job["id"] for job in document["data"]["jobs"]]


def test_nothing_goes_until_yes_is_said(two_jobs: Beacon) -> None:
    one = "delete 1 job? Nothing brings them back. [y/N] "
    child = asked(two_jobs, one, "delete", "two")
    assert "two  failed" in str(child.before)
    child.sendintr()
    code, said = ended(child)
    assert (code, said.splitlines()[-2:]) == (130, ["error: interrupted", "hint: nothing was changed"])
    assert job_ids(two_jobs) == ["two", "one"]

    child = asked(two_jobs, one, "delete", "two")
    child.sendline("n")
    code, said = ended(child)
    assert code == 1
    assert "nothing was changed: it was not confirmed" in said
    assert job_ids(two_jobs) == ["two", "one"]

    child = asked(two_jobs, "delete 2 jobs? Nothing brings them back. [y/N] ", "prune", "--older-than", "1d")
    child.sendline("y")
    code, said = ended(child)
    assert code == 0
    assert " ".join(said.split()).endswith(
        "deleted: 2 jobs with 0 rows (0 answers), about 0 bytes; PostgreSQL reuses the space"
    )
    assert job_ids(two_jobs) == []
