"""A run's summary for people: tables, answers, errors with what to do about them, and the verdict."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table
from rich.text import Text

from beacon_cli.executor.execution import ERROR_CODES
from beacon_cli.printable import excerpt
from beacon_cli.program_name import command
from beacon_cli.wording import duration, quantity

if TYPE_CHECKING:
    from rich.console import Console

    from beacon_cli.output.run_summary import AnswerLine, ErrorLine, LaneSummary, RunSummary

_ANSWERS_OF_AT_MOST = 24
_CALLS = 20
_TABLE_WIDTH = 72  # a narrower terminal gets a line per lane
_VERIFY = command("verify endpoints")
_PROBE = f"{_VERIFY} --probe"
_DO: dict[str, str] = {
    "slot_timeout": "raise limits.max_in_flight or limits.per_endpoint, or limits.slot_timeout",
    "connect_timeout": f"{_VERIFY}; on a slow network raise limits.connect_timeout",
    "answer_timeout": f"{_PROBE} shows which region is slow; or raise limits.answer_timeout",
    "job_timeout": "run it again to go on, or raise limits.job_timeout",
    "connection_failed": f"{_VERIFY} shows which region is down; then run it again",
    "tls_failed": "check the certificate, and the host name in beacon.toml; it is never ignored",
    "unauthorized": "set BEACON_PROXY_KEY and BEACON_PROXY_SECRET to credentials that the endpoint knows",
    "unknown_model": f"{_VERIFY} shows what is served; {command('deploy modal')} brings the registry there",
    "request_rejected": "the message is the endpoint's: check the prompt's length and `generation` in the job file",
    "rate_limited": "lower limits.per_endpoint, then run it again",
    "server_error": "read the endpoint's own log, then run it again",
    "endpoint_error": f"read the endpoint's own log; {command('deploy modal')} replaces an old deployment",
    "malformed_response": f"check that the URL in beacon.toml is an inference endpoint: {_PROBE}",
    "response_too_large": "lower generation.max_tokens in the job file",
    "region_mismatch": f"check this region's URL in beacon.toml: {_PROBE}",
    "model_mismatch": f"check what is deployed there: {_PROBE}",
    "redirect_refused": "check the URL in beacon.toml: https, and no login page or proxy in front of it",
    "redirect_cross_origin": "check the URL in beacon.toml: it leads to another host, which was not followed",
    "result_lost": "run it again: the cell is asked anew",
    "cancelled": "run it again to go on",
    "handed_back": "a worker of the fleet goes on with it",
}


def show_summary(summary: RunSummary, console: Console) -> None:
    """Print a summary: what happened per region and model, the answers of a small job, errors, calls left running."""
    _say(console, _headline(summary))
    if console.width >= _TABLE_WIDTH:
        console.print(_lane_table(summary))
    else:
        for lane in summary.lanes:
            _say(console, _lane_line(lane))
    console.print()
    if summary.expected <= _ANSWERS_OF_AT_MOST:
        _show_answers(summary, console)
    if summary.errors:
        _show_errors(summary, console)
    if summary.function_call_ids:
        _show_calls(summary, console)


def _headline(summary: RunSummary) -> Text:
    gap = "" if summary.max_gap_seconds is None else f", longest gap {summary.max_gap_seconds:.3f}s"
    return Text.assemble(
        ("job ", ""),
        (excerpt(summary.job_id, 255), "bold"),
        f" {summary.status} in {duration(summary.duration_seconds)}: batching {summary.batching},"
        f" {quantity(summary.questions, 'question')}, at most {summary.max_in_flight} in flight,"
        f" {quantity(summary.containers, 'container')}, {quantity(summary.hops, 'hop')}{gap}",
    )


def _lane_table(summary: RunSummary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0, show_footer=len(summary.lanes) > 1)
    table.add_column("region", footer="all", overflow="fold")
    table.add_column("model", overflow="fold")
    completed = f"{summary.completed}/{summary.expected}"
    table.add_column("completed", footer=completed, justify="right")
    for status in ("empty", "failed", "timeout", "cancelled"):
        table.add_column(status, footer=str(summary.counts.get(status, 0)), justify="right")
    table.add_column("median", justify="right")
    table.add_column("hops", footer=str(summary.hops), justify="right")
    for lane in summary.lanes:
        table.add_row(*_lane_row(lane))
    return table


def _lane_row(lane: LaneSummary) -> list[Text]:
    counts = lane.counts
    whole = lane.completed == lane.expected
    return [
        Text(excerpt(lane.region)),
        Text(excerpt(lane.model_id)),
        Text(f"{lane.completed}/{lane.expected}", "green" if whole else "yellow"),
        _count(counts.get("empty", 0), "yellow"),
        _count(counts.get("failed", 0), "bold red"),
        _count(counts.get("timeout", 0), "bold red"),
        _count(counts.get("cancelled", 0), "magenta"),
        Text("-" if lane.median_seconds is None else duration(lane.median_seconds)),
        _count(lane.hops, "yellow"),
    ]


def _lane_line(lane: LaneSummary) -> Text:
    completed = f"{lane.counts.get('completed', 0)}/{lane.expected}"
    others = "".join(f", {count} {status}" for status, count in lane.counts.items() if count and status != "completed")
    hops = f", {lane.hops} hops" if lane.hops else ""
    return Text(f"{excerpt(lane.region)} {excerpt(lane.model_id)} {completed}{others}{hops}")


def _say(console: Console, line: Text) -> None:
    """Print prose: wrapped at words on a terminal, never broken on a pipe."""
    console.print(line, soft_wrap=not console.is_terminal)


def _count(count: int, style: str) -> Text:
    return Text(str(count), style if count else "dim")


def _show_answers(summary: RunSummary, console: Console) -> None:
    width = max(40, console.width)
    for question_id, answers in groupby(summary.answers, key=lambda answer: answer.question_id):
        lines = list(answers)
        head = Text.assemble((excerpt(question_id), "bold"), "  ", excerpt(lines[0].question_text, 200))
        _say(console, head)
        for answer in lines:
            _say(console, _answer(answer, width))
        console.print()


def _answer(answer: AnswerLine, width: int) -> Text:
    repeat = f" #{answer.repeat + 1}" if answer.repeat else ""
    seconds = "" if answer.seconds is None else f"{answer.seconds:.1f}s"
    line = Text(f"  {answer.region:<4}  {excerpt(answer.model_id, 30) + repeat:<16} {seconds:>6}  ")
    if answer.status != "completed":
        return line.append(answer.status, "bold red" if answer.status in ("failed", "timeout") else "yellow")
    return line.append(excerpt(answer.response or "", max(20, width - line.cell_len)))


def _show_errors(summary: RunSummary, console: Console) -> None:
    console.print(Text("errors", "bold"))
    for error in summary.errors:
        for line in _error(error):
            _say(console, line)
    console.print()


def _error(error: ErrorLine) -> list[Text]:
    code = excerpt(error.error_code)
    lines = [
        Text.assemble(f"  {error.count} x ", (code, "bold red"), f"  {ERROR_CODES.get(error.error_code, '')}"),
        Text(f"    for example: {excerpt(error.example, 300)}"),
    ]
    if advice := _DO.get(error.error_code):
        lines.append(Text(f"    do: {advice}"))
    return lines


def _show_calls(summary: RunSummary, console: Console) -> None:
    calls = summary.function_call_ids
    listed = " ".join(excerpt(call) for call in calls[:_CALLS])
    more = f" and {len(calls) - _CALLS} more (all of them with --json)" if len(calls) > _CALLS else ""
    _say(console, Text(f"may still be running, and be paid for, on Modal: {listed}{more}"))
    command = "python -c \"import modal; modal.FunctionCall.from_id('fc-...').cancel()\""
    console.print(Text(f"  to stop one: {command}"), soft_wrap=True)
    console.print()


def show_verdict(summary: RunSummary, console: Console) -> None:
    """Print whether the run was good enough, with the arithmetic, and the next command to type."""
    unasked = f", {summary.unasked} not asked" if summary.unasked else ""
    stopped = f"; {summary.stopped}" if summary.stopped else ""
    style = "bold green" if summary.succeeded else "bold red"
    word = "ok" if summary.succeeded else "not ok"
    _say(console, Text.assemble((word, style), f": {summary.verdict}{unasked}{stopped}"))
    if summary.resume_command:
        console.print(Text(f"go on:  {excerpt(summary.resume_command, 4000)}"), soft_wrap=True)
    console.print(Text(f"next:   {command('check-db', excerpt(summary.job_id, 255))}"), soft_wrap=True)
