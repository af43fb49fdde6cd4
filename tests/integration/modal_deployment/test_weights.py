"""The weights of a region, fetched with the hub's own client from a hub on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("huggingface_hub", reason="needs huggingface_hub: pip install '.[torch]'")

import modal_deployment

REVISION = "9213176726f574b556790deb65791e0c5aa438b6"
FILES = {
    "config.json": b"{}",
    "model.safetensors": b"weights",
    "tokenizer.json": b"{}",
    "README.md": b"read me",
    "pytorch_model.bin": b"a pickle",
    "original/consolidated.00.safetensors": b"the same again",
}
FETCH = """
import json, sys
from modal_deployment.registry import Model
from modal_deployment.weights import fetch_into
committed = []
models = tuple(Model(**model) for model in json.loads(sys.argv[2]))
print(json.dumps([fetch_into(sys.argv[1], models, commit=lambda: committed.append(True)), len(committed)]))
"""


class Hub(ThreadingHTTPServer):
    """Serves `FILES` as acme/good, without the weights as acme/bare; all else is gated, or not there."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.fetched: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0].removeprefix("/api/models").lstrip("/")
        owner, name, *rest = path.split("/")
        files = {key: data for key, data in FILES.items() if name == "good" or "safetensors" not in key}
        if name == "gated":
            return self._send(403, {"X-Error-Code": "GatedRepo"}, b"")
        if name not in ("good", "bare"):
            return self._send(404, {"X-Error-Code": "RepoNotFound"}, b"")
        if rest[1] != REVISION:
            return self._send(404, {"X-Error-Code": "RevisionNotFound"}, b"")
        if self.path.startswith("/api/"):
            tree = [{"type": "file", "path": key, "size": len(data), "oid": "0" * 40} for key, data in files.items()]
            document = tree if rest[0] == "tree" else {"id": f"{owner}/{name}", "sha": REVISION, "siblings": []}
            return self._send(200, {"Content-Type": "application/json"}, json.dumps(document).encode())
        key = "/".join(rest[2:])
        if self.command == "GET":
            self.server.fetched.append(key)
        etag = hashlib.sha256(key.encode()).hexdigest()
        return self._send(200, {"ETag": f'"{etag}"', "X-Repo-Commit": REVISION}, files[key])

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(300)


def fetch(folder: Path, models: list[dict[str, Any]], endpoint: str) -> list[Any]:
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(modal_deployment.__file__).parent.parent),
        "HF_ENDPOINT": endpoint,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HOME": str(folder / "home"),
    }
    command = [sys.executable, "-c", FETCH, str(folder / "weights"), json.dumps(models)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    said: list[Any] = json.loads(done.stdout)
    return said


def test_only_what_transformers_reads_is_fetched_and_only_once(hub: Hub, tmp_path: Path) -> None:
    endpoint = f"http://127.0.0.1:{hub.server_port}"
    model = {"id": "good", "source": "acme/good", "revision": REVISION}
    for _ in range(2):
        assert fetch(tmp_path, [model], endpoint) == [{}, 1]
    assert sorted(hub.fetched) == ["config.json", "model.safetensors", "tokenizer.json"]
    kept = tmp_path / "weights" / "models--acme--good" / "snapshots" / REVISION
    assert sorted(path.name for path in kept.iterdir()) == ["config.json", "model.safetensors", "tokenizer.json"]


def test_each_model_that_cannot_be_had_is_told_with_its_reason(hub: Hub, tmp_path: Path) -> None:
    wanted = {
        "good": ("acme/good", REVISION),
        "gated": ("acme/gated", REVISION),
        "gone": ("acme/gone", REVISION),
        "moved": ("acme/good", "0" * 40),
        "bare": ("acme/bare", REVISION),
    }
    models = [{"id": name, "source": source, "revision": revision} for name, (source, revision) in wanted.items()]
    problems, committed = fetch(tmp_path, models, f"http://127.0.0.1:{hub.server_port}")
    assert committed == 1
    assert problems == {
        "gated": "the account of HF_TOKEN may not read acme/gated: accept its license on the hub",
        "gone": "the hub has no acme/gone, or hides it from the account of HF_TOKEN",
        "moved": f"acme/good has no revision {'0' * 40}",
        "bare": f"acme/bare has no weights as safetensors at revision {REVISION}",
    }


def test_a_hub_that_cannot_be_reached_is_told(tmp_path: Path) -> None:
    model = {"id": "good", "source": "acme/good", "revision": REVISION}
    problems, _ = fetch(tmp_path, [model], "http://127.0.0.1:9")
    assert list(problems) == ["good"]
    assert "LocalEntryNotFoundError" in problems["good"]
