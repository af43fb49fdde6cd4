"""The summary of a run for people: tables, answers, errors with hints, and the verdict."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING

from rich.text import Text

from beacon_cli.console.formatting import arm_label, duration, quantity, repeat_label
from beacon_cli.console.hanging import print_hanging
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.tables import Column, print_table
from beacon_cli.console.terminal import line_limit
from beacon_cli.costs.texts import print_lines
from beacon_cli.executor.execution import ANSWERED, ERROR_CODES
from beacon_cli.extras import has
from beacon_cli.runs.asked_again import none_has_status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from beacon_cli.audit.report import AuditReport
    from beacon_cli.executor.execution import Status
    from beacon_cli.runs.run_cost import RunCost
    from beacon_cli.runs.summary import AnswerLine, ErrorLine, LaneSummary, RunSummary

_CALLS = 20
_WORD = re.compile(r"(?:[^\s']|'[^']*')+")  # of a shell command
_VERIFY = command("verify endpoints")
_PROBE = f"{_VERIFY} --probe"
_COUNTS_AS_ANSWER = "it counts as an answer"
# The statuses with a column of their own, and the style of a count above 0.
_COUNTED: dict[Status, str] = {
    "empty": "yellow",
    "blocked": "yellow",
    "failed": "bold red",
    "timeout": "bold red",
    "cancelled": "magenta",
}
_DO: dict[str, str] = {
    "slot_timeout": "raise limits.max_in_flight or limits.per_endpoint, or limits.slot_timeout",
    "connect_timeout": f"{_VERIFY}; on a slow network raise limits.connect_timeout",
    "answer_timeout": f"{_PROBE} shows which region is slow; or raise limits.answer_timeout",
    "job_timeout": "resume it (the command is below), or raise limits.job_timeout",
    "connection_failed": f"{_VERIFY} shows which region is down; check the proxy if one is named; then run it again",
    "tls_failed": "check the certificate, and the host name in beacon.toml; certificates are always verified",
    "no_credit": "add credit to the account, or raise its limit; then run it again",
    "unauthorized": "set credentials that the endpoint accepts: BEACON_PROXY_KEY and _SECRET, or its key_env",
    "proxy_refused": "correct the user and password in the variable that names the proxy",
    "unknown_model": f"{_VERIFY} shows what is served; {command('deploy modal')} deploys the registry",
    "request_rejected": "the endpoint sent the message: check the prompt's length and `generation` in the job file",
    "rate_limited": "lower limits.per_endpoint, or raise limits.attempts; then run it again",
    "server_error": "read the endpoint's own log, then run it again",
    "gpu_failed": "run it again: another container answers by then",
    "nan_logits": "deploy the model on a GPU that computes in bfloat16 (models.*.gpu), such as L4; then run it again",
    "endpoint_error": f"read the endpoint's own log; {command('deploy modal')} replaces an old deployment",
    "malformed_response": f"check that the URL in beacon.toml is an inference endpoint: {_PROBE}",
    "response_too_large": "lower generation.max_tokens in the job file",
    "region_mismatch": f"check this region's URL in beacon.toml: {_PROBE}",
    "model_mismatch": f"check what is deployed there: {_PROBE}",
    "wrong_prompt": "find what mixes up answers: a cache or a proxy in front of the endpoint; then run it again",
    "redirect_refused": "check the URL in beacon.toml: https, and no login page or proxy in front of it",
    "redirect_cross_origin": "check the URL in beacon.toml: it leads to another host, which was not followed",
    "result_lost": "run it again: the cell is asked again",
    "content_filtered": _COUNTS_AS_ANSWER,
    "legal_blocked": _COUNTS_AS_ANSWER,
    "geo_blocked": _COUNTS_AS_ANSWER,
    "thought_only": "raise generation.max_tokens under a new id, if the thoughts were cut off",
    "cancelled": "resume it: the command is below",
    "handed_back": "a worker of the fleet continues it",
}


def show_summary(summary: RunSummary, console: Console) -> None:
    """Print a summary: what happened per region and model, the answers of a small job, errors, calls left running.

    If there was nothing to ask, it prints only that.
    """
    if summary.nothing_to_ask:
        expected = summary.cells.expected
        before = f"all {expected} answers are" if expected > 1 else "the answer is"
        nothing = f"nothing to ask, {before} already stored"
        if summary.asked_again:
            nothing = f"nothing to ask again, {none_has_status(summary.asked_again.statuses)}; {before} stored"
        _print_line(console, Text(f"job {excerpt(summary.job_id, 255)}: {nothing}"))
        return
    _print_line(console, _headline(summary))
    console.print()
    _print_lanes(summary, console)
    console.print()
    if summary.answers:
        _show_answers(summary, console)
    _show_errors("errors", [error for error in summary.errors if error.status not in ANSWERED], console)
    answers = [error for error in summary.errors if error.status in ANSWERED]
    _show_errors("blocked and empty answers", answers, console)
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


def _print_lanes(summary: RunSummary, console: Console) -> None:
    statuses = [status for status in _COUNTED if status != "blocked" or summary.counts.get("blocked")]
    columns = [Column("region"), Column("model"), Column("answers", right=True)]
    columns += [Column(name, right=True) for name in (*statuses, "median", "hops")]
    counts = [str(sum(lane.counts.get(status, 0) for lane in summary.asked_lanes)) for status in statuses]
    total = ["all", "", str(summary.cells), *counts, "", str(sum(lane.hops for lane in summary.asked_lanes))]
    rows = [_lane_row(lane, statuses) for lane in summary.asked_lanes]
    print_table(console, columns, rows, footer=total if len(rows) > 1 else ())


def _lane_row(lane: LaneSummary, statuses: Sequence[Status]) -> list[Text]:
    counts, cells = lane.counts, lane.cells
    return [
        Text(excerpt(lane.region, 255)),
        Text(excerpt(lane.model_id, 255)),
        Text(str(cells), "green" if cells.whole else "yellow"),
        *(_count(counts.get(status, 0), _COUNTED[status]) for status in statuses),
        Text("-" if lane.median_seconds is None else duration(lane.median_seconds)),
        _count(lane.hops, "yellow"),
    ]


def _print_line(console: Console, line: Text) -> None:
    """Print a sentence: wrapped between words on a terminal, never wrapped in a pipe."""
    console.print(line, soft_wrap=line_limit(console) is None)


def _count(count: int, style: str) -> Text:
    return Text(str(count), style if count else "dim")


def _show_answers(summary: RunSummary, console: Console) -> None:
    regions = max(4, *(len(arm_label(answer.region, answer.arm)) for answer in summary.answers))
    names = {answer: _asked_of(answer, regions, numbered=_all_repeats(summary)) for answer in summary.answers}
    widest = max(len(name) for name in names.values())
    for question_id, answers in groupby(summary.answers, key=lambda answer: answer.question_id):
        lines = list(answers)
        head = Text.assemble((excerpt(question_id, 255), "bold"))
        if lines[0].question_text != question_id:  # files of the old system name a question by its text
            head.append(f"  {excerpt(lines[0].question_text, 200)}")
        _print_line(console, head)
        for answer in lines:
            _print_line(console, _answer(answer, f"{names[answer]:<{widest}}", max(40, console.width)))
        console.print()
    if summary.stored > len(summary.answers):
        _print_line(console, Text(f"Only the first of {summary.repeats} repeats is shown here.", "dim"))
        console.print()


def _all_repeats(summary: RunSummary) -> bool:
    return any(answer.repeat for answer in summary.answers)


def _asked_of(answer: AnswerLine, regions: int, *, numbered: bool) -> str:
    repeat = f" {repeat_label(answer.repeat)}" if numbered else ""
    return f"{arm_label(answer.region, answer.arm):<{regions}}  {excerpt(answer.model_id, 255)}{repeat}"


def _answer(answer: AnswerLine, asked_of: str, width: int) -> Text:
    seconds = "" if answer.seconds is None else f"{answer.seconds:.1f}s"
    line = Text(f"  {asked_of} {seconds:>6}  ")
    if answer.status != "completed":
        line.append(answer.status, "bold red" if answer.status in ("failed", "timeout") else "yellow")
        return line.append(f": {excerpt(answer.error_code)}" if answer.error_code and answer.status in ANSWERED else "")
    mark = " (cut off)" if answer.cut_off else ""
    line.append(excerpt(answer.response or "", max(20, width - line.cell_len - len(mark))))
    return line.append(mark, "yellow")


def _show_errors(heading: str, errors: Sequence[ErrorLine], console: Console) -> None:
    if not errors:
        return
    console.print(Text(heading, "bold"))
    for error in errors:
        _show_error(error, console)
    console.print()


def _show_error(error: ErrorLine, console: Console) -> None:
    code = (excerpt(error.error_code), "yellow" if error.status in ANSWERED else "bold red")
    line = Text.assemble(f"  {error.count} x ", code, "  ")
    print_hanging(line, ERROR_CODES.get(error.error_code, ""), console, indent=6)
    if error.example:
        print_hanging(Text("    for example: "), excerpt(error.example, 300), console, indent=6)
    if advice := _DO.get(error.error_code):
        print_hanging(Text("    do: "), advice, console, indent=6)


def _show_calls(summary: RunSummary, console: Console) -> None:
    calls = summary.function_call_ids
    listed = " ".join(excerpt(call) for call in calls[:_CALLS])
    more = f" and {len(calls) - _CALLS} more (all of them with --json)" if len(calls) > _CALLS else ""
    _print_line(console, Text(f"may still be running on Modal, at your cost: {listed}{more}"))
    command = "python -c \"import modal; modal.FunctionCall.from_id('fc-...').cancel()\""
    console.print(Text(f"  to stop one: {command}"), soft_wrap=True)
    console.print()


def show_cost(cost: RunCost, console: Console) -> None:
    """Print what the job cost by its rows; nothing where only servers on this machine were asked."""
    if lines := list(cost.lines()):
        print_lines(lines, console)
        console.print()


def show_verdict(summary: RunSummary, report: AuditReport, console: Console) -> None:
    """Print whether the run succeeded, with its figures, and the commands to type next."""
    unasked = f", {summary.unasked} not asked" if summary.unasked else ""
    stopped = f"; {summary.stopped}" if summary.stopped else ""
    again = f"; {summary.asked_again}" if summary.asked_again and not summary.nothing_to_ask else ""
    word = ("ok", "bold green") if summary.succeeded else ("not ok", "bold red")
    separator = ", " if report.ok else "; "
    for line in (*_part(summary), *_regions(summary)):
        _print_line(console, Text(line, "yellow"))
    _print_line(
        console,
        Text.assemble(word, f": {summary.answers_stored}{unasked}{again}{stopped}{separator}{report.checks_summary()}"),
    )
    if summary.resume_command:
        _print_command(_resume_label(summary), excerpt(summary.resume_command, 4000), console)
    if summary.again_command:
        _print_command("to ask the blocked ones again on purpose: ", excerpt(summary.again_command, 4000), console)
    if summary.cells.answered:
        job_id = excerpt(summary.job_id, 255)
        accept = " --accept system_prompt" if summary.system_prompts_differ else ""
        console.print(Text(f"next:   {command('show', job_id)}"), soft_wrap=True)
        if len({lane.region for lane in summary.lanes}) > 1:
            console.print(Text(f"        {command('compare', job_id)}{accept}"), soft_wrap=True)
        if has("jinja2") and has("matplotlib"):  # the extra `report`, found out without reading about packages
            console.print(Text(f"        {command('report', job_id)}{accept}"), soft_wrap=True)


def _resume_label(summary: RunSummary) -> str:
    if summary.at_max_cost:
        return "resume, with a higher limit: "
    return "resume: " if summary.part.whole or not summary.succeeded else "to ask the rest: "


def _part(summary: RunSummary) -> list[str]:
    """Return what was chosen of the job, and what was left out of it."""
    part = summary.part
    chosen = shlex.join(replace(part, without=()).options())
    lines = [
        f"{region} was left out (--without): {quantity(summary.left_out_in(region), 'cell')} not asked"
        for region in part.without
    ]
    if chosen:
        of_all = f"{summary.cells.expected} of {quantity(summary.expected, 'cell')}"
        lines.append(f"only a part of the job was to be asked ({excerpt(chosen, 300)}): {of_all}")
    return lines


def _regions(summary: RunSummary) -> list[str]:
    """Return a sentence for each region that was paused or given up."""
    lines = []
    for region, troubles in summary.troubles.items():
        times = "once" if troubles.pauses == 1 else f"{troubles.pauses} times"
        paused = f"paused {times} for {duration(troubles.paused_seconds)}"
        if troubles.down is None:
            failed = quantity(summary.failed_in(region), "cell")
            lines.append(f"{region} was {paused}; {failed} failed there")
            continue
        never = quantity(summary.unasked_in(region), "cell")
        resume = "; resume the job when it is back" if summary.unasked_in(region) else ""
        after = f", after it was {paused}" if troubles.pauses else ""
        lines.append(f"{region} is down ({excerpt(troubles.down, 200)}){after}: {never} never ran{resume}")
    return lines


def _print_command(label: str, text: str, console: Console) -> None:
    """Print a command that can be copied: on one line, or on a narrow terminal on several with `\\`."""
    limit = line_limit(console)
    lines = [text]
    if limit is not None and len(label) + len(text) > limit:
        lines = _continued(_WORD.findall(text), limit - len(label) - len(" \\"))
    console.print(Text(label + f" \\\n{' ' * len(label)}".join(lines)), soft_wrap=True)


def _continued(words: list[str], room: int) -> list[str]:
    lines = words[:1]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) > room:
            lines.append(f"  {word}")
        else:
            lines[-1] += f" {word}"
    return lines
