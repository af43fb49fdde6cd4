"""Whether this machine can connect to itself: in a sandbox without a network it often cannot."""

from __future__ import annotations

import socket

from beacon_cli.errors import LocalServerError

_ADDRESS = "127.0.0.1"
_SECONDS = 5.0


def require_loopback() -> None:
    """Raise `LocalServerError` if a server at 127.0.0.1 could not be reached."""
    try:
        with socket.create_server((_ADDRESS, 0)) as server:
            socket.create_connection(server.getsockname(), timeout=_SECONDS).close()
    except OSError as error:
        raise LocalServerError(
            f"this machine cannot connect to itself at {_ADDRESS}: {error.strerror or error}",
            hint="switch its loopback interface on (ip link set lo up), or leave the sandbox or network namespace that"
            " has none",
        ) from error
