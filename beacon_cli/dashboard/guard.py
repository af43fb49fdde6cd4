"""Who may ask, and what a browser may do with the answers."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs, urlencode

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from beacon_cli.dashboard.site import Site

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_TOKEN = "token"
_NAMES = ("127.0.0.1", "localhost")


class Guard:
    """Lets through who has the session's cookie; the token in an address is exchanged for it.

    The header Host must name this machine: else a foreign name that leads here could read the pages (DNS rebinding).
    """

    def __init__(self, app: ASGIApp, *, site: Site, port: int) -> None:
        self._app = app
        self._site = site
        self._hosts = {f"{name}:{port}" for name in _NAMES} | (set(_NAMES) if port == 80 else set())
        self._cookie = f"beacon-{port}"  # a browser sends the cookies of one port to all others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""

        async def protected(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_HEADERS)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, protected)

    def _refusal(self, scope: Scope) -> Response | None:
        """Return the answer to a request that goes no further."""
        headers = Headers(scope=scope)
        if headers.get("host", "").lower() not in self._hosts:
            return PlainTextResponse("this address is not the dashboard's\n", 403)
        if scope["method"] not in ("GET", "HEAD"):
            return PlainTextResponse("the dashboard only shows: use GET\n", 405, {"Allow": "GET, HEAD"})
        query = parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        if _TOKEN in query and _same(query[_TOKEN][-1], self._site.token):
            return self._admission(scope, query)
        if not _same(_cookies(headers).get(self._cookie, ""), self._site.session):
            return PlainTextResponse("open the address that `beacon dashboard` printed\n", 403)
        return None

    def _admission(self, scope: Scope, query: dict[str, list[str]]) -> Response:
        """Return a page with the cookie that leads to the same address without the token.

        Not a redirect: a browser that came from another page would not send a strict cookie along with it.
        """
        rest = urlencode([(name, value) for name, values in query.items() if name != _TOKEN for value in values])
        path = "/" + scope["raw_path"].decode("latin-1").lstrip("/")  # two slashes would name another host
        response = HTMLResponse("<!doctype html><title>Beacon</title>\n")
        response.headers["Refresh"] = f"0; url={path}{rest and '?' + rest}"
        response.set_cookie(self._cookie, self._site.session, httponly=True, samesite="strict")
        return response


def _cookies(headers: Headers) -> dict[str, str]:
    # lenient, as browsers are: other programs of this machine may have set cookies of any form
    return cookie_parser("; ".join(headers.getlist("cookie")))


def _same(given: str, secret: str) -> bool:
    return secrets.compare_digest(given.encode(), secret.encode())
