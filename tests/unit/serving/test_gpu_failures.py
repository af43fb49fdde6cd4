"""A container whose GPU fails: what it answers then, and that it is taken out of service."""

from __future__ import annotations

from typing import Any

import httpx2

from tests.support.toy_region import Toy, in_client

ASKED = {"model": "m-1", "prompt": "Hi"}
BROKEN = {**ASKED, "prompt": "break the GPU"}
TOLD = "the GPU of this container failed: CUDA error: an illegal memory access was encountered"
ERROR = {"code": "gpu_failed", "message": f"{TOLD}; it takes no more requests, another one will"}


class Stopped:
    """Counts how often the container was taken out of service; fails the first `failing` times."""

    def __init__(self, failing: int = 0) -> None:
        self.times = 0
        self._failing = failing

    async def __call__(self) -> None:
        self.times += 1
        if self.times <= self._failing:
            raise RuntimeError("Must be called from within a Modal container.")


def test_after_its_gpu_failed_a_container_answers_nothing_and_says_why() -> None:
    toy, stopped = Toy(), Stopped()

    async def test(client: httpx2.AsyncClient) -> None:
        assert (await client.post("/inference", json=ASKED)).status_code == 200
        assert (await client.get("/health")).json()["status"] == "healthy"
        failed = await client.post("/inference", json=BROKEN)
        assert (failed.status_code, failed.json()) == (503, {"success": False, "error": ERROR})
        again = await client.post("/inference", json=ASKED)
        assert (again.status_code, again.json()["error"]) == (503, ERROR)
        health = (await client.get("/health")).json()
        assert (health["status"], health["problem"]) == ("unhealthy", TOLD)

    in_client(test, toy, take_no_more=stopped)
    assert [request.prompt for request in toy.requests] == ["Hi", "break the GPU"]
    assert stopped.times == 2


def test_it_is_taken_out_of_service_by_the_next_request_if_that_failed_at_first() -> None:
    stopped = Stopped(failing=1)

    async def test(client: httpx2.AsyncClient) -> None:
        for _ in range(2):
            assert (await client.post("/inference", json=BROKEN)).json()["error"] == ERROR

    in_client(test, Toy(), take_no_more=stopped)
    assert stopped.times == 2


def test_by_openais_route_it_is_an_error_of_the_server() -> None:
    async def test(client: httpx2.AsyncClient) -> tuple[int, dict[str, Any]]:
        chat = {"model": "m-1", "messages": [{"role": "user", "content": "break the GPU"}]}
        answer = await client.post("/v1/chat/completions", json=chat)
        return answer.status_code, answer.json()["error"]

    status, error = in_client(test, Toy())
    assert (status, error["type"], error["code"], error["message"]) == (503, "server_error", *ERROR.values())


def test_a_prompt_that_ends_in_an_error_of_another_kind_leaves_the_container_in_service() -> None:
    stopped = Stopped()

    async def test(client: httpx2.AsyncClient) -> None:
        assert (await client.post("/inference", json={**ASKED, "prompt": "raise"})).status_code == 500
        assert (await client.post("/inference", json=ASKED)).status_code == 200

    in_client(test, Toy(), take_no_more=stopped)
    assert stopped.times == 0
