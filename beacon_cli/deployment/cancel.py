"""Cancelling a call that goes on at Modal after its connection was closed."""

from __future__ import annotations

import asyncio
import threading

from beacon_cli.deployment.credentials import has_credentials

_SECONDS = 5.0
_ANSWER_SECONDS = 4.0


def cancel_call(function_call_id: str) -> bool:
    """Cancel a call by its `fc-…` id, and return whether Modal took it; after five seconds that counts as no.

    Never raises, and returns at once without Modal credentials. It blocks: from an event loop call it in a thread.
    """
    if not has_credentials():
        return False
    taken = threading.Event()
    # A thread of its own bounds all of it: importing the SDK, connecting, and its retries.
    thread = threading.Thread(target=_cancel, args=(function_call_id, taken), daemon=True)
    thread.start()
    thread.join(_SECONDS)
    return taken.is_set()


def _cancel(function_call_id: str, taken: threading.Event) -> None:
    try:
        asyncio.run(_cancel_call(function_call_id))
    except Exception:
        return  # whatever it was, the row says that the call may still be running
    taken.set()


async def _cancel_call(function_call_id: str) -> None:
    import modal

    async with asyncio.timeout(_ANSWER_SECONDS):
        await modal.FunctionCall.from_id(function_call_id).cancel.aio()
