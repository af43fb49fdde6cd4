"""The picture of a run: its progress laid out as lines that fit a terminal of any size."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from rich.cells import cell_len
from rich.text import Text

from beacon_cli.console.formatting import arm_label, quantity, repeat_label
from beacon_cli.console.printable import excerpt
from beacon_cli.executor.counts import Counts
from beacon_cli.executor.execution import STATUSES, Status
from beacon_cli.job.lanes import Lane
from beacon_cli.live.fetching import fetch_bar
from beacon_cli.live.progress import Progress, RegionTrouble, RunningBatch

_STYLES: dict[Status, str] = {
    "completed": "green",
    "empty": "yellow",
    "blocked": "yellow",
    "failed": "bold red",
    "timeout": "bold red",
    "cancelled": "magenta",
}
_QUESTIONS = 6
_COLUMN = 30  # maximum width of a region's column
_NARROW = 18  # below this width it has shorter words


@dataclass(frozen=True, slots=True)
class Symbols:
    """The symbols of a frame; every status has one, so that nothing depends on colour alone."""

    status: dict[Status, str]
    full: str
    rest: str
    ellipsis: str


UNICODE = Symbols(dict(zip(STATUSES, "✓○⊘✗T–", strict=True)), "━", "─", "…")
ASCII = Symbols(dict(zip(STATUSES, "+oBxT-", strict=True)), "#", "-", "~")


class Size(NamedTuple):
    """A terminal's columns and rows."""

    columns: int
    rows: int


class _Block(NamedTuple):
    """Lines that belong together. If there is little room, lower ranks come first; `least` lines are the minimum."""

    rank: int
    lines: list[Text]
    least: int = 1


def frame(progress: Progress, elapsed: float, size: Size, symbols: Symbols = UNICODE) -> list[Text]:
    """Return the lines that show a run. They fit the width and height of the terminal.

    `elapsed` is in seconds. Before the job has started, there is at most a fetch of weights to show.
    """
    width = max(1, size.columns - 1)
    lines = _run(progress, elapsed, size, symbols) if progress.job is not None else _fetch(progress, size, symbols)
    for line in lines:
        _cut(line, width, symbols)
    return lines


def _fetch(progress: Progress, size: Size, symbols: Symbols) -> list[Text]:
    if progress.fetch is None or progress.fetch.over:
        return []
    bar = fetch_bar(progress.fetch, max(1, size.columns - 1), full=symbols.full, rest=symbols.rest)
    return bar[: max(1, size.rows - 1)]


def _run(progress: Progress, elapsed: float, size: Size, symbols: Symbols) -> list[Text]:
    width = max(1, size.columns - 1)
    blocks = [
        _Block(1, [_header(progress)]),
        _Block(0, [_bar(progress, elapsed, width, symbols)]),
        _Block(2, _questions(progress)),
        _Block(3, _grid(progress, width, max(3, size.rows // 2), symbols), least=2),
        _Block(4, _troubles(progress, elapsed)),
        _Block(5, [_totals(progress)]),
        _Block(6, _longest(progress, elapsed)),
        _Block(7, _recent(progress, symbols), least=2),
        _Block(8, [_legend(symbols)]),
    ]
    return _fitted(blocks, max(1, size.rows - 1))


def clock(seconds: float) -> str:
    """Return a duration as a stopwatch shows it: `0:07`, `12:30`, `2:05:00`."""
    minutes, second = divmod(int(max(0.0, seconds)), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _fitted(blocks: list[_Block], rows: int) -> list[Text]:
    kept: dict[int, list[Text]] = {}
    for block in sorted(blocks):
        fits = len(block.lines) <= rows or rows >= block.least
        kept[block.rank] = block.lines[:rows] if fits else []
        rows -= len(kept[block.rank])
    # Blank lines between the parts, if there is room: after the questions, the grid with its troubles, and the totals.
    airy = rows >= 3
    lines: list[Text] = []
    for block in blocks:
        if airy and block.rank in (3, 5, 7) and kept[block.rank]:
            lines.append(Text())
        lines += kept[block.rank]
    return lines


def _cut(line: Text, width: int, symbols: Symbols) -> None:
    if line.cell_len > width:
        line.truncate(width - cell_len(symbols.ellipsis))
        line.append(symbols.ellipsis)


def _header(progress: Progress) -> Text:
    job = progress.job
    assert job is not None
    status = progress.finished.status if progress.finished else "running"
    line = Text.assemble("beacon run  ", (excerpt(job.job_id), "bold"), "  ", (status, "bold cyan"))
    models = len({lane.model_id for lane in job.lanes})
    regions = len({lane.region.id for lane in job.lanes})
    line.append(f"  batching {job.batching}  {quantity(job.questions, 'question')}")
    line.append(f"  {quantity(models, 'model')}  {quantity(regions, 'region')}")
    if job.repeats > 1:
        line.append(f"  {job.repeats} repeats")
    return line.append(f"  control {', '.join(job.controls)}") if job.controls else line


def _bar(progress: Progress, elapsed: float, width: int, symbols: Symbols) -> Text:
    share = progress.settled / progress.expected if progress.expected else 1.0
    words = f" {int(share * 100):3d} %  {progress.settled}/{progress.expected}  {clock(elapsed)}"
    if (eta := progress.eta_seconds(elapsed)) is not None and not progress.finished:
        words += f"  about {clock(eta)} left"
    if progress.job and progress.job.answered:
        words += f"  ({progress.job.answered} answered before)"
    length = min(60, max(0, width - len(words)))
    filled = int(length * share)
    return Text.assemble((symbols.full * filled, "green"), (symbols.rest * (length - filled), "dim"), words)


def _questions(progress: Progress) -> list[Text]:
    batches = progress.current_batches()
    lines = [_question(batch, grouped=len(progress.batches) > 1) for batch in batches[:_QUESTIONS]]
    if len(batches) > _QUESTIONS:
        lines[-1:] = [Text(f"and {len(batches) - _QUESTIONS + 1} more questions at the same time", "dim")]
    return lines


def _question(batch: RunningBatch, *, grouped: bool) -> Text:
    line = Text()
    if grouped and batch.group:
        line.append(f"{excerpt(batch.group)}  ", "dim")
    line.append(f"question {batch.number} of {batch.total}  ")
    line.append(excerpt(batch.question_id), "bold")
    return line.append(f"  {excerpt(batch.text or '', 200)}")


def _grid(progress: Progress, width: int, most: int, symbols: Symbols) -> list[Text]:
    models: dict[str, dict[str, Lane]] = {}
    regions: dict[str, None] = {}
    for lane in progress.lanes:
        models.setdefault(lane.model_id, {})[lane.region.label] = lane
        regions[lane.region.label] = None
    names = {model: excerpt(model, max(8, width // 4)) for model in models}
    first = 2 + max(map(cell_len, names.values()), default=0)
    column = min(_COLUMN, (width - first) // max(1, len(regions)))
    head = Text(" " * first)
    for region in regions:
        head.append_text(_padded(Text(region, "bold"), column, symbols))
    lines = [head]
    for model, lanes in models.items():
        line = _padded(Text(names[model]), first, symbols)
        for region in regions:
            state = _lane_state(progress, lanes.get(region), symbols, narrow=column < _NARROW)
            line.append_text(_padded(state, column, symbols))
        lines.append(line)
    if len(lines) > most:
        lines[most - 1 :] = [Text(f"and {len(lines) - most + 1} more models", "dim")]
    return lines


def _lane_state(progress: Progress, lane: Lane | None, symbols: Symbols, *, narrow: bool) -> Text:
    if lane is None:
        return Text("not asked", "dim")
    counts = progress.lanes[lane]
    # First all answers, then how many of them are empty or blocked: a narrow column is cut at its end.
    shown = {**counts, "completed": Counts.of(0, counts).answered}
    parts = [(f"{symbols.status[s]} {shown[s]}", _STYLES[s]) for s in STATUSES if shown[s]]
    calls = progress.calls_in(lane).items()
    parts += [(f"{state[:3] if narrow else state} {count}", "cyan") for state, count in calls]
    line = Text()
    for part, style in parts or [("waiting", "dim")]:
        line.append(f"{part} ", style)
    return line


def _padded(text: Text, width: int, symbols: Symbols) -> Text:
    text.rstrip()
    _cut(text, max(1, width - 1), symbols)
    text.append(" " * max(0, width - text.cell_len))
    return text


def _troubles(progress: Progress, elapsed: float) -> list[Text]:
    if progress.job is None:
        return []
    now = progress.job.at + timedelta(seconds=elapsed)
    return [_trouble(region, trouble, now) for region, trouble in progress.regions.items()]


def _trouble(region: str, trouble: RegionTrouble, now: datetime) -> Text:
    if trouble.next_check is None:
        return Text(f"{region} is down  {excerpt(trouble.why, 200)}", "bold red")
    check = clock((trouble.next_check - now).total_seconds())
    line = Text(f"{region} paused {clock((now - trouble.since).total_seconds())}  next check in {check}", "yellow")
    if trouble.given_up is not None:
        line.append(f"  given up in {clock((trouble.given_up - now).total_seconds())}")
    return line.append(f"  {excerpt(trouble.why, 200)}")


def _totals(progress: Progress) -> Text:
    job = progress.job
    line = Text(f"in flight {len(progress.in_flight)} of {job.max_in_flight if job else 0}")
    line.append(f"   containers {progress.containers}   hops {progress.hops}   retries {progress.retries}")
    failed = progress.counts["failed"] + progress.counts["timeout"]
    line.append(f"   failed {failed}", "bold red" if failed else "")
    return line.append(f"   storing {len(progress.storing)}") if progress.storing else line


def _longest(progress: Progress, elapsed: float) -> list[Text]:
    if not progress.in_flight or progress.job is None:
        return []
    cell, call = next(iter(progress.in_flight.items()))
    waited = elapsed - (call.since - progress.job.at).total_seconds()
    repeat = f" {repeat_label(cell.repeat)}" if progress.job.repeats > 1 else ""
    line = Text(f"longest {clock(waited)}  {excerpt(str(cell))}{repeat}")
    if call.hops:
        line.append(f"  {quantity(call.hops, 'hop')}", "yellow")
    if call.attempt > 1:
        line.append(f"  attempt {call.attempt}", "yellow")
    return [line]


def _recent(progress: Progress, symbols: Symbols) -> list[Text]:
    if not progress.recent:
        return []
    newest_first = list(reversed(progress.recent))
    columns = [
        _column([arm_label(cell.lane.region.label, cell.arm) for cell in newest_first]),
        _column([excerpt(cell.lane.model_id, 20) for cell in newest_first]),
        _column([excerpt(cell.question_id, 20) for cell in newest_first]),
    ]
    lines = [Text("latest answers", "bold")]
    for cell, *where in zip(newest_first, *columns, strict=True):
        code = f"{cell.error_code}: " if cell.error_code else ""
        line = Text.assemble((symbols.status[cell.status], _STYLES[cell.status]), " ", *where)
        lines.append(line.append(f"{cell.seconds:6.1f}s  {code}{excerpt(cell.head, 200)}"))
    return lines


def _column(words: list[str]) -> list[str]:
    width = max(map(cell_len, words)) + 2
    return [word + " " * (width - cell_len(word)) for word in words]


def _legend(symbols: Symbols) -> Text:
    named = {status: f"{sign} {status}" for status, sign in symbols.status.items()}
    answered = f"{symbols.status['completed']} answered ({named.pop('empty')}, {named.pop('blocked')})"
    return Text("  ".join([answered, *list(named.values())[1:]]), "dim")
