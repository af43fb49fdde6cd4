"""Addresses of pages for ids that hold any character."""

from __future__ import annotations

from urllib.parse import unquote

import pytest

from beacon_cli.dashboard.addresses import job_address, page_address


@pytest.mark.parametrize(
    "job_id", ["bias-demo-1", "a/b", "a%2Fb", ".", "..", "...", "?x=1#y", "ü \u202e", '"><script>', "a b+c", "answers"]
)
def test_a_server_and_a_browser_find_the_id_in_one_part_of_the_path(job_id: str) -> None:
    _, jobs, name, page = job_address(job_id, "answers").split("/")
    assert (jobs, page) == ("jobs", "answers")
    assert name.replace("%", "").replace("-", "").replace("_", "").isalnum()
    once = unquote(name)
    assert "/" not in once
    assert once not in (".", "..")
    assert unquote(once) == job_id


def test_ordinary_ids_stay_readable() -> None:
    assert job_address("bias-demo-1") == "/jobs/bias-demo-1"


def test_only_what_is_given_is_in_the_query() -> None:
    assert page_address("/", text="", status=None, page=2) == "/?page=2"
    assert page_address("/", text="") == "/"
    assert job_address("j", "answers", text="a&b") == "/jobs/j/answers?text=a%26b"
