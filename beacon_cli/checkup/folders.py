"""The data folder and the cache folder: rights, file systems, free space. Neither is created."""

from __future__ import annotations

import shutil
from pathlib import Path

from beacon_cli.checkup.condition import Condition, failure
from beacon_cli.console.formatting import size
from beacon_cli.errors import EnvironmentFault
from beacon_cli.local.bundled import BUNDLED
from beacon_cli.settings import Settings
from beacon_cli.store.database import named_database
from beacon_cli.store.embedded import NOEXEC, is_noexec, nearest_existing, require_safe_folder, require_writable_folder
from beacon_cli.store.journal import require_room

_ELSEWHERE = "set BEACON_DATA_DIR to another folder"


def look_at_folders(settings: Settings, database_url: str | None) -> list[Condition]:
    """Return how the data folder is, and how much space its disk and that of the cache have left."""
    try:
        data, cache = settings.data_path(), settings.cache_path()
    except EnvironmentFault as error:
        return [failure("data_folder", error)]
    return [_data_folder(data, embedded=_is_embedded(settings, database_url)), _disk(data), _weights(cache)]


def _is_embedded(settings: Settings, database_url: str | None) -> bool:
    try:
        return named_database(settings, database_url) is None
    except EnvironmentFault:  # reported with the database
        return False


def _data_folder(path: Path, *, embedded: bool) -> Condition:
    try:
        require_writable_folder(path)
        if embedded:
            require_safe_folder(nearest_existing(path))
    except EnvironmentFault as error:
        return failure("data_folder", error)
    what = f"{path}" if path.exists() else f"{path}, which the first command creates that needs it"
    if embedded and is_noexec(nearest_existing(path)):
        return Condition("data_folder", "warning", f"{what}; {NOEXEC}", f"if the database does not start, {_ELSEWHERE}")
    return Condition("data_folder", "ok", what)


def _disk(path: Path) -> Condition:
    folder = nearest_existing(path)
    if not folder.is_dir():
        return Condition("disk", "skipped", "not looked at without a data folder")
    try:
        require_room(folder)
    except EnvironmentFault as error:
        return failure("disk", error)
    return Condition("disk", "ok", f"{size(shutil.disk_usage(folder).free)} are free for answers ({folder})")


def _weights(cache: Path) -> Condition:
    """Return whether the weights of the models that come with Beacon are there, or have room."""
    missing = [pinned for pinned in BUNDLED.values() if not (cache / "weights" / pinned.file_name).exists()]
    if not missing:
        return Condition("weights", "ok", f"of the models for --local: in {cache}")
    needed = sum(pinned.disk_megabytes for pinned in missing) * 1_000_000
    free = shutil.disk_usage(nearest_existing(cache)).free
    what = f"of the models for --local: not fetched yet, {size(needed)} in {cache}"
    if free < needed:
        hint = "free space there, or set BEACON_CACHE_DIR to a folder on another disk"
        return Condition("weights", "warning", f"{what}, where {size(free)} are free", hint)
    return Condition("weights", "ok", f"{what}; the first run --local fetches them")
