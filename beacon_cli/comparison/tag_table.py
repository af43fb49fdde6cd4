"""Shows to people what was found for each tag: how much regions differ, and what became of their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from beacon_cli.comparison.apart import standing
from beacon_cli.comparison.comparison import Comparison
from beacon_cli.comparison.pooled import Pooled
from beacon_cli.comparison.shown import RATES, interval, number, rates, small
from beacon_cli.comparison.tagged import Tagged
from beacon_cli.console.printable import excerpt
from beacon_cli.console.terminal import line_limit

if TYPE_CHECKING:
    from rich.console import Console

_ROOMY = 120  # minimum columns to show intervals


def print_tags(comparison: Comparison, console: Console) -> None:
    """Print two tables: the size of the differences by tag, and the rates by tag and region."""
    from beacon_cli.console.tables import Column, print_table

    limit = line_limit(console)
    columns = [Column("tag"), Column("questions", right=True), Column("different", right=True), Column("together")]
    columns += [Column("p", right=True), Column("effect", right=True), Column("95 %", right=True, optional=True)]
    columns += [Column("others", right=True), Column("q", right=True)]
    print_left_out(print_table(console, columns, [_differences(each) for each in comparison.tagged]), console)
    console.print(
        "together and p: its questions together, corrected for the number of tags; effect: mean over the questions;"
        " others: that of the questions without the tag; q: whether the two differ",
        style="dim",
        soft_wrap=limit is None,
    )
    lines = (_bluntness(each, comparison.terms.rate) for each in comparison.tagged)
    for line in filter(None, lines):
        console.print(line, style="yellow", soft_wrap=limit is None)
    console.print()
    rows = [
        [tag_name(each), excerpt(region, 40), *rates(figures, intervals=limit is None or limit >= _ROOMY)]
        for each in comparison.tagged
        for region, figures in each.figures.items()
    ]
    print_table(console, [Column("tag"), Column("region"), *(Column(name, right=True) for name in RATES)], rows)


def print_left_out(names: Sequence[str], console: Console) -> None:
    """Print which columns of the table above are not shown, if any."""
    if names:
        console.print(
            f"left out here: {', '.join(names)}; a wider terminal or --json has them", style="dim", soft_wrap=False
        )


def tag_name(tagged: Tagged) -> str:
    """Return a tag for people."""
    return "(no tag)" if tagged.tag is None else excerpt(tagged.tag, 40)


def differing(tagged: Tagged) -> str:
    """Return how many results are different, and how many have no text, if any."""
    silent = f", {tagged.no_text} no text" if tagged.no_text else ""
    return f"{tagged.different - tagged.no_text}/{tagged.results}{silent}"


def together(pooled: Pooled | None) -> str:
    """Return what the test of all questions with a tag says."""
    if pooled is None:
        return "-"
    if not pooled.different:
        return "not shown"
    named = standing(pooled.apart, pooled.pairs)
    return named if pooled.apart or len(pooled.pairs) == 1 else f"differ; {named}"


def _differences(tagged: Tagged) -> list[str]:
    contrast = tagged.contrast
    return [
        tag_name(tagged),
        str(tagged.questions),
        differing(tagged),
        together(tagged.pooled),
        small(tagged.pooled.p_value if tagged.pooled else None),
        *(number(tagged.effect), interval(tagged.low, tagged.high)),
        *(number(contrast.rest if contrast else None), small(contrast.q_value if contrast else None)),
    ]


def _bluntness(tagged: Tagged, rate: float) -> str:
    """Return that so few questions cannot show a difference between tags, if they cannot."""
    if tagged.contrast is None or tagged.contrast.least <= rate:
        return ""
    least = small(tagged.contrast.least)
    return f"{tag_name(tagged)}: among so few questions, no p-value below {least} is possible"
