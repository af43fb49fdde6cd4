"""Questions in a file of JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beacon_cli.errors import JobFileError
from beacon_cli.job import question_file
from beacon_cli.job.lanes import Question
from beacon_cli.job.question_file import open_question_file


def write(folder: Path, data: str | bytes) -> Path:
    path = folder / "q.jsonl"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def test_a_file_can_be_read_again_and_again(tmp_path: Path) -> None:
    source = open_question_file(write(tmp_path, '{"id": "a", "text": "1"}\n{"text": "2", "id": "b"}'))
    assert source.count == 2
    assert list(source) == list(source) == [Question("a", "1"), Question("b", "2")]


def test_a_line_may_have_tags(tmp_path: Path) -> None:
    source = open_question_file(write(tmp_path, '{"id": "a", "text": "1", "tags": ["control", "x-1"]}\n'))
    assert list(source) == [Question("a", "1", ("control", "x-1"))]


@pytest.mark.parametrize("tags", ["[]", "null"])
def test_no_tags_may_be_written_down(tmp_path: Path, tags: str) -> None:
    source = open_question_file(write(tmp_path, f'\u00a0\n{{"id": "a", "text": "1", "tags": {tags}}}\n'))
    assert list(source) == [Question("a", "1")]


def test_blank_lines_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    path = write(
        tmp_path, b'\xef\xbb\xbf{"id": "a", "text": "1"}\r\n\r\n  \n{"id": "b", "text": "\xc2\x85\xe2\x80\xa8"}\n'
    )
    with pytest.raises(JobFileError, match=r"q.jsonl:4:21: text: a question's text must not be empty"):
        open_question_file(path)
    path.write_bytes(path.read_bytes().replace(b"\xc2\x85", b"x\xc2\x85"))
    assert [question.text for question in open_question_file(path)] == ["1", "x\x85\u2028"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x", "2:1: not valid JSON: expecting value"),
        ('{"id": "a"', '2:11: not valid JSON: "," or "}" is expected'),
        ('["a", "b"]', "2:1: each line must be a JSON object"),
        ('{"id": "b"}', "2:1: text: missing"),
        ('{"text": "b"}', "2:1: id: missing"),
        ('{"id": 1, "text": "b"}', "2:8: id: must be text in double quotes"),
        ('{"id": "b", "text": ["b"]}', "2:21: text: must be text in double quotes"),
        ('{"id": "b", "text": "c", "x": 1}', "2:26: x: unknown key: a question has id and text, and may have tags"),
        ('{"id": "b", "id": "c", "text": "d"}', "2:13: id: the key is written twice, first on line 2, column 2"),
        ('{"id": "b", "text": " "}', "2:21: text: a question's text must not be empty"),
        ('{"id": "", "text": "b"}', "2:8: id: a question's id must not be empty"),
        ('{"id": "b\\u001b", "text": "b"}', "2:8: id: a question's id must contain only printable characters"),
        (
            '{"id": "%s", "text": "b"}' % ("b" * 256),
            "2:8: id: a question's id must have at most 255 characters, not 256",
        ),
        ('{"id": "b", "text": "\\u0000"}', "2:21: text: the text holds a NUL character"),
        ('{"id": "b", "text": "\\ud800"}', "2:21: text: the text holds half of a surrogate pair"),
        ("[" * 100_000, "2:66: lists and mappings are nested more than 64 deep"),
        ('{"id": "b", "text": "c", "tags": "x"}', "2:34: tags: must be a list of texts"),
        ('{"id": "b", "text": "c", "tags": ["x", 1]}', "2:34: tags: must be a list of texts"),
        ('{"id": "b", "text": "c", "tags": ["x", "x"]}', '2:34: tags: the tag "x" is repeated'),
        ('{"id": "b", "text": "c", "tags": ["a b"]}', "2:34: tags: a tag must be printable, without white space"),
        (b'{"id": "b\xe4", "text": "b"}', "2:10: not UTF-8 text: byte 0xe4 at offset 34"),
        ('{"id": "a", "text": "b"}', '2:1: id: the id "a" is already used on line 1'),
        ('{"id": "b", "text": "%s"}' % ("x" * 1_000_000), "2:1: the line is longer than 1,000,000 bytes"),
    ],
)
def test_a_bad_line_is_named_with_its_place(tmp_path: Path, line: str | bytes, message: str) -> None:
    data = b'{"id": "a", "text": "b"}\n' + (line.encode() if isinstance(line, str) else line)
    path = write(tmp_path, data)
    with pytest.raises(JobFileError) as caught:
        open_question_file(path)
    assert caught.value.message.startswith(f"{path}:{message}")
    assert caught.value.hint


@pytest.mark.parametrize("data", ["", "\n \n"])
def test_a_file_without_questions_is_refused(tmp_path: Path, data: str) -> None:
    with pytest.raises(JobFileError, match=r":1:1: the file contains no questions"):
        open_question_file(write(tmp_path, data))


def test_ids_whose_hashes_collide_are_no_repeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(question_file, "hash", lambda text: 0, raising=False)
    lines = [json.dumps({"id": f"q{number}", "text": "?"}) for number in range(5)]
    assert open_question_file(write(tmp_path, "\n".join(lines))).count == 5
    with pytest.raises(JobFileError, match="already used on line 3"):
        open_question_file(write(tmp_path, "\n".join([*lines, lines[2]])))


def test_a_file_that_changes_under_a_job_stops_it(tmp_path: Path) -> None:
    path = write(tmp_path, '{"id": "a", "text": "1"}')
    source = open_question_file(path)
    path.write_text('{"id": "a", "text": "22"}')
    with pytest.raises(JobFileError, match="was changed while the job was using it"):
        list(source)
    path.unlink()
    with pytest.raises(JobFileError, match="no such file"):
        list(source)
