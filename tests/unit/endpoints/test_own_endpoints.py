"""Regions that are asked through OpenAI's API, by proxies and keys of their own: what their tables mean."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from beacon_cli.endpoints.access import Access
from beacon_cli.endpoints.configured import Endpoint, checked_lanes, configured_endpoints, require_lanes
from beacon_cli.errors import ConfigError, CredentialsError, EnvironmentFault
from beacon_cli.job.lanes import Lane
from beacon_cli.settings import Settings
from modal_deployment.regions import Region

BASE = "https://api.example.org/v1"
OTHER = "https://other.example.org/v1"
MODAL = {"Modal-Key": "wk-canary", "Modal-Secret": "ws-canary"}
CREDENTIALS = {"proxy_key": "wk-canary", "proxy_secret": "ws-canary"}


def endpoint(us: dict[str, Any], **more: Any) -> Endpoint:
    return endpoints({"us": us}, **more)["us"]


def endpoints(regions: dict[str, Any], **more: Any) -> dict[str, Endpoint]:
    settings = Settings.model_validate({"regions": regions, **more})
    return configured_endpoints(settings, [settings.vocabulary.regions[region_id] for region_id in regions])


def problem(us: dict[str, Any]) -> str:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate({"regions": {"us": us}})
    return str(caught.value.errors(include_input=False)[0]["msg"])


def test_the_paths_of_openais_api_lie_below_the_base_url() -> None:
    found = endpoint({"api": "openai", "base_url": f"{BASE}/"})
    assert (found.inference_url, found.models_url, found.health_url) == (
        f"{BASE}/chat/completions",
        f"{BASE}/models",
        "",
    )
    assert (found.api, found.of("m"), found.access.auth) == ("openai", found, "none")


def test_azures_deployments_have_base_urls_with_a_query() -> None:
    base = "https://mine.openai.azure.com/openai/deployments/mini?api-version=2024-10-21"
    asked = endpoint(
        {"api": "openai", "auth": "api-key", "key_env": "AZURE_KEY", "models": {"gpt-mini": {"base_url": base}}}
    )
    found = asked.of("gpt-mini")
    assert found.inference_url == (
        "https://mine.openai.azure.com/openai/deployments/mini/chat/completions?api-version=2024-10-21"
    )
    assert (found.access.auth, found.access.key_env) == ("api-key", "AZURE_KEY")
    assert asked.urls == ()
    require_lanes({"us": asked}, [Lane("gpt-mini", asked.region)])
    with pytest.raises(ConfigError, match="no endpoint is configured for other in region US") as caught:
        require_lanes({"us": asked}, [Lane("other", asked.region)])
    assert 'regions.us.models."other".base_url' in caught.value.hint


def test_what_a_models_table_does_not_say_is_the_regions() -> None:
    region = {
        "api": "openai",
        "base_url": BASE,
        "key_env": "KEY",
        "proxy": "socks5h://127.0.0.1:9050",
        "headers": {"X-Title": "beacon"},
        "token_parameter": "max_completion_tokens",
        "models": {
            "a": {"name": "big-a", "extra": {"reasoning_effort": "low"}},
            "b": {"key_env": "OTHER", "proxy_env": "THE_PROXY", "headers": {}, "token_parameter": "max_tokens"},
            "c": {"auth": "none"},
        },
    }
    found = endpoint(region)
    a, b, c = (found.of(name) for name in "abc")
    assert (a.name, a.extra, a.token_parameter, a.access) == (
        "big-a",
        {"reasoning_effort": "low"},
        "max_completion_tokens",
        found.access,
    )
    assert (b.access.key_env, b.access.proxy, b.access.proxy_env) == ("OTHER", None, "THE_PROXY")
    assert (b.access.headers, b.token_parameter, b.inference_url) == ((), "max_tokens", found.inference_url)
    assert (c.access.auth, c.access.key_env, c.access.proxy) == ("none", None, "socks5h://127.0.0.1:9050")
    assert [lane.model_id for lane in checked_lanes({"us": found}, [Lane("a", found.region)])] == ["a"]


def test_one_region_may_speak_both_apis() -> None:
    us = {"base_url": "http://localhost:1", "models": {"m": {"api": "openai", "base_url": "http://localhost:2/v1"}}}
    found = endpoint(us, **CREDENTIALS)
    assert (found.access.auth, found.inference_url) == ("modal", "http://localhost:1/inference")
    assert (found.of("m").access.auth, found.of("m").inference_url) == (
        "none",
        "http://localhost:2/v1/chat/completions",
    )


def test_a_label_alone_leaves_the_endpoint_to_modal() -> None:
    us = {"label": "USA", "models": {"m": {"api": "openai", "base_url": BASE}}}
    found = endpoint({"label": "USA"}, modal={"workspace": "acme"})
    assert found.inference_url.startswith("https://acme--project-beacon-hf-us-")
    assert endpoint(us, modal={"workspace": "acme"}).of("m").inference_url == f"{BASE}/chat/completions"


# Credentials


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


# Two ways to one place


@pytest.mark.parametrize(
    ("us", "eu"),
    [
        ({}, {}),
        ({"proxy": "socks5h://127.0.0.1:1"}, {"proxy": "socks5h://127.0.0.1:1"}),
        ({"proxy": "socks5h://127.0.0.1:1"}, {"proxy_env": "THE_PROXY"}),
        ({"models": {"m": {"name": "x"}}}, {"models": {"m": {"name": "x"}}}),
    ],
)
def test_the_same_url_in_the_same_way_is_asked_in_one_region_only(
    us: dict[str, Any], eu: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_PROXY", "socks5h://127.0.0.1:1")
    same = {"api": "openai", "base_url": BASE}
    with pytest.raises(ConfigError, match="regions US and EU have the same inference URL"):
        endpoints({"us": {**same, **us}, "eu": {**same, **eu}})
    assert endpoints({"us": {**same, **us}, "eu": {**same, **eu, "same_endpoint": True}})


@pytest.mark.parametrize(
    "eu", [{"proxy": "socks5h://127.0.0.1:2"}, {"proxy_env": "UNSET_PROXY"}, {"proxy": "http://127.0.0.1:1"}]
)
def test_the_same_url_by_different_ways_is_a_study_of_vantage_points(eu: dict[str, Any]) -> None:
    same = {"api": "openai", "base_url": BASE}
    assert endpoints({"us": {**same, "proxy": "socks5h://127.0.0.1:1"}, "eu": {**same, **eu}})
    assert endpoints({"us": same, "eu": {**same, **eu}})


@pytest.mark.parametrize(
    ("us", "eu"),
    [
        ({"base_url": "https://API.example.org/v1"}, {"base_url": BASE}),
        ({"base_url": "https://api.example.org:443/v1"}, {"base_url": BASE}),
        ({"base_url": "https://api.example.org./v1"}, {"base_url": f"{BASE}/"}),
        ({"base_url": f"{BASE}?x"}, {"base_url": f"{BASE}/?x&"}),
        ({"base_url": BASE}, {"base_url": OTHER, "models": {"m": {"base_url": BASE, "name": "m"}}}),
        ({"base_url": BASE, "proxy": "http://127.0.0.1:1/"}, {"base_url": BASE, "proxy_env": "THE_PROXY"}),
        ({"base_url": BASE, "headers": {"X-A": "1"}}, {"base_url": BASE, "headers": {"x-a": "1"}}),
        ({"base_url": BASE, "headers_env": {"X-A": "ONE"}}, {"base_url": BASE, "headers_env": {"X-A": "SAME"}}),
    ],
)
def test_another_spelling_of_an_endpoint_is_the_same_endpoint(
    us: dict[str, Any], eu: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"THE_PROXY": "127.0.0.1:1", "ONE": "canary-1", "SAME": "canary-1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match="regions US and EU have the same inference URL") as caught:
        endpoints({"us": {"api": "openai", **us}, "eu": {"api": "openai", **eu}})
    assert "canary" not in caught.value.message


@pytest.mark.parametrize(
    ("us", "eu"),
    [
        ({"models": {"m": {"name": "us/m"}}}, {"models": {"m": {"name": "eu/m"}}}),
        ({"models": {"m": {"extra": {"order": ["us"]}}}}, {"models": {"m": {"extra": {"order": ["eu"]}}}}),
        ({"headers": {"X-Region": "us"}}, {"headers": {"X-Region": "eu"}}),
        ({"headers_env": {"X-A": "ONE"}}, {"headers_env": {"X-A": "ANOTHER"}}),
        ({"proxy_env": "US_PROXY"}, {"proxy_env": "EU_PROXY"}),  # many proxies choose the way out by the user
    ],
)
def test_what_tells_regions_apart_at_one_gateway(
    us: dict[str, Any], eu: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    proxies = {"US_PROXY": "http://us:canary@p.example", "EU_PROXY": "http://eu:canary@p.example"}
    for name, value in {"ONE": "canary-1", "ANOTHER": "canary-2", **proxies}.items():
        monkeypatch.setenv(name, value)
    same = {"api": "openai", "base_url": BASE}
    assert endpoints({"us": {**same, **us}, "eu": {**same, **eu}})


def test_regions_may_share_a_url_for_different_models_and_what_a_job_asks_counts() -> None:
    us = {"api": "openai", "base_url": BASE, "models": {"a": {"name": "us/a"}}}
    eu = {"api": "openai", "base_url": BASE, "models": {"a": {"name": "eu/a"}}}
    settings = Settings.model_validate({"regions": {"us": us, "eu": eu}})
    regions = [settings.vocabulary.regions[region_id] for region_id in ("us", "eu")]
    assert configured_endpoints(settings, regions, model_ids=["a"])
    with pytest.raises(ConfigError, match=r"have the same inference URL, .*, for b: nothing would be compared"):
        configured_endpoints(settings, regions, model_ids=["a", "b"])
    own = {"us": {"models": {"a": {"base_url": BASE}}}, "eu": {"models": {"b": {"base_url": BASE}}}}
    assert endpoints({region_id: {"api": "openai", **region} for region_id, region in own.items()})


def test_a_proxy_on_this_machine_may_be_written_without_its_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    us = {"api": "openai", "base_url": "http://localhost:1/v1", "key_env": "KEY", "proxy_env": "THE_PROXY"}
    monkeypatch.setenv("THE_PROXY", "127.0.0.1:9050")
    assert endpoint(us)
    monkeypatch.setenv("THE_PROXY", "p.example:9050")
    with pytest.raises(ConfigError, match="through a proxy on another machine"):
        endpoint(us)


def test_where_to_ask_a_region_that_speaks_openais_api_is_not_said_by_modal() -> None:
    with pytest.raises(ConfigError, match="no endpoint is configured for region US") as caught:
        endpoint({"api": "openai"}, modal={"workspace": "acme"})
    assert "modal" not in caught.value.hint
    assert "set regions.us.base_url" in caught.value.hint


def test_deployments_of_other_names_at_one_url_are_other_endpoints() -> None:
    azure = {"api": "openai", "models": {"m": {"base_url": BASE, "name": "m-us"}}}
    other = {"api": "openai", "models": {"m": {"base_url": BASE, "name": "m-eu"}}}
    assert endpoints({"us": azure, "eu": other})


def test_a_proxy_whose_variable_is_not_set_is_a_fault_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("THE_PROXY", raising=False)
    with pytest.raises(EnvironmentFault, match="THE_PROXY is not set"):
        Access(proxy_env="THE_PROXY").named_proxy()
    monkeypatch.setenv("THE_PROXY", "ftp://me:canary@p")
    with pytest.raises(EnvironmentFault, match="THE_PROXY does not name a usable proxy"):
        Access(proxy_env="THE_PROXY").named_proxy()
    monkeypatch.setenv("THE_PROXY", "socks5h://me:canary@p:1")
    proxy = Access(proxy_env="THE_PROXY").named_proxy()
    assert proxy is not None
    assert proxy.address == "socks5h://p:1"


# What a table must not say


@pytest.mark.parametrize(
    ("us", "words"),
    [
        ({"api": "open-ai"}, "'beacon' or 'openai'"),
        ({"key_env": "sk-canary-0123"}, "the name of a variable in capitals, such as BR_API_KEY; never the key itself"),
        ({"key_env": "9f8canary"}, "the name of a variable"),
        ({"proxy_env": "socks5h://me:canary@p"}, "the name of a variable"),
        ({"headers_env": {"X-Key": "canary"}}, "the name of a variable"),
        ({"proxy": "socks5h://me:canary@p:1"}, "must not contain a user or password: name a variable in proxy_env"),
        ({"proxy": "ftp://p"}, "must start with http://, https://, socks5:// or socks5h://"),
        ({"proxy": "http://p", "proxy_env": "P"}, "either proxy or proxy_env"),
        ({"auth": "none", "key_env": "KEY"}, "leave key_env out"),
        ({"headers": {"Authorization": "Bearer canary"}}, "Authorization may be a secret"),
        ({"headers": {"X-Api-Key": "canary"}}, "use headers_env or key_env"),
        ({"headers": {"Host": "x"}}, "Host is set by Beacon itself"),
        ({"headers": {"X Title": "x"}}, "is not the name of a header"),
        ({"headers": {"X-Title": "a\r\nb"}}, "one line of printable ASCII"),
        ({"base_url": f"{BASE}?a=b"}, 'must not have a query, except with api = "openai"'),
        ({"api": "openai", "base_url": f"{BASE}?api_key=canary"}, "its query may hold a secret"),
        ({"token_parameter": "max_completion_tokens"}, 'only for api = "openai"'),
        ({"models": {"m": {"name": "x"}}}, 'models."m".name is only for api = "openai"'),
        ({"models": {"m": {"extra": {"a": 1}}}}, 'models."m".extra is only for api = "openai"'),
        ({"models": {"m": {"base_url": f"{BASE}?a=b"}}}, 'models."m".base_url must not have a query'),
        ({"models": {" m": {}}}, "is not an id"),
        ({"api": "openai", "models": {"m": {"name": "x\n"}}}, "must be printable"),
        ({"api": "openai", "models": {"m": {"extra": {"stream": True}}}}, "stream is set by Beacon itself"),
        ({"api": "openai", "models": {"m": {"extra": {"seed": 1}}}}, "seed is set by Beacon itself"),
        ({"api": "openai", "models": {"m": {"extra": {"api_key": "canary"}}}}, "api_key may be a secret"),
        ({"api": "openai", "models": {"m": {"extra": {"a": float("inf")}}}}, "values of JSON only"),
        (
            {"api": "openai", "base_url": BASE, "key_env": "KEY", "models": {"m": {"base_url": "https://other/v1"}}},
            'the key in KEY is not sent there by itself: set its key_env, or auth = "none"',
        ),
        ({"api": "openai", "health_url": f"{BASE}/health"}, "health_url is never asked"),
        (
            {"token_parameter": "max_completion_tokens", "models": {"m": {"base_url": BASE}}},
            'token_parameter is only for api = "openai"',
        ),
        (
            {
                "api": "openai",
                "base_url": BASE,
                "headers_env": {"X-Key": "KEY"},
                "models": {"m": {"base_url": "https://other/v1"}},
            },
            "set its headers_env",
        ),
    ],
)
def test_a_table_that_cannot_be_meant_is_explained(us: dict[str, Any], words: str) -> None:
    said = problem(us)
    assert words in said
    assert "canary" not in said


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


def test_a_region_of_ones_own_can_be_asked() -> None:
    settings = Settings.model_validate({"regions": {"br": {"api": "openai", "base_url": BASE}}})
    region = settings.vocabulary.regions["br"]
    assert isinstance(region, Region)
    assert configured_endpoints(settings, [region])["br"].region.label == "BR"
