"""The one way to say no to a request."""

from __future__ import annotations


class Refusal(Exception):
    """A request that gets an HTTP error: `status`, a stable `code`, a `message` that says what to do.

    `retry_after` is sent as it is in the Retry-After header. `kind` is sent as the error's `type`; `parameter` names
    what is wrong in the body.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        kind: str | None = None,
        parameter: str | None = None,
        retry_after: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.kind = kind
        self.parameter = parameter
        self.retry_after = retry_after
