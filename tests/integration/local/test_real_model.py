"""The models that Beacon brings, from the product's own cache: it answers, repeats itself, stops, and refuses."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest

from beacon_cli.config import load_settings
from beacon_cli.local.bundled import BUNDLED, SMOLLM2
from beacon_cli.local.gguf import has_chat_template
from beacon_cli.local.llama import LlamaGenerator
from beacon_cli.local.servers import local_servers
from beacon_cli.local.weights import require_weights
from modal_deployment.generation import GenerationRequest
from modal_deployment.refusal import Refusal
from tests.support.vocabulary import REGIONS

HELPFUL = "You are a helpful assistant based in Europe."


@pytest.fixture(scope="module")
def model() -> Iterator[LlamaGenerator]:
    path = require_weights(load_settings().cache_path(), pinned=SMOLLM2)
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        generator = LlamaGenerator(path, context=1024, threads=1, folder=Path(folder))
        assert list(Path(folder).iterdir()) == []
        yield generator


@pytest.mark.parametrize("model_id", BUNDLED)
def test_questions_are_answered_over_http(model_id: str) -> None:
    async def run() -> None:
        settings = load_settings()
        assert has_chat_template(require_weights(settings.cache_path(), pinned=BUNDLED[model_id]))
        async with (
            local_servers(settings, [REGIONS["eu"]], model_ids=[model_id]) as servers,
            httpx2.AsyncClient(timeout=60) as client,
        ):

            async def ask(prompt: str, **options: Any) -> Any:
                asked = {"model": model_id, "prompt": prompt, **options}
                return (await client.post(f"{servers['eu'].base_url}/inference", json=asked)).json()

            for prompt in ("What is 2+2?", "Who are you?", "  "):
                answer = await ask(prompt, max_tokens=4, seed=1)
                assert answer["response"].strip()
                assert 1 <= answer["tokens_generated"] <= 4
                assert answer["receipt"]["provenance"]["architecture"] == "llama.cpp"
            answer = await ask("What is the capital of France?", system_prompt=HELPFUL, temperature=0, max_tokens=16)
            assert answer["response"] == "The capital of France is Paris."
            assert listening(servers["eu"].pid) == {int(servers["eu"].base_url.rpartition(":")[2])}

    asyncio.run(run())


def test_a_file_without_a_chat_template_is_asked_in_chatml(model: LlamaGenerator, short_folder: Path) -> None:
    """SmolLM2's own template is ChatML, so that the copy without it must get the same prompt."""
    key, bare = b"tokenizer.chat_template", short_folder / "bare.gguf"
    content = require_weights(load_settings().cache_path(), pinned=SMOLLM2).read_bytes()
    bare.write_bytes(content.replace(key, key[:-1] + b"X", 1))
    assert not has_chat_template(bare)
    generator = LlamaGenerator(bare, context=1024, threads=1, folder=short_folder)
    request = GenerationRequest("Who are you?", "You are a pirate.", temperature=0, max_tokens=8)
    assert generator.generate(request) == model.generate(request)


def test_a_seed_makes_the_answer_reproducible(model: LlamaGenerator) -> None:
    def say(seed: int) -> str:
        request = GenerationRequest("Tell me a story.", temperature=1.0, max_tokens=12, seed=seed)
        return model.generate(request).text

    assert say(5) == say(5)
    assert say(5) != say(6)


def test_the_system_prompt_and_the_end_of_the_tokens_are_seen(model: LlamaGenerator) -> None:
    request = GenerationRequest("Who are you?", "You are a pirate.", temperature=0, max_tokens=5)
    generated = model.generate(request)
    assert (generated.finish_reason, generated.tokens_generated) == ("length", 5)
    other = model.generate(GenerationRequest("Who are you?", "Speak French.", temperature=0, max_tokens=5))
    assert other.text != generated.text


def test_a_prompt_that_does_not_fit_the_window_is_422(model: LlamaGenerator) -> None:
    with pytest.raises(Refusal, match=r"prompt: \d+ tokens, but the model's context window has 1024") as refused:
        model.generate(GenerationRequest("word " * 2000))
    assert (refused.value.status, refused.value.code) == (422, "prompt_too_long")


@pytest.mark.parametrize("prompt", ["Write a very long story.", "word " * 900])
def test_cancelling_stops_an_answer_and_a_long_prompt(model: LlamaGenerator, prompt: str) -> None:
    request = GenerationRequest(prompt, temperature=0, max_tokens=4000)
    timer = threading.Timer(0.3, request.cancelled.set)
    timer.start()
    start = time.monotonic()
    generated = model.generate(request)
    assert generated.finish_reason == "cancelled"
    assert time.monotonic() - start < 10
    timer.join()


def test_llama_writes_nothing_on_our_output(short_folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = require_weights(load_settings().cache_path(), pinned=SMOLLM2)
    generator = LlamaGenerator(path, context=256, threads=1, folder=short_folder)
    generator.generate(GenerationRequest("Hello", max_tokens=2))
    assert capfd.readouterr() == ("", "")


def test_a_temporary_folder_with_a_long_path_is_no_hindrance(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = short_folder / ("x" * 120)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    monkeypatch.setenv("TMPDIR", str(long))

    async def run() -> None:
        async with local_servers(load_settings(), [REGIONS["us"]], model_ids=["smollm2-135m"]) as servers:
            assert listening(servers["us"].pid)

    asyncio.run(run())
    assert list(long.iterdir()) == []


@pytest.mark.parametrize("moment", ["started", "reading the weights"])
def test_servers_that_are_ended_while_they_load_leave_nothing(
    short_folder: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(short_folder))
    monkeypatch.setenv("TMPDIR", str(short_folder))
    before = set(psutil.Process().children())

    async def serve() -> None:
        async with local_servers(load_settings(), REGIONS.values(), model_ids=["smollm2-135m"]):
            await asyncio.sleep(60)

    def started() -> set[psutil.Process]:
        return set(psutil.Process().children()) - before

    async def run() -> None:
        task = asyncio.ensure_future(serve())
        async with asyncio.timeout(300):
            while not any(moment == "started" or has_weights(child.pid) for child in started()):
                assert not task.done()
                await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(run())
    assert list(short_folder.iterdir()) == []
    assert started() == set()


def has_weights(pid: int) -> bool:
    """Whether a process has a file of weights open."""
    with suppress(OSError):
        return ".gguf" in Path(f"/proc/{pid}/maps").read_text()
    return False


def listening(pid: int) -> set[int]:
    """Return the TCP ports on which a process listens."""
    inodes = {link.readlink().name.removeprefix("socket:[").rstrip("]") for link in Path(f"/proc/{pid}/fd").iterdir()}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in inodes}
