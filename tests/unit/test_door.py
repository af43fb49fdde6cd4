"""What comes from outside is bounded, decoded, read, and freed of credentials, in this order."""

from __future__ import annotations

import json
import time
import tracemalloc

import pytest

from beacon_cli.console.redaction import Redactor
from beacon_cli.door import LONGEST_NAME, MAX_BODY_BYTES, MAX_DEPTH, MAX_VALUES, Door, TooDeep, TooMuch, Unreadable

SECRET = "ws-canary-a1b2c3-secret"
DOOR = Door(Redactor({SECRET: "***"}))


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_a_document_is_read_and_cleaned_in_whichever_encoding_it_comes(encoding: str) -> None:
    body = json.dumps({"a": [SECRET], SECRET: "größer"}, ensure_ascii=False).encode(encoding)
    assert DOOR.document(body) == {"a": ["***"], "***": "größer"}
    assert DOOR.excerpt(body) == '{"a": ["***"], "***": "größer"}'


def test_a_secret_at_the_end_of_an_excerpt_is_found_before_it_is_cut() -> None:
    said = DOOR.excerpt(b"x" * (LONGEST_NAME - 10) + SECRET.encode())
    assert said == "x" * (LONGEST_NAME - 10) + "***"


@pytest.mark.fault(78, "bodies of 8 MB that are nothing but values")
@pytest.mark.parametrize(
    "body", [b"[" + b"[]," * (MAX_BODY_BYTES // 3) + b"1]", b"[" + b"1," * (MAX_VALUES + 1) + b"1]"]
)
def test_what_holds_too_many_values_is_refused_before_they_are_made(body: bytes) -> None:
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(TooMuch, match="more than 100,000 values"):
        DOOR.document(body)
    assert tracemalloc.get_traced_memory()[1] < 4 * MAX_BODY_BYTES
    assert time.process_time() - began < 5
    tracemalloc.stop()


def test_commas_and_brackets_in_a_text_are_no_values() -> None:
    text = '[1,2],{"a":3},' * MAX_VALUES
    assert DOOR.document(json.dumps({"response": text}).encode()) == {"response": text}


def test_what_is_nested_too_deep_is_refused() -> None:
    assert DOOR.document(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    with pytest.raises(TooDeep):
        DOOR.document(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1))


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"[1e999]", b"\xff\xfe", b"\xff", b"9" * 5000, b"\x00\x00\x00"])
def test_what_is_no_json_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        DOOR.document(body)


def test_a_name_is_a_text_of_bounded_length() -> None:
    assert DOOR.name(7) is None
    assert DOOR.name(f"c {SECRET}\n") == "c ***\n"
    assert DOOR.name("x" * 5000) == "x" * (LONGEST_NAME - 1) + "…"
