"""Rows as JSON lines, CSV and Parquet: every text comes back, or as docs/reference/export.md says."""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
from typing import Any

import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beacon_cli.console.spreadsheets import spreadsheet_safe
from beacon_cli.export.columns import COLUMNS, row_of
from beacon_cli.export.documents import ascii_document, original_document
from beacon_cli.export.formats import Format, writer_to
from beacon_cli.records.stored_answer import StoredExecution
from beacon_cli.store.text import storable_json
from tests.support.stored_answers import AT, stored

anything = st.text(alphabet=st.characters(exclude_categories=()))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=6,
)


def written(chosen: Format, *executions: StoredExecution) -> bytes:
    stream = io.BytesIO()
    with writer_to(stream, chosen) as write:
        for execution in executions:
            write(row_of(execution))
    return stream.getvalue()


def read_back(chosen: Format, data: bytes) -> list[dict[str, Any]]:
    if chosen is Format.jsonl:
        return [json.loads(line) for line in data.splitlines()]
    if chosen is Format.csv:
        return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline="")))
    return list(pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist())


def response(chosen: Format, text: str) -> Any:
    [row] = read_back(chosen, written(chosen, stored(response=text)))
    return row["response"]


@given(anything)
def test_jsonl_holds_every_text_exactly_in_ascii(text: str) -> None:
    data = written(Format.jsonl, stored(response=text))
    assert data.isascii()
    assert data.count(b"\n") == 1
    assert response(Format.jsonl, text) == text


def escaped(text: str, pattern: str) -> str:
    return re.sub(pattern, lambda match: f"\\u{ord(match[0]):04x}", text)


@given(anything)
def test_csv_holds_every_text_with_nul_and_lone_surrogates_as_escapes(text: str) -> None:
    read = re.sub(r"\A'('*[=+\-@\t\r])", r"\1", response(Format.csv, text))
    assert read == escaped(text, "[\0\ud800-\udfff]")


@given(anything)
@settings(deadline=None, max_examples=50)  # the first one imports the library
def test_parquet_holds_every_text_with_lone_surrogates_as_escapes(text: str) -> None:
    assert response(Format.parquet, text) == escaped(text, "[\ud800-\udfff]")


@pytest.mark.fault(52, "answers, names and errors that begin with = + - @, a tab or a carriage return")
@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_no_cell_of_a_csv_begins_like_a_formula(start: str) -> None:
    hostile = f"{start}cmd|' /C calc'!A0"
    texts = [column.name for column in COLUMNS if column.type == "text"]
    fields = dict.fromkeys(set(texts) - {"answer_text"}, hostile)  # it is the response without a thought
    [row] = read_back(Format.csv, written(Format.csv, stored(**fields)))
    assert {row[name] for name in texts} == {f"'{hostile}"}
    assert response(Format.jsonl, hostile) == response(Format.parquet, hostile) == hostile


@pytest.mark.parametrize("text", ["", "plain", "'quoted'", "a=b", " =1", "\n=1", "–1", "''"])
def test_texts_that_are_no_formulas_are_left_alone(text: str) -> None:
    assert spreadsheet_safe(text) == text


def excel(**fields: Any) -> dict[str, str]:
    stream = io.BytesIO()
    with writer_to(stream, Format.csv, excel=True) as write:
        write(row_of(stored(**fields)))
    data = stream.getvalue()
    assert data.startswith(codecs.BOM_UTF8)
    [row] = csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    return row


def test_excel_gets_unicode_line_feeds_numbers_and_no_formula() -> None:
    row = excel(response="=1\r\nنمی\u200cتوانم\r北京\n", http_status=200, completed_at=AT.replace(second=4))
    assert row["response"] == "'=1\nنمی\u200cتوانم\n北京\n"
    assert (row["http_status"], row["seconds"]) == ("200", "-1.0")


@pytest.mark.parametrize("character", ["x", "北", "\U0001f600"])
def test_excel_gets_no_text_longer_than_its_cells(character: str) -> None:
    longest = character * (32_767 // (2 if character > "\uffff" else 1))
    assert excel(response=longest)["response"] == longest
    cut = excel(response=longest + character)["response"]
    assert cut == character * (32_766 // (2 if character > "\uffff" else 1)) + "…"


def test_numbers_below_zero_are_no_formulas() -> None:
    before = stored(completed_at=AT.replace(second=4))
    assert read_back(Format.csv, written(Format.csv, before))[0]["seconds"] == "-1.0"


@given(JSON)
def test_documents_come_back_as_the_endpoint_sent_them(value: Any) -> None:
    text = original_document(json.dumps(storable_json(value), ensure_ascii=False))
    assert json.loads(text) == value
    assert ascii_document(text).isascii()
    assert json.loads(ascii_document(text)) == value


def test_documents_keep_digits_and_depth_that_python_could_not_read() -> None:
    for document in ("9" * 5000, "[" * 5000 + "]" * 5000, '["\ue000", ' + "9" * 5000 + "]"):
        line = written(Format.jsonl, stored(output_data=document)).decode()
        assert ascii_document(document) in line


def test_documents_are_objects_in_jsonl_and_json_text_elsewhere() -> None:
    execution = stored(output_data='{"gpu": "T4", "ö": "\U0001f600"}', receipt_data=None)
    expected = {"gpu": "T4", "ö": "\U0001f600"}
    [row] = read_back(Format.jsonl, written(Format.jsonl, execution))
    assert (row["output_data"], row["receipt_data"]) == (expected, None)
    for chosen, missing in ((Format.csv, ""), (Format.parquet, None)):
        [row] = read_back(chosen, written(chosen, execution))
        assert (json.loads(row["output_data"]), row["receipt_data"]) == (expected, missing)


def test_times_are_utc_and_all_alike() -> None:
    for chosen in (Format.jsonl, Format.csv):
        [row] = read_back(chosen, written(chosen, stored()))
        assert row["started_at"] == "2026-01-02T03:04:05.000000+00:00"
        assert row["completed_at"] == "2026-01-02T03:04:05.250000+00:00"
    [row] = read_back(Format.parquet, written(Format.parquet, stored()))
    assert row["started_at"] == AT


def test_parquet_types_are_those_of_the_documentation() -> None:
    schema = pyarrow.parquet.read_schema(io.BytesIO(written(Format.parquet)))
    types = {"integer": "int64", "number": "double", "text": "string", "timestamp": "timestamp[us, tz=UTC]"}
    assert {field.name: str(field.type) for field in schema} == {
        column.name: types.get(column.type, "string") for column in COLUMNS
    }
    assert schema.metadata[b"beacon_schema_version"] == b"1"


def test_parquet_is_written_in_groups_of_rows_and_of_text() -> None:
    def groups(*executions: StoredExecution) -> int:
        return int(pyarrow.parquet.ParquetFile(io.BytesIO(written(Format.parquet, *executions))).num_row_groups)

    assert groups() == 0
    assert groups(*[stored()] * 10_001) == 2
    assert groups(*[stored(response="x" * 4_500_000)] * 3) == 2  # each is there twice: `answer_text`


@pytest.mark.parametrize("chosen", [Format.jsonl, Format.csv, Format.parquet])
def test_a_job_without_executions_is_an_empty_table(chosen: Format) -> None:
    assert read_back(chosen, written(chosen)) == []
    assert written(Format.csv).count(b"\r\n") == 1
