"""The clients for endpoints: one per region, with its connections, its credentials and its door."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import httpx2

from beacon_cli import __version__
from beacon_cli.door import Door
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.network.proxies import Proxy, proxy_for, route
from beacon_cli.network.roots import trusted_roots
from beacon_cli.network.transport import WatchedTransport
from modal_deployment.vocabulary import Vocabulary

SMALL_BODY_BYTES = 64 * 1024
"""A region's client accepts larger answers only one at a time, until each is stored."""

_SURPLUS = (
    "sent more bytes than the answer; a connection with leftover bytes is closed, so that they are not taken for the"
    " answer to another question"
)

_log = logging.getLogger(__name__)


class Room:
    """Room for one large answer: taken when an answer turns out to be large, released when it is stored."""

    def __init__(self, room: asyncio.Semaphore) -> None:
        self._room = room
        self._taken = False

    async def take(self) -> None:
        """Wait until there is room; later calls do nothing."""
        if not self._taken:
            await self._room.acquire()
            self._taken = True

    def give_back(self) -> None:
        """Release the room, if it was taken."""
        if self._taken:
            self._taken = False
            self._room.release()


@dataclass(slots=True)
class Client:
    """The client for a region. `surplus` counts the connections that were closed because of leftover bytes.

    `vocabulary` says what the names in answers mean. `accepted` says that the region took these credentials: it listed
    its models, or answered.
    """

    http: httpx2.AsyncClient
    door: Door
    vocabulary: Vocabulary
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    surplus: int = 0
    accepted: bool = False

    def room(self) -> Room:
        """Return the room for the large answer of one call."""
        return Room(self.large)


@contextlib.asynccontextmanager
async def open_clients(
    headers: Mapping[str, str],
    endpoints: Mapping[str, Endpoint],
    *,
    vocabulary: Vocabulary,
    connect_timeout: float,
    caps: Mapping[str, int],
    notify: Callable[[str], None],
) -> AsyncIterator[dict[str, Client]]:
    """Yield a client per region id of `endpoints`, for as many calls in flight as `caps` allows.

    A pool checks each of its idle connections at each request: three small pools cost much less than one large one.
    `notify` gets a line when a region first sends more bytes than the answer, and at the end a line with the count.
    Raises `EnvironmentFault` as `open_client` does.
    """
    log_routes(endpoints.values())
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            region_id: await stack.enter_async_context(
                open_client(
                    headers,
                    [endpoint],
                    vocabulary=vocabulary,
                    connect_timeout=connect_timeout,
                    max_in_flight=caps[region_id],
                    on_surplus=_surplus_hook(endpoint, notify),
                )
            )
            for region_id, endpoint in endpoints.items()
        }
        yield clients
    for region_id, client in clients.items():
        if client.surplus > 1:
            label, times = endpoints[region_id].region.label, client.surplus
            notify(f"warning: region {label} sent more bytes than the answer on {times} connections; each was closed")


def _surplus_hook(endpoint: Endpoint, notify: Callable[[str], None]) -> Callable[[int], None]:
    def on_surplus(count: int) -> None:
        if count == 1:
            notify(f"warning: region {endpoint.region.label} {_SURPLUS}")

    return on_surplus


@contextlib.asynccontextmanager
async def open_client(
    headers: Mapping[str, str],
    endpoints: Collection[Endpoint],
    *,
    vocabulary: Vocabulary,
    connect_timeout: float,
    max_in_flight: int,
    on_surplus: Callable[[int], None] = lambda _: None,
) -> AsyncIterator[Client]:
    """Yield a client for these endpoints that follows no redirect, accepts no compression, and keeps a connection per
    call in flight. A connection with more bytes than the answer is not used again; `on_surplus` gets their number.

    Only connecting has its own time limit here: the caller sets one deadline for everything else. Compression is off
    because a small body may unpack to one that fills the memory. Raises `EnvironmentFault` if the certificates or the
    proxy that the environment names cannot be used.
    """
    proxies = _proxies(endpoints)
    tls = _tls(endpoints, proxies)

    def count_surplus() -> None:
        client.surplus += 1
        on_surplus(client.surplus)

    def transport(proxy: Proxy | None = None) -> WatchedTransport:
        to_proxy = tls if proxy is not None and proxy.url.startswith("https:") else None
        return WatchedTransport(
            tls=tls,
            connections=max_in_flight + 4,
            on_surplus=count_surplus,
            proxy=None if proxy is None else proxy.url,
            to_proxy=to_proxy,
        )

    async with httpx2.AsyncClient(
        headers={"User-Agent": f"beacon/{__version__}", "Accept-Encoding": "identity", **headers},
        timeout=httpx2.Timeout(None, connect=connect_timeout),
        transport=transport(),
        follow_redirects=False,
        trust_env=False,  # the environment's settings are already in `mounts` and `tls`
        mounts={origin: transport(proxy) for origin, proxy in proxies.items()},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # cookies of one call must not affect another
    ) as http:
        client = Client(http, Door(), vocabulary)
        yield client


def require_usable_network(endpoints: Collection[Endpoint]) -> None:
    """Raise `EnvironmentFault` if certificates or a proxy that these endpoints need cannot be used."""
    _tls(endpoints, _proxies(endpoints))


def log_routes(endpoints: Iterable[Endpoint]) -> None:
    """Log how each region is reached. Raises `EnvironmentFault` for a proxy that cannot be used."""
    for endpoint in endpoints:
        _log.info("region %s: %s, %s", endpoint.region.label, endpoint.inference_url, route(endpoint.inference_url))


def _proxies(endpoints: Collection[Endpoint]) -> dict[str, Proxy]:
    """Return the proxy of each origin that has one."""
    urls = {f"{parts.scheme}://{parts.netloc}" for endpoint in endpoints for parts in map(urlsplit, endpoint.urls)}
    return {url: proxy for url in sorted(urls) if (proxy := proxy_for(url)) is not None}


def _tls(endpoints: Collection[Endpoint], proxies: Mapping[str, Proxy]) -> ssl.SSLContext:
    """Return a context that trusts the authorities; none if no URL uses TLS, so that a broken store does not matter."""
    urls = [*(url for endpoint in endpoints for url in endpoint.urls), *(proxy.url for proxy in proxies.values())]
    if any(url.startswith("https:") for url in urls):
        return trusted_roots().context
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
