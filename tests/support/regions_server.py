"""Three regions on one loopback port, in a thread of the test: they answer slowly, count, and hop when told to."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tests.support.answers import good_answer
from tests.support.raw_server import RawServer, Request, http, raw_server_in_thread

LABELS = {"us": "US", "eu": "EU", "apac": "ASIA"}
MODELS = ["llama3.2-1b", "qwen2.5-1.5b"]


# A question that was sent when the answer was committed may arrive a little later.
_ON_ITS_WAY = timedelta(seconds=0.1)


@dataclass
class Regions:
    """`answered` counts the answers that were sent whole, by (question text, model, region); `seen` all POSTs.

    `padding` is how many characters of noise an answer has more. `answers` is how many questions are answered, in the
    order in which they come; later ones stay in flight. None: all. Those of regions in `silent` stay in flight, too.
    """

    latency: float = 0.0
    hop_first: bool = False
    padding: int = 0
    answers: int | None = None
    silent: set[str] = field(default_factory=set)
    models: list[str] = field(default_factory=lambda: list(MODELS))
    url: str = ""
    seen: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    answered: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    methods: list[str] = field(default_factory=list)
    server: RawServer | None = None
    asked_at: dict[tuple[str, str, str], list[datetime]] = field(default_factory=lambda: defaultdict(list))
    _calls: dict[str, Request] = field(default_factory=dict)

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        path, _, query = request.path.partition("?")
        region = path.split("/")[1]
        if path.endswith(("/models", "/health")):
            return http(200, {"models_available": self.models, "region": region, "status": "healthy"})
        self.methods.append(request.method)
        if request.method == "GET":
            request = self._calls.pop(query)
        elif self.hop_first:
            call = f"__modal_function_call_id=fc-{len(self.methods)}-{region}"
            self._calls[call] = request
            return http(303, Location=f"{path}?{call}")
        body = json.loads(request.body)
        key = (body["prompt"], body["model"], region)
        self.seen[key] += 1
        self.asked_at[key].append(datetime.now(UTC))
        number = sum(self.seen.values())
        while self._holds(number, region):  # noqa: ASYNC110 - a test ends it in another thread
            await asyncio.sleep(0.02)
        await asyncio.sleep(self.latency)
        self.answered[key] += 1
        return http(200, good_answer(region, body["model"], f"answer to {body['prompt']}{self._noise()}"))

    def _holds(self, number: int, region: str) -> bool:
        return region in self.silent or (self.answers is not None and number > self.answers)

    def asked_although_stored(self, stored_at: dict[tuple[str, str, str], datetime]) -> list[str]:
        """Return the questions that came after their answer was stored; `stored_at` is by (text, model, label)."""
        found = []
        for (text, model, region), times in self.asked_at.items():
            stored = stored_at.get((text, model, LABELS[region]))
            found += [f"{text} {model} {region} {at}" for at in times if stored and at > stored + _ON_ITS_WAY]
        return found

    def _noise(self) -> str:
        """Return what makes an answer longer by `padding` characters, and cannot be compressed."""
        return random.randbytes(self.padding // 2).hex()

    def environment(self) -> dict[str, str]:
        """Return the variables that make these the endpoints of every region."""
        return {
            f"BEACON_REGIONS__{region}__BASE_URL": f"{self.url}/{region.lower()}" for region in ("US", "EU", "APAC")
        }


R = TypeVar("R", bound=Regions)


@contextlib.contextmanager
def regions_server(regions: R) -> Iterator[R]:
    with raw_server_in_thread(regions.handle) as server:
        regions.server, regions.url = server, server.url
        yield regions
