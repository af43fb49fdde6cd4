"""Fuzz what reads input that others wrote, guided by coverage, with atheris (pip install atheris; CPython up to 3.13).

    .venv/bin/python scripts/fuzz.py yaml -max_total_time=180 corpus/

The first argument is one of yaml, json, questions, config and answer; the rest is libFuzzer's: options, and a folder
for the inputs that reached something new. It ends with the traceback, and the input in a file, where something is
raised that must not be.
"""

# ruff: noqa: PT017 - both outcomes are right, and each has its own properties
from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["beacon_cli", "ruamel", "json", "email"]):
    from beacon_cli.config import load_settings
    from beacon_cli.errors import BeaconError, JobFileError
    from beacon_cli.executor.answer import (
        LONGEST_RETRY_AFTER_SECONDS,
        Reply,
        parse_retry_after,
        read_answer,
        status_error,
    )
    from beacon_cli.executor.execution import ERROR_CODES
    from beacon_cli.executor.failures import AttemptError
    from beacon_cli.job.lanes import Lane
    from beacon_cli.job.load import load_job
    from beacon_cli.job.question_file import open_question_file
    from beacon_cli.settings import Settings

VOCABULARY = Settings().vocabulary
LANE = Lane("llama3.2-1b", VOCABULARY.regions["us"])


def job_file(path: Path) -> None:
    try:
        job = load_job(path, regions=VOCABULARY.regions, known_models=VOCABULARY.models)
    except JobFileError as error:
        assert error.message.isprintable(), error.message
    else:
        json.dumps(job.spec(), allow_nan=False)


def questions(path: Path) -> None:
    try:
        source = open_question_file(path)
    except JobFileError:
        return
    assert sum(1 for _ in source) == source.count


def config(path: Path) -> None:
    try:
        load_settings(path)
    except BeaconError as error:
        assert error.message.isprintable(), error.message


def answer(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    status = provider.PickValueInList([200, 200, 200, 404, 429, 500, 418])
    content_type = provider.PickValueInList(["", "text/plain", "application/json"])
    retry_after = provider.ConsumeUnicode(30)
    assert 0 <= (parse_retry_after(retry_after) or 0) <= LONGEST_RETRY_AFTER_SECONDS
    reply = Reply(status, provider.ConsumeBytes(1 << 16), content_type, retry_after, vocabulary=VOCABULARY)
    try:
        found = read_answer(reply, LANE)
    except AttemptError as error:
        assert error.code in ERROR_CODES, error.code
    else:
        json.dumps([found.output, found.receipt], allow_nan=False)
    status_error(reply)


def in_a_file(name: str, judge: Callable[[Path], None]) -> Callable[[bytes], None]:
    path = Path(tempfile.mkdtemp(prefix="beacon-fuzz-")) / name

    def one(data: bytes) -> None:
        path.write_bytes(data)
        judge(path)

    return one


def main() -> None:
    targets: dict[str, Callable[[bytes], None]] = {
        "yaml": in_a_file("job.yaml", job_file),
        "json": in_a_file("job.json", job_file),
        "questions": in_a_file("questions.jsonl", questions),
        "table": in_a_file("questions.csv", questions),
        "texts": in_a_file("questions.txt", questions),
        "config": in_a_file("beacon.toml", config),
        "answer": answer,
    }
    if len(sys.argv) < 2 or sys.argv[1] not in targets:
        sys.exit(f"name one of {', '.join(targets)}\n\n{__doc__}")
    for name in [name for name in os.environ if name.startswith("BEACON_")]:
        del os.environ[name]
    target = targets[sys.argv.pop(1)]
    atheris.Setup(sys.argv, target)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
