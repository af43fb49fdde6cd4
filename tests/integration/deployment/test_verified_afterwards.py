"""The verification at the end of a deployment or a rollback: what it says to do next, and where it sends no secrets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from beacon_cli.config import load_settings
from beacon_cli.deployment.commands import _verified
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import ConfigError
from modal_deployment.regions import BUILT_IN_REGIONS
from tests.support.deployed_regions import deployed


@pytest.fixture(autouse=True)
def _nothing_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith(("BEACON_", "MODAL_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BEACON_DATA_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("environment", "region_ids", "again"),
    [
        ("", ("us", "eu", "apac"), "beacon verify endpoints"),
        ("", ("eu", "apac"), "beacon verify endpoints --region eu --region apac"),
        ("staging", ("eu",), "BEACON_MODAL__ENVIRONMENT=staging beacon verify endpoints --region eu"),
        ("dev", ("us", "eu", "apac"), "beacon verify endpoints"),
    ],
)
def test_what_to_do_next_is_about_what_was_deployed(
    environment: str, region_ids: tuple[str, ...], again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODAL_ENVIRONMENT", "dev" if environment == "dev" else "")
    with deployed() as regions:
        endpoints = {region_id: regions.endpoints()[region_id] for region_id in region_ids}
        report = _verified(load_settings(), environment, endpoints, {})
    assert report is not None
    assert report.again == again


def test_no_key_is_sent_unencrypted_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEACON_PROXY_KEY", "wk-test-1")
    monkeypatch.setenv("BEACON_PROXY_SECRET", "ws-canary-1")
    us = BUILT_IN_REGIONS[0]
    with pytest.raises(ConfigError, match="would be sent unencrypted to modal\\.invalid"):
        _verified(load_settings(), "", {us.id: Endpoint.at(us, "http://modal.invalid")}, {})
