"""Networks that refuse, cut, hang, drip, fail for a while, or lead around corners."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.acceptance.conftest import BEACON, Beacon
from tests.support.hostile_endpoints import (
    Asked,
    Endpoints,
    Fault,
    endpoints,
    events_of,
    met,
    replies,
    run_against,
    run_arguments,
    write_job,
)
from tests.support.invariant import assert_invariant
from tests.support.ports import free_port
from tests.support.raw_server import Request, http, raw_server_in_thread


def half_with_its_length(asked: Asked) -> bytes:
    return asked.good()[:-40]


def half_without_a_length(asked: Asked) -> bytes:
    return b"HTTP/1.1 200 x\r\nConnection: close\r\n\r\n" + asked.good().split(b"\r\n\r\n", 1)[1][:-40]


async def reset_at_once(asked: Asked) -> bytes | None:
    if asked.number == 0:
        asked.writer.transport.abort()
        return None
    return asked.good()


async def silent(asked: Asked) -> bytes:
    await asyncio.sleep(600)
    return b""


async def dripping(asked: Asked) -> bytes:
    for byte in asked.good():
        asked.writer.write(bytes([byte]))
        await asyncio.sleep(0.5)
    return b""


PASSING = {
    "reset before an answer": reset_at_once,
    "closed before an answer": replies(b""),
    "shorter than its Content-Length": replies(half_with_its_length),
    "cut off without a Content-Length": replies(half_without_a_length),
    **{f"HTTP {status}": replies(http(status)) for status in (500, 502, 503, 504)},
}
LASTING = "silent in the US, a byte every half second in Asia"


async def lasting(asked: Asked) -> bytes | None:
    return await (silent if asked.region == "us" else dripping)(asked)


@pytest.mark.fault(24, "a port where nobody listens; connections reset before and after the request")
@pytest.mark.fault(26, "accepts, never answers")
@pytest.mark.fault(27, "a byte every half second")
@pytest.mark.fault(28, "a body cut off, with and without a Content-Length")
@pytest.mark.fault(35, "500, 502, 503 and 504, each once")
def test_what_passes_is_tried_again_and_what_lasts_ends_at_its_deadline(hurt: Beacon) -> None:
    with endpoints({**PASSING, LASTING: lasting}) as served:
        hurt.environment["BEACON_REGIONS__EU__BASE_URL"] = f"http://127.0.0.1:{free_port()}"
        job = write_job(hurt, [*PASSING, LASTING], regions="[US, EU, ASIA]", answer_timeout="2s")
        found = run_against(hurt, served, job)
        assert found.done.returncode == 1
        for prompt in PASSING:
            assert found.outcome(prompt) == ("completed", None, 2), prompt
            assert found.row(prompt)["response"] == "an answer"
            assert served.asked(prompt) == (2, 0)
        for label, region in (("US", "us"), ("ASIA", "apac")):
            assert found.outcome(LASTING, label) == ("timeout", "answer_timeout", 1)
            assert "limits.answer_timeout" in found.row(LASTING, label)["error_message"]
            assert served.asked(LASTING, region) == (1, 0)
        for prompt in [*PASSING, LASTING]:
            assert found.outcome(prompt, "EU") == ("failed", "connection_failed", 2)
        pauses = [found.attempts_failed(prompt)[0]["retry_in"] for prompt in PASSING]
        assert all(0.25 <= pause <= 0.5 for pause in pauses)
        assert len(set(pauses)) > 1, "no jitter"
        assert_invariant(found.aftermath())


ROOT_ON_LINUX = os.name == "posix" and os.geteuid() == 0 and shutil.which("ip") is not None
CLONE_NEWNET = 0x40000000


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True, timeout=300)


@contextmanager
def network_namespace() -> Iterator[str]:
    name = f"beacon-{os.getpid()}"
    try:
        ip("netns", "add", name)
    except subprocess.CalledProcessError as error:
        if "permi" not in error.stderr.lower():
            raise
        pytest.skip(f"root may not make a network namespace here: {error.stderr.strip()}")
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "del", name)


@contextmanager
def served_inside(namespace: str, faults: Mapping[str, Fault]) -> Iterator[Endpoints]:
    """Serve in the namespace: a thread inherits the network of the one that starts it."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (
        ExitStack() as stack,
        Path("/proc/thread-self/ns/net").open() as home,
        Path(f"/run/netns/{namespace}").open() as there,
    ):
        assert libc.setns(there.fileno(), CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            served = stack.enter_context(endpoints(faults))
        finally:
            assert libc.setns(home.fileno(), CLONE_NEWNET) == 0
        yield served


@pytest.mark.fault(25, "lo is down in a network namespace")
@pytest.mark.skipif(not ROOT_ON_LINUX, reason="network namespaces want root and the program ip")
@pytest.mark.parametrize("seconds", [3, pytest.param(10, marks=pytest.mark.long)])
def test_a_network_that_is_gone_for_a_while_holds_the_barrier_and_then_the_job_finishes(
    hurt: Beacon, seconds: int
) -> None:
    cut = threading.Event()

    async def once_cut(asked: Asked) -> bytes:
        while not cut.is_set():  # noqa: ASYNC110 - the test cuts the network in another thread
            await asyncio.sleep(0.01)
        return asked.good()

    prompts = [f"Question {number}?" for number in range(4)]
    with network_namespace() as namespace, served_inside(namespace, {prompts[1]: once_cut}) as served:
        hurt.environment |= served.environment()
        job = write_job(hurt, prompts, regions="[US, EU, ASIA]", attempts=20)
        hurt("db", "url")
        process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, str(BEACON), *run_arguments(hurt, job)],
            env=hurt.variables(),
            cwd=hurt.folder,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        while served.asked(prompts[1]) == (0, 0):
            assert process.poll() is None
            time.sleep(0.01)
        ip("-n", namespace, "link", "set", "lo", "down")
        cut.set()
        time.sleep(seconds)
        assert batches_finished(hurt) == 1, "the barrier did not hold"
        ip("-n", namespace, "link", "set", "lo", "up")
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    found = met(hurt, subprocess.CompletedProcess(process.args, process.returncode, out, err))
    assert len(found.rows) == 12
    checks = {check["name"]: check["status"] for check in found.document["data"]["audit"]}
    assert (checks["sequential"], checks["complete"]) == ("pass", "pass")
    assert_invariant(found.aftermath())


def batches_finished(beacon: Beacon) -> int:
    return sum(event["event"] == "batch_finished" for event in events_of(beacon.folder))


@pytest.mark.fault(41, "endpoints on [::1] only, and on localhost where only one of its addresses answers")
def test_endpoints_are_found_at_whichever_address_answers(hurt: Beacon) -> None:
    with endpoints(host="::1") as served, endpoints() as v4:
        hurt.environment |= served.environment("us")
        hurt.environment["BEACON_REGIONS__EU__BASE_URL"] = v4.url.replace("127.0.0.1", "localhost") + "/eu"
        found = run_against(hurt, v4, write_job(hurt, ["What is 2+2?"], regions="[US, EU]"))
        assert found.done.returncode == 0, found.done.stderr
        assert (served.asked("What is 2+2?", "us"), v4.asked("What is 2+2?", "eu")) == ((1, 0), (1, 0))
        assert_invariant(found.aftermath())


@pytest.mark.fault(42, "HTTP_PROXY names a proxy; one region on loopback, one elsewhere")
def test_loopback_goes_direct_and_the_rest_through_the_proxy(hurt: Beacon) -> None:
    through_the_proxy: list[str] = []
    del hurt.environment["BEACON_PROXY_KEY"], hurt.environment["BEACON_PROXY_SECRET"]  # refused in clear text

    async def proxy(request: Request, writer: asyncio.StreamWriter) -> bytes:
        through_the_proxy.append(f"{request.method} {request.path}")
        if request.method == "GET":
            return http(200, {"models_available": ["llama3.2-1b"]})
        asked = Asked(0, "POST", "eu", request.json["prompt"], request.json["model"], writer, "")
        return asked.good()

    with endpoints() as served, raw_server_in_thread(proxy) as server:
        hurt.environment |= {
            **served.environment("us"),
            "BEACON_REGIONS__EU__BASE_URL": "http://eu.example.test/beacon",
            "HTTP_PROXY": server.url,
            "http_proxy": server.url,
        }
        found = run_against(hurt, served, write_job(hurt, ["What is 2+2?"], regions="[US, EU]"))
        assert found.done.returncode == 0, found.done.stderr
        assert served.asked("What is 2+2?", "us") == (1, 0)
        assert set(through_the_proxy) == {
            "GET http://eu.example.test/beacon/models",
            "POST http://eu.example.test/beacon/inference",
        }
        assert_invariant(found.aftermath())
