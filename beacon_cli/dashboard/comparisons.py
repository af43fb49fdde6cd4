"""Comparisons of jobs: each is made once, in a process of its own, and kept until something new is stored."""

from __future__ import annotations

import contextlib
import json
import pickle
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from beacon_cli.console.redaction import redacted
from beacon_cli.records.stamp import Stamp
from modal_deployment.vocabulary import Vocabulary

_KEPT = 8
_CHILD = "beacon_cli.dashboard.comparing"
_SAYS_MORE = "beacon compare does the same, and says more"


class ResultRow(NamedTuple):
    """A result in the list of all: a tuple, of which there may be many. `apart` names what stands apart."""

    question_id: str
    inside: str
    verdict: str
    effect: float | None
    between: float | None
    q_value: float | None
    apart: str


@dataclass(frozen=True, slots=True)
class Made:
    """A comparison as a part of a page, all results, and what the job had when it was begun."""

    html: str
    results: tuple[ResultRow, ...]
    stamp: Stamp
    made_at: datetime
    seconds: float


@dataclass(frozen=True, slots=True)
class Making:
    """A comparison that is not ready, asked for so many seconds ago. `waiting`: another job's is made first."""

    seconds: float
    waiting: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no comparison, and what to do about it."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Request:
    """What the process gets: where the database is, which job, and the known regions and models."""

    url: str
    job_id: str
    vocabulary: Vocabulary


@dataclass(frozen=True, slots=True)
class _Asked:
    since: float
    future: Future[Made | Failed]


class Comparisons:
    """The comparisons of one database. Its methods may be called from any thread; `close` ends what is being made."""

    def __init__(self, url: str, vocabulary: Vocabulary) -> None:
        self._url = url
        self._vocabulary = vocabulary
        self._one_at_a_time = ThreadPoolExecutor(max_workers=1, thread_name_prefix="compare")
        self._lock = threading.Lock()
        self._kept: OrderedDict[str, Made] = OrderedDict()
        self._asked: dict[str, _Asked] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False

    def of(self, job_id: str, stamp: Stamp, *, anew: bool = False) -> Made | Making | Failed:
        """Return the comparison of a job, or what became of it so far; the first call begins it.

        One that is there is kept, even of an earlier stamp, unless it is wanted `anew`. A failure is said once: then it
        is tried again.
        """
        with self._lock:
            if (failed := self._collect().get(job_id)) is not None:
                del self._asked[job_id]
                return failed
            asked = self._asked.get(job_id)
            made = self._kept.get(job_id)
            if asked is None and made is not None and not anew:
                self._kept.move_to_end(job_id)
                return made
            if asked is None:
                future = self._one_at_a_time.submit(self._make, job_id, stamp)
                asked = self._asked[job_id] = _Asked(time.monotonic(), future)
            others = (each for each in self._asked.values() if each is not asked)
            waiting = not asked.future.running() and any(each.future.running() for each in others)
            return Making(time.monotonic() - asked.since, waiting=waiting)

    def made(self, job_id: str) -> Made | None:
        """Return the comparison of a job if it is there; nothing is begun."""
        with self._lock:
            self._collect()
            return self._kept.get(job_id)

    def close(self) -> None:
        """End the process, if there is one, and make nothing more."""
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.kill()
        self._one_at_a_time.shutdown(cancel_futures=True)

    def _collect(self) -> dict[str, Failed]:
        """Keep what is ready, the last ones of it, and return the failures by job."""
        ended = {job_id: each.future.result() for job_id, each in self._asked.items() if each.future.done()}
        for job_id, result in ended.items():
            if isinstance(result, Made):
                del self._asked[job_id]
                self._kept[job_id] = result
                self._kept.move_to_end(job_id)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return {job_id: result for job_id, result in ended.items() if isinstance(result, Failed)}

    def _make(self, job_id: str, stamp: Stamp) -> Made | Failed:
        """Have a comparison made. A process of its own leaves this one free for other pages, and returns its memory."""
        began = time.monotonic()
        with self._lock:
            if self._closed:
                return Failed("the dashboard is ending", "")
            try:
                child = self._child = _start()
            except OSError as error:
                return Failed(f"no process could be started to compare: {error.strerror}", _SAYS_MORE)
        output = _output_of(child, Request(self._url, job_id, self._vocabulary))
        with self._lock:
            self._child = None
        if child.returncode:
            return Failed(f"the process that compares ended with {child.returncode}", _SAYS_MORE)
        found = json.loads(output)
        if "html" not in found:
            return Failed(redacted(found["message"]), redacted(found["hint"]))
        return Made(
            found["html"], tuple(map(_row, found["results"])), stamp, datetime.now(UTC), time.monotonic() - began
        )


def _row(values: list[Any]) -> ResultRow:
    """Return a result as it was written; texts that most results share are kept once."""
    row = ResultRow(*values)
    return row._replace(inside=sys.intern(row.inside), verdict=sys.intern(row.verdict), apart=sys.intern(row.apart))


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", _CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the dashboard, which ends it
    )


def _output_of(child: subprocess.Popen[bytes], request: Request) -> bytes:
    """Return what the process writes for a request. Its stdin stays open until then: it ends with this process."""
    assert child.stdin is not None
    assert child.stdout is not None
    output = b""
    with contextlib.suppress(BrokenPipeError), child:
        child.stdin.write(pickle.dumps(request))
        child.stdin.flush()
        output = child.stdout.read()
    return output
