"""One request at a time to an endpoint: the POST, the GETs after a 303, and what each failure means."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import json
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpx2

from beacon_cli import __version__
from beacon_cli.executor.answer import Answer, Reply, read_answer, read_object, status_error
from beacon_cli.executor.endpoints import Endpoint
from beacon_cli.executor.failures import AttemptError
from beacon_cli.job.lanes import Lane
from beacon_cli.network.proxies import Proxy, proxy_for, route
from beacon_cli.network.roots import trusted_roots

MAX_BODY_BYTES = 8 * 1024 * 1024
CALL_ID_PARAMETER = "__modal_function_call_id"
CREDENTIALS = ("Modal-Key", "Modal-Secret")
"""The headers that hold proxy credentials. https://modal.com/docs/guide/webhook-proxy-auth"""
_SHORTEST_CREDENTIAL = 6  # a shorter one is a part of too many innocent words
_REDIRECTS = frozenset({301, 302, 303, 307, 308})

HopHook = Callable[[str | None], None]

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def open_clients(
    headers: Mapping[str, str],
    endpoints: Mapping[str, Endpoint],
    *,
    connect_timeout: float,
    caps: Mapping[str, int],
) -> AsyncIterator[dict[str, httpx2.AsyncClient]]:
    """Yield a client per region id of `endpoints`, for as many calls in flight as `caps` says.

    A pool looks at each of its idle connections at each request: three small ones cost much less than one large one.
    Raises `EnvironmentFault` as `open_client` does.
    """
    log_routes(endpoints.values())
    async with contextlib.AsyncExitStack() as stack:
        yield {
            region_id: await stack.enter_async_context(
                open_client(headers, [endpoint], connect_timeout=connect_timeout, max_in_flight=caps[region_id])
            )
            for region_id, endpoint in endpoints.items()
        }


@contextlib.asynccontextmanager
async def open_client(
    headers: Mapping[str, str], endpoints: Collection[Endpoint], *, connect_timeout: float, max_in_flight: int
) -> AsyncIterator[httpx2.AsyncClient]:
    """Yield a client for these endpoints that follows no redirect, accepts no compression, and keeps a connection per
    call in flight.

    Only connecting has a time limit of its own here: the caller sets one deadline over everything else. Compression is
    off because a small body may unpack to one that fills the memory. Raises `EnvironmentFault` when the certificates
    or the proxy that the environment names cannot be used.
    """
    limits = httpx2.Limits(max_connections=max_in_flight + 4, max_keepalive_connections=max_in_flight + 4)
    proxies = _proxies(endpoints)
    tls = _tls(endpoints, proxies)
    async with httpx2.AsyncClient(
        headers={"User-Agent": f"beacon/{__version__}", "Accept-Encoding": "identity", **headers},
        timeout=httpx2.Timeout(None, connect=connect_timeout),
        verify=tls,
        limits=limits,
        follow_redirects=False,
        trust_env=False,  # what the environment says is in `mounts` and `tls` already
        mounts={origin: _through(proxy, tls, limits) for origin, proxy in proxies.items()},
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),  # one call's must not steer another's
    ) as client:
        yield client


def require_usable_network(endpoints: Collection[Endpoint]) -> None:
    """Raise `EnvironmentFault` when certificates or a proxy that these endpoints need cannot be used."""
    _tls(endpoints, _proxies(endpoints))


def log_routes(endpoints: Iterable[Endpoint]) -> None:
    """Log how each region is reached. Raises `EnvironmentFault` for a proxy that cannot be used."""
    for endpoint in endpoints:
        _log.info("region %s: %s, %s", endpoint.region.label, endpoint.inference_url, route(endpoint.inference_url))


def _proxies(endpoints: Collection[Endpoint]) -> dict[str, Proxy]:
    """Return the proxy of each origin that has one."""
    urls = {f"{parts.scheme}://{parts.netloc}" for endpoint in endpoints for parts in map(urlsplit, endpoint.urls)}
    return {url: proxy for url in sorted(urls) if (proxy := proxy_for(url)) is not None}


def _through(proxy: Proxy, tls: ssl.SSLContext, limits: httpx2.Limits) -> httpx2.AsyncHTTPTransport:
    to_proxy = tls if proxy.url.startswith("https:") else None
    return httpx2.AsyncHTTPTransport(
        verify=tls, limits=limits, trust_env=False, proxy=httpx2.Proxy(proxy.url, ssl_context=to_proxy)
    )


def _tls(endpoints: Collection[Endpoint], proxies: Mapping[str, Proxy]) -> ssl.SSLContext:
    """Return a context that trusts the authorities; nobody where no URL wants TLS: a broken store is then no matter."""
    urls = [*(url for endpoint in endpoints for url in endpoint.urls), *(proxy.url for proxy in proxies.values())]
    if any(url.startswith("https:") for url in urls):
        return trusted_roots().context
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


async def ask(
    client: httpx2.AsyncClient, endpoint: Endpoint, lane: Lane, body: Mapping[str, Any], on_hop: HopHook
) -> Answer:
    """POST a question and return its answer, through as many 303s as it takes.

    `on_hop` is called with the call's id at each 303. The caller bounds the time with a deadline of its own.
    Raises `AttemptError`.
    """
    hopped = False

    def hop(call_id: str | None) -> None:
        nonlocal hopped
        hopped = True
        on_hop(call_id)

    reply = await _reply_of(client, "POST", endpoint.inference_url, hop, json.dumps(body).encode())
    try:
        return read_answer(reply, lane)
    except AttemptError as error:
        # After a 303 the answer was paid for, and could be read once: it is never asked for again.
        error.retriable = error.retriable and not hopped
        raise


async def get(client: httpx2.AsyncClient, url: str, on_hop: HopHook) -> Reply:
    """GET a URL, through as many 303s as it takes, and return whatever it says in the end. Raises `AttemptError`."""
    return await _reply_of(client, "GET", url, on_hop)


async def get_object(client: httpx2.AsyncClient, url: str) -> dict[str, Any]:
    """GET a JSON object. Raises `AttemptError`."""
    reply = await get(client, url, lambda _: None)
    if reply.status != 200:
        raise status_error(reply)
    return read_object(reply)


async def _reply_of(
    client: httpx2.AsyncClient, method: str, url: str, on_hop: HopHook, content: bytes | None = None
) -> Reply:
    reply = await _send(client, method, url, content)
    if reply.status == 303:
        reply = await _follow(client, httpx2.URL(url), reply, on_hop)
    if reply.status in _REDIRECTS:
        raise AttemptError(
            "redirect_refused", f"HTTP {reply.status}: only Modal's 303 is followed", http_status=reply.status
        )
    return reply


async def _follow(client: httpx2.AsyncClient, url: httpx2.URL, reply: Reply, on_hop: HopHook) -> Reply:
    """GET the result URL until it gives something else than 303.

    The answer is already being paid for, so whatever goes wrong here is answered by another GET, never by a POST. Only
    a result that is gone (404, 410), or a refusal (another 4xx), ends it before the caller's deadline does.
    """
    pause, trouble_pause, problem = 0.02, 0.5, ""
    while True:
        if reply.status == 303:
            url = _next_url(url, reply)
            on_hop(url.params.get(CALL_ID_PARAMETER))
            # Modal blocks up to 150 s per hop; a server that does not must not be hammered.
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, 0.25)
        elif reply.status in {404, 410}:
            after = f" (before that: {problem})" if problem else ""
            raise AttemptError("result_lost", f"HTTP {reply.status} at the result URL{after}", http_status=reply.status)
        elif reply.status == 200 or (reply.status < 500 and reply.status not in {408, 429}):
            return reply
        else:
            error = status_error(reply)
            problem = error.message
            await asyncio.sleep(error.retry_after or trouble_pause)
            trouble_pause = min(trouble_pause * 1.5, 10.0)
        reply = await _get_result(client, url)


async def _get_result(client: httpx2.AsyncClient, url: httpx2.URL) -> Reply:
    """GET the result URL until there is any response."""
    pause = 0.2
    while True:
        try:
            return await _send(client, "GET", url)
        except AttemptError as error:
            if not error.retriable:
                raise
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, 10.0)


def _next_url(url: httpx2.URL, reply: Reply) -> httpx2.URL:
    """Return where a 303 leads. Raises `AttemptError` unless it is the same origin, without user info."""
    try:
        target = url.join(reply.location or "")
    except (httpx2.InvalidURL, ValueError):
        target = None
    if target is None or not reply.location or target.userinfo or target.scheme not in {"http", "https"}:
        raise AttemptError("redirect_refused", "a 303 whose Location is not usable", http_status=303)
    if target.host != url.host or target.port != url.port:
        raise AttemptError("redirect_cross_origin", f"a 303 to another host, {target.host!r}", http_status=303)
    if target.scheme != url.scheme:
        raise AttemptError("redirect_refused", f"a 303 from {url.scheme} to {target.scheme}", http_status=303)
    return target


async def _send(client: httpx2.AsyncClient, method: str, url: str | httpx2.URL, content: bytes | None = None) -> Reply:
    """Send a request and read its whole body, up to `MAX_BODY_BYTES`. Raises `AttemptError`."""
    headers = {} if content is None else {"Content-Type": "application/json"}
    try:
        parsed = _parsed(url) if isinstance(url, str) else url
        async with client.stream(method, parsed, content=content, headers=headers) as response:
            return await _read(response)
    except httpx2.ConnectTimeout:
        raise AttemptError("connect_timeout", "connecting took too long", retriable=True, timed_out=True) from None
    except httpx2.InvalidURL as error:
        raise AttemptError("connection_failed", f"{url} is not a usable URL: {error}") from error
    except httpx2.LocalProtocolError as error:  # its text may hold a header's value, which may be a secret
        raise AttemptError("connection_failed", "the request cannot be sent as HTTP") from error
    except (httpx2.RequestError, OSError) as error:
        raise _connection_error(error) from error


@functools.lru_cache(maxsize=64)
def _parsed(url: str) -> httpx2.URL:
    """Return the URL of an endpoint: the same few for every request of a run."""
    return httpx2.URL(url)


async def _read(response: httpx2.Response) -> Reply:
    headers = response.headers
    if headers.get("content-encoding", "identity") != "identity":
        raise AttemptError(
            "malformed_response",
            "the answer is compressed, which was not asked for",
            http_status=response.status_code,
        )
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise AttemptError(
                "response_too_large",
                f"the answer is larger than {MAX_BODY_BYTES // 2**20} MiB",
                http_status=response.status_code,
            )
    credentials = [response.request.headers.get(name, "") for name in CREDENTIALS]
    return Reply(
        status=response.status_code,
        body=_without(credentials, bytes(body)),
        content_type=headers.get("content-type", ""),
        retry_after=headers.get("retry-after"),
        location=headers.get("location"),
    )


def _without(credentials: Sequence[str], body: bytes) -> bytes:
    """Return a body without the credentials that it was asked with: what an endpoint sends back is stored and shown."""
    for value in credentials:
        if len(value) >= _SHORTEST_CREDENTIAL:
            body = body.replace(value.encode(), b"***")
    return body


def _connection_error(error: Exception) -> AttemptError:
    cause: BaseException | None = error
    text = str(error) or type(error).__name__
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError | socket.gaierror) and cause.errno:
            text = os.strerror(cause.errno).lower()  # asyncio's and anyio's own words say less
        if isinstance(cause, ssl.SSLCertVerificationError):
            return AttemptError("tls_failed", f"the certificate was refused: {cause.verify_message}")
        if isinstance(cause, ssl.SSLError):
            return AttemptError("tls_failed", f"no secure connection: {cause.reason}")
        cause = cause.__cause__ or cause.__context__
    return AttemptError("connection_failed", f"the connection failed: {text}", retriable=True)
