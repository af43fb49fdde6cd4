"""Settings: flags > `BEACON_*` environment > `beacon.toml` > defaults. Secrets come from the environment alone."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from beacon_cli.errors import ConfigError
from beacon_cli.job.limits import Limits
from modal_deployment.regions import region_named

FILE_NAME = "beacon.toml"
# What a file may not hold: it would end up in a repository, and in everybody's backups.
_ONLY_IN_ENVIRONMENT = (
    *("proxy_key", "proxy_secret", "proxy_key_old", "proxy_secret_old"),
    *("database_url", "token_id", "token_secret"),
)


class RegionSettings(BaseModel):
    """Where one region's endpoints are: a `base_url` that `/inference`, `/models`, `/health` are added to, or each."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str | None = None
    inference_url: str | None = None
    models_url: str | None = None
    health_url: str | None = None

    @field_validator("*")
    @classmethod
    def _http_only(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("must start with http:// or https://")
        return url


class ModalSettings(BaseModel):
    """The Modal workspace whose endpoints are the `modal` target; `environment` is Modal's, empty for the main one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    workspace: str | None = None
    environment: str | None = None


class LocalModelSettings(BaseModel):
    """What answers for one model id on this machine: a GGUF file, or a script of fixed answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    gguf: Path | None = None
    script: Path | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> LocalModelSettings:
        if (self.gguf is None) == (self.script is None):
            raise ValueError("give either gguf (a weights file) or script (fixed answers)")
        return self


class LocalSettings(BaseModel):
    """The `local` target: models served besides the one that Beacon brings, and how its gateway behaves."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    models: dict[str, LocalModelSettings] = {}
    hop_after: float = Field(
        default=150.0,
        gt=0,
        description="Seconds after which an unfinished request is answered by a 303, as on Modal.",
    )


class Settings(BaseSettings):
    """Everything that is configured. Construct it with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix="BEACON_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    modal: ModalSettings = ModalSettings()
    regions: dict[str, RegionSettings] = {}
    local: LocalSettings = LocalSettings()
    limits: Limits = Limits()
    data_dir: Path | None = None
    cache_dir: Path | None = None
    database_url: SecretStr | None = None
    proxy_key: SecretStr | None = None
    proxy_secret: SecretStr | None = None
    proxy_key_old: SecretStr | None = None
    proxy_secret_old: SecretStr | None = None

    @field_validator("regions")
    @classmethod
    def _region_ids(cls, regions: dict[str, RegionSettings]) -> dict[str, RegionSettings]:
        named = [region_named(name).id for name in regions]
        if len(set(named)) != len(named):
            raise ValueError("the same region is configured twice")
        return dict(zip(named, regions.values(), strict=True))

    @model_validator(mode="after")
    def _whole_credentials(self) -> Settings:
        if (self.proxy_key is None) != (self.proxy_secret is None):
            raise ValueError("BEACON_PROXY_KEY and BEACON_PROXY_SECRET go together: set both or neither")
        if (self.proxy_key_old is None) != (self.proxy_secret_old is None):
            raise ValueError("BEACON_PROXY_KEY_OLD and BEACON_PROXY_SECRET_OLD go together")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003  (pydantic-settings passes all by name)
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Let the environment win over what the file (passed as arguments) says."""
        return env_settings, init_settings

    def proxy_headers(self) -> dict[str, str]:
        """Return the headers that Modal's proxy authentication wants, or none when no credentials are configured."""
        if self.proxy_key is None or self.proxy_secret is None:
            return {}
        return {
            "Modal-Key": self.proxy_key.get_secret_value(),
            "Modal-Secret": self.proxy_secret.get_secret_value(),
        }

    def data_path(self) -> Path:
        """Return the folder of the embedded database and the journal; as root one outside any home folder."""
        if self.data_dir is not None:
            return self.data_dir.expanduser().resolve()
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            return Path("/var/lib/beacon")
        import platformdirs

        return platformdirs.user_data_path("beacon")

    def cache_path(self) -> Path:
        """Return the folder of what can be fetched again, such as weights."""
        if self.cache_dir is not None:
            return self.cache_dir.expanduser().resolve()
        import platformdirs

        return platformdirs.user_cache_path("beacon")


def load_settings(path: Path | None = None) -> Settings:
    """Return the settings from `path`, else `BEACON_CONFIG`, else the nearest `beacon.toml`, and the environment.

    Raises `ConfigError` when the file or a variable is not usable.
    """
    if path is None and (named := os.environ.get("BEACON_CONFIG")):
        path = Path(named)
    if path is None:
        path = _find_upwards(Path.cwd())
    values = _read(path) if path is not None else {}
    if not os.environ.get("BEACON_DATABASE_URL") and (url := os.environ.get("DATABASE_URL")):
        values["database_url"] = url
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        source = f"{path}" if path is not None else "the environment"
        raise ConfigError(
            f"{source}: {key + ': ' if key else ''}{first['msg']}",
            hint="docs/configuration.md lists every key of beacon.toml and every BEACON_ variable",
        ) from None
    except Exception as error:  # pydantic-settings: a variable that should be JSON and is not
        raise ConfigError(f"a BEACON_ variable cannot be read: {error}") from None


def _find_upwards(start: Path) -> Path | None:
    for folder in (start, *start.parents):
        if (candidate := folder / FILE_NAME).is_file():
            return candidate
    return None


def _read(path: Path) -> dict[str, Any]:
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from error
    for key in _ONLY_IN_ENVIRONMENT:
        if key in values:
            raise ConfigError(
                f"{path}: {key} does not belong in a file",
                hint=f"set BEACON_{key.upper()} in the environment",
            )
    for model in values.get("local", {}).get("models", {}).values():
        for kind in ("gguf", "script"):
            if isinstance(model, dict) and isinstance(model.get(kind), str):
                model[kind] = str(path.parent / Path(model[kind]).expanduser())
    return values
