"""Errors that nobody explained: what is told of the system's, and what is called a fault of Beacon."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from beacon_cli.faults import explained

FAULT_OF_OURS = "this is a fault of beacon"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FileNotFoundError(errno.ENOENT, "x", "/a/b"), "the system reported an error: /a/b: No such file or directory"),
        (PermissionError(errno.EACCES, "x", b"/a/\xff"), "the system reported an error: /a/\udcff: Permission denied"),
        (IsADirectoryError(errno.EISDIR, "x", "/a"), "the system reported an error: /a: Is a directory"),
        (OSError(errno.ENAMETOOLONG, "x", "/a"), "the system reported an error: /a: File name too long"),
        (OSError(errno.EMFILE, "x"), "the system reported an error: Too many open files"),
        (OSError("without a number"), "the system reported an error: without a number"),
        (TimeoutError(), "the system reported an error: TimeoutError"),
        (MemoryError(), "there is not enough memory"),
        (
            ModuleNotFoundError("No module named 'rich'", name="rich"),
            "a library cannot be loaded: No module named 'rich'",
        ),
        (ImportError("no wrapper.\nAttempts:\n- one"), "a library cannot be loaded: no wrapper."),
    ],
)
def test_what_users_and_systems_cause_is_exit_3_and_no_fault_of_ours(error: Exception, message: str) -> None:
    told = explained(error)
    assert (told.message, told.exit_code, told.code) == (message, 3, "environment")
    assert told.hint
    assert FAULT_OF_OURS not in told.hint
    assert told.__cause__ is error


def test_a_name_that_the_locale_cannot_write_names_the_way_out() -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        "ünï".encode("ascii")
    told = explained(caught.value)
    assert told.message == r"a name or text cannot be written in ascii: '\xfcn\xef'"
    assert "PYTHONUTF8=1" in told.hint


def test_a_working_folder_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(FileNotFoundError) as caught:
        os.path.realpath(os.curdir, strict=True)
    assert explained(OSError(caught.value.errno, "x")).message == "the working folder no longer exists"


@pytest.mark.parametrize(
    "error", [KeyError("x"), TypeError("x"), ImportError("cannot import name 'x'", name="beacon_cli.main")]
)
def test_anything_else_is_a_fault_of_ours(error: Exception) -> None:
    told = explained(error)
    assert told.code == "internal"
    assert FAULT_OF_OURS in told.hint
