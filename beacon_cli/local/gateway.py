"""The role of Modal's web gateway, in front of a local server: credentials, and a 303 for a slow answer.

What Modal does: a request that is not done after 150 s gets a 303 to its own URL plus `__modal_function_call_id`;
a GET there waits up to 150 s again and answers with the result, once, or with another 303. Before the first 303 the
call ends with its client's connection; afterwards it continues without it.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Sequence
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modal_deployment.applications import CHAT
from modal_deployment.refusal import Refusal
from modal_deployment.responses import refused_at

ASKING = frozenset({"/inference", CHAT})
"""The paths at which a model is asked."""
CALL_ID = "__modal_function_call_id"
KEEP_RESULTS_SECONDS = 600.0


class Gateway:
    """ASGI middleware. `credentials` are the accepted (key, secret) pairs; without any, everybody has access."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        credentials: Sequence[tuple[bytes, bytes]] = (),
        hop_after: float = 150.0,
        keep_results: float = KEEP_RESULTS_SECONDS,
    ) -> None:
        self._app = app
        self._credentials = tuple(credentials)
        self._hop_after = hop_after
        self._keep_results = keep_results
        self._calls: dict[str, _Call] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        try:
            if not self._lets_in(scope):
                raise Refusal(401, "unauthorized", "Modal-Key and Modal-Secret are missing or wrong")
            await self._route(scope, receive, send)
        except Refusal as refusal:
            await refused_at(scope["path"], refusal)(scope, receive, send)

    async def _route(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] not in ASKING:
            await self._app(scope, receive, send)
        elif call_id := parse_qs(scope["query_string"].decode("latin-1")).get(CALL_ID):
            if scope["method"] != "GET":
                raise Refusal(400, "get_only", "follow a 303 with GET; the call is already running")
            await self._result(scope["path"], call_id[0], receive, send)
        elif scope["method"] == "POST":
            await self._first(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _lets_in(self, scope: Scope) -> bool:
        headers = dict(scope["headers"])
        key, secret = headers.get(b"modal-key", b""), headers.get(b"modal-secret", b"")
        # `&` and no early exit: the time does not reveal which half or which pair was right
        allowed = not self._credentials
        for known_key, known_secret in self._credentials:
            allowed |= hmac.compare_digest(key, known_key) & hmac.compare_digest(secret, known_secret)
        return allowed

    async def _first(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = _Call(self._app, scope, receive)
        try:
            if await call.done_within(self._hop_after):
                await call.replay(send)
                return
        except asyncio.CancelledError:
            call.task.cancel()
            raise
        call_id = f"fc-{secrets.token_urlsafe(16)}"
        self._calls[call_id] = call
        call.detach()
        call.task.add_done_callback(lambda _: self._forget_later(call_id))
        await _see_other(scope["path"], call_id, send)

    async def _result(self, path: str, call_id: str, receive: Receive, send: Send) -> None:
        if (call := self._calls.get(call_id)) is None:
            raise Refusal(404, "unknown_call", "no such call, or its result was already read")
        gone = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait((call.task, gone), timeout=self._hop_after, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
        if gone.done() and not gone.cancelled():
            return  # the result stays for the next request
        if not call.task.done():
            await _see_other(path, call_id, send)
        elif self._calls.pop(call_id, None) is None:
            raise Refusal(404, "unknown_call", "the result was already read")
        else:
            await call.replay(send)

    def _forget_later(self, call_id: str) -> None:
        asyncio.get_running_loop().call_later(self._keep_results, self._calls.pop, call_id, None)


class _Call:
    """One run of the application, whose answer is kept until it is fetched."""

    def __init__(self, app: ASGIApp, scope: Scope, receive: Receive) -> None:
        self._receive = receive
        self._body_read = False
        self._detached = False
        self._answer: list[Message] = []
        self.task = asyncio.ensure_future(app(scope, self._next_message, self._keep))

    def detach(self) -> None:
        """From now on, ignore the client's connection."""
        self._detached = True

    async def done_within(self, seconds: float) -> bool:
        """Return whether the answer is complete within `seconds`."""
        await asyncio.wait((self.task,), timeout=seconds)
        return self.task.done()

    async def replay(self, send: Send) -> None:
        """Send the kept answer; raises what the application raised, once the answer is out."""
        for message in self._answer:
            await send(message)
        self.task.result()

    async def _next_message(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" and self._detached and self._body_read:
            await asyncio.Event().wait()  # forever: a detached call has no client that could disconnect
        self._body_read |= message["type"] == "http.request" and not message.get("more_body", False)
        return message

    async def _keep(self, message: Message) -> None:
        self._answer.append(message)


async def _see_other(path: str, call_id: str, send: Send) -> None:
    location = f"{path}?{CALL_ID}={call_id}".encode()
    headers = [(b"location", location), (b"content-length", b"0")]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
