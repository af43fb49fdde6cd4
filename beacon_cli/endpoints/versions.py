"""What this machine knows of the versions of the apps on Modal: which passed a verification, and which restore another.

Modal counts the versions and keeps their history. It does not know which of them were good: that is recorded here,
beside the record of deployments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from beacon_cli.endpoints.recorded import read_record, write_record
from beacon_cli.settings import Settings

_SECTION = "versions"


@dataclass(frozen=True, slots=True)
class KnownVersion:
    """A version of an app.

    `ok` is what its last verification found, None if it had none; `at` is when (ISO 8601, UTC), and `registry_sha256`
    is the hash of the models that were expected and served. `restores` is the version that it brought back, if it is a
    rollback.
    """

    ok: bool | None = None
    at: str | None = None
    registry_sha256: str | None = None
    restores: int | None = None


@dataclass(frozen=True, slots=True)
class AppVersions:
    """The versions of one app, by number. Modal counts anew, from 1, for an app that was stopped and deployed again."""

    app_id: str = ""
    versions: Mapping[int, KnownVersion] = field(default_factory=dict)

    def of_app(self, app_id: str) -> AppVersions:
        """Return these versions if they are of this app; otherwise none."""
        return self if self.app_id == app_id else AppVersions(app_id)

    def verified(self, number: int, *, ok: bool, registry_sha256: str) -> AppVersions:
        """Return them with the outcome of a verification that has just ended."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return self._with(number, replace(self[number], ok=ok, at=now, registry_sha256=registry_sha256))

    def restored(self, number: int, *, restores: int) -> AppVersions:
        """Return them with a version that a rollback made."""
        return self._with(number, replace(self[number], restores=self.origin(restores)))

    def origin(self, number: int) -> int:
        """Return the version whose contents a version has: itself, unless it is a rollback."""
        return self[number].restores or number

    def last_verified(self, registry_sha256: str) -> int | None:
        """Return the newest version whose last verification passed: one with these models, if there is one."""
        passed = [number for number, known in self.versions.items() if known.ok]
        with_these = [number for number in passed if self[number].registry_sha256 == registry_sha256]
        return max(with_these or passed, default=None)

    def verified_at(self, number: int) -> str | None:
        """Return when the contents of a version passed a verification last, under whatever number."""
        same = [known for other, known in self.versions.items() if self.origin(other) == self.origin(number)]
        return max((known.at for known in same if known.ok and known.at), default=None)

    def __getitem__(self, number: int) -> KnownVersion:
        return self.versions.get(number, KnownVersion())

    def _with(self, number: int, known: KnownVersion) -> AppVersions:
        return replace(self, versions={**self.versions, number: known})


def known_versions(settings: Settings, environment: str) -> dict[str, AppVersions]:
    """Return what is known of the apps of an environment, by region id. What is damaged counts as unknown."""
    try:
        entries = read_record(settings)[_SECTION][environment]
        return {region_id: _app_versions(entry) for region_id, entry in entries.items()}
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}


def record_versions(settings: Settings, environment: str, changed: Mapping[str, AppVersions]) -> None:
    """Record what is known now, by region id; other regions' entries stay. Raises `EnvironmentFault`."""
    known = {**known_versions(settings, environment), **changed}
    document = read_record(settings)
    sections = document.get(_SECTION)
    environments = sections if isinstance(sections, dict) else {}
    entries = {region_id: _as_data(versions) for region_id, versions in known.items()}
    write_record(settings, {**document, _SECTION: {**environments, environment: entries}})


def _app_versions(entry: Any) -> AppVersions:
    versions = {int(number): KnownVersion(**known) for number, known in entry["versions"].items()}
    return AppVersions(entry["app_id"], versions)


def _as_data(versions: AppVersions) -> dict[str, Any]:
    known = {str(number): asdict(version) for number, version in sorted(versions.versions.items())}
    return {"app_id": versions.app_id, "versions": known}
