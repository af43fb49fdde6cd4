"""The plots of the page: how long answers took in each region, and when each container worked."""

from __future__ import annotations

import io
import logging
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from markupsafe import Markup

from beacon_cli.executor.execution import ANSWERED
from beacon_cli.html.colours import colour_number
from beacon_cli.report.recorded import Lane
from beacon_cli.report.svg import COLOURS, Drawing, inline_svg
from beacon_cli.report.timeline import RunTimeline

_WIDTH, _RIGHT, _BELOW = 900, 16, 46
_CHARACTER = 6.4  # average width of a label's character, in points
_ROW = 22
_LABEL_CHARACTERS = 40
_MOST_POINTS = 2_000
_MOST_LANES = 60
_FEW_BARS = 600  # maximum number of bars that are wide enough for an edge
_SKEWED = 20  # times the median: beyond this the axis is logarithmic


@contextmanager
def plotting() -> Iterator[None]:
    """Inside the block, matplotlib uses this module's settings, regardless of the user's configuration."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it may log about its font cache
    import matplotlib as mpl

    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "beacon"})
        yield


def latency_chart(seconds: Mapping[Lane, Sequence[float]], regions: Sequence[str]) -> Markup:
    """Return a row of strokes for each region and model, one stroke per answer, with the median as a dot."""
    lanes = [lane for lane in _ordered(seconds, regions) if len(seconds[lane])][:_MOST_LANES]
    each = max(2, _MOST_POINTS // max(1, len(lanes)))
    everything = [value for lane in lanes for value in seconds[lane]]
    labels = [_short(f"{region} · {model}") for region, model in lanes]
    figure, axes = _figure(labels)
    skewed = max(everything) > _SKEWED * statistics.median(everything) > 0
    for row, (region, model) in enumerate(lanes):
        values = sorted(seconds[region, model])
        colour = _colour(region, regions)
        shown = [values[round(place * (len(values) - 1) / (each - 1))] for place in range(each)]
        shown = values if len(values) <= each else shown
        axes.vlines(shown, row - 0.32, row + 0.32, color=colour, linewidth=1.6, alpha=0.55)
        axes.plot([statistics.median(values)], [row], "o", markersize=8, color=COLOURS["ink"])
    _scale(axes, logarithmic=skewed)
    axes.set_xlabel("seconds from the first attempt to the answer; each stroke is one answer, the dot is their median")
    description = "; ".join(
        f"{region} {model}: median {statistics.median(seconds[region, model]):.2f} s" for region, model in lanes
    )
    return _finished(
        figure, axes, Drawing("latency-plot", "Seconds per answer, by region and model", description, labels)
    )


def _scale(axes: Any, *, logarithmic: bool) -> None:
    """Set the axis of seconds after everything was drawn: from 0, or logarithmic."""
    if logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axes.set_xlim(left=0)


def timeline_chart(run: RunTimeline, number: int, regions: Sequence[str]) -> Markup:
    """Return a lane for each container of a run, with a bar for each execution, over bands for the batches."""
    begin = min(bar.started for bar in run.bars)
    lanes = sorted(run.lanes, key=lambda lane: (_place(lane[0], regions), lane[1], lane[2]))
    rows = {lane: row for row, lane in enumerate(lanes)}
    labels = [f"{_short(region, 10)} · {_short(model, 18)} · {container[-10:]}" for region, model, container in lanes]
    figure, axes = _figure(labels)
    bands = _bands(axes, run, begin)
    titles: dict[str, list[str]] = {}
    numbered = any(bar.repeat for bar in run.bars)
    for lane, row in rows.items():
        bars = [bar for bar in run.bars if bar.lane == lane]
        spans = [(bar.started - begin, bar.ended - bar.started) for bar in bars]
        colour = _colour(lane[0], regions)
        edge = COLOURS["paper"] if len(run.bars) <= _FEW_BARS else colour
        axes.broken_barh(spans, (row - 0.32, 0.64), facecolor=colour, edgecolor=edge, linewidth=0.5, gid=f"lane-{row}")
        titles[f"lane-{row}"] = [bar.title(numbered=numbered) for bar in bars]
    for marker, chosen in (
        ("^", [(bar.started, rows[bar.lane]) for bar in run.bars if bar.cold]),
        ("o", [(bar.ended, rows[bar.lane]) for bar in run.bars if bar.hops]),
        ("x", [(bar.ended, rows[bar.lane]) for bar in run.bars if bar.status not in ANSWERED]),
    ):
        _mark(axes, marker, [(time - begin, row) for time, row in chosen])
    axes.set_xlabel("seconds since the first execution of the run")
    drawing = Drawing(
        f"run-{number}",
        f"Run {number}: what each container worked on, over time",
        f"{len(run.bars)} executions of {bands} questions in {len(lanes)} containers. Triangles mark the first answer"
        " of a container in the run, dots mark executions with hops, and crosses mark executions without an answer.",
        labels,
        titles,
    )
    return _finished(figure, axes, drawing)


def _mark(axes: Any, marker: str, places: Sequence[tuple[float, int]]) -> None:
    times, rows = [time for time, _ in places], [row for _, row in places]
    axes.plot(times, rows, marker, markersize=7, markeredgewidth=1.6, color=COLOURS["ink"])


def _bands(axes: Any, run: RunTimeline, begin: float) -> int:
    """Shade every other batch, from the start of its first execution to the end of its last one."""
    spans: dict[str, tuple[float, float]] = {}
    for bar in run.bars:
        first, last = spans.get(bar.question_id, (bar.started, bar.ended))
        spans[bar.question_id] = (min(first, bar.started), max(last, bar.ended))
    for first, last in list(spans.values())[::2]:
        axes.axvspan(first - begin, last - begin, facecolor=COLOURS["band"], edgecolor="none", linewidth=0)
    return len(spans)


def _figure(labels: Sequence[str]) -> tuple[Any, Any]:
    """Return a figure with a row for each label, in points, and its axes. It never uses a display."""
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    rows, left = len(labels), 24 + _CHARACTER * max(map(len, labels), default=0)
    height = rows * _ROW + _BELOW + 8
    figure = Figure(figsize=(_WIDTH / 72, height / 72))
    FigureCanvasSVG(figure)
    box = (left / _WIDTH, _BELOW / height, (_WIDTH - left - _RIGHT) / _WIDTH, rows * _ROW / height)
    axes = figure.add_axes(box)
    axes.set_axisbelow(True)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.grid(axis="x", color=COLOURS["grid"], linewidth=0.8)
    axes.tick_params(bottom=False, left=False, which="both", labelcolor=COLOURS["muted"], labelsize=12)
    axes.spines[:].set_visible(False)
    return figure, axes


def _finished(figure: Any, axes: Any, drawing: Drawing) -> Markup:
    axes.set_yticks(range(len(drawing.labels)), labels=[f"@{number}" for number in range(len(drawing.labels))])
    axes.set_xlabel(axes.get_xlabel(), color=COLOURS["muted"], fontsize=12)
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    return inline_svg(written.getvalue(), drawing)


def _ordered(lanes: Mapping[Lane, object], regions: Sequence[str]) -> list[Lane]:
    """Return the lanes model by model, so that its regions are below each other."""
    models = list(dict.fromkeys(model for _, model in lanes))
    return sorted(lanes, key=lambda lane: (models.index(lane[1]), _place(lane[0], regions)))


def _colour(region: str, regions: Sequence[str]) -> str:
    return COLOURS[f"region-{colour_number(_place(region, regions))}"]


def _place(region: str, regions: Sequence[str]) -> int:
    return regions.index(region) if region in regions else len(regions)


def _short(text: str, limit: int = _LABEL_CHARACTERS) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
