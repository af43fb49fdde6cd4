"""One cell, from its slot to its row: attempts with backoff under their clocks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from beacon_cli.console.formatting import duration
from beacon_cli.endpoints.configured import Endpoint
from beacon_cli.executor.answer import Answer
from beacon_cli.executor.apis import APIS
from beacon_cli.executor.client import Client, Room
from beacon_cli.executor.clock import Clock
from beacon_cli.executor.events import AttemptFailed, EventHook, HopFollowed
from beacon_cli.executor.exchange import ask
from beacon_cli.executor.execution import Cell, Execution, Status
from beacon_cli.executor.failures import LONGEST_OWN_WAIT_SECONDS, AttemptError
from beacon_cli.executor.signs import Sign, sign_of
from beacon_cli.executor.turns import Turn
from beacon_cli.job.generation import seed_of
from beacon_cli.job.limits import Limits
from beacon_cli.pauses import pauses

_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 20.0


class TurnOver(Exception):
    """The cell's region is paused: it is asked again in another turn."""


@dataclass(slots=True)
class Progress:
    """The state of a cell while it is asked. It outlives the request, so that a cancelled cell can be recorded."""

    cell: Cell
    system_prompt: str | None
    queued_at: datetime
    started_at: datetime | None = None
    attempts: int = 0
    hops: int = 0
    function_call_id: str | None = None
    room: Room | None = None

    def waits(self) -> None:
        """Note that the cell gave up its turn and waits for another one, as if it had not been asked yet."""
        self.started_at = None

    def settled(self) -> None:
        """Note that the cell is stored: there is room for another large answer."""
        if self.room is not None:
            self.room.give_back()

    def execution(self, status: Status, at: datetime, **columns: Any) -> Execution:
        """Return the cell's execution with this status, completed `at`."""
        return Execution(
            cell=self.cell,
            status=status,
            attempts=self.attempts,
            hops=self.hops,
            system_prompt=self.system_prompt,
            queued_at=self.queued_at,
            started_at=self.started_at,
            completed_at=at,
            function_call_id=self.function_call_id,
            **columns,
        )


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks cells. It has everything that does not change from cell to cell."""

    clients: Mapping[str, Client]
    endpoints: Mapping[str, Endpoint]
    generation: Mapping[str, Any]
    limits: Limits
    clock: Clock
    emit: EventHook
    job_id: str

    async def execute(self, progress: Progress, turn: Turn) -> Execution:
        """Ask a cell, as often as its limits allow, and return its execution. Raises `TurnOver`, and cancellation."""
        try:
            answer = await self._with_retries(progress, turn)
        except AttemptError as error:
            self._emit_failed(progress, error, retry_in=None)
            return progress.execution(
                "timeout" if error.timed_out else "failed",
                self.clock.now(),
                http_status=error.http_status,
                error_code=error.code,
                error_message=error.message,
                output_data=error.raw,
            )
        return progress.execution(
            answer.status,
            self.clock.now(),
            response=answer.response,
            thought=answer.thought,
            output_data=answer.output,
            receipt_data=answer.receipt,
            provider_id=answer.provider_id,
            container_id=answer.container_id,
            container_region=answer.container_region,
            http_status=answer.http_status,
            error_code=answer.why and answer.why.code,
            error_message=answer.why and answer.why.message,
            finish_reason=answer.claims.finish_reason,
            tokens=answer.claims.tokens,
            model_revision=answer.claims.model_revision,
            effective_system_prompt=answer.claims.effective_system_prompt,
            effective_region=answer.claims.effective_region,
        )

    async def _with_retries(self, progress: Progress, turn: Turn) -> Answer:
        waits = pauses(_FIRST_PAUSE_SECONDS, growth=2.0, longest=_LONGEST_PAUSE_SECONDS)
        while turn.goes_on:
            try:
                answer = await self._attempt(progress)
            except AttemptError as error:
                pause = self._pause_after(error, progress, turn, next(waits))
                if pause is None:
                    raise  # here: raised by the other function, it would keep itself and a large answer in memory
                progress.settled()
            else:
                turn.answered()
                return answer
            await turn.rest(pause)
        raise TurnOver

    def _pause_after(self, error: AttemptError, progress: Progress, turn: Turn, longest: float) -> float | None:
        """Return how long to wait before the next attempt, None if this was the last one.

        Raises `TurnOver` if the cell has to wait for its region. A check call that fails is no attempt: it says
        something about the region, not about this cell. Nor does a cell give up over what the whole region shares.
        """
        was_check = turn.is_check
        has_to_wait = turn.failed(progress.cell, error)
        if was_check and has_to_wait and (error.retriable or error.timed_out):
            self._emit_failed(progress, error, None, waits=True)
            progress.attempts -= 1
            raise TurnOver
        of_the_region = has_to_wait and sign_of(error) is Sign.TROUBLE
        if not error.retriable or (progress.attempts >= self.limits.attempts and not of_the_region):
            return None
        pause = None if has_to_wait else _jittered(longest, error.retry_after)
        self._emit_failed(progress, error, pause, waits=has_to_wait)
        if pause is None:
            raise TurnOver
        return pause

    async def _attempt(self, progress: Progress) -> Answer:
        """Try once, with one deadline for every hop and byte."""
        progress.attempts += 1
        cell = progress.cell
        region_id, model_id = cell.lane.region.id, cell.lane.model_id
        client = self.clients[region_id].of(model_id)
        endpoint = self.endpoints[region_id].of(model_id)
        progress.room = progress.room or client.room()
        generation = self._generation(cell)
        body = APIS[endpoint.api].body(endpoint, model_id, cell.question.text, progress.system_prompt, generation)

        def on_hop(call_id: str | None) -> None:
            progress.hops += 1
            progress.function_call_id = call_id or progress.function_call_id
            self.emit(HopFollowed(self.job_id, self.clock.now(), cell, progress.hops, call_id))

        try:
            async with asyncio.timeout(self.limits.answer_timeout):
                answer = await ask(client, endpoint, cell.lane, body, on_hop, progress.room)
        except AttemptError as error:
            if client.accepted and error.code == "unauthorized" and error.http_status == 403:
                error.code = "request_rejected"  # it is about this question, not about the credentials
            raise
        except TimeoutError:
            raise AttemptError(
                "answer_timeout",
                f"no complete answer within {duration(self.limits.answer_timeout)} (limits.answer_timeout)",
                timed_out=True,
            ) from None
        client.accepted |= answer.http_status != 403
        return answer

    def _generation(self, cell: Cell) -> Mapping[str, Any]:
        """Return how an answer is generated; with the same seed every repeat would be the same, and show no noise."""
        if "seed" not in self.generation:
            return self.generation
        return {**self.generation, "seed": seed_of(self.generation["seed"], repeat=cell.repeat, arm=cell.arm)}

    def _emit_failed(
        self, progress: Progress, error: AttemptError, retry_in: float | None, *, waits: bool = False
    ) -> None:
        self.emit(
            AttemptFailed(
                job_id=self.job_id,
                at=self.clock.now(),
                cell=progress.cell,
                attempt=progress.attempts,
                error_code=error.code,
                message=error.message,
                retry_in=retry_in,
                waits=waits,
                http_status=error.http_status,
            )
        )


def _jittered(longest: float, retry_after: float | None) -> float:
    """Return the seconds to wait: what the endpoint asked for and a little more, else at least half of `longest`."""
    jitter = random.uniform(0, longest / 2)
    return longest / 2 + jitter if retry_after is None else min(retry_after, LONGEST_OWN_WAIT_SECONDS) + jitter / 2
