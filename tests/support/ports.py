"""Ports that are free, and stay so until somebody listens: no connection, and no other test's server, is given them."""

from __future__ import annotations

import random
import socket
from pathlib import Path

_LOWEST = 10_000


def free_ports(count: int) -> int:
    """Return the first of so many neighbouring ports of loopback that are free.

    They lie below those that the system itself gives to connections, and to servers that ask for any port.
    """
    while True:
        first = random.SystemRandom().randrange(_LOWEST, _given_by_the_system() - count)
        if all(_is_free(port) for port in range(first, first + count)):
            return first


def free_port() -> int:
    """Return one of them."""
    return free_ports(1)


def _given_by_the_system() -> int:
    """Return the lowest port that the system gives to whoever does not name one."""
    try:
        return int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except FileNotFoundError:
        return 32_768


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
