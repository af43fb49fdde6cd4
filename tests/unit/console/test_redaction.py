"""What is redacted, wherever the secret is kept."""

from __future__ import annotations

import base64
import html
import json
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beacon_cli.console.redaction import (
    Redactor,
    document_without_credentials,
    protect,
    redacted,
    without_credentials,
)
from tests.support.spellings import SPELLINGS, spelled_in

PROFILES = """
[work]
token_id = "ak-canary-in-a-file"
token_secret = "as-canary-in-a-file"
active = true
[other]
token_secret = "as-another-canary"
"""


def test_a_modal_token_that_is_only_in_modals_file_is_redacted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "modal.toml"
    config.write_text(PROFILES)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(config))
    said = redacted("ak-canary-in-a-file, as-canary-in-a-file and as-another-canary are refused")
    assert said == "***, *** and *** are refused"


def test_what_the_configuration_names_as_secret_is_redacted_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AN_OWN_KEY", "sk-own-canary")
    monkeypatch.setenv("AN_OWN_PROXY", "socks5h://me:proxy%2Dcanary@p:1080")
    protect(["AN_OWN_KEY"], ["AN_OWN_PROXY"])
    said = redacted("Bearer sk-own-canary through socks5h://me:proxy%2Dcanary@p:1080: proxy-canary is wrong")
    assert said == "Bearer *** through $AN_OWN_PROXY: *** is wrong"


@pytest.mark.parametrize(
    ("proxy", "secret"),
    [
        ("user1:s3cretpassw@127.0.0.1:1", "s3cretpassw"),
        ("http://APIKEYASUSER77:@127.0.0.1:1", "APIKEYASUSER77"),
        ("APIKEYASUSER77@127.0.0.1:1", "APIKEYASUSER77"),
        ("socks5h://user:p%40ssword@h:1", "p@ssword"),
    ],
)
def test_the_login_of_a_proxy_is_redacted_in_every_form(
    proxy: str, secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_PROXY_TO_HIDE", proxy)
    protect([], ["A_PROXY_TO_HIDE"])
    login = proxy.rpartition("://")[2].rpartition("@")[0]
    for text in (proxy, secret, login, base64.b64encode(login.encode()).decode(), secret.encode().hex()):
        said = redacted(f"it said {text}.")
        assert said.startswith("it said ")
        assert spelled_in(said, secret) is None
        assert text not in said


@pytest.mark.parametrize("secret", ["hidden-key", "hidden token", "behind-a-scheme", "without-a-name"])
def test_the_values_of_headers_for_a_collector_are_redacted(secret: str, monkeypatch: pytest.MonkeyPatch) -> None:
    headers = "api-key=hidden-key,x-token=hidden%20token,authorization=Bearer%20behind-a-scheme,without-a-name"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", headers)
    assert redacted(f"it got {secret} and refused") == "it got *** and refused"


def test_modals_file_in_the_home_folder_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".modal.toml").write_text(PROFILES)
    monkeypatch.delenv("MODAL_CONFIG_PATH", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert redacted("as-another-canary") == "***"


@pytest.mark.parametrize("content", [b"not toml", b"\xff", b"a = 1\n[b]\ntoken_id = 7\n"])
def test_a_broken_modal_file_is_no_obstacle(content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "modal.toml"
    config.write_bytes(content)
    monkeypatch.setenv("MODAL_CONFIG_PATH", str(config))
    assert redacted("as it is") == "as it is"


SECRET = "ws-canary-a1b2c3-secret"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_found_in_every_spelling_and_the_rest_is_left(spelling: str) -> None:
    redactor = Redactor({SECRET: "***"})
    said = redactor.clean(f"before {SPELLINGS[spelling](SECRET)} after")
    assert spelled_in(said, "canary-a1b2c3") is None
    assert said.startswith("before ")
    assert said.endswith(" after")


BREAKS = ["\n", "\r\n", " ", "-", "\u00ad", "\u200b", "\u2060", "\ufeff", "\u00a0", "\ufe0f", "\u2011", "\u034f", "\t"]


@pytest.mark.parametrize("secret", [SECRET, "wk-canary-a1b2c3-secret-of-many-characters", "canary-1", "a1b2c3"])
@pytest.mark.parametrize("every", [1, 5])
@pytest.mark.parametrize("mark", BREAKS)
def test_a_secret_that_is_broken_up_is_cut_out_of_texts_and_documents(mark: str, every: int, secret: str) -> None:
    redactor = Redactor({secret: "***"})
    broken = mark.join(secret[place : place + every] for place in range(0, len(secret), every))
    assert redactor.clean(f"Before: {broken} .After") == "Before: *** .After"
    for text in (broken, f"path\\{broken}"):
        for ascii_only in (True, False):
            assert redactor.finds_in(json.dumps({"text": text}, ensure_ascii=ascii_only))


@pytest.mark.parametrize("form", [str.lower, str.upper])
def test_a_secret_in_hexadecimal_is_cut_out(form: Callable[[str], str]) -> None:
    text = f"0x{form(SECRET.encode().hex())}, {form(SECRET.encode().hex(' '))}"
    assert Redactor({SECRET: "***"}).clean(text) == "0x***, ***"


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_secret_in_base64_with_line_ends_is_cut_out(end: str) -> None:
    whole = base64.b64encode(f"Authorization: Bearer {SECRET} and more".encode()).decode()
    lines = end.join(whole[place : place + 7] for place in range(0, len(whole), 7))
    assert Redactor({SECRET: "***"}).clean(lines).count("***") == 1


@given(st.text(), st.text(), st.integers(6, 60))
def test_a_secret_is_found_at_every_place(before: str, after: str, length: int) -> None:
    secret = "nx7q9zk2w5jy8vt4"[: length % 17].ljust(6, "0") + "ab" * (length // 8)
    assert Redactor({secret: "***"}).finds_in(f"{before}{secret}{after}")


@given(st.text())
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    assert Redactor({SECRET: "***"}).clean(text) == text


@pytest.mark.parametrize("secret", ['p"w/\\x&%y-1', "pässwörd-1", "12345678", "a\\\\b\\c-1", "()[]*+?."])
def test_a_secret_may_hold_what_is_special_elsewhere(secret: str) -> None:
    redactor = Redactor({secret: "***"})
    for text in (
        secret,
        json.dumps(secret),
        json.dumps(secret, ensure_ascii=False),
        quote(secret),
        html.escape(secret),
    ):
        assert redactor.finds_in(text)
        assert not redactor.finds_in(redactor.clean(f"x {text} y"))


def test_values_keys_and_numbers_are_cleaned_and_everything_else_is_kept() -> None:
    redactor = Redactor({SECRET: "***", "12345678": "***"})
    value = {SECRET: [SECRET, 12345678, 1.5, None, True], "a": {"b": f"<{SECRET}>"}}
    assert redactor.clean_value(value) == {"***": ["***", "***", 1.5, None, True], "a": {"b": "<***>"}}


@pytest.mark.parametrize("text", ["\\" * 3_000_000 + "\\x41", "%41" * 500_000, "&#65;" * 200_000, "\\u0041" * 200_000])
def test_a_text_of_escapes_takes_no_longer_than_its_length(text: str) -> None:
    began = time.process_time()
    assert not Redactor({SECRET: "***"}).finds_in(text)
    assert time.process_time() - began < 5


def test_signatures_of_the_old_system_are_hidden_at_any_depth_and_in_any_spelling() -> None:
    secret = {"signature": "s", "publicKey": ["k"], "wallet-auth": {"nonce": 1}, "NONCE": None}
    hidden = dict.fromkeys(secret, "***")
    assert without_credentials([{"a": secret}, 7]) == [{"a": hidden}, 7]
    document = json.dumps({"receipt": secret, "text": "the signature of a key"})
    assert json.loads(document_without_credentials(document) or "") == {
        "receipt": hidden,
        "text": "the signature of a key",
    }


def test_a_document_without_such_keys_stays_as_it_is() -> None:
    for document in (None, "{}", '{"b": 1.10, "a": "x"}'):
        assert document_without_credentials(document) is document


def test_a_document_that_is_nested_too_deep_to_be_searched_is_hidden() -> None:
    deep = "[" * 5000 + '{"signature": "s"}' + "]" * 5000
    assert document_without_credentials(deep) == '"***"'
