"""The tables `[regions.ID]` of `beacon.toml`: what a region is called, where it is asked, and how."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from beacon_cli.console.printable import excerpt
from beacon_cli.console.secret_names import may_hold_secret, secret_named_in
from beacon_cli.urls import WEB, origin, problem_of_url
from modal_deployment.regions import Region

T = TypeVar("T")

Api = Literal["beacon", "openai"]
Auth = Literal["bearer", "api-key", "none"]
TokenParameter = Literal["max_tokens", "max_completion_tokens"]

_LONGEST_NAME = 64
# With the ids of the job and the question it must fit into an index entry of PostgreSQL, which has 2,704 bytes.
_LONGEST_MODEL_ID = 255
# `uk-` is one of the built-in beginnings; a shorter one would stand for half the world.
_SHORTEST_PREFIX = 3
_MODAL_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_PROXIES = (*WEB, "socks5://", "socks5h://")
# In capitals, so that a key that was written here by mistake is hardly taken for a name.
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_OWN_HEADERS = frozenset(
    {"host", "connection", "content-length", "content-type", "transfer-encoding", "accept-encoding"}
)
# What Beacon sends itself: a second value would be a contradiction, or another question.
_OWN_PARAMETERS = frozenset(
    {"model", "messages", "prompt", "stream", "stream_options", "n", "seed", "max_tokens", "max_completion_tokens"}
)
_ONLY_OPENAI = ("name", "token_parameter", "extra")


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):  # its text is not shown: it may be the key itself
        raise ValueError("must be the name of a variable in capitals, such as BR_API_KEY; never the key itself")
    return name


Variable = Annotated[str, AfterValidator(_variable)]


def _listed(value: object) -> object:
    return [name.strip() for name in value.split(",") if name.strip()] if isinstance(value, str) else value


AsList = BeforeValidator(_listed)
"""Takes a list as it is; a variable has it as one text, with commas."""


def _name(text: str) -> str:
    return readable(text, longest=_LONGEST_NAME)


def readable(text: str, longest: int = _LONGEST_MODEL_ID) -> str:
    """Return a text that can be shown and stored on one line. Raises `ValueError` for any other."""
    if not (text.isprintable() and text == text.strip() and 0 < len(text) <= longest):
        raise ValueError(f"must be printable, without blanks around it, and have 1 to {longest} characters")
    return text


class AskingSettings(BaseModel):
    """How endpoints are asked. `None` is not given: then it is the region's, or the default."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    api: Api | None = None
    base_url: str | None = None
    key_env: Variable | None = None
    auth: Auth | None = None
    proxy: str | None = None
    proxy_env: Variable | None = None
    headers: dict[str, str] | None = None
    headers_env: dict[str, Variable] | None = None
    token_parameter: TokenParameter | None = None

    @field_validator("base_url")
    @classmethod
    def _usable(cls, url: str | None) -> str | None:
        if url is not None and (problem := problem_of_url(url)):
            raise ValueError(problem)
        return url

    @field_validator("proxy")
    @classmethod
    def _usable_proxy(cls, url: str | None) -> str | None:
        if url is not None and (problem := problem_of_url(url, _PROXIES, secret="name a variable in proxy_env")):
            raise ValueError(problem)
        return url

    @field_validator("headers", "headers_env")
    @classmethod
    def _usable_headers(cls, headers: dict[str, str] | None, info: ValidationInfo) -> dict[str, str] | None:
        for name, value in (headers or {}).items():
            if not _HEADER_NAME.fullmatch(name):
                raise ValueError(f'"{excerpt(name, 40)}" is not the name of a header')
            if name.lower() in _OWN_HEADERS:
                raise ValueError(f"{name} is set by Beacon itself")
            if info.field_name == "headers" and may_hold_secret(name):
                raise ValueError(f"{name} may be a secret, which does not belong in a file: use headers_env or key_env")
            if not (value.isascii() and value.isprintable()):
                raise ValueError(f"{name} must be one line of printable ASCII")
        return headers

    @model_validator(mode="after")
    def _no_contradiction(self) -> AskingSettings:
        if self.proxy is not None and self.proxy_env is not None:
            raise ValueError("give either proxy or proxy_env")
        if self.auth == "none" and self.key_env is not None:
            raise ValueError('auth = "none" sends no key: leave key_env out')
        if problem := _sent_twice(self.given):
            raise ValueError(problem)
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The keys that are given, of those that every endpoint has."""
        return {name: value for name in AskingSettings.model_fields if (value := getattr(self, name)) is not None}


class RegionModelSettings(AskingSettings):
    """How one model is asked in a region, where that differs from the region.

    `name` is what the endpoint calls it; `extra` is sent with every question as it is.
    """

    name: str | None = Field(default=None, min_length=1, max_length=_LONGEST_MODEL_ID)
    extra: dict[str, Any] | None = None

    @field_validator("name")
    @classmethod
    def _readable(cls, name: str | None) -> str | None:
        if name is not None and not (name.isprintable() and name == name.strip()):
            raise ValueError("must be printable, without blanks around it")
        return name

    @field_validator("extra")
    @classmethod
    def _can_be_sent(cls, extra: dict[str, Any] | None) -> dict[str, Any] | None:
        if own := sorted(_OWN_PARAMETERS.intersection(extra or ())):
            raise ValueError(f"{own[0]} is set by Beacon itself")
        if secret := secret_named_in(extra):
            raise ValueError(
                f"{excerpt(secret, 40)} may be a secret, and what is sent is stored: use headers_env or key_env"
            )
        try:
            json.dumps(extra, allow_nan=False)
        except (TypeError, ValueError):
            raise ValueError("must hold values of JSON only: no dates, no inf, no nan") from None
        return extra


class RegionSettings(AskingSettings):
    """A region: what it is called, and where its endpoints are.

    They are a `base_url` that `/inference`, `/models`, `/health` are added to (`/chat/completions` and `/models` for
    `api = "openai"`), or each. `same_endpoint` says that another region may have the same inference URL. `models` has
    what differs for single models, by their ids. A key that is not given is that of the built-in region of this id.
    """

    label: str | None = None
    place: str | None = None
    modal_region: str | None = None
    aliases: Annotated[list[str] | None, AsList] = None
    container_prefixes: Annotated[list[str] | None, AsList] = None

    inference_url: str | None = None
    models_url: str | None = None
    health_url: str | None = None
    same_endpoint: bool = False
    models: dict[str, RegionModelSettings] = {}

    @property
    def has_endpoint(self) -> bool:
        """Whether it is said where an endpoint of the region, or of a model in it, is."""
        urls = (self.base_url, self.inference_url, self.models_url, self.health_url)
        return any(urls) or any(model.base_url for model in self.models.values())

    def region(self, region_id: str, built_in: Region | None) -> Region:
        """Return the region of this id; what is not set here is that of the built-in one."""
        given = self.model_dump(include={"label", "place", "modal_region"}, exclude_none=True)
        given |= {
            name: frozenset(value)
            for name in ("aliases", "container_prefixes")
            if (value := getattr(self, name)) is not None
        }
        return replace(built_in or Region(id=region_id, label=region_id.upper()), **given)

    def asking(self, model: RegionModelSettings) -> AskingSettings:
        """Return how a model is asked here: as its own table says, and the region's where that says nothing."""
        return AskingSettings(**self._asking(model))

    def _asking(self, model: RegionModelSettings) -> dict[str, Any]:
        rest, own = self.given, model.given
        if own.keys() & {"proxy", "proxy_env"}:
            rest = {key: value for key, value in rest.items() if key not in {"proxy", "proxy_env"}}
        if own.get("auth") == "none":
            rest.pop("key_env", None)
        if "key_env" in own and rest.get("auth") == "none":
            del rest["auth"]
        return {**rest, **own}

    @field_validator("label", "place")
    @classmethod
    def _readable(cls, text: str | None) -> str | None:
        return None if text is None else _name(text)

    @field_validator("modal_region")
    @classmethod
    def _name_of_a_place(cls, name: str | None) -> str | None:
        if name is not None and not _MODAL_REGION.fullmatch(name):
            raise ValueError("must be a name of a region at Modal, such as us or sa: a-z, 0-9 and -")
        return name

    @field_validator("aliases")
    @classmethod
    def _readable_aliases(cls, aliases: list[str] | None) -> list[str] | None:
        return None if aliases is None else list(map(_name, aliases))

    @field_validator("container_prefixes")
    @classmethod
    def _telling_prefixes(cls, prefixes: list[str] | None) -> list[str] | None:
        """Return the beginnings in lower case, in which they are compared."""
        for prefix in map(_name, prefixes or ()):
            if len(prefix) < _SHORTEST_PREFIX:
                raise ValueError(
                    f'"{prefix}" would be the beginning of too many names: write {_SHORTEST_PREFIX} characters or more,'
                    ' such as "sa-"'
                )
        return None if prefixes is None else list(map(str.lower, prefixes))

    @field_validator("inference_url", "models_url", "health_url")
    @classmethod
    def _usable_url(cls, url: str | None) -> str | None:
        if url is not None and (problem := problem_of_url(url)):
            raise ValueError(problem)
        return url

    @field_validator("base_url")
    @classmethod
    def _without_query(cls, url: str | None, info: ValidationInfo) -> str | None:
        if url is not None and "?" in url and info.data.get("api") != "openai":
            raise ValueError('a base_url must not have a query, except with api = "openai": paths are added to it')
        return url

    @field_validator("models")
    @classmethod
    def _model_ids(cls, models: dict[str, RegionModelSettings]) -> dict[str, RegionModelSettings]:
        return with_usable_ids(models)

    @model_validator(mode="after")
    def _fits_the_api(self) -> RegionSettings:
        if problem := next(self._problems(), None):
            raise ValueError(problem)
        return self

    @property
    def models_elsewhere(self) -> frozenset[str]:
        """The models at hosts that the region's own URLs do not name: they get no secret by the region's word alone.

        Where it has no URL, the one host of all its models counts as its own.
        """
        urls = (self.base_url, self.inference_url, self.models_url, self.health_url)
        own = {origin(url) for url in urls if url}
        named = {model_id: origin(model.base_url) for model_id, model in self.models.items() if model.base_url}
        if not own and len(set(named.values())) == 1:
            own = set(named.values())
        return frozenset(model_id for model_id, place in named.items() if place not in own)

    def _problems(self) -> Iterator[str]:
        speaks_openai = "openai" in {self.api, *(model.api for model in self.models.values())}
        if self.token_parameter is not None and not speaks_openai:
            yield 'token_parameter is only for api = "openai"'
        if self.health_url is not None and self.api == "openai":
            yield 'health_url is never asked with api = "openai": leave it out'
        for model_id, model in self.models.items():
            place = f'models."{excerpt(model_id, 60)}"'
            if (model.api or self.api) != "openai":
                if wrong := [name for name in _ONLY_OPENAI if getattr(model, name) is not None]:
                    yield f'{place}.{wrong[0]} is only for api = "openai"'
                if model.base_url is not None and "?" in model.base_url:
                    yield f'{place}.base_url must not have a query, except with api = "openai"'
            if model_id in self.models_elsewhere:
                yield from self._passed_on(place, model)
            if twice := _sent_twice(self._asking(model)):
                yield f"{place}: {twice}"

    def _passed_on(self, place: str, model: RegionModelSettings) -> Iterator[str]:
        """Yield the secrets of the region that a model at another host would get without a word of its own."""
        elsewhere = f"{place}.base_url is at a host that no URL of the region names"
        if self.key_env and model.key_env is None and model.auth != "none":
            yield (
                f"{elsewhere}, so the key in {self.key_env} is not sent there by itself: set its key_env,"
                ' or auth = "none"'
            )
        if self.headers_env and model.headers_env is None:
            yield f"{elsewhere}: set its headers_env ({{}} for none), because those of the region hold secrets"


def _sent_twice(asking: Mapping[str, Any]) -> str | None:
    """Return what is wrong with headers of the same name, which is the same in any case; None if nothing is."""
    names = [*(asking.get("headers") or ()), *(asking.get("headers_env") or ())]
    if asking.get("key_env"):
        names.append("api-key" if asking.get("auth") == "api-key" else "Authorization")
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            return f"the header {name} is given twice, among key_env, headers and headers_env"
        seen.add(name.lower())
    return None


def with_usable_ids(models: dict[str, T]) -> dict[str, T]:
    """Return the models. Raises `ValueError` for an id that cannot be shown and stored."""
    for name in models:
        if not (name.isprintable() and name == name.strip() and 0 < len(name) <= _LONGEST_MODEL_ID):
            raise ValueError(
                f'"{excerpt(name)}" is not an id: it must be printable and have 1 to {_LONGEST_MODEL_ID} characters'
            )
    return models
