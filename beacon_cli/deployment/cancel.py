"""Cancels a call that continues at Modal after its connection was closed."""

from __future__ import annotations

import asyncio
import threading
import time

from beacon_cli.deployment.credentials import has_credentials

_SECONDS = 5.0
_BACKSTOP_SECONDS = 10.0


def cancel_call(function_call_id: str) -> bool:
    """Cancel a call by its `fc-…` id, and return whether Modal accepted that; after five seconds that counts as no.

    Never raises, and returns at once without Modal credentials. It blocks: call it in a thread from an event loop.
    """
    if not has_credentials():
        return False
    taken = threading.Event()
    # A thread, because importing the SDK blocks. It ends by itself, because the SDK complains about calls that are
    # unfinished when the process ends.
    deadline = time.monotonic() + _SECONDS
    thread = threading.Thread(target=_cancel, args=(function_call_id, deadline, taken), daemon=True)
    thread.start()
    thread.join(_BACKSTOP_SECONDS)
    return taken.is_set()


def _cancel(function_call_id: str, deadline: float, taken: threading.Event) -> None:
    try:
        asyncio.run(_cancel_call(function_call_id, deadline))
    except Exception:
        return  # whatever the error was, the row records that the call may still be running
    taken.set()


async def _cancel_call(function_call_id: str, deadline: float) -> None:
    import modal

    async with asyncio.timeout(max(0.5, deadline - time.monotonic())):
        await modal.FunctionCall.from_id(function_call_id).cancel.aio()
