"""Which format is written where, and files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from beacon_cli.console.output_file import opened
from beacon_cli.errors import EnvironmentFault, UsageError
from beacon_cli.export.formats import Format, chosen_format
from beacon_cli.signals import Interrupted


@pytest.mark.parametrize(
    ("named", "output", "expected"),
    [
        *((None, None, "jsonl"), (Format.csv, None, "csv"), (None, "a.csv", "csv"), (None, "A.PARQUET", "parquet")),
        *((None, "a.ndjson", "jsonl"), (None, "answers", "jsonl"), (Format.csv, "a.parquet", "csv")),
    ],
)
def test_the_format_is_named_or_told_by_the_ending(named: Format | None, output: str | None, expected: str) -> None:
    assert chosen_format(named, Path(output) if output else None) == expected


@pytest.mark.parametrize(
    ("named", "output", "as_json", "said"),
    [(Format.parquet, None, False, "-o FILE"), (None, None, True, "-o FILE"), (None, "a.xlsx", False, "--format")],
)
def test_what_cannot_be_written_names_the_flag(
    named: Format | None, output: str | None, as_json: bool, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        chosen_format(named, Path(output) if output else None, as_json=as_json)
    assert said in caught.value.hint


def test_excel_is_csv_whatever_the_file_is_called_unless_it_says_otherwise() -> None:
    for name in (None, "answers", "a.csv", "a.txt"):
        assert chosen_format(None, Path(name) if name else None, excel=True) is Format.csv
    assert chosen_format(Format.csv, None, excel=True) is Format.csv
    for name in ("a.xlsx", "a.parquet", "a.jsonl"):
        with pytest.raises(UsageError, match="--excel writes CSV") as caught:
            chosen_format(None, Path(name), excel=True)
        assert ".csv" in caught.value.hint
    with pytest.raises(UsageError, match="not jsonl"):
        chosen_format(Format.jsonl, None, excel=True)


def test_a_file_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("old")
    with opened(path) as stream:
        stream.write(b"new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [each.name for each in tmp_path.iterdir()] == ["answers.csv"]


@pytest.mark.parametrize("error", [ValueError("x"), Interrupted(2), OSError(28, "No space left on device")])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "answers.csv"
    path.write_text("old")
    expected = EnvironmentFault if isinstance(error, OSError) else type(error)

    def fail() -> None:
        with opened(path) as stream:
            stream.write(b"new")
            raise error

    with pytest.raises(expected):
        fail()
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == {"answers.csv": "old"}


def test_a_link_stays_one_and_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "real.csv")
    umask = os.umask(0o022)
    try:
        with opened(link) as stream:
            stream.write(b"new")
    finally:
        os.umask(umask)
    assert link.is_symlink()
    assert (tmp_path / "real.csv").read_text() == "new"
    assert (tmp_path / "real.csv").stat().st_mode & 0o777 == 0o644


def test_a_device_is_written_to_and_stays_one() -> None:
    with opened(Path("/dev/null")) as stream:
        stream.write(b"new")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("output", ["", "missing/a.csv"])
def test_a_path_that_cannot_be_written_is_said(tmp_path: Path, output: str) -> None:
    with pytest.raises(EnvironmentFault, match="cannot write"), opened(tmp_path / output):
        pass
