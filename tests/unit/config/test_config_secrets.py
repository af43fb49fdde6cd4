"""URLs and secrets in settings: what is refused, and what is never shown."""

from __future__ import annotations

import pytest

from beacon_cli.console.redaction import redacted
from beacon_cli.errors import ConfigError
from tests.unit.config.conftest import load, refusal

# URLs


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://",
            "http:///x",
            "http://[",
            "http://[::1",
            "http://[::g]",
            "http://::1/",
            "http://h:99999999",
            "http://h:0",
        ),
        *(
            "http://h:port",
            "http://1.2.3.400",
            "http://a..b",
            "http://a b",
            "http://h\n.x",
            "http://hé",
            "ftp://h",
            "h",
        ),
        *("http://h#x", "http://h?x=1", "http://%zz/", f"http://{'x' * 64}", "http://123", "http://user@h"),
    ],
)
def test_a_url_that_cannot_be_asked_is_refused(url: str) -> None:
    assert refusal(f"[regions.eu]\nbase_url = {url!r}\n".replace("'", '"')).split(": ")[1] == "regions.eu.base_url"


@pytest.mark.parametrize(
    "url", ["http://u:canary@h/", "http://u:can/ary@h/", "http://u:canary@h:port/", "http://canary"]
)
def test_a_url_that_is_refused_is_not_shown(url: str) -> None:
    assert "canary" not in refusal(REGIONS__US__INFERENCE_URL=f"{url}#")
    assert "ary@" not in refusal(REGIONS__US__INFERENCE_URL=f"{url}#")


@pytest.mark.parametrize(
    "url", ["http://h", "https://H:1/x/", "http://[::1]:8701", "http://10.0.0.1:65535", "http://a_b.c."]
)
def test_other_urls_are_kept_as_they_are(url: str) -> None:
    assert load(REGIONS__US__BASE_URL=url).regions["us"].base_url == url


def test_one_endpoint_alone_may_have_a_query() -> None:
    assert load(REGIONS__US__HEALTH_URL="http://h/?x=1").regions["us"].health_url == "http://h/?x=1"


# Secrets


@pytest.mark.parametrize("suffix", ["", "_OLD"])
@pytest.mark.parametrize("value", ["canary\r\nX: y", "canary\nx", "cañary", "canary\x7f", "\tcanary\tx", " ", "\n"])
def test_credentials_that_are_no_header_are_refused_without_being_shown(suffix: str, value: str) -> None:
    for kind, other in (("KEY", "SECRET"), ("SECRET", "KEY")):
        said = refusal(**{f"PROXY_{kind}{suffix}": value, f"PROXY_{other}{suffix}": "good"})
        assert said.startswith(f"BEACON_PROXY_{kind}{suffix}: ")
        assert "canary" not in said
        assert "ñ" not in said


def test_white_space_around_secrets_is_taken_off() -> None:
    settings = load(PROXY_KEY=" wk-1\n", PROXY_SECRET="ws-2\r\n", DATABASE_URL="postgresql://h/db\n")
    assert settings.proxy_headers() == {"Modal-Key": "wk-1", "Modal-Secret": "ws-2"}
    assert settings.database_url is not None
    assert settings.database_url.get_secret_value() == "postgresql://h/db"


@pytest.mark.parametrize("name", ["PROXY_KEY", "PROXY_SECRET", "PROXY_KEY_OLD", "PROXY_SECRET_OLD"])
def test_half_a_pair_of_credentials_is_refused(name: str) -> None:
    said = refusal("[limits]\nattempts = 2\n", **{name: "canary"})
    assert f"BEACON_{name} is set" in said
    assert "beacon.toml:" not in said
    assert "canary" not in said


@pytest.mark.parametrize(
    ("key", "variable"),
    [("proxy_key", "BEACON_PROXY_KEY"), ("database_url", "BEACON_DATABASE_URL"), ("token_id", "MODAL_TOKEN_ID")],
)
def test_secrets_in_a_file_are_refused(key: str, variable: str) -> None:
    said = refusal(f"{key} = 'canary'\n")
    assert f"set {variable} in the environment" in said
    assert "canary" not in said


def test_the_other_name_of_the_database_url_comes_second(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://second/db")
    assert str(load(DATABASE_URL="postgresql://first/db").database_url) == "**********"
    first, second = load(DATABASE_URL="postgresql://first/db").database_url, load().database_url
    assert first is not None
    assert second is not None
    assert first.get_secret_value() == "postgresql://first/db"
    assert second.get_secret_value() == "postgresql://second/db"
    monkeypatch.setenv("DATABASE_URL", " ")
    assert refusal().startswith("DATABASE_URL: is blank")


def test_secret_values_are_kept_out_of_messages_unless_too_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON_PROXY_KEY", "a")
    monkeypatch.setenv("BEACON_PROXY_SECRET", "canary-1\n")
    monkeypatch.setenv("PGPASSWORD", "canary-1-and-more")
    assert redacted("beacon.toml: canary-1, canary-1-and-more") == "beacon.toml: ***, ***"


@pytest.mark.parametrize("variable", ["BEACON_DATABASE_URL", "DATABASE_URL"])
@pytest.mark.parametrize(
    ("url", "password"),
    [
        ("postgresql://u:canary%21x@h/db", "canary!x"),
        ("postgresql://u:can@ary@h/db", "can@ary"),
        ("host=h password='canary x'", "canary x"),
    ],
)
def test_a_database_url_and_its_password_are_kept_out_of_messages(
    variable: str, url: str, password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "ary" not in redacted(f"failed: {url}")
    monkeypatch.setenv(variable, url)
    assert redacted(f"failed: {url}") == f"failed: ${variable}"
    assert redacted(f"failed: {password}") == "failed: ***"


@pytest.mark.parametrize("name", ["beacon", 'My "own", schema', "x" * 63])
def test_a_schema_may_have_any_name_that_postgresql_takes(name: str) -> None:
    assert load(DATABASE_SCHEMA=name).database_schema == name
    assert load(DATABASE_SCHEMA="").database_schema is None


@pytest.mark.parametrize("name", ["x" * 64, "ü" * 32, "a\nb"])
def test_a_schema_that_postgresql_would_cut_off_or_nobody_could_read_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="BEACON_DATABASE_SCHEMA: a schema's name must be printable"):
        load(DATABASE_SCHEMA=name)
