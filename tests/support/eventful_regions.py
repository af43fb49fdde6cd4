"""Regions with one trouble each: US fails once, EU is busy once, ASIA answers by way of a 303."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from tests.support.raw_server import Request, http
from tests.support.regions_server import Regions

FAILURE = {"success": False, "error": {"code": "broken", "message": "words of the endpoint"}}


@dataclass
class EventfulRegions(Regions):
    posts: Counter[str] = field(default_factory=Counter)

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> bytes:
        region = request.path.split("/")[1]
        if request.method == "POST":
            self.posts[region] += 1
            if self.posts[region] == 1 and region in {"us", "eu"}:
                return http(500 if region == "us" else 429, FAILURE)
        self.hop_first = region == "apac"
        return await super().handle(request, writer)
