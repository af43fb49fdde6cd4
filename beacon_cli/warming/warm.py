"""Starts the containers of a job's lanes by asking each a tiny question, and keeps them warm by asking again.

All lanes are asked at the same time: a container takes one question at a time, so that each lane gets its own. Lanes
that share a container, as with `modal.containers = "region"`, start it together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from beacon_cli.console.formatting import duration, quantity
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.answer import Answer
from beacon_cli.executor.client import Client, open_clients
from beacon_cli.executor.exchange import ask
from beacon_cli.executor.failures import LONGEST_OWN_WAIT_SECONDS, AttemptError
from beacon_cli.pauses import pauses
from beacon_cli.settings import Settings
from beacon_cli.verification.probe import tiny_question
from beacon_cli.waiting import Note, Waiting
from beacon_cli.warming.report import WarmLane, WarmReport
from modal_deployment.contents import IDLE_SECONDS

ASK_EVERY_SECONDS = IDLE_SECONDS * 0.75
"""How often a container that is kept warm is asked: well before it would end."""

Say = Callable[[str], None]


async def warmed(
    settings: Settings,
    endpoints: Mapping[str, Endpoint],
    report: WarmReport,
    *,
    timeout: float,
    keep_seconds: float,
    waiting: Waiting,
    say: Say,
    every: float = ASK_EVERY_SECONDS,
) -> None:
    """Ask all lanes until each has answered, for `timeout` seconds at most, then keep them warm for `keep_seconds`.

    The `report` says what has become of them, also if this is cancelled. `say` gets a line when a lane has answered, or
    does not any more. Raises `CredentialsError` for a key that is not set, and `EnvironmentFault` for unusable
    certificates or proxies.
    """
    ours = [each for each in report.lanes if each.state != "not_ours"]
    opened = open_clients(
        settings.proxy_headers(),
        {each.lane.region.id: endpoints[each.lane.region.id] for each in ours},
        vocabulary=settings.vocabulary,
        connect_timeout=settings.limits.connect_timeout,
        caps=dict.fromkeys((each.lane.region.id for each in ours), len(ours)),
        notify=say,
    )
    async with opened as clients, waiting.reported(), _Warming(clients, ours, every, waiting, say) as warming:
        await warming.start(timeout)
        if keep_seconds and report.of("warm"):
            say(f"kept warm for {duration(keep_seconds)}, by a tiny question every {every:g} s; Ctrl-C ends it")
            began = time.monotonic()
            try:
                await warming.keep(keep_seconds)
            finally:
                report.kept_seconds = time.monotonic() - began


class _Warming:
    """The lanes that have something to start, and how they are asked."""

    def __init__(
        self, clients: Mapping[str, Client], lanes: Sequence[WarmLane], every: float, waiting: Waiting, say: Say
    ) -> None:
        self._clients = clients
        self._lanes = lanes
        self._every = every
        self._waiting = waiting
        self._say = say
        self._all_started = asyncio.Event()
        self._keeping: Sequence[asyncio.Future[None]] = ()
        self._tasks: Sequence[asyncio.Future[Any]] = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop asking."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def start(self, timeout: float) -> None:
        """Ask every lane until it has answered; those that have are kept warm while others still start."""
        starting = [asyncio.ensure_future(self._ask(lane, timeout)) for lane in self._lanes]
        self._keeping = [
            asyncio.ensure_future(self._kept(lane, first)) for lane, first in zip(self._lanes, starting, strict=True)
        ]
        self._tasks = (*starting, *self._keeping)
        await asyncio.gather(*starting)
        self._all_started.set()

    async def keep(self, seconds: float) -> None:
        """Go on asking until `seconds` are over. A lane that failed may answer the next time."""
        done, _ = await asyncio.wait(self._keeping, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
        for ended in done:
            ended.result()

    async def _kept(self, lane: WarmLane, first: asyncio.Future[float]) -> None:
        """Ask a lane again and again after its `first` question: by its own clock, so that no other gets cold by it."""
        asked_at = await first
        if lane.state != "warm":
            await self._all_started.wait()
        while True:
            await asyncio.sleep(asked_at + self._every - time.monotonic())
            asked_at = await self._ask(lane, self._every)

    async def _ask(self, lane: WarmLane, timeout: float) -> float:
        """Ask a lane until it has answered, and keep in it how that ended; return when the last call was made."""
        before, started = lane.state, time.monotonic()
        asking = _Asking(lane, self._clients[lane.lane.region.id].of(lane.lane.model_id))
        try:
            with self._waiting.on(lane.name, timeout) as note:
                async with asyncio.timeout(timeout):
                    answer = await asking.answer(note)
        except TimeoutError:
            lane.error = asking.given_up(timeout)
        except AttemptError as error:
            lane.error = error
        else:
            lane.error, lane.container_id = None, answer.container_id
            lane.function, lane.at_most = _function_of(answer)
        lane.state = "warm" if lane.error is None else "failed"
        seconds = time.monotonic() - started
        if lane.error is None and lane.seconds is None:
            lane.seconds = seconds
        if lane.error is not None:
            self._say(f"{lane.name}: failed after {duration(seconds)}: {lane.error.message}")
        elif before != "warm":
            self._say(f"{lane.name}: warm after {duration(seconds)}")
        return asking.called_at


class _Asking:
    """One question to a lane, in as many calls as it takes."""

    def __init__(self, lane: WarmLane, client: Client) -> None:
        self.called_at = time.monotonic()
        self._lane = lane
        self._client = client
        self._calls = 0
        self._last: AttemptError | None = None

    async def answer(self, note: Note) -> Answer:
        """Return the answer; what waiting does not mend is raised."""
        lane, waits = self._lane, pauses(0.5, longest=10.0)
        body = tiny_question(lane.endpoint, lane.lane.model_id)

        def on_hop(_call_id: str | None) -> None:
            lane.hops += 1
            note(f"HTTP 303, hop {lane.hops}")

        while True:
            lane.calls += 1
            self._calls += 1
            self.called_at = time.monotonic()
            try:
                return await ask(self._client, lane.endpoint, lane.lane, body, on_hop)
            except AttemptError as error:
                if not error.retriable or error.refused:
                    raise
                self._last = error
                note(error.message)
                await asyncio.sleep(max(next(waits), min(error.retry_after or 0.0, LONGEST_OWN_WAIT_SECONDS)))

    def given_up(self, seconds: float) -> AttemptError:
        """Return why there was no answer in so many seconds: what the last call failed with, if one failed."""
        late = f"no answer in {seconds:g} s"
        if self._last is None:
            return AttemptError("answer_timeout", late, timed_out=True)
        calls = quantity(self._calls, "call")
        return AttemptError(self._last.code, f"{late}, in {calls}: {self._last.message}", timed_out=True)


def _function_of(answer: Answer) -> tuple[str, int] | tuple[None, None]:
    """Return the function on Modal that answered, and how many containers it may have in its region."""
    match answer.output.get("containers"):
        case {"function": str(function), "at_most": int(at_most)} if at_most > 0:
            return function, at_most
    return None, None
