"""Responses that hold a text wherever a response that is no answer can hold one: errors, redirects, broken heads."""

from __future__ import annotations

import json

from tests.support.raw_server import http


def header_bytes(text: str) -> bytes:
    """Return a text as a header carries it."""
    return text.encode("utf-8", "replace").replace(b"\r", b"").replace(b"\n", b"").replace(b"\0", b"%00")


def no_answers(spelled: str) -> dict[str, bytes]:
    """Return responses by the place where they hold the text, of whichever API."""
    said = {"success": False, "error": {"code": spelled, "message": f"bad token {spelled}"}}
    text, line = spelled.encode("utf-8", "surrogatepass"), header_bytes(spelled)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n"
    return {
        "an error": http(422, said),
        "a plain error": http(502, b"x" * 190 + b" " + text, Content_Type="text/plain"),
        "no JSON": http(200, b"<p>" + b"x" * 280 + text),
        "cut JSON": http(200, b'{"response": "' + text),
        "UTF-16": http(422, json.dumps(said).encode("utf-16")),
        "UTF-16 without its mark": http(200, f'{{"response" {spelled}'.encode("utf-16-be", "surrogatepass")),
        "UTF-32": http(200, json.dumps({"success": False, "error": spelled}).encode("utf-32-le")),
        "a redirect": b"HTTP/1.1 307 " + line + b"\r\nLocation: " + line + b"\r\nContent-Length: 0\r\n\r\n",
        "another host": b"HTTP/1.1 303 x\r\nLocation: http://" + line + b".example/\r\nContent-Length: 0\r\n\r\n",
        "a wait": b"HTTP/1.1 429 x\r\nRetry-After: " + line + b"\r\nContent-Length: 0\r\n\r\n",
        "a status line": line + b"\r\n\r\n",
        "a reason": b"HTTP/1.1 500 " + line + b"\r\nContent-Length: 0\r\n\r\n",
        "a header's name": b"HTTP/1.1 200 OK\r\n" + line + b": 1\r\nContent-Length: 0\r\n\r\n",
        "a broken header": head + line + b"\r\n\r\nok",
        "a type": head + b"Content-Type: " + line + b"\r\n\r\nok",
        "an encoding": head + b"Content-Encoding: " + line + b"\r\n\r\nok",
        "a framing": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: " + line + b"\r\n\r\n",
        "a length": b"HTTP/1.1 200 OK\r\nContent-Length: " + line + b"\r\n\r\n",
        "a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + line + b"\r\n",
        "a chunk's end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx" + line + b"\r\n",
    }
