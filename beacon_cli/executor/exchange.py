"""One request at a time to an endpoint: the POST, the GETs after a 303, and what each failure means."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import httpcore2

from beacon_cli.door import MAX_BODY_BYTES, MAX_LISTING_BYTES
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.answer import Answer, Reply, read_object, status_error, wrong_prompt
from beacon_cli.executor.apis import APIS
from beacon_cli.executor.client import SMALL_BODY_BYTES, Client, Room
from beacon_cli.executor.failures import LONGEST_OWN_WAIT_SECONDS, AttemptError
from beacon_cli.job.lanes import Lane
from beacon_cli.network.proxies import proxy_for
from beacon_cli.network.transport import NETWORK_ERRORS, Response, refuses_login
from beacon_cli.pauses import pauses
from modal_deployment.request_id import HEADER as REQUEST_ID

CALL_ID_PARAMETER = "__modal_function_call_id"
_RECEIVED_ID = REQUEST_ID.lower()
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({404, 410})
_SPOILING = frozenset({"malformed_response", "response_too_large", "wrong_prompt"})
# h11 quotes the text that it could not read, which may be anything.
_QUOTED = re.compile(r"""[:,]?\s*(?:bytearray\(|b['"]).*""", re.DOTALL)

HopHook = Callable[[str | None], None]
T = TypeVar("T")


async def ask(
    client: Client,
    endpoint: Endpoint,
    lane: Lane,
    body: Mapping[str, Any],
    on_hop: HopHook,
    room: Room | None = None,
) -> Answer:
    """POST a question and return its answer, through as many 303s as it takes.

    `client` and `endpoint` are those of the lane, and `body` is in the form of the endpoint's API. `on_hop` is called
    with the call's id at each 303. `room` is for a large answer. The caller bounds the time with its own deadline.
    Raises `AttemptError`.
    """
    hopped, own_room, api = False, client.room(), APIS[endpoint.api]

    def hop(call_id: str | None) -> None:
        nonlocal hopped
        hopped = True
        on_hop(call_id)

    exchange = _Exchange(
        client,
        lambda reply: api.read(reply, lane, body),
        hop,
        room or own_room,
        most_bytes=MAX_BODY_BYTES,
        request_id=os.urandom(16).hex(),
        follows=api.hops,
    )
    try:
        return await exchange.run("POST", endpoint.of(lane.model_id).inference_url, json.dumps(body).encode())
    except AttemptError as error:
        # After a 303 the answer was paid for, and could be read once: the question is never sent again.
        error.retriable = error.retriable and not hopped
        raise
    finally:
        own_room.give_back()


async def get(client: Client, url: str, on_hop: HopHook, read: Callable[[Reply], T]) -> T:
    """GET a URL, through as many 303s as it takes, and return the result of `read` on the last reply.

    Raises `AttemptError`, and whatever `read` raises.
    """
    room = client.room()
    try:
        return await _Exchange(client, read, on_hop, room, most_bytes=MAX_LISTING_BYTES).run("GET", url)
    finally:
        room.give_back()


async def get_object(client: Client, url: str) -> dict[str, Any]:
    """GET a JSON object. Raises `AttemptError`."""
    return await get(client, url, lambda _: None, _object)


def _object(reply: Reply) -> dict[str, Any]:
    if reply.status != 200:
        raise status_error(reply)
    return read_object(reply)


@dataclass(frozen=True, slots=True)
class _Read(Generic[T]):
    """The result of reading the last reply."""

    value: T


@dataclass(frozen=True, slots=True)
class _Exchange(Generic[T]):
    """One question or GET: a request, and the requests that follow its 303s.

    `read` reads the last reply while its connection is still held: a connection whose reply cannot be read, or belongs
    to another request, is not used again.
    """

    client: Client
    read: Callable[[Reply], T]
    on_hop: HopHook
    room: Room
    most_bytes: int
    request_id: str = ""
    follows: bool = True

    async def run(self, method: str, url: str, content: bytes | None = None) -> T:
        """Send the first request and follow 303s until there is a result to read. Raises `AttemptError`."""
        got = await self._send(method, url, content)
        if isinstance(got, Reply) and got.status == 303 and self.follows:
            got = await self._follow(url, got)
        if isinstance(got, Reply):
            followed = "only Modal's 303 is followed" if self.follows else "none is followed here"
            raise AttemptError("redirect_refused", f"HTTP {got.status}: {followed}", http_status=got.status)
        return got.value

    async def _follow(self, url: str, got: Reply | _Read[T]) -> Reply | _Read[T]:
        """GET the result URL until it answers with something other than 303.

        The answer is already being paid for, so after any failure here the next request is another GET, never a POST.
        Only a missing result (404, 410), or a refusal (another 4xx), ends it before the caller's deadline.
        """
        problem, hops, troubles = "", pauses(0.02, longest=0.25), pauses(0.5, longest=10.0)
        while isinstance(got, Reply) and (got.status == 303 or got.status not in _REDIRECTS):
            if got.status == 303:
                url = self._next_url(url, got)
                # Modal blocks up to 150 s per hop; a server that does not block must not be flooded.
                await asyncio.sleep(next(hops))
            elif got.status in _GONE:
                after = f" (before that: {problem})" if problem else ""
                raise AttemptError("result_lost", f"HTTP {got.status} at the result URL{after}", http_status=got.status)
            else:
                error = status_error(got)
                problem = error.message
                pause = next(troubles)
                await asyncio.sleep(min(error.retry_after or pause, LONGEST_OWN_WAIT_SECONDS))
            got = await self._get_result(url)
        return got

    async def _get_result(self, url: str) -> Reply | _Read[T]:
        """GET the result URL until there is any response."""
        waits = pauses(0.2, longest=10.0)
        while True:
            try:
                return await self._send("GET", url, is_result=True)
            except AttemptError as error:
                if not error.retriable or error.http_status is not None:
                    raise
            await asyncio.sleep(next(waits))

    def _next_url(self, url: str, reply: Reply) -> str:
        """Return the URL of a 303, and report the id of its call.

        Raises `AttemptError` unless it has the same origin and no user info.
        """
        import httpx2  # takes 20 ms, which a run without a 303 need not

        here = httpx2.URL(url)
        try:
            target = here.join(reply.location or "")
        except (httpx2.InvalidURL, ValueError):
            target = None
        if target is None or not reply.location or target.userinfo or target.scheme not in {"http", "https"}:
            raise AttemptError("redirect_refused", "a 303 whose Location is not usable", http_status=303)
        if target.host != here.host or target.port != here.port:
            host = self.client.door.text(target.host)
            raise AttemptError("redirect_cross_origin", f"a 303 to another host, {host!r}", http_status=303)
        if target.scheme != here.scheme:
            raise AttemptError("redirect_refused", f"a 303 from {here.scheme} to {target.scheme}", http_status=303)
        self.on_hop(self.client.door.name(target.params.get(CALL_ID_PARAMETER)))
        return str(target)

    async def _send(
        self, method: str, url: str, content: bytes | None = None, *, is_result: bool = False
    ) -> Reply | _Read[T]:
        """Send a request, receive its whole response, and read it if it is the last one. Raises `AttemptError`."""
        headers = {REQUEST_ID: self.request_id} if self.request_id else {}
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with aclosing(await self.client.network.send(method, url, headers, content)) as response:
                return self._judged(response, await self._reply(response, url), is_result=is_result)
        except httpcore2.ConnectTimeout:
            slow = f"connecting took too long{self._way(url)}"
            raise AttemptError("connect_timeout", slow, retriable=True, timed_out=True) from None
        except httpcore2.LocalProtocolError as error:  # its text may hold the value of a header: a secret
            raise AttemptError("connection_failed", "the request cannot be sent as HTTP") from error
        except (*NETWORK_ERRORS, OSError) as error:
            raise self._connection_error(error, self._way(url)) from error

    def _judged(self, response: Response, reply: Reply, *, is_result: bool) -> Reply | _Read[T]:
        """Read the last reply; a connection that gave a wrong reply is not trusted with the next one."""
        try:
            self._require_ours(response)
            if reply.status in _REDIRECTS or (is_result and _is_passing(reply.status)):
                return reply
            return _Read(self.read(reply))
        except AttemptError as error:
            if error.code in _SPOILING:
                response.connection.spoil()
            raise

    def _require_ours(self, response: Response) -> None:
        """Raise `AttemptError` for a response with the id of another request. A response without an id is accepted."""
        named = response.headers.get(_RECEIVED_ID)
        if self.request_id and named is not None and {one.strip() for one in named.split(",")} != {self.request_id}:
            raise wrong_prompt("it has the id of another request", response.status)

    async def _reply(self, response: Response, url: str) -> Reply:
        headers = response.headers
        if headers.get("content-encoding", "identity") != "identity":
            raise AttemptError(
                "malformed_response",
                "the answer is compressed, but compression was not requested",
                http_status=response.status,
            )
        return Reply(
            status=response.status,
            body=await self._body(response),
            url=url,
            vocabulary=self.client.vocabulary,
            content_type=headers.get("content-type", ""),
            retry_after=headers.get("retry-after"),
            location=headers.get("location"),
            headers=headers,
            door=self.client.door,
        )

    async def _body(self, response: Response) -> bytearray:
        body = bytearray()
        async for chunk in response.parts:
            body += chunk
            if len(body) > self.most_bytes:
                raise AttemptError(
                    "response_too_large",
                    f"the answer is larger than {self.most_bytes // 2**20} MiB",
                    http_status=response.status,
                )
            if len(body) > SMALL_BODY_BYTES:
                await self.room.take()
        response.connection.finish()
        return body

    def _way(self, url: str) -> str:
        """Return the proxy on the way to a URL, for a message: it may be what failed."""
        proxy = self.client.proxy or proxy_for(url)
        return f", through the proxy {self.client.door.text(proxy.address)} ({proxy.source})" if proxy else ""

    def _connection_error(self, error: Exception, way: str) -> AttemptError:
        cause: BaseException | None = error
        text = _QUOTED.sub("", str(error)) or type(error).__name__
        while cause is not None:
            if isinstance(cause, BaseExceptionGroup):
                cause = cause.exceptions[0]
            if isinstance(cause, OSError) and not isinstance(cause, ssl.SSLError | socket.gaierror) and cause.errno:
                text = os.strerror(cause.errno).lower()  # asyncio's and anyio's own messages say less
            if isinstance(cause, ssl.SSLCertVerificationError):
                why = self.client.door.text(str(cause.verify_message))
                return AttemptError("tls_failed", f"the certificate was refused: {why}{way}")
            if isinstance(cause, ssl.SSLError):
                why = self.client.door.text(str(cause.reason))
                return AttemptError("tls_failed", f"no secure connection: {why}{way}")
            cause = cause.__cause__ or cause.__context__
        if refuses_login(error):
            return AttemptError("proxy_refused", f"the connection failed: {self.client.door.text(text)}")
        return AttemptError(
            "connection_failed",
            f"the connection failed: {self.client.door.text(text)}{way}",
            retriable=True,
            refused=isinstance(error, httpcore2.ConnectError),
        )


def _is_passing(status: int) -> bool:
    """Return whether to ask a result URL again after this status; otherwise its result is lost."""
    return status in _GONE or status in {408, 429} or status >= 500
