"""The settings of Beacon and their meaning. `beacon_cli.config` finds and reads them."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from beacon_cli.accounts import home_folder, is_root
from beacon_cli.console.printable import excerpt
from beacon_cli.job.limits import Limits
from beacon_cli.job.model import DEFAULT_PROMPT
from beacon_cli.price_settings import PriceSettings
from beacon_cli.region_settings import AsList, RegionSettings, readable, with_usable_ids
from modal_deployment.contents import Containers, gpu_functions
from modal_deployment.regions import BUILT_IN_REGIONS, Region, Regions, UnknownRegionError
from modal_deployment.registry import BUILT_IN_MODELS, Model
from modal_deployment.vocabulary import Vocabulary

# NAMEDATALEN - 1: PostgreSQL cuts off the rest.
_LONGEST_IDENTIFIER = 63
# What Modal calls a kind of GPU, and how many: https://modal.com/docs/guide/gpu
_GPU = r"^[A-Za-z0-9]+(-[A-Za-z0-9]+)*!?(:[1-8])?$"
# Two different ones must not name the same function: `modal_deployment.contents` writes `!` and `:2` in these words.
_NOT_A_GPU = re.compile(r".*-(EXACT|X[1-8])(!|:|$)")
# A tag or a branch may move, and the hub takes no abbreviated commit: https://huggingface.co/docs/hub/en/models-downloading
_COMMIT = r"[0-9a-f]{40}"
_REGION_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


def _placed(path: Path, info: ValidationInfo) -> Path:
    """Expand `~`, and resolve a path in a file relative to the file's folder (the context of the validation)."""
    try:
        placed: Path = (info.context or Path()) / path.expanduser()
    except RuntimeError:
        raise ValueError("that user has no home folder") from None
    if {"\0", "\n", "\r"} & set(str(placed)):
        raise ValueError("a path cannot contain a NUL character or a line break")
    return placed


_SettingsPath = Annotated[Path, AfterValidator(_placed)]


def _gpu(name: str) -> str:
    if _NOT_A_GPU.match(name.upper()):
        raise ValueError("is not a kind of GPU: write L4! for exactly an L4, and L4:2 for two of them")
    return name.upper()


class WrongKeyError(ValueError):
    """A value that does not fit the rest of the settings: its key, and the problem."""

    def __init__(self, key: tuple[str, ...], problem: str) -> None:
        super().__init__(problem)
        self.key = key


class ModelSettings(BaseModel):
    """A model that jobs may name: `source` is its id on the hub, or free text.

    `revision`, `gpu` and `context` are needed to deploy it. A key that is not given is that of the built-in model of
    this id.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    source: Annotated[str, AfterValidator(readable)] | None = None
    revision: str | None = None
    gpu: Annotated[str, Field(pattern=_GPU), AfterValidator(_gpu)] | None = None
    context: int | None = Field(default=None, ge=1)

    @field_validator("revision")
    @classmethod
    def _pins_the_weights(cls, revision: str | None) -> str | None:
        if revision is not None and not re.fullmatch(_COMMIT, revision):
            raise ValueError("must be a whole commit of the hub, of 40 hexadecimal digits: a branch or a tag may move")
        return revision

    def model(self, model_id: str, built_in: Model | None) -> Model:
        """Return the model of this id; what is not set here is that of the built-in one."""
        return replace(built_in or Model(id=model_id, source=model_id), **self.model_dump(exclude_none=True))


class ModalSettings(BaseModel):
    """The Modal workspace whose endpoints are the `modal` target; `environment` is empty for the default one.

    `models` and `regions` are what is deployed, and what is verified. `containers` and `snapshot` say with which
    containers.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    workspace: str | None = None
    environment: str | None = None
    models: Annotated[list[str] | None, AsList] = Field(default=None, min_length=1)
    regions: Annotated[list[str] | None, AsList] = Field(default=None, min_length=1)

    containers: Containers = Field(
        default="model",
        description="model: a container for each model of a region. region: one for all models of a GPU and region.",
    )
    snapshot: bool = Field(
        default=False, description="Whether containers start from a copy of the memory of one that had started."
    )

    @field_validator("workspace", "environment")
    @classmethod
    def _fits_a_host_name(cls, name: str | None) -> str | None:
        if name and not re.fullmatch(r"[A-Za-z0-9-]{1,63}", name):
            raise ValueError("only letters, digits and hyphens: it becomes a part of the endpoints' host names")
        return name


class LocalModelSettings(BaseModel):
    """What answers for one model id on this machine: a GGUF file, or a script of fixed answers."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    gguf: _SettingsPath | None = None
    script: _SettingsPath | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> LocalModelSettings:
        if (self.gguf is None) == (self.script is None):
            raise ValueError("give either gguf (a weights file) or script (fixed answers)")
        return self


class LocalSettings(BaseModel):
    """The `local` target: models in addition to those that come with Beacon, and how its gateway behaves."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    models: dict[str, LocalModelSettings] = {}
    hop_after: float = Field(
        default=150.0,
        gt=0,
        description="Seconds after which an unfinished request is answered with a 303, as on Modal.",
    )

    @field_validator("models")
    @classmethod
    def _usable_ids(cls, models: dict[str, LocalModelSettings]) -> dict[str, LocalModelSettings]:
        return with_usable_ids(models)


class FleetSettings(BaseModel):
    """The caps on calls in flight over all jobs and workers of a fleet; the worker that starts last sets them."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    per_region: int = Field(default=2, ge=1, le=10000, description="Maximum number of calls in flight to one region.")
    per_account: int = Field(
        default=10, ge=1, le=10000, description="Maximum number of calls in flight to all regions."
    )


class Settings(BaseModel):
    """All settings. Use `load_settings` to create them."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)

    modal: ModalSettings = ModalSettings()
    models: dict[str, ModelSettings] = {}
    regions: dict[str, RegionSettings] = {}
    local: LocalSettings = LocalSettings()
    limits: Limits = Limits()
    fleet: FleetSettings = FleetSettings()
    prices: PriceSettings = PriceSettings()
    data_dir: _SettingsPath | None = None
    cache_dir: _SettingsPath | None = None
    database_url: SecretStr | None = None
    database_schema: str | None = None
    proxy_key: SecretStr | None = None
    proxy_secret: SecretStr | None = None
    proxy_key_old: SecretStr | None = None
    proxy_secret_old: SecretStr | None = None

    @field_validator("regions")
    @classmethod
    def _region_ids(cls, regions: dict[str, RegionSettings]) -> dict[str, RegionSettings]:
        built_in = Regions(BUILT_IN_REGIONS)
        tables: dict[str, str] = {}
        for name in regions:
            region_id = region.id if (region := built_in.or_none(name)) else name
            if not _REGION_ID.fullmatch(region_id):
                raise ValueError(f'"{excerpt(name)}" is not a region\'s id: use a-z, 0-9 and -, at most 32 characters')
            if (first := tables.setdefault(region_id, name)) != name:
                raise ValueError(
                    f'"{excerpt(first)}" and "{excerpt(name)}" are both names of the built-in region {region_id}: write'
                    " one table for it, or choose another id for a region of your own and put the name into its aliases"
                )
        return dict(zip(tables, regions.values(), strict=True))

    @field_validator("models")
    @classmethod
    def _model_ids(cls, models: dict[str, ModelSettings]) -> dict[str, ModelSettings]:
        return with_usable_ids(models)

    @model_validator(mode="after")
    def _unambiguous_vocabulary(self) -> Settings:
        if any(DEFAULT_PROMPT in region.names for region in self.vocabulary.regions.values()):
            raise ValueError(
                f'no region can be called "{DEFAULT_PROMPT}": in system_prompts it stands for all other regions'
            )
        return self

    @model_validator(mode="after")
    def _prices_of_known_regions(self) -> Settings:
        known = self.vocabulary.regions
        first: dict[str, str] = {}
        for name in self.prices.regions:
            key = ("prices", "regions", name)
            if (region := known.or_none(name)) is None:
                raise WrongKeyError(key, str(UnknownRegionError(name, known.values())))
            if (other := first.setdefault(region.id, name)) != name:
                raise WrongKeyError(key, f'"{excerpt(other)}" is a name of the same region: write one table for it')
        return self

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The models and regions that are known: those that come with Beacon, and those of the settings."""
        regions = self._regions()
        built_in = {model.id: model for model in BUILT_IN_MODELS}
        own = {model_id: model.model(model_id, built_in.get(model_id)) for model_id, model in self.models.items()}
        models = built_in | own
        names = self.modal.models or list(built_in)
        if unknown := [name for name in names if name not in models]:
            known = ", ".join(models)
            raise WrongKeyError(("modal", "models"), f'unknown model "{excerpt(unknown[0])}"; known: {known}')
        return Vocabulary(
            regions=regions,
            models=models,
            deployed=tuple(models[name] for name in dict.fromkeys(names)),
            deployed_regions=self._deployed(regions),
        )

    def models_in_one_container(self) -> dict[str, str] | None:
        """Return the function on Modal of each model, if all models of a function share a container in each region."""
        if self.modal.containers == "model":
            return None
        functions = gpu_functions(self.vocabulary.deployed)
        return {model.id: function.name for function in functions for model in function.models}

    def endpoint_of(self, region_id: str) -> RegionSettings | None:
        """Return the settings of a region if they say where its endpoints are."""
        region = self.regions.get(region_id)
        return region if region is not None and region.has_endpoint else None

    def known_model_ids(self) -> list[str]:
        """Return the ids of the models that the settings know: a job may name them."""
        in_regions = (model_id for region in self.regions.values() for model_id in region.models)
        return list(dict.fromkeys([*self.vocabulary.models, *self.local.models, *in_regions]))

    def _regions(self) -> Regions:
        """Return the built-in regions and one's own, which take what they name from the built-in ones."""
        own = self.regions.values()
        names = {name.strip().lower() for region in own for name in (region.label or "", *(region.aliases or ()))}
        prefixes = {prefix for region in own for prefix in region.container_prefixes or ()}
        rest = {
            region.id: region.without(names={*names, *self.regions}, container_prefixes=prefixes)
            for region in BUILT_IN_REGIONS
        }
        configured = {
            region_id: region.region(region_id, rest.get(region_id)) for region_id, region in self.regions.items()
        }
        return Regions((rest | configured).values())

    def _deployed(self, regions: Regions) -> tuple[Region, ...]:
        places = self.modal.regions or [region.id for region in BUILT_IN_REGIONS]
        try:
            return tuple(dict.fromkeys(regions.named(name) for name in places))
        except UnknownRegionError as error:
            raise WrongKeyError(("modal", "regions"), str(error)) from None

    @field_validator("database_schema")
    @classmethod
    def _usable_schema(cls, name: str | None) -> str | None:
        if name is not None and not (name.isprintable() and 0 < len(name.encode()) <= _LONGEST_IDENTIFIER):
            raise ValueError(f"a schema's name must be printable, and have 1 to {_LONGEST_IDENTIFIER} bytes")
        return name

    @field_validator("database_url", "proxy_key", "proxy_secret", "proxy_key_old", "proxy_secret_old")
    @classmethod
    def _usable_secret(cls, secret: SecretStr | None, info: ValidationInfo) -> SecretStr | None:
        if secret is None:
            return None
        value = secret.get_secret_value().strip()  # files with secrets often end with a newline
        if not value:
            raise ValueError("is blank")
        if info.field_name != "database_url" and not (value.isascii() and value.isprintable()):
            raise ValueError("must be one line of printable ASCII: it is sent as an HTTP header")
        return SecretStr(value)

    @model_validator(mode="after")
    def _whole_credentials(self) -> Settings:
        for key, secret in (("proxy_key", "proxy_secret"), ("proxy_key_old", "proxy_secret_old")):
            if (getattr(self, key) is None) != (getattr(self, secret) is None):
                given, missing = (key, secret) if getattr(self, secret) is None else (secret, key)
                raise ValueError(f"BEACON_{given.upper()} is set but BEACON_{missing.upper()} is not: set both or none")
        return self

    @property
    def secret_variables(self) -> tuple[list[str], list[str]]:
        """The variables that the file names for secrets: those that hold one, and those that hold a proxy's URL."""
        asked = [each for region in self.regions.values() for each in (region, *region.models.values())]
        keys = [name for each in asked for name in (each.key_env, *(each.headers_env or {}).values()) if name]
        return keys, [each.proxy_env for each in asked if each.proxy_env]

    def proxy_headers(self) -> dict[str, str]:
        """Return the headers for Modal's proxy authentication, or none if no credentials are configured."""
        if self.proxy_key is None or self.proxy_secret is None:
            return {}
        return {
            "Modal-Key": self.proxy_key.get_secret_value(),
            "Modal-Secret": self.proxy_secret.get_secret_value(),
        }

    def data_path(self) -> Path:
        """Return the folder of the embedded database and the journal; for root it is outside any home folder.

        Raises `EnvironmentFault` for a user without a home.
        """
        if self.data_dir is not None:
            return Path(os.path.realpath(self.data_dir))
        if is_root():
            return Path("/var/lib/beacon")
        return home_folder("user_data_path")

    def journal_path(self) -> Path:
        """Return the folder of answers that could not be stored immediately. Raises what `data_path` raises."""
        return self.data_path() / "journal"

    def live_path(self) -> Path:
        """Return the folder in which runs say what they do now. Raises what `data_path` raises."""
        return self.data_path() / "live"

    def cache_path(self) -> Path:
        """Return the folder of what can be fetched again, such as weights. Raises `EnvironmentFault` without a home."""
        if self.cache_dir is not None:
            return Path(os.path.realpath(self.cache_dir))
        return home_folder("user_cache_path")
