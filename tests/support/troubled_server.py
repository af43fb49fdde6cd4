"""Regions on a loopback port that are in trouble for a while, counted by the server itself."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field

from tests.support.deployed_regions import modal_404
from tests.support.raw_server import Request, http
from tests.support.regions_server import Regions


@dataclass
class TroubledRegions(Regions):
    """`busy_for` is how many seconds a region answers 429, from its first POST; `retry_after` is what it says then.

    `busy_calls` does so for a number of POSTs instead. `stopped` regions say that their app is stopped. `posts` has the
    seconds of each POST since the first one of its region.
    """

    busy_for: dict[str, float] = field(default_factory=dict)
    busy_calls: dict[str, int] = field(default_factory=dict)
    retry_after: float | None = None
    stopped: set[str] = field(default_factory=set)
    serves: dict[str, list[str]] = field(default_factory=dict)
    posts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _first: dict[str, float] = field(default_factory=dict)

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        region = request.path.split("/")[1]
        if region in self.stopped:
            return modal_404("app for invoked web endpoint is stopped")
        if request.path.endswith("/models") and region in self.serves:
            return http(200, {"models_available": self.serves[region], "region": region})
        if request.method == "POST":
            now = time.monotonic()
            seconds = now - self._first.setdefault(region, now)
            self.posts[region].append(seconds)
            if seconds < self.busy_for.get(region, 0) or len(self.posts[region]) <= self.busy_calls.get(region, 0):
                headers = {} if self.retry_after is None else {"Retry_After": str(self.retry_after)}
                return http(429, {"success": False, "error": {"code": "busy", "message": "slow down"}}, **headers)
        return await super().handle(request, writer)
