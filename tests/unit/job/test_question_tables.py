"""Questions in a table (.csv) and as plain text (.txt)."""

from __future__ import annotations

from pathlib import Path

import pytest

from beacon_cli.errors import JobFileError
from beacon_cli.job.lanes import Question
from beacon_cli.job.question_file import open_question_file

QUESTIONS = [Question("capital", "What is the capital of France?", ("control", "easy")), Question("b", "Why, then?")]


def write(folder: Path, data: str | bytes, name: str = "q.csv") -> Path:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


@pytest.mark.parametrize(
    "data",
    [
        'id,text,tags\ncapital,What is the capital of France?,control easy\nb,"Why, then?",\n',
        'id;text;tags\r\ncapital;What is the capital of France?;"control,easy"\r\nb;Why, then?;\r\n',
        "id\ttext\ttags\ncapital\tWhat is the capital of France?\tcontrol, easy\nb\tWhy, then?\t",
        '\ufeffTags, ID ,"Text"\ncontrol easy, capital, What is the capital of France?\n\n,,\n,b, "Why, then?"\n',
    ],
)
def test_a_table_is_read_with_the_delimiter_of_its_header(tmp_path: Path, data: str) -> None:
    warnings: list[str] = []
    source = open_question_file(write(tmp_path, data), warnings.append)
    assert list(source) == list(source) == QUESTIONS
    assert (source.count, warnings) == (2, [])


def test_line_breaks_and_quotation_marks_stand_in_quotes(tmp_path: Path) -> None:
    path = write(tmp_path, 'id,text\na,"Say ""yes""\r\nor\nno"\nb,\n')
    with pytest.raises(JobFileError) as caught:
        open_question_file(path)
    assert caught.value.message == f"{path}:5:1: text: a question's text must not be empty"
    path.write_text(path.read_text() + "c,x\n")
    path.write_text('id,text\na,"Say ""yes""\nor no"\n')
    assert [question.text for question in open_question_file(path)] == ['Say "yes"\nor no']


def test_other_columns_are_named_in_one_warning(tmp_path: Path) -> None:
    warnings: list[str] = []
    path = write(tmp_path, "id,text,Author,note\x1b[1m\na,x,me,\nb,y,you,\n")
    source = open_question_file(path, warnings.append)
    assert list(source) == [Question("a", "x"), Question("b", "y")]
    assert warnings == [f'{path}: not used: "author", "note\\x1b[1m"; a question has the columns id, text, tags']


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("", ":1:1: the first line must name the columns id and text, and it has nothing"),
        ("a,What is it?\n", ':1:1: the first line must name the columns id and text, and it has "a", "what is it?"'),
        ("id,txt\n", ":1:1: the first line must name the columns id and text"),
        ("id,text,id\n", ":1:1: the column id is there twice"),
        ("id,text,x;id;text;\n", ":1:1: the header can be read by comma and by semicolon"),
        ("\nid,text\n", ":1:1: the file contains no questions"),
        ("id,text\na,What is a, or b?\n", ":2:1: the row has 3 fields, and the header 2"),
        ("id,text,tags\na,x\n", ":2:1: the row has 2 fields, and the header 3"),
        ("id,text\n,x\n", ":2:1: id: a question's id must not be empty"),
        ("id,text\na,x\n\na,y\n", ':4:1: id: the id "a" is already used on line 2'),
        ("id,text,tags\na,x,b b\n", ':2:1: tags: the tag "b" is repeated'),
        (f"id,text,tags\na,x,{'t' * 65}\n", ":2:1: tags: a tag must have at most 64 characters, not 65"),
        ('id,text\na,x\nb,"never\nclosed\n', ":3:1: a field begins with a quotation mark that is never closed"),
        ('id,text\nb,"no" more\n', ":2:1: not valid CSV: ',' expected after '\"'"),
        ('id,text\nb,"' + "long\n" * 30_000, ":2:1: a field is too long: a quotation mark before it may not be closed"),
        ("id,text\ra,x\rb,y\r", ":1:1: the line holds a carriage return that ends no line"),
        ("id,text\na,x\ry\n", ":2:1: a carriage return stands in the middle of a line"),
        ("id,text\na,x\0\n", ":2:1: the text holds a NUL character"),
        (b"id,text\na,\xe4\n", ":2:3: not UTF-8 text: byte 0xe4 at offset 10"),
        ("id,text\na," + "x" * 1_000_000, ":2:1: the line is longer than 1,000,000 bytes"),
        (f"id,text\na,{'x' * 32_001}\n", ":2:1: text: a question's text must not be longer than 32000 characters"),
    ],
)
def test_a_table_that_cannot_be_used_is_named_with_its_line(tmp_path: Path, data: str | bytes, message: str) -> None:
    path = write(tmp_path, data)
    with pytest.raises(JobFileError) as caught:
        open_question_file(path)
    assert caught.value.message.startswith(f"{path}{message}")
    assert caught.value.message.isprintable()
    assert caught.value.hint


def test_each_line_of_a_text_file_is_a_question(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffWhat is 2+2?\r\n\n  \n\u00a0\n# not a comment, \"{'\n Why? \n", "q.TXT")
    assert list(open_question_file(path)) == [
        Question("q1", "What is 2+2?"),
        Question("q2", "# not a comment, \"{'"),
        Question("q3", " Why? "),
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("\n", ":1:1: the file contains no questions"),
        ("a\n\nb\0\n", ":3:1: the text holds a NUL character"),
        (b"a\n\xff\n", ":2:1: not UTF-8 text: byte 0xff at offset 2"),
        ("Why?\rHow?\r", ":1:1: the line holds a carriage return that ends no line"),
        ("x" * 32_001, ":1:1: a question's text must not be longer than 32000 characters"),
        ('{"id": "a", "text": "b"}\n', ":1:1: the lines are JSON, and in a .txt file they would be asked"),
    ],
)
def test_a_text_file_that_cannot_be_used_is_named_with_its_line(
    tmp_path: Path, data: str | bytes, message: str
) -> None:
    path = write(tmp_path, data, "q.txt")
    with pytest.raises(JobFileError) as caught:
        open_question_file(path)
    assert caught.value.message.startswith(f"{path}{message}")
    assert caught.value.hint


def test_the_same_questions_have_the_same_digest_in_every_form(tmp_path: Path) -> None:
    table = open_question_file(write(tmp_path, "text,id\nWhy?,q1\nHow?,q2\n"))
    texts = open_question_file(write(tmp_path, "Why?\nHow?", "q.txt"))
    lines = open_question_file(write(tmp_path, '{"id":"q1","text":"Why?"}\n{"id":"q2","text":"How?"}\n', "q.jsonl"))
    assert table.sha256 == texts.sha256 == lines.sha256
