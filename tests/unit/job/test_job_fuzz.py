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
from beacon_cli.job.question_file import open_question_file
from tests.support.hostile_input import mutated
from tests.support.vocabulary import REGIONS, REGISTRY

EXAMPLES = Path(__file__).parents[3] / "examples"
NEW_KEYS = b"""\
questions: [{id: a, text: b, tags: [control, x]}, {id: math_basic, tags: [y]}]
models: [llama3.2-1b]
regions: [US, EU]
system_prompts: {US: "In {place}.", asia: B, default: C}
generation: {top_p: 0.9, stop: ["END", x], extra: {top_k: 40, a: {b: [c]}}}
"""
QUESTIONS = {
    ".jsonl": [(EXAMPLES / "questions.jsonl").read_bytes(), b'{"id": "a", "text": "b", "tags": ["c", "d"]}\n'],
    ".csv": [b'id,text,tags,x\na,"b ""c""\nd",e f,\ng;h,"i, j","k,l",m\n', b"\xef\xbb\xbftext;id\nb;a\nc;d\n"],
    ".txt": [b"What is 2+2?\n\nWhy?\r\n# Who?\n"],
}
SEEDS = {suffix: [path.read_bytes() for path in sorted(EXAMPLES.glob(f"*{suffix}"))] for suffix in (".yaml", ".json")}
SEEDS[".yaml"].append(NEW_KEYS)


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


@pytest.mark.parametrize("suffix", QUESTIONS)
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_spoilt_question_file_is_questions_or_one_line(suffix: str, data: st.DataObject, folder: Path) -> None:
    path = folder / f"spoilt{suffix}"
    path.write_bytes(data.draw(mutated(QUESTIONS[suffix])))
    warnings: list[str] = []
    try:
        questions = open_question_file(path, warnings.append)
    except JobFileError as error:
        assert error.message.isprintable()
        assert str(path) in error.message
    else:
        assert all(warning.isprintable() for warning in warnings)
        assert len([question.id for question in questions]) == questions.count > 0
