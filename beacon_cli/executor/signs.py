"""What a failed attempt says about its region."""

from __future__ import annotations

from enum import Enum

from beacon_cli.executor.failures import AttemptError
from beacon_cli.executor.region_state import Trouble


class Sign(Enum):
    """What a failed attempt says about its region."""

    TROUBLE = "the region as a whole is in trouble: busy, out of credit, or no connection can be made"
    SUSPICION = "it may be the region or this cell alone: HTTP 408, 5xx, a broken connection"
    WORKING = "the region answered; what it refused is a matter of this cell"
    NOTHING = "no answer in time, or a certificate that is refused: neither the one nor the other"


def sign_of(error: AttemptError) -> Sign:
    """Return what a failed attempt says about its region."""
    if error.code in {"rate_limited", "no_credit", "connect_timeout"} or error.refused:
        return Sign.TROUBLE
    if error.code in {"server_error", "gpu_failed"} or (error.code == "connection_failed" and error.retriable):
        return Sign.SUSPICION
    return Sign.NOTHING if error.http_status is None else Sign.WORKING


def trouble_of(error: AttemptError) -> Trouble:
    """Return a failed attempt as the trouble of its region."""
    return Trouble(error.message, error.retry_after, final=error.code == "no_credit")
