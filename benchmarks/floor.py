"""The floor: the same requests from a bare asyncio loop with httpx2's client, and nothing else.

`python floor.py '{"urls": […], "requests": 600, "in_flight": 10, "batch": null, "warm_up": 0}'` prints the loop's
seconds and CPU seconds as JSON. With `batch` there is a barrier after every so many requests.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx2

_MODELS = ("llama3.2-1b", "qwen2.5-1.5b")


async def ask(client: httpx2.AsyncClient, url: str, number: int) -> str:
    model, prompt = _MODELS[number % 2], f"Question number {number}?"
    usual = {"model": model, "temperature": 0.1, "max_tokens": 500}
    if url.endswith("/chat/completions"):
        reply = await client.post(url, json={**usual, "messages": [{"role": "user", "content": prompt}]})
        return str(reply.json()["choices"][0]["message"]["content"])
    reply = await client.post(url, json={**usual, "prompt": prompt})
    return str(reply.json()["response"])


async def in_flight(clients: list[tuple[httpx2.AsyncClient, str]], requests: int, count: int) -> None:
    """Keep so many requests in flight until all are answered."""
    numbers: Iterator[int] = iter(range(requests))

    async def walk() -> None:
        for number in numbers:
            await ask(*clients[number % len(clients)], number)

    await asyncio.gather(*(walk() for _ in range(count)))


async def in_batches(clients: list[tuple[httpx2.AsyncClient, str]], requests: int, size: int) -> None:
    """Ask so many at once, and go on when all of them are answered."""
    for first in range(0, requests, size):
        await asyncio.gather(*(ask(*clients[number % len(clients)], number) for number in range(first, first + size)))


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main(plan: dict[str, Any]) -> dict[str, float]:
    limits = httpx2.Limits(max_connections=plan["in_flight"], max_keepalive_connections=plan["in_flight"])
    async with contextlib.AsyncExitStack() as stack:
        clients = []
        for url in plan["urls"]:  # a pool per region, since one large pool costs more
            client = httpx2.AsyncClient(limits=limits, timeout=None, headers={"Accept-Encoding": "identity"})
            clients.append((await stack.enter_async_context(client), url))
        await in_flight(clients, plan["warm_up"], plan["in_flight"])
        began, cpu_before = time.monotonic(), cpu_seconds()
        if plan["batch"]:
            await in_batches(clients, plan["requests"], plan["batch"])
        else:
            await in_flight(clients, plan["requests"], plan["in_flight"])
        return {"seconds": time.monotonic() - began, "cpu": cpu_seconds() - cpu_before}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(json.loads(sys.argv[1])))))
