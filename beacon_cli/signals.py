"""Ends the process on SIGINT, SIGTERM and SIGHUP so that every `with` and `finally` still runs.

One handler is installed for the whole life of the process. Outside `held` it raises `Interrupted`; inside, signals are
kept, and passed to an event loop or raised at the end of the block. It has few imports, because it runs first.

A signal that is ignored when the process starts stays ignored: `nohup` ignores SIGHUP for its command, and a shell
without job control SIGINT for what it starts in the background (POSIX, Shell Command Language, 2.11).
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")

# SIGHUP, a closed terminal, does not exist on Windows.
ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(BaseException):
    """A signal asked the process to end. Not an `Exception` or a `KeyboardInterrupt`, so no other code handles it.

    `data` goes into the JSON document.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum
        self.hint = ""
        self.data: dict[str, object] = {}

    @property
    def exit_code(self) -> int:
        """The shell's exit code for a process that a signal ended: 130, 143 or 129."""
        return 128 + self.signum


class Held:
    """Signals that arrived inside a `held` block."""

    def __init__(self) -> None:
        self._arrived: list[int] = []
        self._hand_over: Callable[[int], None] | None = None

    def receive(self, signum: int) -> None:
        """Keep a signal, or deliver it."""
        if self._hand_over is None:
            self._arrived.append(signum)
        else:
            self._hand_over(signum)

    @contextlib.contextmanager
    def delivered_to(self, deliver: Callable[[int], None]) -> Iterator[None]:
        """Inside the block, call `deliver(signum)` from the event loop, also for signals that arrived before."""
        import asyncio

        loop = asyncio.get_running_loop()
        self._hand_over = lambda signum: _call(loop, deliver, signum)
        try:
            while self._arrived:
                _call(loop, deliver, self._arrived.pop(0))
            yield
        finally:
            self._hand_over = None

    def raise_first(self) -> None:
        """Raise the first signal that was kept and not delivered, if any."""
        if self._arrived:
            _handle(self._arrived[0], None)


def _call(loop: asyncio.AbstractEventLoop, deliver: Callable[[int], None], signum: int) -> None:
    loop.call_soon_threadsafe(deliver, signum)


_holders: list[Held] = []  # process-wide, as signals are


def raise_on_signals() -> None:
    """From now on, an ending signal raises `Interrupted` in the main thread, unless it is ignored already."""
    for signum in ENDING:
        if signal.getsignal(signum) is not signal.SIG_IGN:
            signal.signal(signum, _handle)


def ignore_signals() -> None:
    """From now on, ignore ending signals: the result was printed, and only the interpreter's exit remains.

    Python restores its default handlers while it exits, so that a late signal would change the exit code; ignored
    signals stay ignored.
    """
    for signum in ENDING:
        signal.signal(signum, signal.SIG_IGN)


@contextlib.contextmanager
def on_resuming(call: Callable[[], None]) -> Iterator[None]:
    """Inside the block, call a function whenever the process goes on after it was suspended (Ctrl-Z, then `fg`).

    Only in the main thread, which is the only one that Python lets handle signals, and where there is SIGCONT.
    """
    resumed = getattr(signal, "SIGCONT", None)
    if resumed is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(resumed, lambda *_: call())
    try:
        yield
    finally:
        signal.signal(resumed, before)


@contextlib.contextmanager
def held() -> Iterator[Held]:
    """Keep ending signals inside the block; one that was not delivered is raised if the block ends without an error."""
    holder = Held()
    _holders.append(holder)
    try:
        yield holder
    finally:
        _holders.remove(holder)
    holder.raise_first()


def run_interruptible(
    operation: Callable[[], Coroutine[Any, Any, T]],
    *,
    stopping: Callable[[], None] = lambda: None,
    hint: Callable[[], str] = lambda: "",
) -> T:
    """Run `operation` in an event loop. The first signal calls `stopping`, and each signal cancels it.

    Raises `Interrupted`, with `hint()`, once the cancelled operation has ended.
    """
    import asyncio

    received: list[int] = []

    async def main(signals: Held) -> T:
        task = asyncio.current_task()
        assert task is not None

        def stop(signum: int) -> None:
            if not received:
                stopping()
            received.append(signum)
            task.cancel()

        with signals.delivered_to(stop):
            return await operation()

    with held() as signals:
        try:
            return asyncio.run(main(signals))
        except asyncio.CancelledError:
            interrupted = Interrupted(received[0] if received else signal.SIGINT)
            interrupted.hint = hint()
            raise interrupted from None


def _handle(signum: int, _frame: FrameType | None) -> None:
    if _holders:
        _holders[-1].receive(signum)
    else:
        raise Interrupted(signum)
