"""A value that is mistyped: the error says in plain words what is wrong, and what was probably meant."""

from __future__ import annotations

import pytest

from tests.support.in_process import beacon


@pytest.mark.parametrize(
    ("arguments", "said", "hint"),
    [
        ("jobs --status runing", "unknown status 'runing'", "did you mean running?"),
        ("jobs --limit x", "invalid value for '--limit': must be a whole number", "beacon jobs --help lists"),
        ("jobs --limit 0", "invalid value for '--limit': must be at least 1", "beacon jobs --help lists"),
        ("compare one --measure lex", "--measure: unknown 'lex'", "did you mean lexical?"),
        ("compare one --accept cach", "--accept: unknown 'cach'", "did you mean cache?"),
        ("export one --format cvs", "'cvs' is not one of 'jsonl', 'csv', 'parquet'", "did you mean csv?"),
        ("plan job.yaml --power 2", "invalid value for '--power': must be at most 0.99", "beacon plan --help lists"),
        ("run job.yaml --events -", "- stands for stdout, which carries the result", "name a file"),
        ("label one -o -", "- stands for stdout, which carries the result", "name a file"),
    ],
)
def test_the_error_says_what_is_wrong_and_what_was_meant(
    arguments: str, said: str, hint: str, database_url: str
) -> None:
    done = beacon(*arguments.split(), url=database_url)
    error, do = done.err.splitlines()
    assert (done.code, done.out) == (2, "")
    assert said in error
    assert do.startswith(f"hint: {hint}")
