"""What a run does now, for other programs on this machine: a small file that is rewritten once a second.

Rows say what was answered. What is in flight and which regions are paused only the running process knows.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from beacon_cli.console.printable import excerpt
from beacon_cli.live.paused import paused_sentence
from beacon_cli.live.progress import CallState, Progress, RegionTrouble
from beacon_cli.live.ticker import Ticker

_WRITE_SECONDS = 1.0
_FRESH_SECONDS = 5.0
_MOST_QUESTIONS = 20
_WORDS: dict[CallState, str] = {"asking": "asking", "hop": "in a hop", "retry": "retrying"}


@dataclass(frozen=True, slots=True)
class SharedState:
    """What a running process says: calls in flight, by lane as well, the current questions, paused regions."""

    run_id: str
    in_flight: int
    calls: dict[tuple[str, str], str]
    questions: tuple[str, ...]
    regions: dict[str, dict[str, Any]]

    def troubles(self) -> dict[str, str]:
        """Return a sentence for each region that is paused or down."""
        now = time.time()
        return {region: _sentence(region, trouble, now) for region, trouble in self.regions.items()}

    @property
    def paused(self) -> bool:
        """Whether a region is paused: unlike one that is down, it will be checked again."""
        return any(trouble["next_check"] is not None for trouble in self.regions.values())


def read_shared_state(folder: Path, job_id: str) -> SharedState | None:
    """Return what the process says that runs a job on this machine, None if there is none, or it hangs."""
    try:
        path = _path(folder, job_id)
        if _is_stale(path):
            return None
        found = json.loads(path.read_bytes())
        return SharedState(
            run_id=found["run_id"],
            in_flight=found["in_flight"],
            calls={(model, region): text for model, region, text in found["calls"]},
            questions=tuple(found["questions"]),
            regions=found["regions"],
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def sharing(progress: Progress, folder: Path, job_id: str) -> Iterator[None]:
    """Keep the state of a run in a file in `folder`, as `progress` has it.

    A file that cannot be written is not written: it is not what a run is for.
    """

    def write() -> None:
        with progress.lock:
            document = _document(progress)
        with contextlib.suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path = _path(folder, job_id)
            new = path.with_suffix(f".{os.getpid()}")
            new.write_text(json.dumps(document), encoding="ascii")
            new.replace(path)

    _remove_stale(folder)
    ticker = Ticker(write, _WRITE_SECONDS)
    ticker.start()
    try:
        yield
    finally:
        ticker.stop()
        with contextlib.suppress(OSError):
            _path(folder, job_id).unlink(missing_ok=True)


def _remove_stale(folder: Path) -> None:
    """Remove what processes left that were killed."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if _is_stale(path):
                path.unlink(missing_ok=True)


def _is_stale(path: Path) -> bool:
    return time.time() - path.stat().st_mtime > _FRESH_SECONDS


def _path(folder: Path, job_id: str) -> Path:
    return folder / f"{hashlib.sha256(job_id.encode('utf-8', 'surrogatepass')).hexdigest()[:32]}.json"


def _document(progress: Progress) -> dict[str, Any]:
    batches = progress.current_batches()
    grouped = len(progress.batches) > 1
    lanes = ((lane, progress.calls_in(lane)) for lane in progress.lanes)
    return {
        "run_id": progress.job.run_id if progress.job else "",
        "in_flight": len(progress.in_flight),
        "calls": [
            (lane.model_id, lane.region.label, ", ".join(f"{count} {_WORDS[state]}" for state, count in calls.items()))
            for lane, calls in lanes
            if calls
        ],
        "questions": [
            f"{f'{batch.group}: ' if grouped and batch.group else ''}question {batch.number} of {batch.total}:"
            f" {excerpt(batch.question_id)}"
            for batch in batches[:_MOST_QUESTIONS]
        ],
        "regions": {region: _trouble(trouble) for region, trouble in progress.regions.items()},
    }


def _trouble(trouble: RegionTrouble) -> dict[str, Any]:
    return {
        "why": excerpt(trouble.why, 200),
        "since": trouble.since.timestamp(),
        "next_check": trouble.next_check and trouble.next_check.timestamp(),
        "given_up": trouble.given_up and trouble.given_up.timestamp(),
    }


def _sentence(region: str, trouble: dict[str, Any], now: float) -> str:
    if trouble["next_check"] is None:
        return f"{region} is down: {trouble['why']}"
    return paused_sentence(
        region,
        seconds=now - trouble["since"],
        why=trouble["why"],
        check_in=trouble["next_check"] - now,
        given_up_in=None if trouble["given_up"] is None else trouble["given_up"] - now,
    )
