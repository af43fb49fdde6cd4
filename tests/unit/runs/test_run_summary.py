"""What `beacon run` hands to scripts and to people when it is over."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console

from beacon_cli.audit.check import Check
from beacon_cli.audit.coverage import Coverage
from beacon_cli.audit.report import AuditReport
from beacon_cli.console.long_list import LongList
from beacon_cli.console.result import CommandResult, print_result
from beacon_cli.executor.execution import ERROR_CODES, Status
from beacon_cli.executor.turns import RegionTroubles
from beacon_cli.job.part import Part
from beacon_cli.runs.asked_again import AskedAgain
from beacon_cli.runs.summary import (
    AnswerLine,
    BatchSummary,
    ErrorLine,
    LaneSummary,
    RunSummary,
    batch_data,
)
from beacon_cli.runs.tables import show_summary, show_verdict
from tests.support.run_feed import HOSTILE, START
from tests.support.vocabulary import REGIONS

LANES = [
    LaneSummary("llama3.2-1b", "US", 2, {"completed": 2}, 1.5, 0),
    LaneSummary("qwen2.5-1.5b", "US", 2, {"completed": 1, "failed": 1}, 2.25, 3),
    LaneSummary("llama3.2-1b", "EU", 2, {"completed": 1, "empty": 1}, 75.0, 0),
    LaneSummary("qwen2.5-1.5b", "EU", 2, {"timeout": 1}, None, 0),
]
BATCHES = [
    BatchSummary("math_basic", START, START + timedelta(seconds=2), 4, ["ta-1", "ta-2"]),
    BatchSummary("identity_basic", START + timedelta(seconds=2.5), START + timedelta(seconds=4), 3, ["ta-1"]),
]
SUMMARY = RunSummary(
    job_id="bias-demo-1",
    run_id="0d1c",
    status="partial",
    batching="question",
    questions=2,
    expected=8,
    counts={"completed": 4, "empty": 1, "failed": 1, "timeout": 1},
    containers=2,
    lanes=LANES,
    batches=LongList(map(batch_data, BATCHES)),
    max_gap_seconds=0.5,
    max_in_flight=4,
    hops=3,
    duration_seconds=4.0,
    min_success_rate=0.9,
    answers=[
        AnswerLine("math_basic", "What is 2+2?", "llama3.2-1b", "US", 0, "completed", "2+2 is\n4.", 1.5),
        AnswerLine("math_basic", "What is 2+2?", "qwen2.5-1.5b", "US", 0, "failed", None, None),
        AnswerLine("identity_basic", "Who are you?", "llama3.2-1b", "US", 1, "completed", "A model.", 1.5),
    ],
    errors=[
        ErrorLine("failed", "connection_failed", 1, "the connection was refused"),
        ErrorLine("timeout", "answer_timeout", 1, "600 s"),
    ],
    function_call_ids=["fc-01"],
    registry_changes={"EU": "it served a at the start, and b at the end"},
    surplus_connections={"US": 2},
    resume_command="beacon run job.yaml --job-id bias-demo-1",
)
WHOLE = replace(
    SUMMARY,
    status="completed",
    expected=2,
    counts={"completed": 2},
    lanes=LANES[:1],
    errors=[],
    function_call_ids=[],
    resume_command=None,
    min_success_rate=1.0,
)


PASSED = AuditReport(
    "bias-demo-1", "beacon", "the stored job", {}, Coverage((), known=REGIONS), (Check("complete", "pass", ""),), 1.0
)
FAILED = replace(PASSED, checks=(Check("complete", "fail", ""), Check("answers", "warn", "")))


def shown(summary: RunSummary, width: int = 80) -> str:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, markup=False, emoji=False, highlight=False, force_terminal=True, color_system=None
    )
    show_summary(summary, console)
    show_verdict(summary, PASSED if summary.succeeded else FAILED, console)
    return stream.getvalue()


def printed(summary: RunSummary, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    print_result(CommandResult("run", summary.data(), as_json=True))
    data: dict[str, Any] = json.loads(capsys.readouterr().out)["data"]
    return data


def test_the_json_contract(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(SUMMARY, capsys) == {
        "job_id": "bias-demo-1",
        "run_id": "0d1c",
        "status": "partial",
        "batching": "question",
        "expected": 8,
        "counts": {"completed": 4, "empty": 1, "blocked": 0, "failed": 1, "timeout": 1, "cancelled": 0},
        "success_rate": 0.625,
        "by_region": {
            "US": {"expected": 4, "completed": 3, "blocked": 0},
            "EU": {"expected": 4, "completed": 2, "blocked": 0},
        },
        "batches": [
            {
                "question_id": "math_basic",
                "started_at": "2026-03-04T05:06:07+00:00",
                "completed_at": "2026-03-04T05:06:09+00:00",
                "executions": 4,
                "containers": ["ta-1", "ta-2"],
            },
            {
                "question_id": "identity_basic",
                "started_at": "2026-03-04T05:06:09.500000+00:00",
                "completed_at": "2026-03-04T05:06:11+00:00",
                "executions": 3,
                "containers": ["ta-1"],
            },
        ],
        "max_gap_seconds": 0.5,
        "max_in_flight": 4,
        "hops": 3,
        "duration_seconds": 4.0,
        "function_call_ids": ["fc-01"],
        "registry_changes": {"EU": "it served a at the start, and b at the end"},
        "surplus_connections": {"US": 2},
        "again": None,
        "region_troubles": {},
        "without": [],
        "part": {"models": [], "regions": [], "questions": []},
    }


def test_a_run_before_its_first_answer_has_a_document_too(capsys: pytest.CaptureFixture[str]) -> None:
    nothing: dict[str, Any] = {"counts": {}, "lanes": [], "batches": LongList([]), "answers": []}
    empty = replace(SUMMARY, status="cancelled", max_gap_seconds=None, **nothing)
    data = printed(empty, capsys)
    assert data["counts"] == {"completed": 0, "empty": 0, "blocked": 0, "failed": 0, "timeout": 0, "cancelled": 0}
    assert (data["by_region"], data["batches"], data["max_gap_seconds"]) == ({}, [], None)
    assert "8 not asked" in shown(empty)


def test_each_lane_is_a_row_and_all_of_them_a_sum() -> None:
    rows = [line.split() for line in shown(SUMMARY).splitlines()]
    assert ["US", "llama3.2-1b", "2/2", "0", "0", "0", "0", "1.5s", "0"] in rows
    assert ["US", "qwen2.5-1.5b", "1/2", "0", "1", "0", "0", "2.2s", "3"] in rows
    assert ["EU", "qwen2.5-1.5b", "0/2", "0", "0", "1", "0", "-", "0"] in rows
    assert ["all", "5/8", "1", "1", "1", "0", "3"] in rows


def test_a_newcomer_sees_the_answers_of_a_small_job() -> None:
    text = shown(SUMMARY)
    assert "math_basic  What is 2+2?" in text
    assert "  US    llama3.2-1b #1    1.5s  2+2 is 4." in text
    assert "  US    llama3.2-1b #2    1.5s  A model." in text


def test_of_a_job_that_is_small_without_its_repeats_the_first_is_shown() -> None:
    first = replace(SUMMARY, answers=SUMMARY.answers[:2], repeats=3)
    text = shown(first)
    assert "  US    llama3.2-1b    1.5s  2+2 is 4." in text
    assert "Only the first of 3 repeats is shown here.\n" in text
    stored = [replace(lane, counts={"completed": 1}) for lane in SUMMARY.lanes[:2]]
    assert "Only the first" not in shown(replace(first, lanes=stored))


def test_errors_come_with_an_example_and_what_to_do() -> None:
    text = shown(SUMMARY, 120)
    assert "1 x connection_failed  the connection was refused, reset or broken" in text
    assert "for example: the connection was refused" in text
    assert (
        "do: beacon verify endpoints shows which region is down; check the proxy if one is named; then run it again"
        in text
    )


def test_blocked_answers_are_no_errors() -> None:
    blocked = ErrorLine("blocked", "content_filtered", 3, "filtered by the content policy")
    again = "beacon run job.yaml --job-id x --again blocked"
    counts: dict[Status, int] = {"completed": 1, "blocked": 1}
    text = shown(replace(WHOLE, errors=[blocked], counts=counts, again_command=again), 120)
    assert "\nblocked and empty answers\n  3 x content_filtered" in text
    assert "\nerrors\n" not in text
    assert f"to ask the blocked ones again on purpose: {again}" in text
    assert "ok: 2 of 2 answers are stored (1 of them blocked)" in text


def test_an_answer_in_brief_says_why_it_has_no_text_and_that_it_was_cut_off() -> None:
    cell = ("math_basic", "What is 2+2?", "llama3.2-1b", "US", 0)
    answers = [
        AnswerLine(*cell, "completed", "Two and two " * 20, 1.0, cut_off=True),
        AnswerLine(*cell, "blocked", None, 1.0, "geo_blocked"),
        AnswerLine(*cell, "empty", "", 1.0),
    ]
    lines = shown(replace(WHOLE, answers=answers), 80).splitlines()
    [cut_off] = [line for line in lines if line.endswith(" (cut off)")]
    assert len(cut_off) <= 80
    assert [line.split("1.0s  ")[1] for line in lines if "1.0s  " in line][1:] == ["blocked: geo_blocked", "empty"]


def test_what_was_asked_again_and_kept_its_answer_fails_with_the_reason() -> None:
    again = AskedAgain(("empty",), replaced=5, kept=3, failures={"server_error": 2})
    summary = replace(WHOLE, asked_again=again)
    assert not summary.succeeded
    told = "5 answers asked again were replaced, 3 stay as before (server_error 2, not asked 1)"
    assert f"not ok: 2 of 2 answers are stored; {told}" in shown(summary, 200)
    assert summary.verdict.endswith(told)
    done = replace(WHOLE, asked_again=replace(again, kept=0, failures={}))
    assert done.succeeded
    assert "ok: 2 of 2 answers are stored; 5 answers asked again were replaced, 1 check passed" in shown(done, 200)


def test_nothing_to_ask_again_names_what_no_answer_is() -> None:
    nothing = AskedAgain(("empty", "blocked"), replaced=0, kept=0, failures={})
    lines = shown(replace(WHOLE, max_in_flight=0, asked_again=nothing), 120).splitlines()
    told = "nothing to ask again, no answer is empty or blocked; all 2 answers are stored"
    assert lines[0] == f"job bias-demo-1: {told}"


@pytest.mark.parametrize("code", ERROR_CODES)
def test_every_error_code_has_its_advice(code: str) -> None:
    assert "do: " in shown(replace(SUMMARY, errors=[ErrorLine("failed", code, 2, "x")]), 120)


def test_an_unfinished_job_ends_with_what_is_there_and_the_command_that_resumes_it() -> None:
    last = shown(SUMMARY, 160).splitlines()[-5:]
    assert last == [
        "not ok: 5 of 8 answers are stored (1 of them empty; 62.5 %, wanted 90 %), 1 not asked;"
        " 1 check failed: complete",
        "resume: beacon run job.yaml --job-id bias-demo-1",
        "next:   beacon show bias-demo-1",
        "        beacon compare bias-demo-1",
        "        beacon report bias-demo-1",
    ]
    assert "may still be running on Modal, at your cost: fc-01" in shown(SUMMARY, 120)


def test_a_finished_job_ends_with_where_its_answers_are() -> None:
    last = ["ok: 2 of 2 answers are stored, 1 check passed", "next:   beacon show bias-demo-1"]
    assert shown(WHOLE).splitlines()[-3:] == [*last, "        beacon report bias-demo-1"]
    told_apart = shown(replace(WHOLE, system_prompts_differ=True)).splitlines()
    assert told_apart[-1] == "        beacon report bias-demo-1 --accept system_prompt"
    assert WHOLE.succeeded
    assert not SUMMARY.succeeded


def test_running_a_finished_job_says_that_there_was_nothing_to_ask() -> None:
    lines = shown(replace(WHOLE, max_in_flight=0)).splitlines()
    assert lines[0] == "job bias-demo-1: nothing to ask, all 2 answers are already stored"
    assert lines[1:] == shown(WHOLE).splitlines()[-3:]
    assert "nothing to ask" not in shown(replace(SUMMARY, max_in_flight=0))


def test_a_long_command_is_continued_so_that_it_can_be_copied() -> None:
    command = "beacon run examples/a.yaml --job-id quickstart-20261125-211139-5f3a --events 'my events.jsonl' --local"
    text = shown(replace(SUMMARY, resume_command=command), 80)
    [start] = [place for place, line in enumerate(text.splitlines()) if line.startswith("resume: ")]
    lines = [line[8:] for line in text.splitlines()[start : start + 2]]
    assert lines[0].endswith(" --job-id quickstart-20261125-211139-5f3a \\")
    assert max(map(len, lines)) <= 72
    assert "\n".join(lines).replace("\\\n  ", "") == command


def test_hostile_text_is_printed_literally_and_harmlessly() -> None:
    hostile = replace(
        SUMMARY,
        answers=[AnswerLine(HOSTILE, HOSTILE, HOSTILE, "US", 0, "completed", HOSTILE, 1.0)],
        errors=[ErrorLine("failed", HOSTILE, 1, HOSTILE)],
        function_call_ids=[HOSTILE],
        lanes=[LaneSummary(HOSTILE, "US", 1, {}, None, 0)],
    )
    text = shown(hostile, 200)
    assert "[bold]loud[/bold] [/foo]" in text
    assert not set("\x1b\x07\x9b\u202e") & set(text)


@pytest.mark.parametrize("width", [30, 60, 80, 120, 200])
def test_tables_fit_the_width_and_lose_nothing(width: int) -> None:
    model = "a-model-whose-id-is-long-27b"
    text = shown(replace(SUMMARY, lanes=[replace(lane, model_id=model) for lane in LANES], answers=[]), width)
    lines = [line for line in text.splitlines() if "2/2" in line or model in line]
    assert sum(model in line for line in lines) == len(LANES)
    assert max(map(len, lines)) <= width


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_an_empty_answer_counts_as_an_answer_at_any_width(width: int) -> None:
    text = " ".join(shown(replace(WHOLE, counts={"completed": 1, "empty": 1}), width).split())
    assert "ok: 2 of 2 answers are stored (1 of them empty), 1 check passed" in text


def test_regions_in_trouble_are_told_at_the_end_and_in_the_document() -> None:
    troubles = {"US": RegionTroubles(2, 46.0), "EU": RegionTroubles(1, 900.0, "HTTP 429: slow down")}
    summary = replace(SUMMARY, troubles=troubles)
    text = " ".join(shown(summary, 200).split())
    assert "US was paused 2 times for 46.0s; 1 cell failed there" in text
    assert "EU is down (HTTP 429: slow down), after it was paused once for 15m 00s: " in text
    assert summary.data()["region_troubles"]["EU"] == {
        "pauses": 1,
        "paused_seconds": 900.0,
        "down": "HTTP 429: slow down",
        "unasked": summary.unasked_in("EU"),
        "failed": summary.failed_in("EU"),
    }


def test_what_was_left_out_does_not_count_for_the_verdict() -> None:
    lanes = [
        LaneSummary("m", "US", 2, {"completed": 2}, 1.0, 0),
        LaneSummary("m", "EU", 2, {"completed": 1}, 1.0, 0),
    ]
    whole = replace(SUMMARY, lanes=lanes, expected=4, counts={"completed": 3}, min_success_rate=1.0)
    summary = replace(whole, part=Part(without=("EU",)), asked=lanes[:1])
    assert summary.succeeded
    assert summary.unasked == 0
    assert summary.data()["without"] == ["EU"]
    assert "EU was left out (--without): 1 cell not asked" in shown(summary, 200)
    assert not whole.succeeded


def test_of_a_part_only_its_cells_count_and_the_end_says_how_to_ask_the_rest() -> None:
    part = Part(models=("llama3.2-1b",), regions=("US",), questions=("math basic",))
    asked = [LaneSummary("llama3.2-1b", "US", 1, {"completed": 1}, 1.5, 0)]
    kept: dict[str, Any] = {"answers": [], "errors": [], "function_call_ids": [], "min_success_rate": 1.0}
    summary = replace(SUMMARY, part=part, asked=asked, **kept)
    assert (summary.succeeded, summary.cells.rate, summary.unasked) == (True, 1.0, 0)
    data = summary.data()
    assert data["part"] == {"models": ["llama3.2-1b"], "regions": ["US"], "questions": ["math basic"]}
    assert (data["success_rate"], data["expected"], data["counts"]["completed"]) == (1.0, 8, 4)
    text = shown(summary, 160)
    assert "qwen2.5-1.5b" not in text
    assert text.splitlines()[-6:] == [
        "only a part of the job was to be asked (--model llama3.2-1b --region US --question 'math basic'):"
        " 1 of 8 cells",
        "ok: 1 of 1 answer is stored, 1 check passed",
        "to ask the rest: beacon run job.yaml --job-id bias-demo-1",
        "next:   beacon show bias-demo-1",
        "        beacon compare bias-demo-1",
        "        beacon report bias-demo-1",
    ]
    lines = shown(replace(summary, max_in_flight=0), 160).splitlines()
    assert lines[0] == "job bias-demo-1: nothing to ask, the answer is already stored"
    assert lines[-4].startswith("to ask the rest: ")
