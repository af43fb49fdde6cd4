"""What was found, as tables and as a drawing of the power curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from beacon_cli.comparison.figures import Rate
from benchmarks.calibration.studies import CURVE_REPEATS, SIZES

Lines = list[dict[str, Any]]


def shown(study: str, lines: Lines) -> str:
    """Return a study as a table in Markdown."""
    return _TABLES[study](lines)


def _false_alarms(lines: Lines) -> str:
    titles = ("no difference; noise", "repeats", "p ≤ 0.05, of the tests", "`different`, of the jobs", "the whole job")
    keys = ("noise", "repeats")
    rates = ("tests", "jobs", "pooled")
    return _table(titles, ([*(each[key] for key in keys), *(_ci(each[key]) for key in rates)] for each in lines))


def _looks(lines: Lines) -> str:
    columns = (f"{what}, {how}" for what in ("the whole job", "a question") for how in ("5 % each", "spent"))
    titles = ("no difference; noise", "looks at", *columns)
    keys = ("pooled_full", "pooled", "questions_full", "questions")
    return _table(titles, ((each["noise"], each["looks"], *(_ci(each[key]) for key in keys)) for each in lines))


def _worst_choice(lines: Lines) -> str:
    titles = ("first look at", "its level", "false alarms at any look")
    return _table(titles, ((each["first"], f"{each['level']:.3f}", f"{each['worst']:.1%}") for each in lines))


def _effects(lines: Lines) -> str:
    titles = ("in one region", "repeats", "one question (named)", "each of 16", "the whole job (named)")
    rows = (
        (
            *(each["effect"], each["repeats"], f"{_percent(each['one'])} ({_percent(each['one_named'])})"),
            *(_percent(each["each"]), f"{_percent(each['pooled'])} ({_percent(each['pooled_named'])})"),
        )
        for each in lines
    )
    return _table(titles, rows)


def _power(lines: Lines) -> str:
    """Return a line for each kind and number of repeats, a column for each size: found, and without correction."""
    titles = ("planted in one region", "repeats", *(f"{size:g}" for size in SIZES))
    rows: dict[tuple[str, int], list[str]] = {}
    for each in lines:
        cell = f"{_percent(each['found'])} ({_percent(each['uncorrected'])})"
        rows.setdefault((each["planted"], each["repeats"]), []).append(cell)
    return _table(titles, ((*key, *cells) for key, cells in rows.items()))


def _false_discoveries(lines: Lines) -> str:
    titles = ("planted of 16", "size", "repeats", "false among `different`", "found")
    cells = ((f"{each['false']:.1%} ± {each['error']:.1%}", _ci(each["found"])) for each in lines)
    keys = ((each["planted"], each["size"], each["repeats"]) for each in lines)
    return _table(titles, ((*key, *cell) for key, cell in zip(keys, cells, strict=True)))


def _coverage(lines: Lines) -> str:
    titles = ("answers", "size", "true effect", *(f"{repeats} repeats (width)" for repeats in CURVE_REPEATS))
    rows: dict[tuple[str, float], list[str]] = {}
    for each in lines:
        truth = "-" if each["truth"] is None else f"{each['truth']:.3f}"
        cells = rows.setdefault((each["kind"], each["size"]), [truth])
        cells.append("-" if each["width"] is None else f"{_percent(each['covered'])} ({each['width']:.2f})")
    return _table(titles, ((*key, *cells) for key, cells in rows.items()))


def _designs(lines: Lines) -> str:
    """Return the power at a level of 5 %, and among 16 tests, with three regions."""
    titles = ("in one region", "seeds", "repeats", "one question of one", "one of 16", "one of 256", "all of 16")
    rows = (
        (
            *(each["effect"], "yes" if each["seeds"] else "no", each["repeats"]),
            *(f"{each['one'][place]} %" for place in (2, 6, 9)),
            f"{each['whole'][4][2]} %",
        )
        for each in lines
        if each["regions"] == 3
    )
    return _table(titles, rows)


_TABLES = {
    "false_alarms": _false_alarms,
    "copies": _false_alarms,
    "looks": _looks,
    "worst_choice": _worst_choice,
    "power": _power,
    "effects": _effects,
    "false_discoveries": _false_discoveries,
    "coverage": _coverage,
    "designs": _designs,
}


def _table(titles: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    cells = [list(titles), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in cells) for place in range(len(titles))]
    cells.insert(1, ["-" * width for width in widths])
    padded = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(f"| {row} |" for row in padded)


def _percent(rate: Rate) -> str:
    return "-" if rate.rate is None else f"{rate.rate:.0%}"


def _ci(rate: Rate) -> str:
    if rate.rate is None or rate.low is None or rate.high is None:
        return "untestable"
    return f"{rate.rate:.1%} [{rate.low:.1%}, {rate.high:.1%}]"


_TICKS = (0, 0.5, 1)


def draw_power(lines: Lines, file: Path) -> None:
    """Draw the power curves as an SVG: the same figures give the same file."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "power", "svg.fonttype": "none", "font.size": 9})
    from matplotlib import pyplot

    names = list(dict.fromkeys(each["planted"] for each in lines))[:3]
    figure, axes = pyplot.subplots(1, len(names), figsize=(9, 2.8), sharey=True, layout="constrained")
    for axis, name in zip(axes, names, strict=True):
        for repeats in CURVE_REPEATS:
            mine = [each for each in lines if (each["planted"], each["repeats"]) == (name, repeats)]
            axis.plot(*_curve(mine), label=f"{repeats} repeats")
        axis.set(title=name, xlabel="share that differs in one region", xlim=(0, 1), xticks=_TICKS, yticks=_TICKS)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("found, one among 16 tests")
    axes[-1].legend(loc="upper left", frameon=False)
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    file.write_text("\n".join(line.rstrip() for line in file.read_text().splitlines()) + "\n")


def _curve(lines: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    return [each["size"] for each in lines], [each["found"].rate for each in lines]
