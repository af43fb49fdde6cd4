"""The ports of `beacon serve`: free, or taken by whom. Nothing listens on them meanwhile."""

from __future__ import annotations

import socket
from contextlib import suppress

from beacon_cli.checkup.condition import Condition, failure
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.errors import LocalServerError
from beacon_cli.local.foreground import chosen_ports
from beacon_cli.local.loopback import require_loopback
from beacon_cli.settings import Settings

_ADDRESS = "127.0.0.1"
_CONNECT_SECONDS = 1.0
_SERVER = "beacon_cli.local.server"


def look_at_ports(settings: Settings) -> list[Condition]:
    """Return whether the local servers can have their default ports, and whether this machine can reach itself."""
    try:
        require_loopback()
    except LocalServerError as error:
        return [failure("ports", error)]
    ports = chosen_ports((), None, settings.vocabulary.regions)
    taken = {port: _owner(port) for port in ports.values() if _is_taken(port)}
    strangers = {port: owner for port, owner in taken.items() if _SERVER not in owner}
    if strangers:
        listed = ", ".join(f"{port} is taken{_by(owner)}" for port, owner in strangers.items())
        free = next(start for start in range(max(ports.values()) + 1, 65000) if not _any_taken(start, len(ports)))
        hint = f"end that program, or let local servers use other ports: {command(f'serve --port {free}')}"
        return [Condition("ports", "warning", listed, hint)]
    if taken:
        return [Condition("ports", "ok", f"{command('serve')} runs on {', '.join(map(str, taken))}")]
    return [Condition("ports", "ok", f"{min(ports.values())} to {max(ports.values())} are free for {command('serve')}")]


def _any_taken(first: int, count: int) -> bool:
    return any(map(_is_taken, range(first, first + count)))


def _is_taken(port: int) -> bool:
    try:
        socket.create_connection((_ADDRESS, port), timeout=_CONNECT_SECONDS).close()
    except ConnectionRefusedError:
        return False
    except OSError:  # somebody listens, and is too busy to answer
        return True
    return True


def _owner(port: int) -> str:
    """Return the command line of who listens on a port; nothing if this user may not know."""
    import psutil

    with suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr.port == port and found.pid:
                return f"{' '.join(psutil.Process(found.pid).cmdline())} (process {found.pid})"
    return ""


def _by(owner: str) -> str:
    return f" by {excerpt(owner, 80)}" if owner else " by another user's program"
