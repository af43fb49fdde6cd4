"""Another Python process: detached from the terminal, started without our secrets, and ended by its id."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable, Mapping

from beacon_cli.console.redaction import own_secret_names

_LONGEST_LINE = 1 << 20
# The beginnings of the variables that no child needs: databases, endpoints, and the token that fetches weights.
_SECRETS = ("BEACON_", "HF_", "DATABASE_URL", "PGPASSWORD")


async def start_python(
    *arguments: str, withheld: tuple[str, ...] = (), variables: Mapping[str, str] | None = None
) -> asyncio.subprocess.Process:
    """Start `python arguments…`, with pipes for its input and both its outputs.

    Variables whose names begin with one of `withheld` are kept from it, as are Beacon's own, and those with the secrets
    of one's own endpoints; `variables` are added. Its stdin stays open for as long as it shall live. A session of its
    own keeps a terminal's Ctrl-C from it.
    """
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        env={**without_secrets(withheld), **(variables or {})},
        start_new_session=True,
    )


def without_secrets(withheld: tuple[str, ...] = ()) -> dict[str, str]:
    """Return this process's variables, but for Beacon's own, those with secrets of one's own endpoints, and those whose
    names begin with one of `withheld`."""
    secrets, own = (*_SECRETS, *withheld), own_secret_names()
    return {name: value for name, value in os.environ.items() if not name.startswith(secrets) and name not in own}


async def end(process: asyncio.subprocess.Process, seconds: float) -> None:
    """End a child and wait until it is gone: SIGTERM, and SIGKILL where that takes longer than `seconds`."""
    try:
        if process.returncode is None:
            _signal(process.terminate)
            await asyncio.wait_for(process.wait(), seconds)
    except (TimeoutError, asyncio.CancelledError):
        _signal(process.kill)
        await process.wait()
    finally:
        assert process.stdin is not None
        process.stdin.close()


def _signal(send: Callable[[], None]) -> None:
    with contextlib.suppress(ProcessLookupError):
        send()
