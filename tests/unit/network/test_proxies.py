"""Which proxy a URL is asked through, and what is said of one that cannot be used."""

from __future__ import annotations

import pytest

from beacon_cli.console.redaction import redacted
from beacon_cli.errors import EnvironmentFault
from beacon_cli.network.proxies import named_proxy, proxy_for, route

NAMES = [name for key in ("HTTP", "HTTPS", "ALL", "NO") for name in (f"{key}_PROXY", f"{key}_PROXY".lower())]


@pytest.fixture(autouse=True)
def _without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variables", "url", "expected"),
    [
        ({}, "https://a.example", "directly"),
        ({"HTTPS_PROXY": "http://p:3128"}, "https://a.example", "through http://p:3128 (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://p:3128"}, "http://a.example", "directly"),
        ({"http_proxy": "http://p:3128"}, "http://a.example", "through http://p:3128 (http_proxy)"),
        ({"HTTPS_PROXY": "http://up", "https_proxy": "http://low"}, "https://a.b", "through http://low (https_proxy)"),
        ({"ALL_PROXY": "p:3128"}, "https://a.example", "through http://p:3128 (ALL_PROXY)"),
        ({"ALL_PROXY": "http://all", "HTTPS_PROXY": "http://p"}, "https://a.b", "through http://p (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": "http://me:canary@p:1"}, "https://a.example", "through http://p:1 (HTTPS_PROXY)"),
        ({"ALL_PROXY": "socks5h://me:canary@p:1"}, "https://a.example", "through socks5h://p:1 (ALL_PROXY)"),
        ({"HTTPS_PROXY": "https://p"}, "https://a.example", "through https://p (HTTPS_PROXY)"),
        ({"HTTPS_PROXY": ""}, "https://a.example", "directly"),
    ],
)
def test_the_variable_that_decides_is_named(
    variables: dict[str, str], url: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert route(url) == expected


@pytest.mark.parametrize(
    ("no_proxy", "url"),
    [
        ("*", "https://a.example"),
        ("a.example", "https://a.example"),
        ("example", "https://a.example"),
        (".example", "https://a.example"),
        ("x, *.example", "https://a.example"),
        ("A.EXAMPLE", "https://a.example"),
        ("a.example:8443", "https://a.example:8443/x"),
        ("10.0.0.0/8", "https://10.1.2.3"),
        ("10.1.2.3", "https://10.1.2.3:8443"),
        ("fd00::/8", "https://[fd00::1]:8443"),
    ],
)
def test_what_no_proxy_names_is_asked_directly(no_proxy: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://p:3128")
    assert proxy_for(url) is not None
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_for(url) is None


@pytest.mark.parametrize("no_proxy", ["b.example", "ample", "11.0.0.0/8", "nonsense/8", ""])
def test_what_it_does_not_name_is_not(no_proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://p:3128")
    monkeypatch.setenv("NO_PROXY", no_proxy)
    assert proxy_for("https://a.example") is not None


@pytest.mark.parametrize("url", ["https://localhost:1", "http://127.0.0.1:1/x", "http://[::1]:1"])
def test_this_machine_is_asked_directly_even_where_the_proxy_is_unusable(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "nonsense://[")
    assert proxy_for(url) is None


@pytest.mark.parametrize(
    "value",
    [
        "http://me:canary@p:port",
        "http://me:canary@",
        "ftp://me:canary@p",
        "http://[canary",
        "http://p:0",
        "canary ä",
        "://",
    ],
)
def test_a_proxy_that_cannot_be_used_names_its_variable_and_not_its_value(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with pytest.raises(EnvironmentFault) as caught:
        proxy_for("https://a.example")
    assert caught.value.message == "HTTPS_PROXY does not name a usable proxy"
    assert "canary" not in caught.value.hint


def test_a_proxy_that_is_named_for_single_endpoints_is_used_for_this_machine_too() -> None:
    named = named_proxy("socks5h://me:canary@p:1080", "BR_PROXY")
    assert route("http://localhost:1", named) == "through socks5h://p:1080 (BR_PROXY)"
    with pytest.raises(EnvironmentFault, match="BR_PROXY is not set"):
        named_proxy("", "BR_PROXY")


def test_the_password_of_a_proxy_is_kept_out_of_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:canary%21x@p:3128")
    assert (
        redacted("tunnel through http://me:canary%21x@p:3128 failed: canary!x")
        == "tunnel through $HTTPS_PROXY failed: ***"
    )
