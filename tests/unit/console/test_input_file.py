"""Files that commands read: stdin in their place, and names that may be meant."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path

import pytest

from beacon_cli.comparison.labels import read_labels
from beacon_cli.comparison.options import chosen_options
from beacon_cli.comparison.refusal import rule_of_file
from beacon_cli.console.input_file import STDIN, meant_file, opened_input
from beacon_cli.errors import UsageError
from beacon_cli.job.load import load_job
from beacon_cli.job.old_prompt import read_old_prompt
from tests.support.vocabulary import REGIONS, REGISTRY

MISSING = FileNotFoundError(errno.ENOENT, "No such file or directory")


def from_stdin(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def test_labels_are_read_from_stdin_which_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    from_stdin(monkeypatch, "\ufeffid;question;answer;label\r\na;q;x;refusal\r\n".encode())
    assert read_labels(STDIN) == {"a": "refusal"}
    assert not sys.stdin.closed


def test_a_rule_is_read_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    from_stdin(monkeypatch, b"no comment\n")
    rule = rule_of_file(STDIN)
    assert (rule.source, rule.hit("No comment.")) == ("<stdin>", "No comment")


def test_a_system_prompt_is_read_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    from_stdin(monkeypatch, b"You are in {place}.\n")
    assert read_old_prompt(STDIN) == "You are in {place}."


def test_a_file_named_like_stdin_is_read_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("-").write_bytes(b"mine")
    with opened_input(tmp_path / "-", "nothing") as stream:
        assert stream.read() == b"mine"


def test_stdin_stands_for_one_file_only() -> None:
    with pytest.raises(UsageError, match="read only once"):
        chosen_options(None, None, None, (), STDIN, labels=STDIN)
    with pytest.raises(UsageError, match="read only once"):
        load_job(STDIN, regions=REGIONS, known_models=REGISTRY, old_prompt=STDIN)


def test_a_name_that_is_alike_is_suggested(tmp_path: Path) -> None:
    for name in ("labels.csv", "job.yaml", "notes.txt"):
        (tmp_path / name).touch()
    assert meant_file(tmp_path / "lables.csv", MISSING) == f"did you mean {tmp_path / 'labels.csv'}? "
    assert meant_file(tmp_path / "lables.csv", MISSING, suffixes=(".yaml",)) == ""
    assert meant_file(tmp_path / "answers", MISSING) == ""
    assert meant_file(tmp_path / "nowhere" / "labels.csv", MISSING) == ""
    assert meant_file(tmp_path / "lables.csv", PermissionError(errno.EACCES, "Permission denied")) == ""
