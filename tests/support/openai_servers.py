"""Endpoints of the OpenAI shape on loopback: each speaks as one product does, and counts what it was asked.

Written after the public references: platform.openai.com/docs/api-reference, learn.microsoft.com (Azure OpenAI, data
plane), docs.vllm.ai (OpenAI-compatible server), github.com/ollama/ollama (openai/openai.go), the README of llama.cpp's
server, api-docs.deepseek.com, openrouter.ai/docs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

from tests.support.raw_server import Request, http, raw_server_in_thread

Document = dict[str, Any]


def respond(status: int, body: object, headers: Mapping[str, str] | None = None) -> bytes:
    """Return a response with these headers; JSON, or plain text where `body` is bytes."""
    kind = "text/plain" if isinstance(body, bytes) else "application/json"
    all_headers = {"Content-Type": kind, **(headers or {})}
    return http(status, body, **{name.replace("-", "_"): value for name, value in all_headers.items()})


def masked(key: str) -> str:
    """Return a key as OpenAI repeats it in its errors."""
    return f"{key[:8]}{'*' * max(len(key) - 12, 3)}{key[-4:]}"


@dataclass
class OpenAI:
    """A commercial API, and what all the others have in common.

    `models` are the names that it knows. A question with the word `topic` is blocked: by an error, by the reason why
    the answer ended, or by a refusal. `refuses` maps parameters that it does not take to what it takes instead. The
    first `busy` POSTs get 429, and `retry_after_ms`. `remaining` is how many requests it says are left, until
    `reset`. `repeats` says how the key stands in the error about a wrong one. `tells` are more headers of every
    response. `always` has whole responses by the last part of a path, `replies` by question.
    """

    models: Sequence[str] = ("small",)
    key: str | None = None
    latency: float = 0.0
    says: Callable[[str], str] = "answer to {}".format
    thought: str | None = None
    in_parts: bool = False
    topic: str | None = None
    blocks_by: Literal["error", "finish_reason", "refusal"] = "error"
    refuses: Mapping[str, str | None] = field(default_factory=dict)
    busy: int = 0
    retry_after_ms: int = 50
    remaining: int | None = None
    reset: str = "120ms"
    repeats: Callable[[str], str] = masked
    tells: Mapping[str, str] = field(default_factory=dict)
    always: dict[str, bytes] = field(default_factory=dict)
    replies: Mapping[str, bytes] = field(default_factory=dict)
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0

    under: ClassVar[str] = "/v1"

    @property
    def base_url(self) -> str:
        return f"{self.url}{self.under}"

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    @property
    def questions(self) -> list[str]:
        """The text of each question that was posted, in order."""
        return [_question(request.json) for request in self.posts]

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        self.requests.append(request)
        is_busy = request.method == "POST" and len(self.posts) <= self.busy
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            await asyncio.sleep(self.latency)
            return self.reply(request, is_busy=is_busy)
        finally:
            self.in_flight -= 1

    def reply(self, request: Request, *, is_busy: bool) -> bytes:
        path, _, _ = request.path.partition("?")
        last = path.rsplit("/", 1)[-1]
        if last in self.always:
            return self.always[last]
        if not self.knows(request):
            return self.unknown_path(request)
        if self.key is not None and (given := self.given_key(request)) != self.key:
            return self.wrong_key(given)
        if request.method == "GET":
            return respond(200, self.listing(), self.headers())
        return self.rate_limited() if is_busy else self.completion(request)

    def completion(self, request: Request) -> bytes:
        body = request.json
        if (model := self.model_of(request)) not in self.models:
            return self.unknown_model(model)
        if refused := [name for name in self.refuses if name in body]:
            return self.refused_parameter(refused[0], self.refuses[refused[0]])
        question = _question(body)
        if question in self.replies:
            return self.replies[question]
        if self.topic is None or self.topic not in question:
            return respond(200, self.answer(body, model, self.says(question), "stop"), self.headers())
        if self.blocks_by == "error":
            return self.blocked()
        return respond(200, self.blocked_answer(body, model), self.headers())

    def knows(self, request: Request) -> bool:
        path, _, _ = request.path.partition("?")
        known = {("GET", f"{self.under}/models"), ("POST", f"{self.under}/chat/completions")}
        return (request.method, path) in known

    def given_key(self, request: Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def model_of(self, request: Request) -> str:
        return str(request.json.get("model"))

    def headers(self) -> dict[str, str]:
        limits = {} if self.remaining is None else self.limits(self.remaining)
        return {"x-request-id": f"req_{len(self.requests)}", "openai-processing-ms": "12", **limits, **self.tells}

    def limits(self, remaining: int) -> dict[str, str]:
        return {
            "x-ratelimit-limit-requests": "500",
            "x-ratelimit-remaining-requests": str(remaining),
            "x-ratelimit-reset-requests": self.reset,
        }

    def listing(self) -> Document:
        return {"object": "list", "data": [self.listed(name) for name in self.models]}

    def listed(self, name: str) -> Document:
        return {"id": name, "object": "model", "created": 1715367049, "owned_by": "system"}

    def answer(self, body: Document, model: str, text: str | None, finish_reason: str) -> Document:
        message: Document = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
        if self.in_parts and text is not None:
            half = len(text) // 2
            message["content"] = [{"type": "text", "text": part} for part in (text[:half], text[half:])]
        return {
            "id": f"chatcmpl-{len(self.posts)}",
            "object": "chat.completion",
            "created": 1741570283,
            "model": f"{model}-2024-08-06",
            "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}],
            "usage": {"prompt_tokens": 9, "completion_tokens": len((text or "").split()), "total_tokens": 9},
            "system_fingerprint": "fp_fc9f1d7035",
            "service_tier": "default",
        }

    def blocked_answer(self, body: Document, model: str) -> Document:
        if self.blocks_by == "finish_reason":
            return self.answer(body, model, "", "content_filter")
        document = self.answer(body, model, None, "stop")
        document["choices"][0]["message"]["refusal"] = "I'm sorry, I can't assist with that request."
        return document

    def error(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None, **more: Any
    ) -> bytes:
        kind = more.pop("kind", "invalid_request_error")
        document = {"error": {"message": message, "type": kind, "param": param, "code": code, **more.pop("extra", {})}}
        return respond(status, document, {**self.headers(), **more.pop("headers", {})})

    def wrong_key(self, given: str) -> bytes:
        if not given:
            return self.error(401, "You didn't provide an API key.")
        message = f"Incorrect API key provided: {self.repeats(given)}. You can find your API key in your account."
        return self.error(401, message, code="invalid_api_key")

    def unknown_path(self, request: Request) -> bytes:
        return self.error(404, f"Invalid URL ({request.method} {request.path})")

    def unknown_model(self, name: str) -> bytes:
        message = f"The model `{name}` does not exist or you do not have access to it."
        return self.error(404, message, code="model_not_found")

    def refused_parameter(self, name: str, instead: str | None) -> bytes:
        message = f"Unsupported parameter: '{name}' is not supported with this model."
        return self.error(
            400, f"{message} Use '{instead}' instead." if instead else message, code="unsupported_parameter", param=name
        )

    def rate_limited(self) -> bytes:
        return self.error(
            429,
            "Rate limit reached for small in organization org-1 on requests per min (RPM): Limit 3, Used 3.",
            code="rate_limit_exceeded",
            kind="requests",
            headers={"retry-after-ms": str(self.retry_after_ms), **self.limits(0)},
        )

    def blocked(self) -> bytes:
        message = (
            "Invalid prompt: your prompt was flagged as potentially violating our usage policy."
            " Please try again with a different prompt."
        )
        return self.error(400, message, code="invalid_prompt")


def _question(body: Document) -> str:
    """Return the text of the last message."""
    content = body["messages"][-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


_TYPES = {400: "BadRequestError", 401: "AuthenticationError", 404: "NotFoundError", 429: "RateLimitError"}


@dataclass
class VLLM(OpenAI):
    """vLLM: its codes are numbers, its paths those of FastAPI, and it names no revision."""

    def headers(self) -> dict[str, str]:
        return {"server": "uvicorn", **self.tells}

    def listed(self, name: str) -> Document:
        return {**super().listed(name), "owned_by": "vllm", "root": name, "parent": None, "max_model_len": 8192}

    def answer(self, body: Document, model: str, text: str | None, finish_reason: str) -> Document:
        document = super().answer(body, model, text, finish_reason)
        document["choices"][0]["message"]["reasoning_content"] = self.thought
        document["choices"][0]["stop_reason"] = None
        return {**document, "model": model, "system_fingerprint": None, "prompt_logprobs": None}

    def error(self, status: int, message: str, **more: Any) -> bytes:
        document = {"message": message, "type": _TYPES.get(status, "InternalServerError"), "param": more.get("param")}
        return respond(status, {"error": {**document, "code": status}}, {**self.headers(), **more.get("headers", {})})

    def wrong_key(self, given: str) -> bytes:
        return respond(401, {"error": "Unauthorized"}, self.headers())

    def unknown_path(self, request: Request) -> bytes:
        return respond(404, {"detail": "Not Found"}, self.headers())

    def unknown_model(self, name: str) -> bytes:
        return self.error(404, f"The model `{name}` does not exist.", param="model")


@dataclass
class Ollama(OpenAI):
    """Ollama: no key, its own texts, and a thought that is called `reasoning`."""

    def headers(self) -> dict[str, str]:
        return dict(self.tells)

    def listed(self, name: str) -> Document:
        return {**super().listed(name), "owned_by": "library"}

    def answer(self, body: Document, model: str, text: str | None, finish_reason: str) -> Document:
        document = super().answer(body, model, text, finish_reason)
        message: Document = {"role": "assistant", "content": text}
        document["choices"][0]["message"] = message if self.thought is None else {**message, "reasoning": self.thought}
        return {**document, "model": model, "system_fingerprint": "fp_ollama"}

    def error(self, status: int, message: str, **more: Any) -> bytes:
        kind = {400: "invalid_request_error", 404: "not_found_error"}.get(status, "api_error")
        document = {"error": {"message": message, "type": kind, "param": None, "code": None}}
        return respond(status, document, {**self.headers(), **more.get("headers", {})})

    def unknown_path(self, request: Request) -> bytes:
        return respond(404, b"404 page not found", self.headers())

    def unknown_model(self, name: str) -> bytes:
        return self.error(404, f"model '{name}' not found")


@dataclass
class LlamaCpp(OpenAI):
    """llama.cpp's server: it answers whatever model it is asked for, and says `File Not Found`."""

    def model_of(self, request: Request) -> str:
        return self.models[0]

    def headers(self) -> dict[str, str]:
        return {"Server": "llama.cpp", **self.tells}

    def listing(self) -> Document:
        own = {"models": [{"name": name, "model": name, "capabilities": ["completion"]} for name in self.models]}
        return {**own, **super().listing()}

    def listed(self, name: str) -> Document:
        return {**super().listed(name), "owned_by": "llamacpp", "meta": {"n_ctx_train": 32768, "n_params": 134515008}}

    def answer(self, body: Document, model: str, text: str | None, finish_reason: str) -> Document:
        document = super().answer(body, model, text, finish_reason)
        document["choices"][0]["message"] = {"role": "assistant", "content": text}
        timings = {"prompt_n": 9, "predicted_n": 3, "predicted_per_second": 30.1}
        return {**document, "model": model, "system_fingerprint": "b6500-a1b2c3d4", "timings": timings}

    def error(self, status: int, message: str, **more: Any) -> bytes:
        kind = {401: "authentication_error", 404: "not_found_error", 400: "invalid_request_error"}
        document = {"error": {"code": status, "message": message, "type": kind.get(status, "unavailable_error")}}
        return respond(status, document, {**self.headers(), **more.get("headers", {})})

    def wrong_key(self, given: str) -> bytes:
        return self.error(401, "Invalid API Key")

    def unknown_path(self, request: Request) -> bytes:
        return self.error(404, "File Not Found")


_SEVERITIES = ("hate", "self_harm", "sexual", "violence")
_API_VERSION = "2024-10-21"


@dataclass
class Azure(OpenAI):
    """Azure OpenAI: `models` are deployments, each with a base URL of its own; an `api-key`, and an `api-version`.

    The paths under `/openai/v1` need no version. Deployments are not listed: `/openai/models` lists base models.
    """

    place: str = "Sweden Central"

    under: ClassVar[str] = "/openai/v1"

    def deployment_url(self, name: str) -> str:
        """Return the base URL of a deployment, without the query that it needs."""
        return f"{self.url}/openai/deployments/{name}"

    def knows(self, request: Request) -> bool:
        path, _, query = request.path.partition("?")
        if super().knows(request):
            return True
        wants = path.startswith("/openai/deployments/") and path.endswith("/chat/completions")
        return wants and request.method == "POST" and f"api-version={_API_VERSION}" in query.split("&")

    def given_key(self, request: Request) -> str:
        return request.headers.get("api-key", "")

    def model_of(self, request: Request) -> str:
        parts = request.path.split("/")
        return parts[3] if parts[2] == "deployments" else super().model_of(request)

    def headers(self) -> dict[str, str]:
        own = {"x-ms-region": self.place, "apim-request-id": f"apim-{len(self.requests)}"}
        return {**super().headers(), **own, **self.tells}

    def listed(self, name: str) -> Document:
        return {"id": f"gpt-4o-{name}", "object": "model", "status": "succeeded", "lifecycle_status": "preview"}

    def answer(self, body: Document, model: str, text: str | None, finish_reason: str) -> Document:
        document = super().answer(body, model, text, finish_reason)
        document["choices"][0]["content_filter_results"] = self._severities(filtered=finish_reason == "content_filter")
        prompt = {"prompt_index": 0, "content_filter_results": self._severities(filtered=False)}
        return {**document, "model": "gpt-4o-2024-11-20", "prompt_filter_results": [prompt]}

    def error(self, status: int, message: str, **more: Any) -> bytes:
        document = {"code": more.get("code") or str(status), "message": message, **more.get("extra", {})}
        return respond(status, {"error": document}, {**self.headers(), **more.get("headers", {})})

    def wrong_key(self, given: str) -> bytes:
        return self.error(
            401,
            "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for"
            " an active subscription and use a correct regional API endpoint for your resource.",
        )

    def unknown_path(self, request: Request) -> bytes:
        return self.error(404, "Resource not found")

    def unknown_model(self, name: str) -> bytes:
        message = (
            "The API deployment for this resource does not exist. If you created the deployment within the last 5"
            " minutes, please wait a moment and try again."
        )
        return self.error(404, message, code="DeploymentNotFound")

    def rate_limited(self) -> bytes:
        wait = {"retry-after-ms": str(self.retry_after_ms), "retry-after": "1", **self.limits(0)}
        return self.error(
            429,
            "Requests to the ChatCompletions_Create Operation have exceeded call rate limit. Please retry later.",
            code="RateLimitReached",
            headers=wait,
        )

    def blocked(self) -> bytes:
        message = (
            "The response was filtered due to the prompt triggering Azure OpenAI's content management policy. Please"
            " modify your prompt and retry."
        )
        inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": self._severities(filtered=True)}
        more = {"param": "prompt", "type": None, "status": 400, "innererror": inner}
        return self.error(400, message, code="content_filter", extra=more)

    def _severities(self, *, filtered: bool) -> Document:
        found = {"filtered": filtered, "severity": "high" if filtered else "safe"}
        return {name: found if name == "hate" else {"filtered": False, "severity": "safe"} for name in _SEVERITIES}


@dataclass
class DeepSeek(OpenAI):
    """DeepSeek: its thoughts come as `reasoning_content`, and a blocked prompt is an `invalid_request_error`."""

    def headers(self) -> dict[str, str]:
        return {"x-ds-trace-id": f"trace-{len(self.requests)}", "x-amz-cf-pop": "HKG62-P2", **self.tells}

    def listed(self, name: str) -> Document:
        return {"id": name, "object": "model", "owned_by": "deepseek"}

    def answer(self, body: Document, model: str, text: str | None, finish_reason: str) -> Document:
        document = super().answer(body, model, text, finish_reason)
        message: Document = {"role": "assistant", "content": text}
        if self.thought is not None:
            message["reasoning_content"] = self.thought
        document["choices"][0]["message"] = message
        return {**document, "model": model, "system_fingerprint": "fp_8802369eaa_prod0425fp8"}

    def wrong_key(self, given: str) -> bytes:
        message = f"Authentication Fails, Your api key: {self.repeats(given)} is invalid"
        return self.error(401, message, code="invalid_request_error", kind="authentication_error")

    def unknown_model(self, name: str) -> bytes:
        return self.error(400, "Model Not Exist", code="invalid_request_error")

    def blocked(self) -> bytes:
        return self.error(400, "Content Exists Risk", code="invalid_request_error")


@dataclass
class OpenRouter(OpenAI):
    """OpenRouter: numbers as codes, the provider that answered, and a 403 for a prompt that was flagged."""

    provider: str = "DeepInfra"

    under: ClassVar[str] = "/api/v1"

    def headers(self) -> dict[str, str]:
        return {"cf-ray": "94a7c8f0ce3d8f2a-FRA", **self.tells}

    def listed(self, name: str) -> Document:
        return {"id": name, "name": name, "context_length": 163840, "pricing": {"prompt": "0.0000003"}}

    def answer(self, body: Document, model: str, text: str | None, finish_reason: str) -> Document:
        document = super().answer(body, model, text, finish_reason)
        document["choices"][0] |= {"native_finish_reason": finish_reason}
        document["choices"][0]["message"] |= {"reasoning": self.thought}
        return {**document, "provider": self.provider, "model": model, "system_fingerprint": None}

    def error(self, status: int, message: str, **more: Any) -> bytes:
        document = {"error": {"message": message, "code": status, **more.get("extra", {})}}
        return respond(status, document, {**self.headers(), **more.get("headers", {})})

    def wrong_key(self, given: str) -> bytes:
        return self.error(401, "No auth credentials found" if not given else f"User not found. {self.repeats(given)}")

    def unknown_model(self, name: str) -> bytes:
        return self.error(400, f"{name} is not a valid model ID")

    def blocked(self) -> bytes:
        found = {"reasons": ["violence"], "flagged_input": self.topic, "provider_name": self.provider}
        message = f"{self.models[0]} requires moderation on {self.provider}. Your input was flagged for violence."
        return self.error(403, message, extra={"metadata": found})


S = TypeVar("S", bound=OpenAI)


@contextlib.contextmanager
def serving(server: S) -> Iterator[S]:
    """Serve on a free port of its own, in a thread of the test."""
    with raw_server_in_thread(server.handle) as listener:
        server.url, server.requests = listener.url, []
        yield server
