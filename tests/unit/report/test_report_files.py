"""What a report's file is called, and that it is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.errors import EnvironmentFault
from beacon_cli.report.files import default_name, replacing


def test_a_plain_id_stands_in_the_name_as_it_is() -> None:
    assert default_name("bias-demo_1.2") == "beacon-report-bias-demo_1.2.html"


def test_ids_that_look_alike_once_they_are_safe_have_names_of_their_own() -> None:
    assert default_name("a/b") != default_name("a:b") != default_name("a-b")
    assert default_name("a/b").startswith("beacon-report-a-b-")


@given(st.text(max_size=200))
def test_any_id_makes_a_name_for_a_file_in_the_working_folder(job_id: str) -> None:
    name = default_name(job_id)
    assert Path(name).name == name
    assert name.isascii()
    assert name.isprintable()
    assert len(name) < 120
    assert not name.startswith(".")


def test_the_file_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with replacing(path) as file:
        file.write("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_on_the_way_leaves_what_was_there_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as file:
        print("new", 1 / 0, file=file)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_keeps_pointing_where_it_did(tmp_path: Path) -> None:
    link, target = tmp_path / "link.html", tmp_path / "target.html"
    target.write_text("old")
    link.symlink_to(target)
    with replacing(link) as file:
        file.write("new")
    assert link.is_symlink()
    assert target.read_text() == "new"


@pytest.mark.parametrize("path", ["missing/report.html", ".", "x" * 300])
def test_a_path_that_cannot_be_written_is_named(path: str, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot write") as told, replacing(tmp_path / path):
        pass
    assert "--output" in told.value.hint
