"""Ending on SIGINT, SIGTERM and SIGHUP so that every `with` and `finally` still runs."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

# SIGHUP, a closed terminal, does not exist on Windows.
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """A signal asked the process to end: a `KeyboardInterrupt`, which asyncio lets through, with a code of its own."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum

    @property
    def exit_code(self) -> int:
        """The shell's code for a process that a signal ended: 130, 143 or 129."""
        return 128 + self.signum


def raise_on_signals() -> None:
    """From now on, an ending signal raises `Interrupted` in the main thread."""
    for signum in ENDING:
        signal.signal(signum, _raise)


@contextlib.contextmanager
def told_of_signals(tell: Callable[[int], None]) -> Iterator[None]:
    """Inside the block, call `tell(signum)` from the running event loop instead of raising."""
    loop = asyncio.get_running_loop()
    try:
        for signum in ENDING:
            loop.add_signal_handler(signum, tell, signum)
    except NotImplementedError:  # Windows' event loops: signals go on raising
        yield
        return
    try:
        yield
    finally:
        for signum in ENDING:
            loop.remove_signal_handler(signum)
        raise_on_signals()


def _raise(signum: int, _frame: FrameType | None) -> None:
    raise Interrupted(signum)
