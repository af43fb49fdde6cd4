"""How an endpoint is reached, and what opens it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from beacon_cli.console.redaction import SHORTEST
from beacon_cli.errors import ConfigError, CredentialsError
from beacon_cli.network.proxies import Proxy, named_proxy, with_scheme
from beacon_cli.region_settings import AskingSettings
from beacon_cli.urls import normal_url


@dataclass(frozen=True, slots=True)
class Access:
    """The proxy on the way to an endpoint, and the credentials that are sent to it.

    Secrets are named by the variables that hold them; only `request_headers` and `named_proxy` read those. `auth` says
    in which form the key is sent; `modal` stands for the two headers of Modal's proxy authentication.
    """

    auth: Literal["modal", "bearer", "api-key", "none"] = "modal"
    key_env: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    headers_env: tuple[tuple[str, str], ...] = ()
    proxy: str | None = None
    proxy_env: str | None = None

    @classmethod
    def configured(cls, asking: AskingSettings, place: str) -> Access:
        """Return the access that the table `place` says. Raises `ConfigError` for a key that is missing."""
        auth: Literal["modal", "bearer", "api-key", "none"]
        if asking.key_env is not None:
            auth = asking.auth or "bearer"
        elif asking.auth in {"bearer", "api-key"}:
            raise ConfigError(
                f'{place}.auth is "{asking.auth}", and no key is named',
                hint=f"set {place}.key_env to the name of the variable that holds the key",
            )
        else:
            auth = asking.auth or ("none" if asking.api == "openai" else "modal")
        return cls(
            auth=auth,
            key_env=asking.key_env,
            headers=tuple(sorted((asking.headers or {}).items())),
            headers_env=tuple(sorted((asking.headers_env or {}).items())),
            proxy=asking.proxy,
            proxy_env=asking.proxy_env,
        )

    def sends_secrets(self, modal: Mapping[str, str]) -> bool:
        """Return whether credentials are sent; `modal` are the headers of Modal's proxy authentication."""
        return bool(self.key_env or self.headers_env or (self.auth == "modal" and modal))

    @property
    def secrets_named(self) -> str:
        """The variables that the configuration names for credentials, for people: `BR_API_KEY`, or nothing."""
        own = [name for name in (self.key_env, *(variable for _, variable in self.headers_env)) if name]
        return ", ".join(dict.fromkeys(own))

    @property
    def hint(self) -> str:
        """What to do when the endpoint refuses these credentials."""
        if self.secrets_named:
            return f"set {self.secrets_named} to a valid key"
        if self.auth == "modal":
            return "set BEACON_PROXY_KEY and BEACON_PROXY_SECRET to a live proxy token"
        return "it needs a key: name the variable that holds it in key_env, in the region's table of beacon.toml"

    @property
    def proxy_hint(self) -> str:
        """What to do when the proxy on the way refuses its user and password."""
        url = "the proxy's whole URL, with user and password"
        if self.proxy_env is not None:
            return f"set {self.proxy_env} to {url}"
        if self.proxy is not None:
            return f"in place of proxy, name a variable in proxy_env that holds {url}"
        return f"set the variable that names the proxy to {url}"

    def request_headers(self, modal: Mapping[str, str], label: str) -> dict[str, str]:
        """Return the headers of every request to a region with this label.

        Raises `CredentialsError` if a variable is not set, or holds what cannot be sent.
        """
        own = {name.lower() for name, _ in (*self.headers, *self.headers_env)}
        headers = {name: value for name, value in modal.items() if self.auth == "modal" and name.lower() not in own}
        for name, value in headers.items():
            require_long_enough(value, f"BEACON_PROXY_{'KEY' if name == 'Modal-Key' else 'SECRET'}")
        headers |= self.headers
        headers |= {name: _secret(variable, label) for name, variable in self.headers_env}
        if self.key_env is not None:
            key = _secret(self.key_env, label)
            headers |= {"api-key": key} if self.auth == "api-key" else {"Authorization": f"Bearer {key}"}
        return headers

    def named_proxy(self) -> Proxy | None:
        """Return the proxy that the configuration names, None where the environment decides.

        Raises `EnvironmentFault` if it cannot be used, or its variable is not set.
        """
        if self.proxy_env is not None:
            return named_proxy(os.environ.get(self.proxy_env, "").strip(), self.proxy_env)
        return None if self.proxy is None else named_proxy(self.proxy, "beacon.toml")

    @property
    def way(self) -> str | None:
        """The named proxy's URL in its one spelling, which may contain a password; None where the environment decides.

        Where the variable that holds it is not set, or holds no URL, it is what was written.
        """
        named = self.proxy if self.proxy_env is None else os.environ.get(self.proxy_env, "").strip()
        if not named:
            return self.proxy_env
        try:
            return normal_url(with_scheme(named))
        except ValueError:
            return named

    @property
    def told_apart_by(self) -> tuple[object, ...]:
        """What makes two ways to ask the same URL different ones: the proxy, and the headers, secret ones by value."""
        plain = ((name.lower(), value) for name, value in self.headers)
        secret = (
            (name.lower(), os.environ.get(variable, "").strip() or variable) for name, variable in self.headers_env
        )
        return (self.way, frozenset((*plain, *secret)))


def require_long_enough(secret: str, source: str) -> None:
    """Raise `CredentialsError` for a secret that is too short to be told from harmless text, and so to be hidden."""
    if len(secret) < SHORTEST:
        raise CredentialsError(
            f"the secret in {source} has fewer than {SHORTEST} characters: so short a one cannot be removed from what"
            " comes back and is stored",
            hint=f"use a key of at least {SHORTEST} characters; name none where no key is needed",
        )


def _secret(variable: str, label: str) -> str:
    value = os.environ.get(variable, "").strip()
    if not value:
        raise CredentialsError(
            f"region {label} needs the key in {variable}, and this variable is not set",
            hint=f"export {variable}, or name another variable in beacon.toml",
        )
    require_long_enough(value, variable)
    if not (value.isascii() and value.isprintable()):
        raise CredentialsError(
            f"{variable} must be one line of printable ASCII: it is sent to region {label} as an HTTP header",
            hint=f"correct {variable}",
        )
    return value
