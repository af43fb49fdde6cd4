"""Regions that are asked through OpenAI's API, by proxies and keys of their own: what their tables mean."""

from __future__ import annotations

from typing import Any

import pytest

from beacon_cli.endpoints.access import Access
from beacon_cli.endpoints.configured import checked_lanes, configured_endpoints, require_lanes
from beacon_cli.errors import ConfigError, EnvironmentFault
from beacon_cli.job.lanes import Lane
from beacon_cli.settings import Settings
from modal_deployment.regions import Region
from tests.support.own_endpoints import BASE, CREDENTIALS, OTHER, endpoint, endpoints, problem


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


def test_a_region_of_ones_own_can_be_asked() -> None:
    settings = Settings.model_validate({"regions": {"br": {"api": "openai", "base_url": BASE}}})
    region = settings.vocabulary.regions["br"]
    assert isinstance(region, Region)
    assert configured_endpoints(settings, [region])["br"].region.label == "BR"
