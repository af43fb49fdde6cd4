"""Which names may stand for a secret."""

from __future__ import annotations

import pytest

from beacon_cli.console.secret_names import may_hold_secret, secret_named_in


@pytest.mark.parametrize(
    "name",
    [
        *(
            "key",
            "api_key",
            "my_api_key",
            "apiKey",
            "APIKEY",
            "x-api-key",
            "X-Goog-Api-Key",
            "ocp-apim-subscription-key",
        ),
        *("token", "access_token", "bearer_token", "hfToken", "X-Amz-Security-Token", "password", "db_passwd", "pwd"),
        *("sig", "signature", "X-Amz-Credential", "code", "auth", "Authorization", "Cookie", "client_secret", "jwt"),
        *("auth_token_2", "api_key_old", "keyId"),
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert may_hold_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        *("token_parameter", "max_tokens", "max_completion_tokens", "stop_token_ids", "skip_special_tokens", "top_k"),
        *(
            "thinking_token_budget",
            "eos_token",
            "prompt_cache_key",
            "api-version",
            "X-Title",
            "country_code",
            "keyword",
        ),
        *("monkey", "author", "keep_alive", "designation", "encode", "seed", "passage", "compass", "significance"),
    ],
)
def test_ordinary_names(name: str) -> None:
    assert not may_hold_secret(name)


def test_a_schema_may_describe_a_field_with_such_a_name() -> None:
    schema = {"properties": {"password": {"type": "string"}, "code": {"type": "integer"}}, "required": ["x"]}
    assert secret_named_in({"response_format": {"json_schema": {"schema": schema}}, "use_token": True}) is None
    assert secret_named_in({"a": [{"b": {"password": 123456}}]}) == "password"
