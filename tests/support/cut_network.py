"""A network between programs and a PostgreSQL over TCP, which can be cut, fall silent and come back."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from psycopg.conninfo import conninfo_to_dict


@dataclass
class Network:
    """`url` leads through it. While it is cut nobody gets through; while it is silent, bytes go nowhere."""

    url: str
    target: tuple[str, int]
    listener: socket.socket
    flowing: threading.Event = field(default_factory=threading.Event)
    is_cut: bool = False
    open: list[socket.socket] = field(default_factory=list)

    def cut(self) -> None:
        """Reset every connection at the client, and let no new one through; the server's side stays open."""
        self.is_cut = True
        for client in self.open[::2]:
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def silence(self) -> None:
        self.flowing.clear()

    def mend(self) -> None:
        self.is_cut = False
        self.flowing.set()

    def serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                if self.is_cut:
                    client.close()
                    continue
                server = socket.create_connection(self.target)
                self.open += [client, server]
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pump, args=(one, other), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                self.flowing.wait()
                sink.sendall(data)
        if not self.is_cut:
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def network_to(url: str) -> Iterator[Network]:
    """Yield a network whose far end is the server of `url`."""
    parts = conninfo_to_dict(url)
    target = (str(parts["host"]), int(str(parts["port"])))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        network = Network(url.replace(f":{target[1]}/", f":{port}/"), target, listener)
        network.mend()
        threading.Thread(target=network.serve, daemon=True).start()
        try:
            yield network
        finally:
            network.mend()
            listener.shutdown(socket.SHUT_RDWR)
            for end in network.open:
                end.close()
