"""Reads `models` and `health`: waits for a cold region, and distinguishes Modal's own refusals."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from beacon_cli.executor.answer import Reply
from beacon_cli.executor.client import Client
from beacon_cli.executor.exchange import get
from beacon_cli.executor.failures import LONGEST_OWN_WAIT_SECONDS, AttemptError
from beacon_cli.executor.listing import listing_document
from beacon_cli.pauses import pauses
from beacon_cli.waiting import Note

_COLD = frozenset({408, 429, 502, 503, 504})
_LONGEST_PAUSE_SECONDS = 5.0
_SLOW_SECONDS = 5.0  # a CPU function that takes longer was not running
_TROUBLES = 2  # number of retries after resets and HTTP 500s
# The finding for a failed request; anything else is `unusable_answer`.
_CODES = {
    **{
        code: code
        for code in ("never_deployed", "app_stopped", "app_paused", "tls_failed", "unauthorized", "proxy_refused")
    },
    **{code: code for code in ("models_unlisted", "no_credit")},
    **dict.fromkeys(("geo_blocked", "legal_blocked"), "blocked_here"),
    **dict.fromkeys(("connection_failed", "connect_timeout"), "unreachable"),
    **dict.fromkeys(("server_error", "result_lost"), "endpoint_error"),
}


Read = Callable[[Reply], dict[str, Any]]
"""Returns the JSON object in a reply. Raises `AttemptError`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a function could not be read: the code of a finding, and what happened."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """The result of a GET. `latency_seconds` is of the last request; `cold_start_seconds` is None if it was warm."""

    document: Mapping[str, Any] | None = None
    problem: Problem | None = None
    latency_seconds: float | None = None
    cold_start_seconds: float | None = None
    hops: int = 0


class _Fetch:
    """Reads one function, through as many attempts and hops as it takes."""

    def __init__(self, client: Client, url: str, note: Note, read: Read) -> None:
        self._client = client
        self._url = url
        self._note = note
        self._read = read
        self._troubles = 0
        self.hops = 0
        self.cold = ""
        self.latency = 0.0

    async def document(self) -> dict[str, Any]:
        """Return the JSON object. Raises `AttemptError` for what waiting does not mend."""
        waits = pauses(0.25, longest=_LONGEST_PAUSE_SECONDS)
        while True:
            asked = time.monotonic()
            try:
                document = await self._once()
            except AttemptError as error:
                if not self._may_try_again(error):
                    raise
                await asyncio.sleep(max(next(waits), min(error.retry_after or 0, LONGEST_OWN_WAIT_SECONDS)))
            else:
                self.latency = time.monotonic() - asked
                return document

    async def _once(self) -> dict[str, Any]:
        return await get(self._client, self._url, self._on_hop, self._read)

    def _may_try_again(self, error: AttemptError) -> bool:
        if error.http_status in _COLD:
            self._waits(error.message)
            return True
        if not error.retriable or error.timed_out or error.refused or self._troubles >= _TROUBLES:
            return False
        self._troubles += 1
        self._note(error.message)
        return True

    def _on_hop(self, _call_id: str | None) -> None:
        self.hops += 1
        self._waits(f"HTTP 303, hop {self.hops}")

    def _waits(self, why: str) -> None:
        self.cold = why
        self._note(why)


async def fetch(client: Client, url: str, timeout: float, note: Note, read: Read = listing_document) -> Fetched:
    """GET a JSON object, as `read` takes it from its reply, within `timeout` seconds, including every hop and attempt.

    A 303, a slow answer, 408, 429, 502, 503 and 504 are signs of a cold start, so it waits; a reset and 500 are tried
    three times. A refused connection and a name that does not resolve fail immediately. `note` gets the reason for
    waiting.
    """
    started = time.monotonic()
    fetching = _Fetch(client, url, note, read)
    try:
        async with asyncio.timeout(timeout):
            document = await fetching.document()
    except TimeoutError:
        seen = f", last response: {fetching.cold}" if fetching.cold else ""
        problem = Problem("no_answer", f"{url}: no answer in {timeout:g} s{seen}")
        return Fetched(problem=problem, hops=fetching.hops)
    except AttemptError as error:
        return Fetched(problem=_problem(error, url), hops=fetching.hops)
    if (reported := reported_error(document)) is not None:
        problem = Problem("endpoint_error", f"{url}: HTTP 200 with an error inside: {reported}")
        return Fetched(problem=problem, hops=fetching.hops)
    seconds = time.monotonic() - started
    cold = seconds if fetching.cold or seconds > _SLOW_SECONDS else None
    return Fetched(document, None, fetching.latency, cold, fetching.hops)


def reported_error(document: Mapping[str, Any]) -> str | None:
    """Return the error that the old deployment reports as HTTP 200, if there is one."""
    if document.get("success") is not False and document.get("status") != "error":
        return None
    reported = document.get("error")
    return str(reported.get("message") if isinstance(reported, dict) else reported)[:200]


def _problem(error: AttemptError, url: str) -> Problem:
    return Problem(_CODES.get(error.code, "unusable_answer"), f"{url}: {error.message}")
