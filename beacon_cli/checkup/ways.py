"""The ways to other machines: which certificates are trusted, and which proxies are used and answer."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from beacon_cli.checkup.condition import Condition, failure
from beacon_cli.checkup.regions import usable_endpoints
from beacon_cli.config import FILE_NAME
from beacon_cli.errors import EnvironmentFault
from beacon_cli.network.proxies import Proxy, proxy_for
from beacon_cli.network.roots import trusted_roots
from beacon_cli.settings import Settings

_CONNECT_SECONDS = 5.0
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
# Any host will do: the question is which proxies the environment names.
_ELSEWHERE = ("https://modal.com", "http://modal.com")


def look_at_ways(settings: Settings) -> list[Condition]:
    """Return what is trusted, and the proxies that the environment and the file name."""
    return [_roots(), *_proxies(settings)]


def _roots() -> Condition:
    try:
        return Condition("certificates", "ok", f"trusted: {trusted_roots().described}")
    except EnvironmentFault as error:
        return failure("certificates", error)


def _proxies(settings: Settings) -> Iterator[Condition]:
    try:
        proxies = list(dict.fromkeys(_named(settings)))
    except EnvironmentFault as error:
        yield failure("proxy", error)
        return
    if not proxies:
        yield Condition("proxy", "ok", "none: every connection is direct")
    for proxy in proxies:
        yield _proxy(proxy)


def _named(settings: Settings) -> Iterable[Proxy]:
    yield from filter(None, map(proxy_for, _ELSEWHERE))
    for endpoint in usable_endpoints(settings)[0].values():
        for each in endpoint.all:
            proxy = each.access.named_proxy() or proxy_for(each.models_url)
            if proxy is not None:
                yield proxy


def _proxy(proxy: Proxy) -> Condition:
    parts = urlsplit(proxy.url)
    named = f"{proxy.address} ({proxy.source})"
    try:
        address = (parts.hostname or "", parts.port or _PORTS[parts.scheme])
        socket.create_connection(address, timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        why = (error.strerror or str(error) or "no answer").lower()
        in_file = proxy.source == FILE_NAME
        change = f"correct or remove proxy in {FILE_NAME}" if in_file else f"correct or unset {proxy.source}"
        hint = f"start it, or {change}; NO_PROXY names hosts that are reached directly"
        return Condition("proxy", "failed", f"{named} cannot be reached: {why}", hint)
    return Condition("proxy", "ok", f"{named} accepts connections")
