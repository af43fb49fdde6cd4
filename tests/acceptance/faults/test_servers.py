"""The servers themselves: closed without credentials, limited, and silent about what they are asked."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

import httpx2
import pytest

from modal_deployment.limits import (
    MAX_BODY_BYTES,
    MAX_PROMPT_CHARACTERS,
    MAX_SYSTEM_PROMPT_CHARACTERS,
    MAX_TOKENS,
    MAX_WAITING,
)
from tests.acceptance.conftest import Beacon
from tests.support.invariant import CANARY, Aftermath, assert_invariant
from tests.support.ports import free_port

MODEL = "llama3.2-1b"
PROMPT = "a prompt that nobody but the model may read"
NEW = {"Modal-Key": f"wk-{CANARY}-key", "Modal-Secret": f"ws-{CANARY}-secret"}
OLD = {"Modal-Key": f"wk-{CANARY}-old", "Modal-Secret": f"ws-{CANARY}-old"}


class Serving:
    """A `beacon serve` of one region, with credentials, and what it says."""

    def __init__(self, beacon: Beacon) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process, self._said = beacon.begin_until(
            "press Ctrl-C to stop", "serve", "--region", "us", "--port", str(port)
        )
        self.client = httpx2.Client(base_url=self.url, timeout=60)
        # What it goes on to say is taken, so that a full pipe never stops it.
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._said += line

    def ask(self, headers: Mapping[str, str] = NEW, **body: Any) -> httpx2.Response:
        return self.client.post("/inference", headers=headers, json={"model": MODEL, "prompt": PROMPT, **body})

    def end(self) -> subprocess.CompletedProcess[str]:
        assert self.process.stdout is not None
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(300)
        self._reader.join(300)
        return subprocess.CompletedProcess(self.process.args, code, self.process.stdout.read(), self._said)


@pytest.fixture
def serving(hurt: Beacon) -> Iterator[Serving]:
    """A server with two live pairs of credentials, and a model that takes a moment where the prompt says so."""
    hurt.write("answers.yaml", "rules:\n  - {prompt: slow, latency: 60}\n  - {prompt: fail, error: {status: 500}}\n")
    hurt.write("beacon.toml", f'[local.models."{MODEL}"]\nscript = "answers.yaml"\n')
    hurt.environment |= {
        "BEACON_PROXY_KEY_OLD": OLD["Modal-Key"],
        "BEACON_PROXY_SECRET_OLD": OLD["Modal-Secret"],
    }
    running = Serving(hurt)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


def code_of(answer: httpx2.Response) -> tuple[int, str]:
    document = answer.json()
    assert document["success"] is False
    return answer.status_code, document["error"]["code"]


def test_a_server_is_closed_limited_and_silent(hurt: Beacon, serving: Serving) -> None:
    assert_closed_without_credentials(serving)
    assert_limits(serving)
    assert_exact_models(serving)
    assert_no_more_routes_than_three(serving)
    assert code_of(serving.ask(prompt=f"{PROMPT}: fail"))[0] == 500
    done = ended_with_a_full_queue(serving)
    assert done.returncode == 143
    assert PROMPT not in done.stdout + done.stderr
    assert_invariant(Aftermath(hurt.folder, done=[done]))


def assert_closed_without_credentials(serving: Serving) -> None:
    wrong: list[dict[str, str]] = [
        {},
        {"Modal-Key": NEW["Modal-Key"]},
        {**NEW, "Modal-Secret": OLD["Modal-Secret"]},
        {**NEW, "Modal-Secret": NEW["Modal-Secret"] + "x"},
        {**NEW, "Modal-Secret": "é"},
        {"Authorization": f"Bearer {NEW['Modal-Secret']}"},
    ]
    for headers in wrong:
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        for path in ("/models", "/health", "/nothing"):
            assert serving.client.get(path, headers=encoded).status_code == 401
        answer = serving.client.post("/inference", headers=encoded, json={"model": MODEL, "prompt": PROMPT})
        assert code_of(answer) == (401, "unauthorized")
        assert PROMPT not in answer.text
    for headers in (NEW, OLD):
        assert serving.ask(headers).status_code == 200
        assert serving.client.get("/models", headers=headers).status_code == 200


def assert_limits(serving: Serving) -> None:
    """At its limit a request is taken, one more is refused."""
    for field, limit in (("prompt", MAX_PROMPT_CHARACTERS), ("system_prompt", MAX_SYSTEM_PROMPT_CHARACTERS)):
        assert serving.ask(NEW, **{field: "é" * limit}).status_code == 200
        assert code_of(serving.ask(NEW, **{field: "é" * (limit + 1)})) == (422, "invalid_request")
    assert serving.ask(max_tokens=MAX_TOKENS).status_code == 200
    assert code_of(serving.ask(max_tokens=MAX_TOKENS + 1)) == (422, "invalid_request")
    body = json.dumps({"model": MODEL, "prompt": PROMPT}).encode()
    for size, status in ((MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)):
        padded = body + b" " * (size - len(body))
        assert serving.client.post("/inference", headers=NEW, content=padded).status_code == status
        halves = iter([padded[: size // 2], padded[size // 2 :]])  # without a Content-Length
        assert serving.client.post("/inference", headers=NEW, content=halves).status_code == status


def assert_exact_models(serving: Serving) -> None:
    for model in (f"../{MODEL}", f"hf://{MODEL}", MODEL.upper(), f"{MODEL} ", "llаma3.2-1b", "llama3.2:1b", "", "*"):
        answer = serving.ask(model=model)
        assert code_of(answer) == (404, "unknown_model"), model
        assert PROMPT not in answer.text


def assert_no_more_routes_than_three(serving: Serving) -> None:
    for path in ("/", "/docs", "/redoc", "/openapi.json", "/inference/", "/models/../docs", "/metrics"):
        assert serving.client.get(path, headers=NEW).status_code in {404, 405}, path
    asked = {"Origin": "https://evil.example.test", "Access-Control-Request-Method": "POST"}
    for answer in (
        serving.client.options("/inference", headers={**NEW, **asked}),
        serving.client.get("/models", headers={**NEW, **asked}),
    ):
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def ended_with_a_full_queue(serving: Serving) -> subprocess.CompletedProcess[str]:
    """One request runs and sixteen wait; those beyond are sent away, and told when to come back."""
    beyond = 5

    def ask() -> httpx2.Response:
        with httpx2.Client(base_url=serving.url, timeout=60) as client:
            return client.post("/inference", headers=NEW, json={"model": MODEL, "prompt": f"{PROMPT}: slow"})

    with ThreadPoolExecutor(MAX_WAITING + 1 + beyond) as pool:
        asked = [pool.submit(ask) for _ in range(MAX_WAITING + 1 + beyond)]
        answered = list(itertools.islice(as_completed(asked), beyond))
        done = serving.end()
    for answer in answered:
        assert code_of(answer.result()) == (429, "queue_full")
        assert 1 <= int(answer.result().headers["retry-after"]) <= 60
    later = [call.result() for call in asked if call not in answered and call.exception() is None]
    assert 429 not in {answer.status_code for answer in later}, "more were sent away"
    return done
