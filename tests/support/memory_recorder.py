"""A recorder in memory, for tests of the executor alone. `tests/integration/store` holds the real one to the same."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from beacon_cli.executor.execution import ANSWERED, Batch, Cell, Execution, Status
from beacon_cli.job.lanes import Lane
from beacon_cli.job.model import Job


class MemoryRecorder:
    def __init__(self, job: Job) -> None:
        self.job = job
        self.executions: list[Execution] = []
        self.finished: str | None = None

    async def batches(self, lanes: Sequence[Lane]) -> AsyncIterator[Batch]:
        for position, question in enumerate(self.job.questions):
            answered = {execution.cell for execution in self.executions if execution.status in ANSWERED}
            cells = [
                Cell(question, lane, repeat, arm=arm)
                for repeat, arm, lane in itertools.product(range(self.job.repeats), range(2), lanes)
                if arm < self.job.arms(lane.region)
            ]
            if pending := tuple(cell for cell in cells if cell not in answered):
                yield Batch(position, question, pending)

    async def ready(self, cell: Cell) -> bool:
        return True

    async def record(self, execution: Execution) -> None:
        self.executions.append(execution)

    async def counts(self) -> dict[Status, int]:
        return dict(Counter(execution.status for execution in self.executions))

    async def finish(self, status: str, ended_at: str, reason: str | None) -> None:
        self.finished = status
