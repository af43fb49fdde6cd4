"""Endpoints of somebody's own, by the settings of their regions."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from beacon_cli.endpoints.configured import Endpoint, configured_endpoints
from beacon_cli.settings import Settings

BASE = "https://api.example.org/v1"


OTHER = "https://other.example.org/v1"


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
