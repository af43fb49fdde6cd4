"""Job files with bytes replaced, removed and doubled: a job or one line that says where it is wrong, never more."""

# ruff: noqa: PT017 - both outcomes are right, and each has its own properties
from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon_cli.errors import JobFileError
from beacon_cli.job.load import load_job
from beacon_cli.job.questions import open_question_file
from tests.support.hostile_input import mutated
from tests.support.vocabulary import REGIONS, REGISTRY

EXAMPLES = Path(__file__).parents[3] / "examples"
SEEDS = {
    suffix: [path.read_bytes() for path in sorted(EXAMPLES.glob(f"*{suffix}"))]
    for suffix in (".yaml", ".json", ".jsonl")
}


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "questions.jsonl").write_bytes((EXAMPLES / "questions.jsonl").read_bytes())
        yield Path(name)


@pytest.mark.parametrize("suffix", [".yaml", ".json"])
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_spoilt_job_file_is_a_job_or_one_line(suffix: str, data: st.DataObject, folder: Path) -> None:
    path = folder / f"job{suffix}"
    path.write_bytes(data.draw(mutated(SEEDS[suffix])))
    try:
        job = load_job(path, known_models=REGISTRY, regions=REGIONS)
    except JobFileError as error:
        assert error.message.isprintable()
        assert error.message.startswith((f"{path}", f"{folder}"))
        assert error.hint == "" or error.hint.isprintable()
    else:
        assert json.loads(json.dumps(job.spec(), allow_nan=False)) == job.spec()
        assert job.expected > 0


@given(data=mutated(SEEDS[".jsonl"]))
@settings(max_examples=100, deadline=None)
def test_a_spoilt_question_file_is_questions_or_one_line(data: bytes, folder: Path) -> None:
    path = folder / "spoilt.jsonl"
    path.write_bytes(data)
    try:
        questions = open_question_file(path)
    except JobFileError as error:
        assert error.message.isprintable()
        assert str(path) in error.message
    else:
        assert len([question.id for question in questions]) == questions.count > 0
