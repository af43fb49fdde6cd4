"""Starts the containers of a job's lanes by asking each a tiny question, and keeps them warm by asking again.

All lanes are asked at the same time: a container takes one question at a time, so that each lane gets its own. Lanes
that share a container, as with `modal.containers = "region"`, start it together.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence

from beacon_cli.console.formatting import duration
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.answer import Answer
from beacon_cli.executor.client import Client, open_clients
from beacon_cli.executor.exchange import ask
from beacon_cli.executor.failures import LONGEST_OWN_WAIT_SECONDS, AttemptError
from beacon_cli.job.lanes import Lane
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
    lanes: Sequence[Lane],
    *,
    timeout: float,
    keep_seconds: float,
    waiting: Waiting,
    say: Say,
    every: float = ASK_EVERY_SECONDS,
) -> WarmReport:
    """Ask all lanes until each has answered, for `timeout` seconds at most, then keep them warm for `keep_seconds`.

    `say` gets a line when a lane has answered, or does not any more. What lanes fail with is in the report. Raises
    `CredentialsError` for a key that is not set, and `EnvironmentFault` for unusable certificates or proxies.
    """
    found = [_lane(lane, endpoints[lane.region.id].of(lane.model_id)) for lane in lanes]
    ours = [each for each in found if each.state != "not_ours"]
    opened = open_clients(
        settings.proxy_headers(),
        {each.lane.region.id: endpoints[each.lane.region.id] for each in ours},
        vocabulary=settings.vocabulary,
        connect_timeout=settings.limits.connect_timeout,
        caps=dict.fromkeys((each.lane.region.id for each in ours), len(ours)),
        notify=say,
    )
    async with opened as clients, waiting.reported():
        warming = _Warming(clients, ours, every, waiting, say)
        await warming.start(timeout)
        if not keep_seconds or not any(each.state == "warm" for each in ours):
            return WarmReport(found)
        say(f"kept warm for {duration(keep_seconds)}, by a tiny question every {every:g} s; Ctrl-C ends it")
        began = time.monotonic()
        await warming.keep(keep_seconds)
        return WarmReport(found, time.monotonic() - began)


def _lane(lane: Lane, endpoint: Endpoint) -> WarmLane:
    return WarmLane(lane, endpoint, "failed" if endpoint.api == "beacon" else "not_ours")


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

    async def start(self, timeout: float) -> None:
        """Ask every lane until it has answered; those that have are kept warm while others still start."""
        starting = {asyncio.ensure_future(self._ask(lane, timeout)) for lane in self._lanes}
        try:
            while starting:
                done, starting = await asyncio.wait(starting, timeout=self._every)
                for ended in done:
                    ended.result()
                if starting:
                    await self._round([lane for lane in self._lanes if lane.state == "warm"])
        finally:
            for each in starting:
                each.cancel()
            await asyncio.gather(*starting, return_exceptions=True)

    async def keep(self, seconds: float) -> None:
        """Ask again and again until `seconds` are over. A lane that failed may answer in a later round."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            await asyncio.sleep(min(self._every, left))
            if left > self._every:
                await self._round(self._lanes)

    async def _round(self, lanes: Sequence[WarmLane]) -> None:
        """Ask these lanes at the same time; one that hangs must not let the others get cold."""
        await asyncio.gather(*(self._ask(lane, self._every) for lane in lanes))

    async def _ask(self, lane: WarmLane, timeout: float) -> None:
        before, started = lane.state, time.monotonic()
        lane.calls += 1
        try:
            with self._waiting.on(lane.name, timeout) as note:
                async with asyncio.timeout(timeout):
                    answer = await self._answer(lane, note)
        except TimeoutError:
            lane.error = AttemptError("answer_timeout", f"no answer in {timeout:g} s", timed_out=True)
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

    async def _answer(self, lane: WarmLane, note: Note) -> Answer:
        """Return the answer, after as many attempts as it takes; what waiting does not mend is raised."""
        waits = pauses(0.5, longest=10.0)
        client = self._clients[lane.lane.region.id].of(lane.lane.model_id)
        body = tiny_question(lane.endpoint, lane.lane.model_id)

        def on_hop(_call_id: str | None) -> None:
            lane.hops += 1
            note(f"HTTP 303, hop {lane.hops}")

        while True:
            try:
                return await ask(client, lane.endpoint, lane.lane, body, on_hop)
            except AttemptError as error:
                if not error.retriable or error.refused:
                    raise
                note(error.message)
                await asyncio.sleep(max(next(waits), min(error.retry_after or 0.0, LONGEST_OWN_WAIT_SECONDS)))


def _function_of(answer: Answer) -> tuple[str, int] | tuple[None, None]:
    """Return the function on Modal that answered, and how many containers it may have in its region."""
    match answer.output.get("containers"):
        case {"function": str(function), "at_most": int(at_most)} if at_most > 0:
            return function, at_most
    return None, None
