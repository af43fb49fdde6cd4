"""Which version was verified last, and which versions are the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from beacon_cli.endpoints.recorded import recorded_apps, save
from beacon_cli.endpoints.versions import AppVersions, known_versions, record_versions
from beacon_cli.settings import Settings
from modal_deployment.registry import BUILT_IN_MODELS

NOW, BEFORE = "a" * 64, "b" * 64


def verified(**registries: str) -> AppVersions:
    """Return versions that passed, by `v1="the registry's hash"`."""
    known = AppVersions("ap-1")
    for name, sha256 in registries.items():
        known = known.verified(int(name[1:]), ok=True, registry_sha256=sha256)
    return known


def test_the_newest_version_that_passed_is_the_last_verified_one() -> None:
    known = verified(v1=NOW, v2=NOW).verified(3, ok=False, registry_sha256=NOW)
    assert known.last_verified(NOW) == 2
    assert AppVersions("ap-1").last_verified(NOW) is None


def test_one_that_fails_later_is_verified_no_longer() -> None:
    assert verified(v1=NOW, v2=NOW).verified(2, ok=False, registry_sha256=NOW).last_verified(NOW) == 1


def test_versions_with_the_models_that_are_configured_now_come_first() -> None:
    known = verified(v1=NOW, v2=BEFORE)
    assert known.last_verified(NOW) == 1
    assert known.last_verified("c" * 64) == 2


def test_a_restored_version_is_the_same_as_the_one_that_it_restores() -> None:
    known = verified(v1=NOW).restored(3, restores=1).restored(5, restores=3)
    assert (known.origin(5), known.origin(3), known.origin(2)) == (1, 1, 2)
    failed = known.verified(5, ok=False, registry_sha256=NOW)
    assert (failed.last_verified(NOW), failed.origin(5)) == (1, 1)


def test_contents_are_verified_as_whatever_version_has_them() -> None:
    known = verified(v5=NOW).restored(5, restores=2)
    assert known.verified_at(2) == known.verified_at(5) == known[5].at is not None
    assert known.verified_at(3) is None


def test_versions_of_another_app_are_not_known() -> None:
    assert verified(v1=NOW).of_app("ap-2") == AppVersions("ap-2")


def test_what_is_recorded_is_known_again_and_disturbs_nothing(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    urls = {"inference": "https://i", "models": "https://m", "health": "https://h"}
    save(settings, "", {"eu": ("app-eu", "ap-1", urls)}, BUILT_IN_MODELS)
    record_versions(settings, "", {"eu": verified(v1=NOW).restored(3, restores=1)})
    record_versions(settings, "staging", {"eu": verified(v7=NOW)})
    record_versions(settings, "", {"us": verified(v2=NOW)})
    save(settings, "", {"us": ("app-us", "ap-2", urls)}, BUILT_IN_MODELS)
    assert set(recorded_apps(settings, "")) == {"eu", "us"}
    known = known_versions(settings, "")
    assert (known["eu"].last_verified(NOW), known["eu"].origin(3), known["us"].last_verified(NOW)) == (1, 1, 2)
    assert known_versions(settings, "staging")["eu"].last_verified(NOW) == 7


@pytest.mark.parametrize("section", [1, {"": 1}, {"": {"eu": 1}}, {"": {"eu": {"app_id": "", "versions": {"x": {}}}}}])
def test_a_damaged_section_counts_as_unknown_and_is_replaced(tmp_path: Path, section: object) -> None:
    settings = Settings(data_dir=tmp_path)
    document = {"schema_version": 1, "environments": {}, "versions": section}
    (tmp_path / "deployments.json").write_text(json.dumps(document))
    assert known_versions(settings, "") == {}
    record_versions(settings, "", {"eu": verified(v1=NOW)})
    assert known_versions(settings, "")["eu"].last_verified(NOW) == 1
