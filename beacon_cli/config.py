"""Finds and reads settings: `BEACON_*` environment > `beacon.toml` > defaults. Secrets: environment only."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from beacon_cli.console.input_file import meant_file
from beacon_cli.console.program_name import command
from beacon_cli.console.redaction import protect
from beacon_cli.errors import ConfigError, EnvironmentFault
from beacon_cli.settings import Settings, WrongKeyError
from modal_deployment.regions import Region, Regions, UnknownRegionError

FILE_NAME = "beacon.toml"
_PREFIX = "BEACON_"
# Keys that a file must not contain: they would end up in a repository, and in everybody's backups.
_ONLY_IN_ENVIRONMENT = {
    **{key: _PREFIX + key.upper() for key in ("proxy_key", "proxy_secret", "proxy_key_old", "proxy_secret_old")},
    "database_url": "BEACON_DATABASE_URL",
    "token_id": "MODAL_TOKEN_ID",
    "token_secret": "MODAL_TOKEN_SECRET",
}
_ANY_ID = "<id>"
# Pydantic's errors in plain words, without the value, which may be a secret.
_PROBLEMS = {
    "extra_forbidden": "unknown key",
    "missing": "missing",
    **dict.fromkeys(("bool_type", "bool_parsing"), "must be true or false"),
    **dict.fromkeys(("int_type", "int_parsing", "int_from_float"), "must be a whole number"),
    **dict.fromkeys(("float_type", "float_parsing"), "must be a number"),
    **dict.fromkeys(("string_type", "path_type"), "must be text"),
    **dict.fromkeys(("list_type", "tuple_type", "set_type", "frozen_set_type"), "must be a list"),
    **dict.fromkeys(("dict_type", "model_type", "model_attributes_type"), "must be a table"),
    "literal_error": "must be {expected}",
    "greater_than": "must be more than {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than": "must be less than {lt}",
    "less_than_equal": "must be at most {le}",
}

_log = logging.getLogger(__name__)

# The path of a key in the settings, such as ("limits", "attempts").
KeyPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where settings come from: how the file was found, or why there is none, and the names of the variables."""

    file: Path | None
    found: str
    variables: tuple[str, ...]


def load_settings(path: Path | None = None) -> Settings:
    """Return the settings from `path`, else `BEACON_CONFIG`, else the nearest `beacon.toml`, and the environment.

    Raises `ConfigError` if the file or a variable is not usable.
    """
    return settings_and_sources(path)[0]


def settings_and_sources(path: Path | None = None) -> tuple[Settings, Sources]:
    """Return the same settings, and where they come from. Raises `ConfigError`, as `load_settings` does."""
    path, found = _chosen_file(path)
    _log.info("configuration: %s", found)
    written = _read(path, found) if path is not None else Settings()
    values = written.model_dump(exclude_unset=True)
    variables = _variables(os.environ, written.vocabulary.regions)
    names = tuple(sorted(variables.values()))
    _log.info("configuration: variables %s", ", ".join(names) or "none")
    for key, variable in variables.items():
        table = values
        for word in key[:-1]:
            table = table.setdefault(word, {})
        table[key[-1]] = os.environ[variable]
    settings = _validated(values, lambda key: _blamed(variables, key))
    protect(*settings.secret_variables)
    _log_folders(settings)
    return settings, Sources(path, found, names)


def _log_folders(settings: Settings) -> None:
    for name, path in (("data", settings.data_path), ("cache", settings.cache_path)):
        try:
            _log.info("%s folder: %s", name, path())
        except (EnvironmentFault, OSError):  # reported where the folder is needed
            _log.info("%s folder: none", name)


def _chosen_file(given: Path | None) -> tuple[Path | None, str]:
    """Return the file to read, if any, and a description of how it was found."""
    if given is not None:
        return given, f"{given} (from --config)"
    if named := os.environ.get("BEACON_CONFIG"):
        return Path(named), f"{named} (from BEACON_CONFIG)"
    nearest = _nearest_file()
    if nearest is None:
        return None, f"no {FILE_NAME} in the working folder or above it"
    return nearest, f"{nearest} (the nearest {FILE_NAME})"


def _nearest_file() -> Path | None:
    with contextlib.suppress(OSError):  # the working folder is gone, or a folder above it is not readable
        start = Path.cwd()
        for folder in (start, *start.parents):
            if (candidate := folder / FILE_NAME).exists():  # one that is no file is refused where it is read
                return candidate
    return None


def _read(path: Path, found: str) -> Settings:
    """Return what a file sets: validated on its own, keyed by region ids, with paths relative to its folder."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe or a device might never end
            raise ConfigError(f"{found} is not a file", hint="set --config or BEACON_CONFIG to a beacon.toml file")
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        hint = "correct the path or the file's permissions, or name another file with --config"
        raise ConfigError(f"{found} cannot be read: {error.strerror}", hint=meant_file(path, error) + hint) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except (ValueError, RecursionError) as error:  # not TOML, an endless number, tables nested too deep
        raise ConfigError(f"{path}: {error}") from error
    for key, variable in _ONLY_IN_ENVIRONMENT.items():
        if key in values:
            raise ConfigError(f"{path}: {key} does not belong in a file", hint=f"set {variable} in the environment")
    return _validated(
        values, lambda key: f"{path}: {'.'.join(key)}" if key else str(path), path.parent, exact_types=True
    )


def _validated(
    values: Mapping[str, Any],
    place: Callable[[KeyPath], str],
    folder: Path | None = None,
    *,
    exact_types: bool = False,
) -> Settings:
    """Return the settings; variables are texts, so only a file's values must have `exact_types`."""
    try:
        settings = Settings.model_validate(values, context=folder)
        if exact_types:  # JSON, because Python's own types would have to be paths and sets; a date was refused before
            Settings.model_validate_json(json.dumps(values, default=str), strict=True, context=folder)
        return settings
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        words, context = _PROBLEMS.get(first["type"]), first.get("ctx", {})
        bounds = {name: f"{value:.15g}" if isinstance(value, float) else value for name, value in context.items()}
        problem = words.format_map(bounds) if words else first["msg"].removeprefix("Value error, ")
        cause = context.get("error")
        key = (*map(str, first["loc"]), *(cause.key if isinstance(cause, WrongKeyError) else ()))
        meant = _meant(key) if first["type"] == "extra_forbidden" else ""
        raise ConfigError(
            f"{place(key)}: {problem}",
            hint=f"{meant}{command('docs configuration')} lists every key of beacon.toml and every BEACON_ variable",
        ) from None


def _meant(key: KeyPath) -> str:
    """Return `did you mean …? ` for an unknown key that is like a known one of its table, else an empty text."""
    import difflib

    kind: Any = Settings
    for word in key[:-1]:
        kind = _kind_below(kind, word)
    near = difflib.get_close_matches(key[-1], getattr(kind, "model_fields", ()), n=1, cutoff=0.7)
    return f"did you mean {near[0]}? " if near else ""


def _kind_below(kind: Any, word: str) -> Any:
    """Return the type of what a key of a table sets; None if it is not known."""
    if get_origin(kind) is dict:
        return get_args(kind)[1]
    field = getattr(kind, "model_fields", {}).get(word)
    return field and field.annotation


def _blamed(variables: Mapping[KeyPath, str], key: KeyPath) -> str:
    """Return the variables that set a key, or keys under it: the file alone was valid, so they are the cause."""
    names = [name for path, name in variables.items() if key and path[: len(key)] == key]
    return ", ".join(names) or "the environment"


def _variables(environment: Mapping[str, str], regions: Regions) -> dict[KeyPath, str]:
    """Return which variable sets which key of these regions, or of everything else; an empty one sets nothing.

    Raises `ConfigError` for an unknown one.
    """
    found: dict[KeyPath, str] = {}
    for name, value in environment.items():
        if value and name.startswith(_PREFIX) and name != "BEACON_CONFIG":
            key = _key_set_by(name, regions)
            if key in found:
                raise ConfigError(f"{found[key]} and {name} set the same key", hint="unset one of them")
            found[key] = name
    if environment.get("DATABASE_URL"):
        found.setdefault(("database_url",), "DATABASE_URL")
    return found


def _key_set_by(name: str, regions: Regions) -> KeyPath:
    words = name.removeprefix(_PREFIX).split("__")
    for known in _key_paths(Settings):
        if len(known) == len(words) and all(
            word if part == _ANY_ID else word == part.upper() for part, word in zip(known, words, strict=True)
        ):
            key = tuple(word.lower() for word in words)
            try:
                return ("regions", _region_named(key[1], regions).id, *key[2:]) if key[0] == "regions" else key
            except ValueError as error:
                raise ConfigError(f"{name}: {error}") from None
    import difflib

    known_names = [_PREFIX + "__".join(known).upper() for known in _key_paths(Settings)]
    near = difflib.get_close_matches(name, [*known_names, "BEACON_CONFIG"], n=1)
    raise ConfigError(
        f"{name} is not a variable of Beacon" + (f"; did you mean {near[0]}?" if near else ""),
        hint=f"correct it or unset it; {command('docs configuration')} lists every variable",
    )


def _region_named(name: str, regions: Regions) -> Region:
    """Return the region that a part of a variable's name stands for, where `_` may be a hyphen.

    Raises `ValueError` if it is none, or not only one.
    """
    if (region := regions.or_none(name)) is not None:
        return region
    found = [region for region in regions.values() if name in {each.replace("-", "_") for each in region.names}]
    if len(found) > 1:
        raise ValueError(f"{name!r} stands for two regions, {found[0].id} and {found[1].id}; set it in {FILE_NAME}")
    if not found:
        raise UnknownRegionError(name, regions.values())
    return found[0]


def _key_paths(model: type[BaseModel]) -> Iterator[KeyPath]:
    """Yield every key that a variable can set; `_ANY_ID` stands for a name that the user chooses."""
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        path: KeyPath = (name,)
        if any(get_origin(each) is dict for each in get_args(kind)):  # a table of one's own keys: only in the file
            continue
        if get_origin(kind) is dict:
            kind, path = get_args(kind)[1], (name, _ANY_ID)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from ((*path, *below) for below in _key_paths(kind))
        else:
            yield path
