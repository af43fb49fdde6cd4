"""A server that answers like the regional endpoints, and like OpenAI's chat completions, and does little else.

Run as a program: it prints its port and serves until its standard input is closed. Everything about an answer is in its
path: `/{milliseconds}/{region}/inference`, `/{milliseconds}/v1/chat/completions`. `/usage` tells what was asked of it.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import select
import selectors
import sys
import time
from dataclasses import dataclass, field
from typing import Any

MODELS = ("llama3.2-1b", "qwen2.5-1.5b")
_FILLER = "x" * 200
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass
class Usage:
    """What was asked since the last look; `first_request_at` is on the machine's monotonic clock."""

    requests: int = 0
    in_flight: int = 0
    peak_in_flight: int = 0
    first_request_at: float | None = None
    cpu_before: float = field(default_factory=time.process_time)

    def started(self) -> None:
        if self.first_request_at is None:
            self.first_request_at = time.monotonic()
        self.requests += 1
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def document(self) -> dict[str, Any]:
        return {
            "requests": self.requests,
            "peak_in_flight": self.peak_in_flight,
            "first_request_at": self.first_request_at,
            "cpu_seconds": time.process_time() - self.cpu_before,
        }


class Connection(asyncio.Protocol):
    """One connection, kept alive; an answer is sent after its planned latency."""

    usage = Usage()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end]
            length = _LENGTH.search(head)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < whole:
                return
            body, self._received = self._received[end + 4 : whole], self._received[whole:]
            self._answer(head.split(b" ", 2)[1].decode(), body)

    def _answer(self, path: str, body: bytes) -> None:
        if path == "/usage":
            self._send(Connection.usage.document())
            Connection.usage = Usage()
            return
        milliseconds, region, kind = path.split("?")[0].lstrip("/").split("/", 2)
        if kind in ("models", "health"):
            self._send({"status": "healthy", "models_available": MODELS, "region": region})
            return
        if kind not in ("inference", "chat/completions"):
            self._transport.write(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            return
        asked = json.loads(body)
        answer = completion(asked) if kind == "chat/completions" else inference(region, asked)
        Connection.usage.started()
        if milliseconds == "0":
            self._finish(answer)
        else:
            asyncio.get_running_loop().call_later(int(milliseconds) / 1000, self._finish, answer)

    def _finish(self, answer: dict[str, Any]) -> None:
        Connection.usage.in_flight -= 1
        if not self._transport.is_closing():
            self._send(answer)

    def _send(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def inference(region: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Return what a regional endpoint answers, receipt and all: about 800 bytes."""
    model, answer = asked["model"], f"answer to {asked['prompt']} {_FILLER}"
    moment = "2026-01-01T00:00:00Z"
    return {
        "success": True,
        "response": answer,
        "model": model,
        "region": region,
        "inference_time": 0.01,
        "tokens_generated": 5,
        "container_id": f"c-{region}-{model}",
        "container_region": None,
        "gpu": None,
        "model_revision": None,
        "receipt": {
            "schema_version": "v0.1.0",
            "execution_details": {
                "provider_id": "benchmark",
                "region": region,
                "model": model,
                "started_at": moment,
                "completed_at": moment,
                "duration": 0.01,
            },
            "output": {"response": _FILLER, "tokens_generated": 5, "metadata": {"temperature": 0.1}},
            "provenance": {"provider": "benchmark"},
        },
    }


def completion(asked: dict[str, Any]) -> dict[str, Any]:
    """Return what an OpenAI-compatible server answers to a chat."""
    message = {"role": "assistant", "content": f"answer {_FILLER}", "refusal": None}
    return {
        "id": "chatcmpl-benchmark",
        "object": "chat.completion",
        "created": 1767225600,
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
    }


class PreciseSelector(selectors.DefaultSelector):
    """epoll waits whole milliseconds, rounded up: 2 % of 50. select, on its descriptor, waits as long as it is told."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            select.select([self], [], [], timeout)
        return super().select(0)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=1024)
    gc.freeze()  # what lives as long as the server need not be looked at again
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector())) as runner:
        runner.run(_serve())
