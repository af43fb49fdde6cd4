"""What holds after every fault, asserted by one function: nothing is lost, doubled, leaked or left behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import psycopg

from tests.support.regions_server import Regions

CANARY = "canary-a1b2c3"
"""A part of every secret that the tests hand to `beacon`; it must never come back."""

EXIT_CODES = {0, 1, 2, 3, 4, 75, 129, 130, 141, 143}

_TABLES = ("jobs", "questions", "runs", "executions")
_ANSWERED = ("completed", "empty")


@dataclass
class Aftermath:
    """What is left after a fault.

    `answered` holds (question text, model, region label) of answers that must be stored; those that an `--events` file
    acknowledges are added to them. `killed` is set where the last process could not end itself: what it leaves behind
    is then not judged. `stdout_closed` where nobody read its answer. `regions` is the server that counted questions.
    """

    folder: Path
    database_url: str | None = None
    done: list[CompletedProcess[str]] = field(default_factory=list)
    answered: Iterable[tuple[str, str, str]] = ()
    events: Path | None = None
    killed: bool = False
    stdout_closed: bool = False
    regions: Regions | None = None


def assert_invariant(after: Aftermath) -> None:
    """Assert what holds after every fault; see docs/reference/faults.md."""
    if after.database_url is not None:
        _assert_rows(after, after.database_url)
    for done in after.done:
        _assert_ended_properly(done, stdout_closed=after.stdout_closed)
    _assert_no_secret_in_files(after.folder)
    if after.done and not after.killed:
        _assert_journals_are_named(after)
    if not after.killed:
        _assert_nothing_left(after.folder)


def acknowledged(events: Path) -> set[tuple[str, str, str, int]]:
    """Return (question id, model, region label, repeat) of every answer that an `--events` file says is stored.

    A run that was killed before it began has no such file.
    """
    if not events.exists():
        return set()
    found = set()
    for line in events.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "execution_finished" and event["status"] in _ANSWERED:
            found.add((event["question_id"], event["model_id"], event["region"], event["repeat"]))
    return found


def _assert_rows(after: Aftermath, url: str) -> None:
    with psycopg.connect(url) as connection:
        keys = connection.execute("SELECT job_id, question_id, model_id, region, repeat FROM executions").fetchall()
        assert len(keys) == len(set(keys)), "two rows for a cell"
        rows = connection.execute(
            "SELECT question_id, model_id, region, repeat, prompt FROM executions WHERE status = ANY(%s)",
            [list(_ANSWERED)],
        ).fetchall()
        texts = {(prompt, model, region) for _, model, region, _, prompt in rows}
        lost = set(after.answered) - texts
        assert not lost, f"answers that arrived and are not stored: {lost}"
        if after.events is not None:
            lost_acknowledged = acknowledged(after.events) - {row[:4] for row in rows}
            assert not lost_acknowledged, f"answers said to be stored that are not: {lost_acknowledged}"
        _assert_answers_are_where_they_belong(connection)
        if after.regions is not None:
            again = after.regions.asked_although_stored(stored_at(connection))
            assert not again, f"stored, and asked again: {again}"
        for table in _TABLES:
            found = connection.execute(f"SELECT t::text FROM {table} t WHERE t::text LIKE %s", [f"%{CANARY}%"])
            assert found.fetchone() is None, f"a secret in a row of {table}"
        if not after.killed:
            assert _advisory_locks(connection) == 0, "a lock is left"


def stored_at(connection: psycopg.Connection[Any]) -> dict[tuple[str, str, str], datetime]:
    """Return when each answer was stored, by (question text, model, region label).

    Left out are those that replaced the row of a failure, of which only that one's time is known, and repeats.
    """
    rows = connection.execute(
        "SELECT prompt, model_id, region, min(created_at) FROM executions"
        " WHERE status = ANY(%s) AND created_at >= completed_at GROUP BY 1, 2, 3 HAVING count(*) = 1",
        [list(_ANSWERED)],
    ).fetchall()
    return {(prompt, model, region): at for prompt, model, region, at in rows}


def _assert_answers_are_where_they_belong(connection: psycopg.Connection[Any]) -> None:
    """The servers of the tests answer with the question: it must be the row's own."""
    wrong = connection.execute(
        "SELECT question_id, response FROM executions WHERE starts_with(response, 'answer to ')"
        " AND NOT starts_with(response, 'answer to ' || prompt)"
    ).fetchall()
    assert not wrong, f"answers under questions that they were not given to: {wrong}"


def _assert_journals_are_named(after: Aftermath) -> None:
    folder = after.folder / "data" / "journal"
    said = "".join(f"{done.stdout}{done.stderr}" for done in after.done)
    silent = [path.name for path in folder.glob("*") if path.name not in said]
    assert not silent, f"journals without a sentence about them: {silent}"


def _advisory_locks(connection: psycopg.Connection[tuple[object, ...]]) -> int:
    """Return the locks held on this database; a connection that was closed this moment may take a little to end."""
    deadline = time.monotonic() + 300
    while True:
        row = connection.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        ).fetchone()
        assert row is not None
        if row[0] == 0 or time.monotonic() > deadline:
            return int(str(row[0]))
        time.sleep(0.1)


def _assert_ended_properly(done: CompletedProcess[str], *, stdout_closed: bool) -> None:
    assert done.returncode in EXIT_CODES, (done.returncode, done.stderr)
    for name, text in (("stdout", done.stdout or ""), ("stderr", done.stderr or "")):
        assert CANARY not in text, f"a secret on {name}: {text}"
        assert "Traceback" not in text, f"a traceback on {name}: {text}"
    if "--json" in done.args and not stdout_closed:
        document = json.loads(done.stdout)
        assert set(document) == {"schema_version", "command", "ok", "data", "errors"}
        assert document["ok"] is (done.returncode == 0), (done.returncode, document["errors"])
        assert document["ok"] or document["errors"], "not ok, and no error says why"


def _assert_no_secret_in_files(folder: Path) -> None:
    for path in folder.rglob("*"):
        if path.is_file() and "postgres" not in path.relative_to(folder).as_posix():
            assert CANARY.encode() not in path.read_bytes(), f"a secret in {path}"


def _assert_nothing_left(folder: Path) -> None:
    temporary = folder / "tmp"
    left = sorted(path.name for path in temporary.iterdir()) if temporary.is_dir() else []
    assert not left, f"temporary files left: {left}"
    for _ in range(600):
        if not (alive := _processes_of(folder)):
            return
        time.sleep(0.1)
    raise AssertionError(f"processes left: {alive}")


def _processes_of(folder: Path) -> list[str]:
    """Return the command lines of the processes that were started with this data folder."""
    mark = f"BEACON_DATA_DIR={folder / 'data'}".encode()
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit() and int(process.name) != os.getpid():
            try:
                if mark in (process / "environ").read_bytes().split(b"\0"):
                    command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                    if command and "postgres" not in command:  # a zombie has none; the server has its own end
                        found.append(command)
            except OSError:
                continue
    return found
