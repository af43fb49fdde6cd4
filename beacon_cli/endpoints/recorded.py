"""The record of deployments, kept on this machine, so that `run` and `verify` find the endpoints afterwards."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from beacon_cli import __version__
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.endpoints.environment import environment_name
from beacon_cli.errors import EnvironmentFault
from beacon_cli.settings import Settings
from modal_deployment.contents import INFERENCE, gpu_functions
from modal_deployment.registry import Model, registry_sha256

_VERSION = 1
_NEEDED = ("inference", "models", "health")


def save(
    settings: Settings,
    environment: str,
    apps: Mapping[str, tuple[str, str, Mapping[str, str]]],
    models: Collection[Model] | None,
) -> None:
    """Record apps by region id (app name, app id, URLs by name); other regions' entries stay.

    Addresses of further inference functions stay, too: Modal keeps them, and a rollback may bring the function back.
    `models` are those that they serve now; None if that is not known, as after a rollback. Raises `EnvironmentFault`.
    """
    document = read_record(settings)
    deployed_at = datetime.now(UTC).isoformat(timespec="seconds")
    entries = document["environments"].setdefault(environment, {})
    for region_id, (name, app_id, urls) in apps.items():
        entries[region_id] = {
            "app_name": name,
            "app_id": app_id,
            "urls": {**_further_functions(entries.get(region_id)), **urls},
            "registry_sha256": None if models is None else registry_sha256(models),
            "models": {model.id: registry_sha256([model]) for model in models or ()},
            "deployed_at": deployed_at,
            "version": __version__,
        }
    write_record(settings, document)


def recorded_apps(settings: Settings, environment: str) -> dict[str, dict[str, Any]]:
    """Return the entries of an environment by region id; none if nothing usable was recorded."""
    entries = read_record(settings)["environments"].get(environment, {})
    regions = settings.vocabulary.regions
    return {region_id: entry for region_id, entry in entries.items() if region_id in regions and _usable(entry)}


def serves(entry: Mapping[str, Any], model: Model) -> bool:
    """Return whether an entry's deployment serves a model just as it is described now, as far as is known."""
    models = entry.get("models")
    return isinstance(models, dict) and models.get(model.id) == registry_sha256([model])


def recorded_endpoints(settings: Settings) -> dict[str, Endpoint]:
    """Return the endpoints of the configured environment's last deployments, by region id."""
    functions = gpu_functions(settings.vocabulary.deployed)
    return {
        region_id: Endpoint.of_urls(settings.vocabulary.regions[region_id], entry["urls"], functions)
        for region_id, entry in recorded_apps(settings, environment_name(settings)).items()
    }


def _usable(entry: Any) -> bool:
    urls = entry.get("urls") if isinstance(entry, dict) else None
    return isinstance(urls, dict) and {*_NEEDED} <= {*urls} and all(isinstance(url, str) for url in urls.values())


def _further_functions(entry: Any) -> dict[str, str]:
    """Return the addresses of all inference functions of an entry but the first."""
    urls = entry["urls"] if _usable(entry) else {}
    return {name: url for name, url in urls.items() if name.startswith(f"{INFERENCE}-")}


def read_record(settings: Settings) -> dict[str, Any]:
    """Return the whole record. A missing, damaged or newer one counts as empty: its contents can be found again."""
    try:
        document = json.loads(_path(settings).read_bytes())
    except (OSError, ValueError, RecursionError, EnvironmentFault):  # the last one: there is no home folder
        document = None
    if isinstance(document, dict) and document.get("schema_version") == _VERSION:
        environments = document.get("environments")
        if isinstance(environments, dict) and all(isinstance(entries, dict) for entries in environments.values()):
            return document
    return {"schema_version": _VERSION, "environments": {}}


def write_record(settings: Settings, document: Mapping[str, Any]) -> None:
    """Replace the whole record. Raises `EnvironmentFault`."""
    _replace(_path(settings), json.dumps(document, indent=2))


def _path(settings: Settings) -> Path:
    return settings.data_path() / "deployments.json"


def _replace(path: Path, text: str) -> None:
    temporary = ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=path.name, delete=False) as file:
            temporary = file.name
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise EnvironmentFault(
            f"{path}: the deployment cannot be recorded: {error.strerror}",
            hint="make the folder writable, or set BEACON_DATA_DIR",
        ) from error
