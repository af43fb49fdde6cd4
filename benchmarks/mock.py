"""The server of `server.py` as a process of its own, what each run asked of it, and how far that was from its limit."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent
REGIONS = ("us", "eu", "apac")


@dataclass(frozen=True)
class ServerUse:
    """What a run asked of the server. `cpu_share` is of one core; `first_request_at` is on the monotonic clock."""

    requests: int
    peak_in_flight: int
    first_request_at: float | None
    requests_per_second: float
    cpu_share: float


class MockServer:
    """The running server."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._looked_at = time.monotonic()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def base_url(self, region: str, milliseconds: int) -> str:
        return f"{self.url}/{milliseconds}/{region}"

    def environment(self, milliseconds: int) -> dict[str, str]:
        """Return the variables that point `beacon` at it, with this latency."""
        return {f"BEACON_REGIONS__{name.upper()}__BASE_URL": self.base_url(name, milliseconds) for name in REGIONS}

    def usage(self) -> ServerUse:
        """Return what was asked of it since the last look."""
        with urllib.request.urlopen(f"{self.url}/usage", timeout=30) as reply:
            told = json.load(reply)
        now = time.monotonic()
        seconds, self._looked_at = now - self._looked_at, now
        return ServerUse(
            requests=told["requests"],
            peak_in_flight=told["peak_in_flight"],
            first_request_at=told["first_request_at"],
            requests_per_second=told["requests"] / seconds,
            cpu_share=told["cpu_seconds"] / seconds,
        )

    def capacity(self, seconds: float) -> float:
        """Return the requests per second that it answers when clients that do nothing else ask all the time."""
        done = subprocess.run(
            [sys.executable, _FOLDER / "flood.py", str(self.port), str(seconds)],
            check=True,
            capture_output=True,
            text=True,
        )
        self.usage()
        return float(done.stdout)


@contextlib.contextmanager
def mock_server() -> Iterator[MockServer]:
    """Yield a running server; it ends with the block."""
    process = subprocess.Popen(
        [sys.executable, _FOLDER / "server.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield MockServer(int(process.stdout.readline()))
        process.stdin.close()
