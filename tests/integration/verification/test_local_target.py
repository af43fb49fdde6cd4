"""`verify_endpoints` against the regional servers of this machine, as processes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.local.models import local_registry
from beacon_cli.local.servers import local_servers
from beacon_cli.settings import Settings
from beacon_cli.verification.report import VerifyReport
from beacon_cli.verification.verify import verify_endpoints
from modal_deployment.regions import BUILT_IN_REGIONS
from tests.support.local_models import scripted_settings

SCRIPTS: dict[str, dict[str, Any]] = {"llama3.2-1b": {"default": "4"}, "qwen2.5-1.5b": {"default": "four"}}
CREDENTIALS = {"proxy_key": "wk-test-1", "proxy_secret": "ws-test-1"}


def verify_local(served: Settings, asking: Settings | None = None, **options: Any) -> VerifyReport:
    """Serve the scripted models of `served` in all regions, and verify them with the settings of `asking`."""
    expected = local_registry(served, served.local.models)

    async def run() -> VerifyReport:
        async with local_servers(served, BUILT_IN_REGIONS, model_ids=list(expected)) as servers:
            endpoints = {name: Endpoint.at(server.region, server.base_url) for name, server in servers.items()}
            return await asyncio.to_thread(
                verify_endpoints,
                *(asking or served, endpoints),
                **{
                    "expected": expected,
                    "probe": True,
                    "timeout": 20.0,
                    "notify": lambda _: None,
                    "target": "local",
                    **options,
                },
            )

    return asyncio.run(run())


def test_servers_that_want_credentials_and_get_them_are_well(tmp_path: Path) -> None:
    report = verify_local(scripted_settings(tmp_path, SCRIPTS, **CREDENTIALS))
    assert report.exit_code == 0
    for region_id, region in report.regions.items():
        assert (region.findings, region.hash_matches, region.says_region) == ((), True, region_id)
        assert [probe.container_region for probe in region.probes.values()] == [f"local-{region_id}"] * 2
        assert len({probe.container_id for probe in region.probes.values()}) == 2


def test_servers_without_credentials_need_none(tmp_path: Path) -> None:
    assert verify_local(scripted_settings(tmp_path, SCRIPTS)).exit_code == 0


def test_a_region_whose_answers_come_from_another_one_is_caught_by_its_probes(tmp_path: Path) -> None:
    lying = {"default": "4", "rules": [{"region": "apac", "response": "4", "claims_region": "us"}]}
    report = verify_local(scripted_settings(tmp_path, {"llama3.2-1b": lying, "qwen2.5-1.5b": {}}))
    assert report.exit_code == 1
    assert [finding.code for finding in report.regions["apac"].findings] == ["region_mismatch"]
    probe = report.regions["apac"].probes["llama3.2-1b"]
    assert (probe.ok, probe.region, probe.error) == (False, "us", "region_mismatch")
    assert report.regions["us"].ok


def test_a_slow_answer_that_hops_is_followed_and_counted(tmp_path: Path) -> None:
    slow = {"default": "4", "rules": [{"region": "eu", "response": "4", "latency": 0.5}]}
    settings = scripted_settings(tmp_path, {"llama3.2-1b": slow}, local={"hop_after": 0.2})
    report = verify_local(settings)
    assert report.exit_code == 0
    assert report.regions["eu"].probes["llama3.2-1b"].hops >= 1
    assert report.regions["us"].probes["llama3.2-1b"].hops == 0


def test_a_script_that_changed_since_the_servers_started_is_another_revision(tmp_path: Path) -> None:
    settings = scripted_settings(tmp_path, SCRIPTS)
    (tmp_path / "later").mkdir()
    changed = local_registry(scripted_settings(tmp_path / "later", {**SCRIPTS, "qwen2.5-1.5b": {"default": "5"}}))
    report = verify_local(settings, expected={name: changed[name] for name in SCRIPTS}, probe=False)
    assert report.exit_code == 1
    for region in report.regions.values():
        assert [finding.code for finding in region.findings] == ["different_revision"]
        assert region.hash_matches is False
        assert "beacon serve" in region.findings[0].hint
