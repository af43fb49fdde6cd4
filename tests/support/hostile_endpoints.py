"""Endpoints that do what endpoints must not, the job that meets them, and what came of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import CompletedProcess
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import dict_row

from beacon_cli.store.embedded import keep_server
from beacon_cli.store.text import original
from tests.support.answers import good_answer
from tests.support.invariant import Aftermath
from tests.support.raw_server import Request, http, raw_server

if TYPE_CHECKING:
    from tests.acceptance.conftest import Beacon

MODEL = "llama3.2-1b"
CALL = "__modal_function_call_id"


@dataclass(frozen=True)
class Asked:
    """One request for an answer: the POST with its prompt, or a GET of its result. `number` counts them from 0."""

    number: int
    method: str
    region: str
    prompt: str
    model: str
    writer: asyncio.StreamWriter
    call: str

    def good(self, text: str | None = "an answer", **more: Any) -> bytes:
        return http(200, {**good_answer(self.region, self.model), "response": text, **more})

    @property
    def result_path(self) -> str:
        return f"/{self.region}/inference?{CALL}={self.call}"

    def hop(self) -> bytes:
        return http(303, Location=self.result_path)


Fault = Callable[[Asked], Awaitable[bytes | None]]
Reply = bytes | Callable[[Asked], bytes]


def replies(*wanted: Reply) -> Fault:
    """Return the fault of these replies in order; after them come good answers."""

    async def fault(asked: Asked) -> bytes:
        if asked.number >= len(wanted):
            return asked.good()
        reply = wanted[asked.number]
        return reply if isinstance(reply, bytes) else reply(asked)

    return fault


def always(reply: Reply) -> Fault:
    async def fault(asked: Asked) -> bytes:
        return reply if isinstance(reply, bytes) else reply(asked)

    return fault


@dataclass
class Endpoints:
    """Every region's endpoints on one port. What a question meets, its text decides; without a fault it is answered.

    `seen` counts requests by (method, prompt, region); `most_at_once` is the largest number of calls by region.
    `listing` is the response of `models` and `health`, where it is not theirs of always.
    """

    faults: Mapping[str, Fault] = field(default_factory=dict)
    url: str = ""
    listing: bytes | None = None
    requests: list[Request] = field(default_factory=list)
    seen: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    now: Counter[str] = field(default_factory=Counter)
    most_at_once: Counter[str] = field(default_factory=Counter)
    _posts: list[tuple[str, str]] = field(default_factory=list)

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes | None:
        self.requests.append(request)
        path, _, query = request.path.partition("?")
        region = path.strip("/").split("/")[0]
        if path.endswith(("/models", "/health")):
            return self.listing or http(200, {"models_available": [MODEL, "qwen2.5-1.5b"], "region": region})
        if request.method == "POST":
            self._posts.append((request.json.get("prompt", ""), request.json.get("model", "")))
            call = f"fc-{len(self._posts) - 1}"
        else:
            call = query.removeprefix(f"{CALL}=")
        prompt, model = self._posts[int(call.removeprefix("fc-").partition("%")[0])]
        number = self.seen["POST", prompt, region] + self.seen["GET", prompt, region]
        self.seen[request.method, prompt, region] += 1
        self.now[region] += 1
        self.most_at_once[region] = max(self.most_at_once[region], self.now[region])
        try:
            asked = Asked(number, request.method, region, prompt, model, writer, call)
            return await self.faults.get(prompt, replies())(asked)
        finally:
            self.now[region] -= 1

    def environment(self, *regions: str) -> dict[str, str]:
        """Return the variables that make these the endpoints of these regions, of all without any."""
        return {
            f"BEACON_REGIONS__{region.upper()}__BASE_URL": f"{self.url}/{region}"
            for region in regions or ("us", "eu", "apac")
        }

    def asked(self, prompt: str, region: str = "us") -> tuple[int, int]:
        """Return the POSTs and GETs of a question."""
        return self.seen["POST", prompt, region], self.seen["GET", prompt, region]


@contextlib.contextmanager
def endpoints(
    faults: Mapping[str, Fault] | None = None, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> Iterator[Endpoints]:
    """Serve on a free port in a thread of the test; over TLS with a context."""
    served = Endpoints(faults or {})
    loop, ready, stop = asyncio.new_event_loop(), threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with raw_server(served.handle, host) as server:
            served.url = server.url
            if tls is not None:
                listener = await asyncio.start_server(server._serve, host, 0, ssl=tls)
                served.url = f"https://{host}:{listener.sockets[0].getsockname()[1]}"
            ready.set()
            await stop.wait()
            if tls is not None:
                listener.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(300)
    try:
        yield served
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(300)
        loop.close()


def write_job(
    beacon: Beacon,
    prompts: Iterable[str],
    *,
    regions: str = "[US]",
    models: str = f"[{MODEL}]",
    repeats: int = 1,
    **limits: object,
) -> str:
    """Write a job that asks these prompts, in this order, and return its path."""
    document = {
        "id": "hurt",
        "questions": [{"id": f"q{number}", "text": prompt} for number, prompt in enumerate(prompts)],
        "repeats": repeats,
        "limits": {"attempts": 2, "answer_timeout": "20s", **limits},
    }
    text = json.dumps(document)[:-1]
    return beacon.write("job.yaml", f'{text}, "regions": {regions}, "models": {models}}}')


@dataclass
class Met:
    """What came of a run: the process, its document, the rows by (prompt, region label), the events."""

    beacon: Beacon
    done: CompletedProcess[str]
    url: str
    rows: dict[tuple[str, str], dict[str, Any]]

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.done.stdout)
        return found

    def row(self, prompt: str, region: str = "US") -> dict[str, Any]:
        return self.rows[prompt, region]

    def outcome(self, prompt: str, region: str = "US") -> tuple[str, str | None, int]:
        """Return a row's status, error code and attempts."""
        row = self.row(prompt, region)
        return row["status"], row["error_code"], row["attempts"]

    def attempts_failed(self, prompt: str, region: str = "US") -> list[dict[str, Any]]:
        """Return the events of the attempts at a cell that failed."""
        question = self.row(prompt, region)["question_id"]
        return [
            event
            for event in events_of(self.beacon.folder)
            if event["event"] == "attempt_failed" and (event["question_id"], event["region"]) == (question, region)
        ]

    def aftermath(self, *more: CompletedProcess[str]) -> Aftermath:
        events = events_file(self.beacon.folder)
        return Aftermath(self.beacon.folder, self.url, [self.done, *more], events=events if events.exists() else None)


def events_file(folder: Path) -> Path:
    return folder / "events.jsonl"


def events_of(folder: Path) -> list[dict[str, Any]]:
    path = events_file(folder)
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def run_arguments(beacon: Beacon, job: str) -> list[str]:
    return ["run", job, "--json", "--events", str(events_file(beacon.folder))]


def run_against(beacon: Beacon, served: Endpoints, job: str) -> Met:
    """Run a job against these endpoints (and what else the environment names) and return what came of it."""
    beacon.environment = {**served.environment(), **beacon.environment}
    return met(beacon, beacon(*run_arguments(beacon, job)))


def met(beacon: Beacon, done: CompletedProcess[str]) -> Met:
    url = keep_server(beacon.data)
    with psycopg.connect(url, row_factory=dict_row) as connection:
        found = connection.execute("SELECT * FROM executions WHERE job_id = 'hurt'").fetchall()
    return Met(beacon, done, url, {(original(row["prompt"]), row["region"]): row for row in found})
