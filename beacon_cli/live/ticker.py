"""A periodic call: what a view does between two events."""

from __future__ import annotations

import threading
from collections.abc import Callable

_PATIENCE = 1.0  # seconds to wait at the end for a tick that hangs on a stopped terminal


class Ticker:
    """Calls `tick` every `interval` seconds, and immediately when woken, on its own thread."""

    def __init__(self, tick: Callable[[], None], interval: float) -> None:
        self._tick = tick
        self._interval = interval
        self._woken = threading.Event()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="beacon-view", daemon=True)

    def start(self) -> None:
        """Start ticking."""
        self._thread.start()

    def wake(self) -> None:
        """Trigger the next tick now."""
        self._woken.set()

    def stop(self) -> bool:
        """Stop ticking; return False if a tick hangs and may still be running."""
        self._ended = True
        self._woken.set()
        self._thread.join(_PATIENCE)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            self._woken.wait(self._interval)
            self._woken.clear()
            if self._ended:
                return
            self._tick()
