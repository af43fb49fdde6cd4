"""The clients for endpoints: one per region and way to it, with its connections, its credentials and its door."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpcore2

from beacon_cli import __version__
from beacon_cli.door import Door
from beacon_cli.endpoints.access import Access
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.network.proxies import Proxy, proxy_for, route
from beacon_cli.network.roots import trusted_roots
from beacon_cli.network.transport import Network, watched_pool
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


@dataclass(slots=True, eq=False)
class Client:
    """The client for a region. `surplus` counts the connections that were closed because of leftover bytes.

    `vocabulary` says what the names in answers mean. `accepted` says that the region took these credentials: it listed
    its models, or answered. `proxy` is the one that was named for it; without it, the environment decides. `models` has
    the clients for models that are reached in another way, or with other credentials.
    """

    network: Network
    door: Door
    vocabulary: Vocabulary
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    surplus: int = 0
    accepted: bool = False
    proxy: Proxy | None = None
    models: dict[str, Client] = field(default_factory=dict)

    def of(self, model_id: str) -> Client:
        """Return the client that asks a model."""
        return self.models.get(model_id, self)

    @property
    def surplus_of_all(self) -> int:
        """The connections with leftover bytes, of the clients for its models too."""
        return sum(client.surplus for client in {self, *self.models.values()})

    def room(self) -> Room:
        """Return the room for the large answer of one call."""
        return Room(self.large)


@contextlib.asynccontextmanager
async def open_clients(
    modal: Mapping[str, str],
    endpoints: Mapping[str, Endpoint],
    *,
    vocabulary: Vocabulary,
    connect_timeout: float,
    caps: Mapping[str, int],
    notify: Callable[[str], None],
) -> AsyncIterator[dict[str, Client]]:
    """Yield a client per region id of `endpoints`, for as many calls in flight as `caps` allows.

    `modal` are the headers of Modal's proxy authentication, for the endpoints that take them. A pool checks each of its
    idle connections at each request: three small pools cost much less than one large one. `notify` gets a line when a
    region first sends more bytes than the answer, and at the end a line with the count. Raises `CredentialsError` for a
    key that is not set, and `EnvironmentFault` as `open_client` does.
    """
    log_routes(endpoints.values())
    async with contextlib.AsyncExitStack() as stack:
        clients = {
            region_id: await _region_client(
                stack, modal, endpoint, vocabulary, connect_timeout, caps[region_id], notify
            )
            for region_id, endpoint in endpoints.items()
        }
        yield clients
    for region_id, client in clients.items():
        if (times := client.surplus_of_all) > 1:
            label = endpoints[region_id].region.label
            notify(f"warning: region {label} sent more bytes than the answer on {times} connections; each was closed")


async def _region_client(
    stack: contextlib.AsyncExitStack,
    modal: Mapping[str, str],
    endpoint: Endpoint,
    vocabulary: Vocabulary,
    connect_timeout: float,
    cap: int,
    notify: Callable[[str], None],
) -> Client:
    """Return the client of a region, with those of its models; each way and its credentials have one."""
    by_access: dict[Access, list[Endpoint]] = {}
    for each in endpoint.all:
        by_access.setdefault(each.access, []).append(each)
    opened: dict[Access, Client] = {}
    on_surplus = _surplus_hook(endpoint, notify)
    for access, group in by_access.items():
        client = open_client(
            access.request_headers(modal, endpoint.region.label),
            group,
            vocabulary=vocabulary,
            connect_timeout=connect_timeout,
            max_in_flight=cap,
            on_surplus=on_surplus,
            proxy=access.named_proxy(),
        )
        opened[access] = await stack.enter_async_context(client)
    first = opened.get(endpoint.access) or next(iter(opened.values()))
    first.models = {model_id: opened[each.access] for model_id, each in endpoint.models.items()}
    return first


def _surplus_hook(endpoint: Endpoint, notify: Callable[[str], None]) -> Callable[[], None]:
    met = False

    def on_surplus() -> None:
        nonlocal met
        if not met:
            notify(f"warning: region {endpoint.region.label} {_SURPLUS}")
        met = True

    return on_surplus


@contextlib.asynccontextmanager
async def open_client(
    headers: Mapping[str, str],
    endpoints: Collection[Endpoint],
    *,
    vocabulary: Vocabulary,
    connect_timeout: float,
    max_in_flight: int,
    on_surplus: Callable[[], None] = lambda: None,
    proxy: Proxy | None = None,
) -> AsyncIterator[Client]:
    """Yield a client for these endpoints that follows no redirect, accepts no compression, and keeps a connection per
    call in flight. A connection with more bytes than the answer is not used again; `on_surplus` is called for it.
    `proxy` is on the way to all of them; without it, the environment decides.

    Only connecting has its own time limit here: the caller sets one deadline for everything else. Compression is off
    because a small body may unpack to one that fills the memory. Raises `EnvironmentFault` if the certificates or the
    proxy that the environment names cannot be used.
    """
    by_origin = {} if proxy is not None else _proxies(endpoints)
    tls = _tls(endpoints, [proxy] if proxy is not None else by_origin.values())

    def count_surplus() -> None:
        client.surplus += 1
        on_surplus()

    def pool(proxy: Proxy | None) -> httpcore2.AsyncConnectionPool:
        to_proxy = tls if proxy is not None and proxy.url.startswith("https:") else None
        return watched_pool(
            tls=tls,
            connections=max_in_flight + 4,
            on_surplus=count_surplus,
            proxy=None if proxy is None else proxy.url,
            to_proxy=to_proxy,
        )

    network = Network(
        pool(proxy),
        {origin: pool(named) for origin, named in by_origin.items()},
        headers=_sent_always(headers),
        connect_timeout=connect_timeout,
    )
    async with contextlib.aclosing(network):
        client = Client(network, Door(), vocabulary, proxy=proxy)
        yield client


def require_usable_network(endpoints: Collection[Endpoint]) -> None:
    """Raise `EnvironmentFault` if certificates or a proxy that these endpoints need cannot be used."""
    for each in _each(endpoints):
        proxy = each.access.named_proxy()
        _tls([each], [proxy] if proxy is not None else _proxies([each]).values())


def log_routes(endpoints: Iterable[Endpoint]) -> None:
    """Log how each region is reached. Raises `EnvironmentFault` for a proxy that cannot be used."""
    ways = ((each.region.label, each.inference_url, each.access.named_proxy()) for each in _each(endpoints))
    for label, url, proxy in dict.fromkeys(ways):
        _log.info("region %s: %s, %s", label, url, route(url, proxy))


def _sent_always(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of each request; those that are given replace ours, regardless of case."""
    ours = {
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "keep-alive",
        "User-Agent": f"beacon/{__version__}",
    }
    sent = {name.lower(): (name, value) for name, value in (*ours.items(), *headers.items())}
    return dict(sent.values())


def _each(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    return [each for endpoint in endpoints for each in endpoint.all]


def _proxies(endpoints: Collection[Endpoint]) -> dict[str, Proxy]:
    """Return the proxy of each origin that has one."""
    urls = {f"{parts.scheme}://{parts.netloc}" for endpoint in endpoints for parts in map(urlsplit, endpoint.urls)}
    return {url: proxy for url in sorted(urls) if (proxy := proxy_for(url)) is not None}


def _tls(endpoints: Collection[Endpoint], proxies: Iterable[Proxy]) -> ssl.SSLContext:
    """Return a context that trusts the authorities; none if no URL uses TLS, so that a broken store does not matter."""
    urls = [*(url for endpoint in endpoints for url in endpoint.urls), *(proxy.url for proxy in proxies)]
    if any(url.startswith("https:") for url in urls):
        return trusted_roots().context
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
