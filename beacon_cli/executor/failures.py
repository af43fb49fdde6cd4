"""An attempt without an answer: its error code, and whether a retry is safe and useful."""

from __future__ import annotations

from dataclasses import dataclass

from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.errors import CredentialsError

LONGEST_OWN_WAIT_SECONDS = 60.0
"""The longest time that a single cell waits because of a `Retry-After`; a whole region waits longer."""


@dataclass(eq=False)
class AttemptError(Exception):
    """One attempt at a cell failed.

    `code` is one of `ERROR_CODES`; `retry_after` is the pause that the endpoint requested, in seconds; `timed_out`
    makes the execution a `timeout`; `raw` is what the endpoint sent, if it was JSON. `refused` says that no connection
    was made at all. `parameter` is the one that the endpoint complains about, if it names one.
    """

    code: str
    message: str
    retriable: bool = False
    timed_out: bool = False
    http_status: int | None = None
    retry_after: float | None = None
    raw: dict[str, object] | None = None
    refused: bool = False
    parameter: str | None = None

    def __str__(self) -> str:
        """Return the message."""
        return self.message


REFUSED = frozenset({"unauthorized", "proxy_refused"})
"""The codes of errors after which nothing else would be answered there."""


def credentials_refused(endpoint: Endpoint, message: str | None, code: str = "unauthorized") -> CredentialsError:
    """Return the error of a run whose credentials are refused by an endpoint, or by the proxy before it."""
    if code == "proxy_refused":
        return CredentialsError(
            f"the proxy before region {endpoint.region.label} refuses its user and password ({message})",
            hint=endpoint.access.proxy_hint,
        )
    return CredentialsError(
        f"region {endpoint.region.label} refuses the credentials ({message})", hint=endpoint.access.hint
    )
