"""What a run says to other programs on its machine while it lasts."""

from __future__ import annotations

import os
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from beacon_cli.executor.events import BatchStarted, ExecutionStarted, JobStarted, RegionPaused
from beacon_cli.executor.execution import Cell
from beacon_cli.live import shared_state
from beacon_cli.live.progress import Progress
from beacon_cli.live.shared_state import read_shared_state, sharing
from tests.support.jobs import make_job

NOW = datetime.now(UTC)


def written(folder: Path, job_id: str = "j") -> shared_state.SharedState:
    while (found := read_shared_state(folder, job_id)) is None or not found.questions:
        time.sleep(0.01)
    return found


def begun() -> Progress:
    progress = Progress()
    progress.apply(BatchStarted("j", NOW, "q0", 1, 1, 0, ""))
    return progress


@pytest.fixture(autouse=True)
def writes_come_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_state, "_WRITE_SECONDS", 0.02)


def test_it_says_what_is_in_flight_which_question_it_is_at_and_which_region_is_paused(tmp_path: Path) -> None:
    job = make_job(1)
    progress = Progress()
    lanes = tuple(job.lanes())
    cell = Cell(question=next(iter(job.questions)), lane=lanes[0], repeat=0)
    progress.apply(JobStarted("j", NOW, "r", "question", 1, lanes, 1, 6, 0, 6))
    progress.apply(BatchStarted("j", NOW, "q0", 1, 1, 0, ""))
    progress.apply(ExecutionStarted("j", NOW, cell))
    progress.apply(RegionPaused("j", datetime.now(UTC), "EU", "HTTP 429\x1b[31m", 50.0, 900.0))
    with sharing(progress, tmp_path / "live", "j"):
        state = written(tmp_path / "live")
        assert state.in_flight == 1
        assert state.calls == {(lanes[0].model_id, lanes[0].region.label): "1 asking"}
        assert state.questions == ("question 1 of 1: q0",)
        assert list(state.troubles()) == ["EU"]
        assert state.paused
        assert re.fullmatch(
            r"EU has been paused for \S+: .+; next check in \S+; given up in 1\dm \d\ds", state.troubles()["EU"]
        )
        assert "\x1b" not in state.troubles()["EU"]
        assert read_shared_state(tmp_path / "live", "other") is None
    assert read_shared_state(tmp_path / "live", "j") is None
    assert list((tmp_path / "live").iterdir()) == []


def test_what_a_killed_process_left_is_not_believed(tmp_path: Path) -> None:
    with sharing(begun(), tmp_path, "j"):
        written(tmp_path)
        [path] = tmp_path.glob("*.json")
        left = path.read_bytes()
    path.write_bytes(left)
    assert read_shared_state(tmp_path, "j") is not None
    os.utime(path, (time.time() - 10, time.time() - 10))
    assert read_shared_state(tmp_path, "j") is None
    with sharing(Progress(), tmp_path, "other"):
        assert not path.exists()


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"in_flight": 1, "run_id": "r", "calls": [1]}', b"\xff"]
)
def test_a_file_that_is_something_else_says_nothing(tmp_path: Path, content: bytes) -> None:
    with sharing(begun(), tmp_path, "j"):
        written(tmp_path)
        [path] = tmp_path.glob("*.json")
    path.write_bytes(content)
    assert read_shared_state(tmp_path, "j") is None


def test_a_folder_that_cannot_be_written_stops_no_run(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with sharing(begun(), tmp_path / "file" / "live", "j"):
        pass
    assert read_shared_state(tmp_path / "file" / "live", "j") is None
