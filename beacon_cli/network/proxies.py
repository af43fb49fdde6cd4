"""The proxy for a URL, according to `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

from beacon_cli.errors import EnvironmentFault

# This machine, as URLs write it: never reached through a proxy, so unencrypted data stays on the machine.
DIRECT_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_SYSTEM = "the system's settings"
_SOCKS = ("socks5", "socks5h")


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy, and its source. `url` may contain a password: show `address`."""

    url: str = field(repr=False)
    source: str

    @property
    def address(self) -> str:
        """The URL without user and password."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for a URL; None means a direct connection.

    Lower-case variables have priority, as in curl. Raises `EnvironmentFault` if the named proxy cannot be used.
    """
    parts = urlsplit(url)
    if parts.hostname in {host.strip("[]") for host in DIRECT_HOSTS}:
        return None
    from urllib.request import getproxies  # with http and ssl it takes 10 ms, which a command without proxies need not

    named = getproxies()
    scheme = parts.scheme if named.get(parts.scheme) else "all"
    value = named.get(scheme, "").strip()
    if not value or _is_exempt(parts, named.get("no", "")):
        return None
    proxy = Proxy(with_scheme(value), source_of(scheme))
    _require_usable(proxy)
    return proxy


def named_proxy(value: str, source: str) -> Proxy:
    """Return the proxy that a file or a variable, `source`, names for single endpoints.

    It is used for every host, this machine included. Raises `EnvironmentFault` if it cannot be used.
    """
    if not value:
        raise EnvironmentFault(
            f"{source} is not set, and beacon.toml says that it holds the URL of a proxy",
            hint=f"export {source}, such as socks5h://host:1080",
        )
    proxy = Proxy(with_scheme(value), source)
    _require_usable(proxy)
    return proxy


def with_scheme(proxy: str) -> str:
    """Return the URL of a proxy, which may be written without its scheme: then it is http."""
    return proxy if "://" in proxy else f"http://{proxy}"


def route(url: str, named: Proxy | None = None) -> str:
    """Describe how a URL is reached, where `named` is the proxy that was named for it.

    Raises `EnvironmentFault` as `proxy_for` does.
    """
    proxy = named or proxy_for(url)
    return "directly" if proxy is None else f"through {proxy.address} ({proxy.source})"


def source_of(scheme: str) -> str:
    """Return what names the proxy for `http`, `https` or `all`: a variable, or the system's settings."""
    names = (f"{scheme}_proxy", f"{scheme}_proxy".upper())
    return next((name for name in names if os.environ.get(name)), _SYSTEM)


def _require_usable(proxy: Proxy) -> None:
    try:
        parts = urlsplit(proxy.url)
        usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # The value is never shown, even if it is hardly a URL: it may contain a password.
    if not usable or parts.scheme not in ("http", "https", *_SOCKS) or not proxy.url.isascii() or " " in proxy.url:
        raise EnvironmentFault(
            f"{proxy.source} does not name a usable proxy",
            hint="write it as http://host:port, or http://user:password@host:port with special characters"
            " percent-encoded; or unset it",
        )


def _is_exempt(parts: SplitResult, no_proxy: str) -> bool:
    """Return whether `NO_PROXY` exempts a host: by name, parent domain, address, or network."""
    host = parts.hostname or ""
    from urllib.request import proxy_bypass

    if proxy_bypass(f"{host}:{parts.port}" if parts.port else host):
        return True
    return any(_covers(entry.strip().lower(), host) for entry in no_proxy.split(","))


def _covers(entry: str, host: str) -> bool:
    if entry.startswith("*."):
        return host.endswith(entry[1:])
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        return False
