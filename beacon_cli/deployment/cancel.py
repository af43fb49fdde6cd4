"""Cancelling a call that goes on at Modal after its connection was closed."""

from __future__ import annotations

import asyncio
import threading
import time

from beacon_cli.deployment.credentials import has_credentials

_SECONDS = 5.0
_BACKSTOP_SECONDS = 10.0


def cancel_call(function_call_id: str) -> bool:
    """Cancel a call by its `fc-…` id, and return whether Modal took it; after five seconds that counts as no.

    Never raises, and returns at once without Modal credentials. It blocks: from an event loop call it in a thread.
    """
    if not has_credentials():
        return False
    taken = threading.Event()
    # A thread, because the SDK blocks while it is imported; it ends by itself, since the SDK would complain of a call
    # that is left behind unfinished when the process ends.
    deadline = time.monotonic() + _SECONDS
    thread = threading.Thread(target=_cancel, args=(function_call_id, deadline, taken), daemon=True)
    thread.start()
    thread.join(_BACKSTOP_SECONDS)
    return taken.is_set()


def _cancel(function_call_id: str, deadline: float, taken: threading.Event) -> None:
    try:
        asyncio.run(_cancel_call(function_call_id, deadline))
    except Exception:
        return  # whatever it was, the row says that the call may still be running
    taken.set()


async def _cancel_call(function_call_id: str, deadline: float) -> None:
    import modal

    async with asyncio.timeout(max(0.5, deadline - time.monotonic())):
        await modal.FunctionCall.from_id(function_call_id).cancel.aio()
