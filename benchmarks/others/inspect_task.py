"""The 600 requests as a task of inspect-ai: plain generation, no scorer."""

from inspect_ai import Task, task
from inspect_ai.dataset import Sample
from inspect_ai.solver import generate


@task
def requests(count: int = 600) -> Task:
    return Task(dataset=[Sample(input=f"Question number {n} of many?") for n in range(count)], solver=generate())
