"""A small model with real answers, on the CPU: llama.cpp through xllamacpp."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Any

from beacon_cli.errors import LocalServerError, MissingExtra
from beacon_cli.extras import how_to_install
from modal_deployment.generation import Generated, GenerationRequest
from modal_deployment.refusal import Refusal

# Tokens of the window. Measured on SmolLM2-135M (which was trained with 8192): 83 MB of private memory for 2048,
# 129 MB for 4096, 221 MB for 8192, in each region; the weights themselves are mapped and shared. With both
# models that come with Beacon, a region's process has 290 MB of its own.
CONTEXT = 4096
# A prompt is processed in steps of so many tokens; a cancelled generation stops between two steps.
_STEP = 64
_MAX_SEED = 2**32 - 1  # llama.cpp takes this value as "random"


def threads_for(generators: int) -> int:
    """Return how many threads each of `generators` models on this machine may use.

    One core stays free for everything else: llama.cpp's threads wait for each other by spinning, and with more threads
    than cores they do little else (measured on 2 cores, 3 regions: 47 tokens a second each with one thread, 1 to 11
    with two).
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(4, (cores - 1) // max(1, generators)))


class LlamaGenerator:
    """A loaded GGUF file. It handles one call at a time.

    `folder` must be private, and its path short enough for a socket. Raises `LocalServerError` for a file that
    llama.cpp cannot load.
    """

    architecture = "llama.cpp"

    def __init__(self, path: Path, *, context: int, threads: int, folder: Path) -> None:
        try:
            import xllamacpp
        except ImportError as error:
            raise MissingExtra("the local target needs xllamacpp", hint=how_to_install("local")) from error
        self._server = _load(xllamacpp, path, context, threads, folder)

    def generate(self, request: GenerationRequest) -> Generated:
        """Return the model's answer; a prompt that does not fit its window is refused with 422."""
        answer = _Answer(request)
        self._server.handle_chat_completions(_chat(request), answer.take)
        return answer.result()


def _load(xllamacpp: Any, path: Path, context: int, threads: int, folder: Path) -> Any:
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = context
    params.n_parallel = 1
    params.n_batch = _STEP
    params.cpuparams.n_threads = threads
    params.n_threads_http = 1
    params.verbosity = -1
    params.fit_params = _has_gpu(xllamacpp)  # loads the model twice, to see what fits a GPU (llama.cpp, common/fit.h)
    params.cache_prompt = False  # an answer must not depend on the previous request
    params.cache_ram_mib = 0
    # xllamacpp always opens an HTTP server of its own, which would answer without credentials. It gets a secret
    # key and, if there are unix sockets, an address that is removed as soon as it listens.
    params.api_keys = [secrets.token_urlsafe()]
    params.ui = False
    address = folder / f"{secrets.token_hex(4)}.sock"
    if os.name == "posix":
        params.hostnames = [str(address)]
    try:
        return xllamacpp.Server(params)
    except RuntimeError as error:
        raise LocalServerError(f"llama.cpp cannot load {path}: {error}") from error
    finally:
        address.unlink(missing_ok=True)


def _has_gpu(xllamacpp: Any) -> bool:
    cpu = xllamacpp.ggml_backend_dev_type.GGML_BACKEND_DEVICE_TYPE_CPU
    return any(device["type"] != cpu for device in xllamacpp.get_device_info())


def _chat(request: GenerationRequest) -> dict[str, Any]:
    options = {
        "seed": None if request.seed is None else request.seed % _MAX_SEED,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
    }
    return {
        "messages": request.messages(),
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "cache_prompt": False,
        "stream": True,
        "stream_options": {"include_usage": True},
        "return_progress": True,
        **{name: value for name, value in options.items() if value is not None},
    }


class _Answer:
    """Collects the chunks of one streamed answer."""

    def __init__(self, request: GenerationRequest) -> None:
        self._cancelled = request.cancelled
        self._texts: list[str] = []
        self._thoughts: list[str] = []
        self._finish_reason = "cancelled"
        self._tokens = 0
        self._prompt_tokens: int | None = None
        self._error: dict[str, Any] | None = None

    def take(self, chunk: dict[str, Any]) -> bool:
        """Process one chunk; returning True stops the generation (tested with xllamacpp 2026.10)."""
        self._error = chunk.get("error", self._error)
        for choice in chunk.get("choices", ()):
            self._texts.append(choice["delta"].get("content") or "")
            self._thoughts.append(choice["delta"].get("reasoning_content") or "")
            self._finish_reason = choice.get("finish_reason") or self._finish_reason
        if usage := chunk.get("usage"):
            self._tokens = usage["completion_tokens"]
            self._prompt_tokens = usage["prompt_tokens"]
        return self._cancelled.is_set()

    def result(self) -> Generated:
        """Return the answer; raises `Refusal` for a prompt that is too long, `RuntimeError` for other failures."""
        if self._error is not None:
            raise _refusal(self._error)
        thought = "".join(self._thoughts) or None  # llama.cpp takes the thought out of the text
        return Generated(
            "".join(self._texts), self._tokens, self._finish_reason, thought=thought, prompt_tokens=self._prompt_tokens
        )


def _refusal(error: dict[str, Any]) -> Exception:
    if error.get("type") == "exceed_context_size_error":
        return Refusal(
            422,
            "prompt_too_long",
            f"prompt: {error['n_prompt_tokens']} tokens, but the model's context window has {error['n_ctx']}",
        )
    return RuntimeError(str(error.get("type")))
