"""Answers that are too large, no answer at all, empty, or an order to wait."""

from __future__ import annotations

import email.utils
import gzip
import json
import signal
import subprocess
import time
from functools import partial

import psycopg
import pytest

from beacon_cli.store.embedded import keep_server
from tests.acceptance.conftest import Beacon
from tests.support.answers import good_answer
from tests.support.fleet import until
from tests.support.hostile_endpoints import (
    Asked,
    Fault,
    Reply,
    always,
    endpoints,
    events_of,
    met,
    replies,
    run_against,
    run_arguments,
    write_job,
)
from tests.support.invariant import assert_invariant
from tests.support.raw_server import http

MEBIBYTE = 2**20
LARGE = 300 * MEBIBYTE
# What a run of this size takes is about 80 MiB; a third of the body on top of it would be seen.
MEMORY_AT_MOST = 180 * MEBIBYTE


async def flood(asked: Asked) -> bytes:
    asked.writer.write(b"HTTP/1.1 200 x\r\nConnection: close\r\n\r\n")
    for _ in range(LARGE // MEBIBYTE):
        asked.writer.write(b" " * MEBIBYTE)
        await asked.writer.drain()
    return b""


@pytest.mark.fault(30, "a body of 300 MiB; 0.3 MiB of gzip that unpack to 300 MiB")
def test_a_body_without_end_is_capped_and_memory_stays_bounded(hurt: Beacon) -> None:
    bomb = http(200, gzip.compress(bytes(LARGE), 9), Content_Encoding="gzip", Content_Type="application/json")
    assert len(bomb) < MEBIBYTE
    with endpoints({"flood": flood, "bomb": always(bomb)}) as served:
        hurt.environment |= served.environment()
        job = write_job(hurt, ["flood", "bomb", "good"])
        done, memory = hurt.measured(*run_arguments(hurt, job), exit_code=1)
        found = met(hurt, done)
        assert found.outcome("flood") == ("failed", "response_too_large", 1)
        assert found.outcome("bomb") == ("failed", "malformed_response", 1)
        assert found.outcome("good") == ("completed", None, 1)
        assert memory < MEMORY_AT_MOST
        assert found.row("flood")["response"] is None
        assert_invariant(found.aftermath())


def of_values(asked: Asked) -> bytes:
    """Return an answer of 8 MB that unpacks to hundreds of them."""
    answer = json.dumps(good_answer("us", asked.model)).encode()
    return http(200, answer[:-1] + b', "x": [' + b"[]," * 2_700_000 + b"1]}")


def of_text(asked: Asked) -> bytes:
    return asked.good("lorem ipsum " * (5 * MEBIBYTE // 12))


@pytest.mark.fault(78, "answers of 8 MB that are [],[],…, and of 5 MB of text, ten in flight")
def test_many_large_answers_take_little_memory_at_once(hurt: Beacon) -> None:
    kinds: dict[str, Fault] = {"values": always(of_values), "text": always(of_text)}
    with endpoints(kinds) as served:
        hurt.environment |= served.environment()
        job = write_job(hurt, kinds, attempts=1, max_in_flight=10, per_endpoint=10, repeats=10)
        done, memory = hurt.measured(*run_arguments(hurt, job), exit_code=1)
        document = json.loads(done.stdout)
        assert {status: n for status, n in document["data"]["counts"].items() if n} == {"completed": 10, "failed": 10}
        assert memory < MEMORY_AT_MOST
        with psycopg.connect(keep_server(hurt.data)) as connection:
            rows = connection.execute("SELECT error_code, count(*), min(length(response)) FROM executions GROUP BY 1")
            assert set(rows) == {("response_too_large", 10, None), (None, 10, 5 * MEBIBYTE // 12 * 12)}
        assert_invariant(met(hurt, done).aftermath())


def nan(asked: Asked) -> bytes:
    return asked.good().replace(b"0.01", b" NaN")


MALFORMED: dict[str, tuple[Reply, str]] = {
    "a login page": (http(200, b"<html><body>\x1b]0;owned\x07Please log in</body></html>"), "<html><body>"),
    "another schema": (http(200, {"choices": [{"message": {"content": "4"}}]}), '{"choices"'),
    "a list": (http(200, ["4"]), '["4"]'),
    "a number that is none": (nan, '{"success": true'),
    "invalid UTF-8": (http(200, b'{"success": true, "response": "\xff\xfe"}'), '{"success": true'),
    "text that is none": (http(200, {**good_answer("us", "llama3.2-1b"), "response": ["4"]}), '{"success": true'),
}
EMPTY: dict[str, str | None] = {"nothing": "", "null": None, "white space": " \n\t\u00a0"}


@pytest.mark.fault(32, "200 with HTML, another schema, NaN, invalid UTF-8")
@pytest.mark.fault(33, "an empty text, null, white space")
def test_what_is_no_answer_fails_with_an_excerpt_and_what_is_empty_is_kept(hurt: Beacon) -> None:
    faults = {prompt: always(reply) for prompt, (reply, _) in MALFORMED.items()}
    faults |= {prompt: always(partial(Asked.good, text=text)) for prompt, text in EMPTY.items()}
    with endpoints(faults) as served:
        found = run_against(hurt, served, write_job(hurt, faults, attempts=1))
        assert found.done.returncode == 1
        for prompt, (_, excerpt) in MALFORMED.items():
            assert found.outcome(prompt) == ("failed", "malformed_response", 1), prompt
            message = found.row(prompt)["error_message"]
            assert excerpt in message
            assert "\x1b" not in message + found.done.stderr
            assert found.row(prompt)["response"] is None
        for prompt, text in EMPTY.items():
            assert found.outcome(prompt) == ("empty", None, 1), prompt
            assert found.row(prompt)["response"] == (text or "")
        assert found.document["data"]["counts"]["empty"] == len(EMPTY)
        assert found.document["data"]["by_region"]["US"]["completed"] == len(EMPTY)
        again = hurt("run", str(hurt.folder / "job.yaml"), "--json")
        assert all(served.asked(prompt) == (1, 0) for prompt in EMPTY), "an empty answer is an answer"
        assert all(served.asked(prompt) == (2, 0) for prompt in MALFORMED)
        assert_invariant(found.aftermath(again))


def busy(retry_after: str) -> bytes:
    return http(429, {"success": False, "error": {"code": "busy", "message": "later"}}, Retry_After=retry_after)


def busy_until_a_date(asked: Asked) -> bytes:
    return busy(email.utils.formatdate(time.time() + 2, usegmt=True))


# What is waited for, in seconds: what was asked, and a jitter of at most a quarter of a second on top.
WAITED: dict[str, tuple[Reply, float, float]] = {
    "in seconds": (busy("1"), 1.0, 1.25),
    "as a date": (busy_until_a_date, 0.0, 2.25),
    "negative": (busy("-5"), 0.0, 0.25),
    "rubbish": (busy("soon"), 0.25, 0.5),
    "not a number": (busy("NaN"), 0.25, 0.5),
}


@pytest.mark.fault(34, "429 with Retry-After as seconds, a date, 1e9, negative, rubbish")
def test_retry_after_is_honoured_and_capped(hurt: Beacon) -> None:
    faults = {prompt: replies(reply) for prompt, (reply, _, _) in WAITED.items()} | {"for years": always(busy("1e9"))}
    with endpoints(faults) as served:
        hurt.environment |= served.environment()
        process = hurt.begin(*run_arguments(hurt, write_job(hurt, faults)))
        until(lambda: served.asked("for years") != (0, 0), 300)
        until(lambda: events_of(hurt.folder)[-1]["event"] == "attempt_failed", 300)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
        found = met(hurt, subprocess.CompletedProcess(process.args, process.returncode, out, err))
        assert process.returncode == 130
        for prompt, (_, least, most) in WAITED.items():
            assert found.outcome(prompt) == ("completed", None, 2), prompt
            (failed,) = found.attempts_failed(prompt)
            assert failed["error_code"] == "rate_limited"
            assert least <= failed["retry_in"] <= most, prompt
            row = found.row(prompt)
            assert (row["completed_at"] - row["started_at"]).total_seconds() >= failed["retry_in"]
        (capped,) = found.attempts_failed("for years")
        assert 60 <= capped["retry_in"] <= 60.25
        assert_invariant(found.aftermath())
