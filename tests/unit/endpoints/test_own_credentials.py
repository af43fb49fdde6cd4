"""Credentials of endpoints of one's own: where they come from, and where they never go."""

from __future__ import annotations

from typing import Any

import pytest

from beacon_cli.endpoints.access import Access
from beacon_cli.errors import ConfigError, CredentialsError
from beacon_cli.settings import Settings
from tests.support.own_endpoints import BASE, CREDENTIALS, OTHER, endpoint, problem

MODAL = {"Modal-Key": "wk-canary", "Modal-Secret": "ws-canary"}


def test_modals_credentials_never_go_to_an_endpoint_of_ones_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", " sk-canary\n")
    own = endpoint({"api": "openai", "base_url": BASE, "key_env": "KEY"}, **CREDENTIALS).access
    assert own.request_headers(MODAL, "US") == {"Authorization": "Bearer sk-canary"}
    keyed = endpoint({"base_url": "https://h.example", "key_env": "KEY", "auth": "api-key"}, **CREDENTIALS).access
    assert keyed.request_headers(MODAL, "US") == {"api-key": "sk-canary"}
    assert endpoint({"base_url": "https://h.example"}, **CREDENTIALS).access.request_headers(MODAL, "US") == MODAL


def test_headers_come_from_the_file_and_secret_ones_from_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("X_KEY", "canary")
    us = {"api": "openai", "base_url": BASE, "headers": {"X-Title": "b"}, "headers_env": {"X-Key": "X_KEY"}}
    access = endpoint(us).access
    assert access.request_headers(MODAL, "US") == {"X-Title": "b", "X-Key": "canary"}
    assert "canary" not in repr(access)


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_key_that_is_not_set_is_named_by_its_variable(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KEY", raising=False)
    if value is not None:
        monkeypatch.setenv("KEY", value)
    access = endpoint({"api": "openai", "base_url": BASE, "key_env": "KEY"}).access
    with pytest.raises(CredentialsError, match=r"^region US needs the key in KEY, and this variable is not set$"):
        access.request_headers({}, "US")


@pytest.mark.parametrize("value", ["canary\nX-More: 1", "canaryé"])
def test_a_key_that_cannot_be_a_header_is_refused_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", value)
    access = endpoint({"api": "openai", "base_url": BASE, "key_env": "KEY"}).access
    with pytest.raises(CredentialsError, match="one line of printable ASCII") as caught:
        access.request_headers({}, "US")
    assert "canary" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize("more", [{"key_env": "KEY"}, {"headers_env": {"X-Key": "KEY"}}])
def test_a_key_is_never_sent_unencrypted_to_another_machine(more: dict[str, Any]) -> None:
    here, there = "http://localhost:1/v1", "http://h.example/v1"
    assert endpoint({"api": "openai", "base_url": here, **more})
    assert endpoint({"api": "openai", "base_url": here, "proxy": "socks5h://127.0.0.1:9050", **more})
    assert endpoint({"api": "openai", "base_url": there})
    with pytest.raises(ConfigError, match=r"the key in KEY would be sent unencrypted to h\.example \(US\)"):
        endpoint({"api": "openai", "base_url": there, **more})
    with pytest.raises(ConfigError, match="unencrypted to localhost through a proxy on another machine"):
        endpoint({"api": "openai", "base_url": here, "proxy": "http://p.example:3128", **more})
    with pytest.raises(ConfigError, match="unencrypted"):
        endpoint({"api": "openai", "base_url": here, "models": {"m": {"base_url": there, **more}}})


def test_a_way_to_authenticate_needs_a_key() -> None:
    with pytest.raises(ConfigError, match=r'regions\.us\.auth is "api-key", and no key is named'):
        endpoint({"api": "openai", "base_url": BASE, "auth": "api-key"})


def test_a_key_that_is_too_short_to_be_hidden_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEY", "abc12")
    for more in ({"key_env": "KEY"}, {"headers_env": {"X-Key": "KEY"}}):
        access = endpoint({"api": "openai", "base_url": BASE, **more}).access
        with pytest.raises(CredentialsError, match="the secret in KEY has fewer than 6 characters") as caught:
            access.request_headers({}, "US")
        assert "abc12" not in caught.value.message + caught.value.hint
    with pytest.raises(CredentialsError, match="the secret in BEACON_PROXY_KEY has fewer"):
        Access().request_headers({"Modal-Key": "abc12", "Modal-Secret": "ws-canary"}, "US")


@pytest.mark.parametrize(
    "urls",
    [
        {"base_url": BASE},
        {"inference_url": f"{BASE}/chat/completions", "models_url": f"{BASE}/models"},
        {"models_url": f"{BASE}/models"},
        {"models": {"a": {"base_url": BASE, "key_env": "OWN", "headers_env": {}}}},
    ],
)
@pytest.mark.parametrize("own", [{}, {"auth": "api-key"}, {"auth": "bearer"}])
def test_a_regions_secrets_go_to_no_host_that_it_does_not_name(urls: dict[str, Any], own: dict[str, Any]) -> None:
    models = {**urls.get("models", {}), "m": {"base_url": OTHER, **own}}
    region = {"api": "openai", **urls, "models": models}
    assert "is not sent there by itself" in problem({**region, "key_env": "KEY"})
    models["m"]["key_env"] = "OTHER_KEY"
    assert "set its headers_env" in problem({**region, "headers_env": {"X-Key": "KEY"}})


def test_a_model_at_a_host_that_its_region_names_gets_the_regions_key() -> None:
    urls = {"inference_url": "https://API.example.org:443/v1/chat/completions", "models_url": f"{OTHER}/models"}
    models = {"a": {"base_url": f"{BASE}/a"}, "b": {"base_url": f"{OTHER}/b"}}
    asked = endpoint({"api": "openai", **urls, "key_env": "KEY", "models": models})
    assert [asked.of(model_id).access.key_env for model_id in "ab"] == ["KEY", "KEY"]


def test_modals_key_goes_to_no_host_that_the_region_does_not_name() -> None:
    def region(**more: Any) -> dict[str, Any]:
        return {"base_url": "https://h.example", "models": {"m": {"base_url": "https://other.example", **more}}}

    with pytest.raises(ConfigError, match="BEACON_PROXY_KEY and BEACON_PROXY_SECRET are not sent there"):
        endpoint(region(), **CREDENTIALS)
    assert endpoint(region()).of("m").access.request_headers({}, "US") == {}
    silent: list[dict[str, Any]] = [{"auth": "none"}, {"headers_env": {}}]
    for more in silent:
        assert endpoint(region(**more), **CREDENTIALS).of("m").access.request_headers(MODAL, "US") == {}


@pytest.mark.parametrize(
    "us",
    [
        {"key_env": "KEY", "headers_env": {"authorization": "KEY_2"}},
        {"key_env": "KEY", "auth": "api-key", "headers_env": {"API-Key": "KEY_2"}},
        {"headers": {"X-Title": "a", "x-title": "b"}},
        {"headers": {"X-Title": "a"}, "headers_env": {"x-title": "KEY"}},
        {"headers_env": {"Authorization": "KEY"}, "models": {"m": {"key_env": "KEY_2"}}},
    ],
)
def test_a_header_is_given_once_in_any_case(us: dict[str, Any]) -> None:
    assert "is given twice" in problem({"api": "openai", "base_url": BASE, **us})


def test_a_header_of_ones_own_replaces_modals_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "wk-mine-canary")
    access = endpoint({"base_url": "https://h.example", "headers_env": {"modal-key": "MINE"}}, **CREDENTIALS).access
    assert access.request_headers(MODAL, "US") == {"modal-key": "wk-mine-canary", "Modal-Secret": "ws-canary"}


@pytest.mark.parametrize("key", ["base_url", "inference_url", "models_url"])
@pytest.mark.parametrize("query", ["api_key=x", "sig=x", "a=1&code=x", "X-Amz-Signature=x", "accessToken=x"])
def test_no_url_holds_a_secret_in_its_query(key: str, query: str) -> None:
    assert "its query may hold a secret" in problem({"api": "openai", key: f"{BASE}?{query}"})
    assert "its query may hold a secret" in problem({"api": "openai", "models": {"m": {"base_url": f"{BASE}?{query}"}}})


def test_no_secret_hides_deep_in_what_is_sent() -> None:
    for extra in ({"a": {"api_key": "x"}}, {"a": [{"b": {"password": "x"}}]}, {"bearer_token": "x"}, {"key": ["x"]}):
        assert "may be a secret" in problem({"api": "openai", "models": {"m": {"extra": extra}}})


def test_the_variables_of_secrets_are_known_to_those_who_remove_them() -> None:
    regions = {
        "us": {"key_env": "A", "headers_env": {"X-Key": "B"}, "proxy_env": "P"},
        "eu": {"models": {"m": {"key_env": "C", "proxy_env": "Q"}}},
    }
    assert Settings.model_validate({"regions": regions}).secret_variables == (["A", "B", "C"], ["P", "Q"])
