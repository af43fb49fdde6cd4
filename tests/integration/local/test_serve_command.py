"""`beacon serve` as a process: what it prints, and how it ends."""

from __future__ import annotations

import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import IO

import httpx2
import pytest

from beacon_cli.local.bundled import BUNDLED
from tests.support.ports import free_port, free_ports


@contextmanager
def serving(
    folder: Path,
    *arguments: str,
    under: Sequence[str] = (),
    stdout: int | IO[str] = subprocess.PIPE,
    environment: Mapping[str, str] = MappingProxyType({}),
    own: str | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Run `beacon serve` with scripted models behind the ids of the bundled models, and the GGUF file `own`, if any."""
    (folder / "script.yaml").write_text("default: '{model} in {region}'")
    models = {**dict.fromkeys(BUNDLED, 'script = "script.yaml"'), **({"own": f'gguf = "{own}"'} if own else {})}
    (folder / "beacon.toml").write_text("".join(f'[local.models."{name}"]\n{what}\n' for name, what in models.items()))
    with subprocess.Popen(
        [*under, sys.executable, "-m", "beacon_cli", "serve", *arguments],
        cwd=folder,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd()), **environment},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(stream: object, fileno: int, word: str, seconds: float = 300) -> str:
    """Return what arrives on a pipe up to `word`."""
    said = ""
    deadline = time.monotonic() + seconds
    while word not in said and time.monotonic() < deadline:
        if select.select([fileno], [], [], 0.1)[0]:
            chunk = os.read(fileno, 65536).decode()
            said += chunk
            if not chunk:
                break
    return said


def ready(process: subprocess.Popen[str]) -> tuple[str, str]:
    assert process.stdout is not None
    assert process.stderr is not None
    talk = read_until(process.stderr, process.stderr.fileno(), "press Ctrl-C to stop")
    answer = os.read(process.stdout.fileno(), 65536).decode()
    return answer, talk


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_it_says_how_to_use_it_serves_and_ends_with_the_signals_code(
    tmp_path: Path, signum: signal.Signals, code: int
) -> None:
    port = free_ports(2)
    with serving(tmp_path, "--region", "ASIA", "--region", "us", "--port", str(port)) as process:
        answer, _ = ready(process)
        urls = re.findall(r"^(\w+) +(http\S+)$", answer, re.MULTILINE)
        assert urls == [("ASIA", f"http://127.0.0.1:{port}"), ("US", f"http://127.0.0.1:{port + 1}")]
        snippet = answer.partition("beacon.toml:\n")[2]
        regions = tomllib.loads(snippet)["regions"]
        assert {region: table["base_url"] for region, table in regions.items()} == {
            "apac": urls[0][1],
            "us": urls[1][1],
        }
        asked = {"model": "smollm2-135m", "prompt": "hello"}
        for url, region in ((urls[0][1], "apac"), (urls[1][1], "us")):
            response = httpx2.post(f"{url}/inference", json=asked).json()["response"]
            assert response == f"smollm2-135m in {region}"
        process.send_signal(signum)
        _, talk = process.communicate(timeout=300)
        assert process.returncode == code
        assert talk.startswith("stopping…")
        with pytest.raises(httpx2.ConnectError):
            httpx2.get(f"{urls[0][1]}/health")


def test_under_nohup_it_survives_the_end_of_the_terminal(tmp_path: Path) -> None:
    with serving(tmp_path, "--region", "eu", "--port", str(free_port()), under=("nohup",)) as process:
        answer, _ = ready(process)
        [url] = re.findall(r"^EU +(http\S+)$", answer, re.MULTILINE)
        process.send_signal(signal.SIGHUP)
        assert httpx2.get(f"{url}/health").status_code == 200
        process.terminate()
        process.communicate(timeout=300)
        assert process.returncode == 143


def test_the_curl_line_works_as_printed_with_credentials_from_the_environment(tmp_path: Path) -> None:
    secrets = {"BEACON_PROXY_KEY": "wk-test-1", "BEACON_PROXY_SECRET": "ws-canary"}
    with serving(tmp_path, "--region", "eu", "--port", str(free_port()), environment=secrets) as process:
        answer, talk = ready(process)
        assert "canary" not in answer + talk
        command = answer.partition("try it:\n")[2].partition("\n\n")[0]
        assert max(map(len, answer.splitlines())) <= 80
        said = subprocess.run(
            ["bash", "-c", command], capture_output=True, text=True, check=True, env={**os.environ, **secrets}
        )
        assert '"response":"smollm2-135m in eu"' in said.stdout
        process.terminate()
        process.communicate(timeout=300)


def test_a_server_that_dies_ends_it_with_3_and_its_region(tmp_path: Path) -> None:
    port = free_port()
    with serving(tmp_path, "--region", "eu", "--port", str(port)) as process:
        ready(process)
        health = httpx2.get(f"http://127.0.0.1:{port}/health").json()
        os.kill(int(health["container_id"].rpartition("-")[2]), signal.SIGKILL)
        _, talk = process.communicate(timeout=300)
        assert process.returncode == 3
        assert "error: the server of EU died" in talk


@pytest.mark.parametrize(("stdout", "code"), [("/dev/full", 3), (None, 141)])
def test_a_stdout_that_takes_nothing_ends_it_and_its_servers(tmp_path: Path, stdout: str | None, code: int) -> None:
    """A full device, and a pipe that nobody reads."""
    port = free_port()
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe, Path(stdout or os.devnull).open("w") as device:
        output = device if stdout else pipe
        with serving(tmp_path, "--region", "eu", "--port", str(port), stdout=output) as process:
            _, talk = process.communicate(timeout=300)
    assert process.returncode == code
    errors = [line for line in talk.splitlines() if line.startswith("error")]
    assert errors == (["error: stdout cannot be written: No space left on device"] if stdout else [])
    assert "Traceback" not in talk
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"http://127.0.0.1:{port}/health")


def test_an_unknown_region_is_wrong_usage_and_a_taken_port_an_error_that_names_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--region", "mars") as process:
        said, talk = process.communicate(timeout=300)
        assert (process.returncode, said) == (2, "")
        assert "unknown region 'mars'; known regions: us (US), eu (EU), apac (ASIA)" in talk
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with serving(tmp_path, "--region", "us", "--port", str(port)) as process:
            said, talk = process.communicate(timeout=300)
            assert (process.returncode, said) == (3, "")
            assert f"port {port} cannot be used" in talk


def test_a_file_without_a_chat_template_is_named_before_it_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "bare.gguf").write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, 0))  # llama.cpp refuses it afterwards
    with serving(tmp_path, "--region", "eu", "--port", str(free_port()), own="bare.gguf") as process:
        _, talk = process.communicate(timeout=300)
    assert process.returncode == 3
    warning, error = [line for line in talk.splitlines() if line.startswith(("warning:", "error:"))]
    assert warning.startswith("warning: model own: bare.gguf has no chat template, so llama.cpp uses ChatML; ")
    assert "llama.cpp cannot load" in error
