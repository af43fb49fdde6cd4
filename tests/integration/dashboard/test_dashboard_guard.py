"""Who gets an answer from the dashboard, and what the browser may do with it."""

from __future__ import annotations

import re

import pytest

from tests.support.dashboard_client import ADDRESS, PORT, looking, stranger


def test_the_token_is_exchanged_for_a_cookie_that_scripts_and_other_sites_do_not_get(database_url: str) -> None:
    client, site = stranger(database_url)
    admitted = client.get("/jobs/a%20b", params={"token": site.token, "x": "1"})
    assert admitted.status_code == 200
    assert admitted.headers["refresh"] == "0; url=/jobs/a%20b?x=1"
    assert site.token not in admitted.text + admitted.headers["set-cookie"]
    assert re.fullmatch(rf"beacon-{PORT}=\S{{43}}; HttpOnly; Path=/; SameSite=strict", admitted.headers["set-cookie"])
    assert client.get("/").status_code == 200


@pytest.mark.parametrize("query", ["", "?token=", "?token=wrong", "?token=%ff"])
def test_without_the_token_nothing_is_shown(database_url: str, query: str) -> None:
    client, _ = stranger(database_url)
    refused = client.get(f"/{query}", headers={"Cookie": f"beacon-{PORT}=wrong"})
    assert (refused.status_code, refused.text) == (403, "open the address that `beacon dashboard` printed\n")
    assert "set-cookie" not in refused.headers


@pytest.mark.parametrize("foreign", ['prefs={"a": 1}', "a/b=1", "nothing", 'quoted="a', "=; ;"])
def test_cookies_of_other_programs_on_this_machine_lock_nobody_out(database_url: str, foreign: str) -> None:
    client, site = stranger(database_url)
    cookie = f"{foreign}; beacon-{PORT}={site.session}"
    assert client.get("/", headers={"Cookie": cookie}).status_code == 200
    assert client.get("/", headers={"Cookie": foreign}).status_code == 403


@pytest.mark.parametrize("path", ["/page.css", "/dashboard.js", "/nowhere"])
def test_not_even_a_file_is_shown_to_strangers(database_url: str, path: str) -> None:
    assert stranger(database_url)[0].get(path).status_code == 403


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", ""])
def test_a_foreign_name_for_this_machine_is_refused_whoever_asks(database_url: str, host: str) -> None:
    client, site = stranger(database_url)
    refused = client.get("/", params={"token": site.token}, headers={"Host": host})
    assert (refused.status_code, refused.text) == (403, "this address is not the dashboard's\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_sent(database_url: str, method: str) -> None:
    refused = looking(database_url).request(method, "/")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize("path", ["/", "/nowhere", "/jobs/none", "/?status=none", "/?page=x", "/page.css"])
def test_every_answer_has_the_policy(database_url: str, path: str) -> None:
    headers = looking(database_url).get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert headers["referrer-policy"] == "no-referrer"


def test_a_head_has_no_body(database_url: str) -> None:
    answer = looking(database_url).head("/")
    assert (answer.status_code, answer.text) == (200, "")


def test_the_token_leads_to_no_other_host(database_url: str) -> None:
    client, site = stranger(database_url)
    admitted = client.get(f"{ADDRESS}//evil.example/?token={site.token}")
    assert admitted.headers["refresh"] == "0; url=/evil.example/"
