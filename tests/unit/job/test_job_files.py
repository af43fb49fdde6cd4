"""Which files are read, and which are refused before their meaning matters."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from beacon_cli.errors import JobFileError
from beacon_cli.job.files import read_document
from beacon_cli.job.load import load_job
from beacon_cli.job.model import Job
from tests.support.vocabulary import REGIONS, REGISTRY

Load = Callable[..., Job]
Refused = Callable[..., JobFileError]

JOB = "questions: [math_basic]\nmodels: [llama3.2-1b]\nregions: [US]\n"


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda path: None, "no such file or directory"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: os.mkfifo(path), "not a regular file"),
    ],
)
def test_what_is_no_file_is_refused_at_once(tmp_path: Path, make: Callable[[Path], None], problem: str) -> None:
    path = tmp_path / "job.yaml"
    make(path)
    with pytest.raises(JobFileError) as caught:
        load_job(path, known_models=REGISTRY, regions=REGIONS)
    assert caught.value.message == f"{path}: {problem}"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(JOB)
    path.chmod(0)
    with pytest.raises(JobFileError, match="permission denied"):
        load_job(path, known_models=REGISTRY, regions=REGIONS)


def test_a_name_that_cannot_be_a_file_is_refused() -> None:
    with pytest.raises(JobFileError, match="not a file name"):
        load_job(Path("a\0b"), known_models=REGISTRY, regions=REGIONS)


def test_a_file_that_is_too_large_is_refused_and_told_where_questions_go(refused: Refused) -> None:
    error = refused(JOB + "#" * 5_000_000)
    assert error.message == "job.yaml: larger than 5,000,000 bytes"
    assert "questions.jsonl" in error.hint


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("name: ähm\nquestions: [é]\n".encode("latin-1"), "1:7: not UTF-8 text: byte 0xe4 at offset 6"),
        (b"\xef\xbb\xbfname: \xc3\xa4\xe4", "1:8: not UTF-8 text: byte 0xe4 at offset 11"),
        ("name: a".encode("utf-16"), "1:1: not UTF-8 text: byte 0xff at offset 0"),
        (b"a: 1\nname: \xe4", "2:7: not UTF-8 text: byte 0xe4 at offset 11"),
    ],
)
def test_other_encodings_are_refused_naming_the_byte(refused: Refused, data: bytes, message: str) -> None:
    error = refused(data)
    assert error.message == f"job.yaml:{message}"
    assert "UTF-8" in error.hint


@pytest.mark.parametrize("name", ["job.yaml", "job.json"])
def test_a_byte_order_mark_and_windows_line_ends_are_fine(load: Load, name: str) -> None:
    text = '{"questions": ["math_basic"],\r\n\t"models": ["llama3.2-1b"],\r\n\t"regions": ["US"]}\r\n'
    assert load(b"\xef\xbb\xbf" + text.encode(), name).expected == 1


@pytest.mark.parametrize("name", ["job.json", "job.yaml", "job"])
def test_json_loads_under_any_name_with_tabs_and_escapes(load: Load, name: str) -> None:
    text = (
        '{\n\t"name": "\\ud83d\\ude00\\/\\u00e4\\u007f",\n\t"questions": ["math_basic"],\n'
        '\t"models": ["llama3.2-1b"], "regions": ["US"]\n}'
    )
    assert load(text, name).name == "😀/ä\x7f"


def test_an_alias_bomb_is_refused_in_bounded_memory(refused: Refused) -> None:
    rows = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    rows += [f"a{i}: &a{i} [{','.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 9)]
    tracemalloc.start()
    try:
        error = refused("\n".join(rows))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert error.message == "job.yaml:6:14: a5[1]: more than 200,000 values, with every alias written out"
    assert peak < 10_000_000


@pytest.mark.parametrize(
    "text",
    ["a: " + "[" * 5000, "a: " + "{a: " * 5000, "".join(" " * i + "a:\n" for i in range(5000))[:4_900_000]],
    ids=["lists", "mappings", "blocks"],
)
def test_deep_nesting_is_refused(refused: Refused, text: str) -> None:
    assert "nested more than 64 deep" in refused(text).message


def test_aliases_cannot_nest_deeper_than_the_text_may(refused: Refused) -> None:
    rows = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 100)]
    assert "nested more than 64 deep" in refused("\n".join(rows)).message


def test_an_alias_that_holds_itself_is_refused(refused: Refused) -> None:
    assert refused("a: &a [*a]").message == "job.yaml:1:8: a[0]: the alias *a refers to no anchor before it"


def test_aliases_stand_for_what_they_name(load: Load) -> None:
    job = load(
        "questions: [math_basic]\nmetadata: {where: &w [US, ap]}\n"
        "models: [{id: llama3.2-1b, regions: *w}, {id: qwen2.5-1.5b, regions: *w}]\n"
    )
    assert [lane.region.label for lane in job.lanes()] == ["US", "ASIA", "US", "ASIA"]


def test_an_error_in_an_alias_names_where_the_value_is_written(refused: Refused) -> None:
    error = refused(
        "metadata: {where: &w [US, XX]}\nquestions: [math_basic]\nmodels: [{id: llama3.2-1b, regions: *w}]\n"
    )
    assert error.message == 'job.yaml:1:27: metadata.where[1]: unknown region "XX"'


def test_scalars_mean_what_yaml_1_2_says(load: Load) -> None:
    texts = ["no", "on", "y", "12:30:45", "2024-01-01", "1_000", "0b11", "tRUE", "=", "<<"]
    values = {
        **{text: text for text in texts},
        "'010'": "010",
        "!!str 12": "12",
        "! 12": "12",
        "''": "",
        "010": 10,
        "0o10": 8,
        "0x1F": 31,
        "+12": 12,
        "1e3": 1000.0,
        ".5": 0.5,
        "1.": 1.0,
        **dict(zip(("True", "FALSE", "~", "Null"), (True, False, None, None), strict=True)),
    }
    metadata = "".join(f"  - {written}\n" for written in values)
    assert load(f"{JOB}metadata:\n  values:\n{metadata}").metadata == {"values": list(values.values())}


def test_long_keys_do_not_multiply_in_memory(refused: Refused) -> None:
    tracemalloc.start()
    try:
        error = refused(f"{'k' * 100_000}: [{'x, ' * 10_000}]\n")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(error.message) < 200
    assert peak < 50_000_000


def test_a_file_that_is_mistyped_is_told_with_what_may_be_meant(tmp_path: Path) -> None:
    (tmp_path / "quickstart.yaml").write_text("")
    with pytest.raises(JobFileError) as caught:
        read_document(tmp_path / "quickstat.yaml")
    assert caught.value.hint.startswith(f"did you mean {tmp_path / 'quickstart.yaml'}? give the path")
    with pytest.raises(JobFileError) as caught:
        read_document(Path("help"))
    assert caught.value.hint.startswith("beacon help COMMAND explains a command; else give the path")
