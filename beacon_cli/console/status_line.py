"""Says on a terminal what a command is doing while it shows nothing else."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Iterator

from beacon_cli.console.diagnostics import before_logs, is_quiet, is_verbose
from beacon_cli.console.printable import printable
from beacon_cli.console.result import write_stderr
from beacon_cli.console.terminal import can_redraw

_QUIET_SECONDS = 0.5
_CLEAR = "\r\x1b[2K"


@contextlib.contextmanager
def status_line(doing: str, *, after: float = _QUIET_SECONDS) -> Iterator[None]:
    """Show a line on stderr from `after` seconds on, until the block ends or something is logged, which says more.

    Nothing else may write there meanwhile. Without a terminal, and with --quiet or --verbose, nothing is shown.
    """
    if is_quiet() or is_verbose() or not can_redraw():
        yield
        return
    done = threading.Event()
    width = shutil.get_terminal_size().columns - 1

    def show() -> None:
        if not done.wait(after):
            write_stderr(f"{printable(doing)} ..."[:width])
            done.wait()
            write_stderr(_CLEAR)

    def end(_record: object = None) -> bool:
        done.set()
        showing.join()
        return True

    showing = threading.Thread(target=show, daemon=True)
    showing.start()
    try:
        with before_logs(end):
            yield
    finally:
        end()
