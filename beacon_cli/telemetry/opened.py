"""Whether a command sends traces and metrics, and what opens the way for them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from beacon_cli.extras import how_to_install
from beacon_cli.telemetry.signals import wanted_signals

if TYPE_CHECKING:
    from beacon_cli.telemetry.telemetry import Telemetry

_log = logging.getLogger(__name__)


@contextmanager
def open_telemetry() -> Iterator[Telemetry | None]:
    """Yield what listens to the runs of this process, None if no variable asks for it.

    What stands in its way is one warning; it never stops a command.
    """
    signals = wanted_signals(os.environ)
    for problem in signals.problems:
        _log.warning("warning: %s", problem)
    with ExitStack() as stack:
        telemetry = None
        if signals.any:
            try:
                from beacon_cli.telemetry.delivery import delivered

                telemetry = stack.enter_context(delivered(signals))
            except ImportError as error:
                _log.warning("warning: traces and metrics need %s; %s", error.name, how_to_install("otel"))
            except Exception as error:  # of the SDK, about a variable
                _log.warning("warning: no traces and metrics are sent: %s", error)
        yield telemetry
