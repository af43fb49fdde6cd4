"""Answers as they arrive: an entry for each, as soon as it is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from beacon_cli.console.folding import folded
from beacon_cli.console.formatting import arm_label, quantity, repeat_label
from beacon_cli.console.printable import excerpt
from beacon_cli.console.program_name import command
from beacon_cli.console.reader_width import reader_width
from beacon_cli.console.result import write_stderr
from beacon_cli.errors import JobNotFound
from beacon_cli.records.follow import Arrival, Follower
from beacon_cli.show.answer import StyledText, brief, styled

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_INDENT = "    "


def print_arrivals(follower: Follower, console: Console, *, full: bool = True) -> None:
    """Print each answer on the console until the job is over; messages on the job go to stderr.

    Raises `JobNotFound` if it is deleted meanwhile.
    """
    job_id = follower.job_id
    write_stderr(f"job {excerpt(job_id)} is {_state(follower)}: {quantity(follower.there, 'answer')} already stored\n")
    width, dot, received = reader_width(console), " · " if console.encoding.startswith("utf") else " | ", 0
    for arrival in follower:
        console.print(_entry(arrival, width, dot, full=full), soft_wrap=True)
        received += 1
    write_stderr(f"job {excerpt(job_id)} is {_state(follower)}: {quantity(received, 'answer')} received\n")
    if follower.state.status == "deleted":
        raise JobNotFound(f"job {excerpt(job_id)} was deleted while it was being followed")
    if follower.state.status == "interrupted":
        write_stderr(f"hint: it is not running; to resume it: {command('run JOB_FILE --job-id', excerpt(job_id))}\n")


def _state(follower: Follower) -> str:
    holder = follower.state.holder
    return follower.state.status + (f" (by {excerpt(holder)})" if holder else "")


def _entry(arrival: Arrival, width: int, dot: str, *, full: bool) -> Text:
    from rich.text import Text

    seconds = "-" if arrival.seconds is None else f"{arrival.seconds:.1f} s"
    region = arm_label(excerpt(arrival.region, 40), arrival.arm)
    names = [excerpt(arrival.question_id, 40), excerpt(arrival.model_id, 40), region]
    heading = dot.join([*names, repeat_label(arrival.repeat), seconds, ""])
    words, *parts = styled(arrival)
    shown = heading + (words.text if full else excerpt(words.text, max(20, width - len(heading))))
    first, *others = folded(shown, width)
    lines = brief(folded("\n".join(others), width - len(_INDENT)) if others else [], words.style)
    rest = [StyledText(line, words.style) for line in lines]
    for part in parts:
        told = part.text if full else excerpt(part.text, max(20, width - len(_INDENT)))
        rest += [StyledText(line, part.style) for line in folded(told, width - len(_INDENT))]
    text = Text(first)
    text.stylize("dim", 0, len(heading))
    text.stylize(words.style, len(heading))
    for line, style in rest:
        text.append(f"\n{_INDENT}{line}", style or None)
    return text
