"""Sends requests over watched connections: see `streams`.

httpx2's client has much that no request here may use: redirects, cookies, logins, compression. So requests go straight
to the pools of httpcore2, the layer below it.
"""

from __future__ import annotations

import functools
import re
import ssl
from collections.abc import AsyncIterable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore2

from beacon_cli.network.socks import LOGIN_REFUSED, SocksBackend
from beacon_cli.network.streams import Surplus, WatchedBackend, WatchedStream
from beacon_cli.urls import origin

NETWORK_ERRORS = (
    httpcore2.TimeoutException,
    httpcore2.NetworkError,
    httpcore2.ProxyError,
    httpcore2.ProtocolError,
    httpcore2.UnsupportedProtocol,
)
"""What a request may raise: the errors of httpcore2, which have no base of their own."""

_KEEPALIVE_SECONDS = 5.0
_PLAIN_URL = re.compile(r"(?!.*/\.)[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")


@dataclass(frozen=True, slots=True)
class Response:
    """A response whose body is still to be read, once, from `parts`. Closing it frees its connection.

    The names of `headers` are in lower case; values of the same name are joined with commas.
    """

    status: int
    headers: Mapping[str, str]
    parts: AsyncIterable[bytes]
    connection: WatchedStream

    async def aclose(self) -> None:
        """Let the next request use the connection; unless the body was read completely, close it."""
        close = getattr(self.parts, "aclose", None)
        if close is not None:
            await close()


class Network:
    """The way to the endpoints of one client: `pool`, or for some origins another one. Follows no redirect.

    `headers` are sent with each request. `connect_timeout` is in seconds; nothing else has a limit of time here.
    """

    def __init__(
        self,
        pool: httpcore2.AsyncConnectionPool,
        others: Mapping[str, httpcore2.AsyncConnectionPool],
        *,
        headers: Mapping[str, str],
        connect_timeout: float,
    ) -> None:
        self._pool = pool
        self._others = {_target(url).origin: other for url, other in others.items()}
        self._headers = [(name.encode("ascii"), value.encode("ascii")) for name, value in headers.items()]
        self._extensions = {"timeout": {"connect": connect_timeout}}

    async def send(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None) -> Response:
        """Send a request, and return its response, which the caller closes. Raises `NETWORK_ERRORS`."""
        target = _target(url)
        sent: list[tuple[bytes | str, bytes | str]] = [("Host", target.host), *self._headers, *headers.items()]
        if content is not None:
            sent.append(("Content-Length", str(len(content))))
        answer = await self._others.get(target.origin, self._pool).handle_async_request(
            httpcore2.Request(method, target.url, headers=sent, content=content, extensions=self._extensions)
        )
        connection = answer.extensions["network_stream"]
        assert isinstance(connection, WatchedStream)
        assert isinstance(answer.stream, AsyncIterable)
        found = _by_name(answer.headers)
        connection.expect_body(_length(found))
        return Response(answer.status, found, answer.stream, connection)

    async def aclose(self) -> None:
        """Close every connection."""
        for pool in (self._pool, *self._others.values()):
            await pool.aclose()


def watched_pool(
    *,
    tls: ssl.SSLContext,
    connections: int,
    on_surplus: Surplus,
    proxy: str | None = None,
    to_proxy: ssl.SSLContext | None = None,
) -> httpcore2.AsyncConnectionPool:
    """Return a pool of connections to one place, directly or through a proxy; HTTP/1.1.

    `to_proxy` verifies a proxy that is reached by https. `on_surplus` is called for each connection with surplus bytes.
    """
    common: dict[str, Any] = {
        "ssl_context": tls,
        "max_connections": connections,
        "max_keepalive_connections": connections,
        "keepalive_expiry": _KEEPALIVE_SECONDS,
    }
    if proxy is None:
        return httpcore2.AsyncConnectionPool(network_backend=WatchedBackend(on_surplus), **common)
    import httpx2  # takes 20 ms, which a run without a proxy need not

    through = httpx2.Proxy(proxy)
    if through.url.scheme.startswith("socks5"):
        network = WatchedBackend(on_surplus, SocksBackend(through))
        return httpcore2.AsyncConnectionPool(network_backend=network, **common)
    url = through.url
    return httpcore2.AsyncHTTPProxy(
        httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port),
        proxy_auth=through.raw_auth,
        proxy_ssl_context=to_proxy,
        network_backend=WatchedBackend(on_surplus),
        **common,
    )


def refuses_login(error: Exception) -> bool:
    """Return whether a proxy refused a connection for want of a valid user and password: 407, in HTTP."""
    return isinstance(error, httpcore2.ProxyError) and str(error).startswith(("407", LOGIN_REFUSED))


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL as requests need it: its origin, itself, and the value of `Host`."""

    origin: tuple[str, str]
    url: httpcore2.URL
    host: str


@functools.lru_cache(maxsize=64)
def _target(url: str) -> _Target:
    """Return a URL of printable ASCII, parsed; cached, since a run uses the same few for every question."""
    parts = urlsplit(_as_sent(url))
    scheme, host = origin(url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    core = httpcore2.URL(scheme=scheme, host=parts.hostname or "", port=parts.port, target=path)
    return _Target((scheme, host), core, host)


def _as_sent(url: str) -> str:
    """Return a URL without dot segments, with each character escaped that RFC 3986 does not allow in it."""
    if _PLAIN_URL.fullmatch(url):
        return url
    import httpx2  # takes 20 ms, which a usual URL need not

    return str(httpx2.URL(url))


def _by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("ascii").lower(), _text(raw_value)
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def _text(value: bytes) -> str:
    """Return the value of a header: UTF-8, or what HTTP once said that it is."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _length(headers: Mapping[str, str]) -> int | None:
    """Return the length of the body according to the head, None for a body that ends in another way."""
    length = headers.get("content-length", "")
    return int(length) if length.isdigit() and "transfer-encoding" not in headers else None
