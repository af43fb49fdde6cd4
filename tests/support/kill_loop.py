"""A job whose process is killed again and again, and what is left of its answers."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psycopg

from beacon_cli.store.embedded import keep_server
from tests.support.invariant import Aftermath, acknowledged, assert_invariant, stored_at
from tests.support.regions_server import Regions

if TYPE_CHECKING:
    from tests.acceptance.conftest import Beacon

IN_FLIGHT = 6
"""Cells of the job that are asked at once: two models in three regions."""


@dataclass(frozen=True)
class Figures:
    """What came of it. `asked` counts the server's POSTs, `answers` the answers that it sent whole.

    `again` counts the POSTs that were repeated, `again_stored` those whose answer was stored by then.
    """

    kills: int
    cells: int
    asked: int
    answers: int
    acknowledged: int
    rows: int
    duplicates: int
    lost: int
    again: int
    again_stored: int
    journals: int
    seconds: float


def job_of(beacon: Beacon, questions: int) -> str:
    texts = ", ".join(f'{{id: q{n}, text: "Question {n}?"}}' for n in range(questions))
    return beacon.write(
        "job.yaml",
        f"id: hurt\nquestions: [{texts}]\nmodels: [llama3.2-1b, qwen2.5-1.5b]\nregions: [US, EU, ASIA]\n",
    )


def kill_loop(
    beacon: Beacon,
    regions: Regions,
    *,
    kills: int,
    questions: int,
    seed: int = 7,
    longest: float = 1.6,
    notify: Callable[[str], None] = lambda _: None,
) -> Figures:
    """Kill a job's process at random moments, finish the job, assert the invariant, and return the figures."""
    began = time.monotonic()
    chance = random.Random(seed)
    events = beacon.folder / "events.jsonl"
    command = ["run", job_of(beacon, questions), "--json", "--events", str(events)]
    url = keep_server(beacon.data)
    for kill in range(1, kills + 1):
        process = beacon.start(*command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0.3, longest))
        assert process.poll() is None, "the job was done before it was killed often enough: give it more questions"
        process.kill()
        process.wait()
        if kill % 20 == 0:
            notify(f"{kill} kills, {sum(regions.answered.values())} answers")
    assert_invariant(Aftermath(beacon.folder, url, events=events, killed=True))
    done = beacon(*command, timeout=1200)
    assert done.returncode == 0, done.stderr
    assert_invariant(Aftermath(beacon.folder, url, [done], events=events, regions=regions))
    figures = _figures(
        url,
        kills=kills,
        cells=questions * IN_FLIGHT,
        regions=regions,
        stored=acknowledged(events),
        journals=len(list((beacon.folder / "data" / "journal").glob("*"))),
        seconds=time.monotonic() - began,
    )
    assert figures.asked <= figures.cells + kills * IN_FLIGHT, figures
    return figures


def _figures(
    url: str,
    *,
    kills: int,
    cells: int,
    regions: Regions,
    stored: set[tuple[str, str, str, int]],
    journals: int,
    seconds: float,
) -> Figures:
    with psycopg.connect(url) as connection:
        keys = connection.execute(
            "SELECT question_id, model_id, region, repeat FROM executions WHERE status IN ('completed', 'empty')"
        ).fetchall()
        again_stored = len(regions.asked_although_stored(stored_at(connection)))
    return Figures(
        kills=kills,
        cells=cells,
        asked=sum(regions.seen.values()),
        answers=sum(regions.answered.values()),
        acknowledged=len(stored),
        rows=len(keys),
        duplicates=len(keys) - len(set(keys)),
        lost=len(stored - set(keys)),
        again=sum(regions.seen.values()) - len(regions.seen),
        again_stored=again_stored,
        journals=journals,
        seconds=seconds,
    )
