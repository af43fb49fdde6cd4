"""A server on loopback that speaks OpenAI's chat completions: a model that answers, and whatever else a test asks for.

It checks the key, if it has one, and serves `POST {base}/chat/completions` and `GET {base}/models`. `answer` turns a
request into the whole response; without it every question is answered. What was asked is kept in `asked`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.raw_server import Request, http, raw_server_in_thread


@dataclass(frozen=True)
class Asked:
    """A question: the JSON of its request, its headers in lower case, and its path with the query."""

    body: dict[str, Any]
    headers: dict[str, str]
    path: str

    @property
    def prompt(self) -> str:
        return str(self.body["messages"][-1]["content"])


Answer = Callable[[Asked], bytes]


@dataclass
class OpenAiRegion:
    """`models` are listed and served; None: there is no list. `key` is what every request must carry as a bearer."""

    models: list[str] | None = field(default_factory=lambda: ["m-small"])
    key: str | None = None
    answer: Answer | None = None
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    async def handle(self, request: Request, _writer: asyncio.StreamWriter) -> bytes:
        self.paths.append(request.path)
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return refusal(401, "Incorrect API key provided", code="invalid_api_key")
        path = request.path.partition("?")[0]
        if request.method == "GET" and path.endswith("/models") and self.models is not None:
            return http(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in self.models]})
        if request.method != "POST" or not path.endswith("/chat/completions"):
            return refusal(404, f"no route for {path}", code=None)
        asked = Asked(json.loads(request.body), request.headers, request.path)
        self.asked.append(asked)
        if self.models is not None and asked.body["model"] not in self.models:
            return refusal(404, f"The model `{asked.body['model']}` does not exist", code="model_not_found")
        return self.answer(asked) if self.answer is not None else http(200, completion(asked))


def completion(asked: Asked, content: object = "4", *, finish_reason: str = "stop", **message: Any) -> dict[str, Any]:
    """Return a whole completion; `message` adds to its message."""
    said = {"role": "assistant", "content": content, **message}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1767225600,
        "model": f"{asked.body['model']}-2026-01-01",
        "choices": [{"index": 0, "message": said, "finish_reason": finish_reason}],
        "usage": {"prompt_tokens": 12, "completion_tokens": 5, "total_tokens": 17},
        "system_fingerprint": "fp_1",
    }


def refusal(status: int, message: str, *, code: str | None, param: str | None = None, **headers: str) -> bytes:
    """Return an error in OpenAI's form."""
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return http(status, {"error": error}, **headers)


@contextlib.contextmanager
def openai_region(region: OpenAiRegion | None = None) -> Iterator[OpenAiRegion]:
    """Serve a region in a thread of the test; its `url` is the base URL."""
    served = region or OpenAiRegion()
    with raw_server_in_thread(served.handle) as server:
        served.url = f"{server.url}/v1"
        yield served
