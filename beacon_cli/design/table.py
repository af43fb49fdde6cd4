"""Shows people what a design can find."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from beacon_cli.console.formatting import percent, quantity
from beacon_cli.console.tables import Column, print_table
from beacon_cli.design.curves import Effect
from beacon_cli.design.design import Chance, Prospects

if TYPE_CHECKING:
    from rich.console import Console

_MEANINGS: dict[Effect, str] = {
    "refusals": "refuses 30 % of the time",
    "half_length": "answers at half the length",
    "sentence": "replaces one sentence",
    "prefix": "begins every answer alike",
}


def print_prospects(prospects: Prospects, console: Console) -> None:
    """Print how likely each effect is found, and with how many repeats it would be found as likely as wanted."""
    design, wanted = prospects.design, percent(prospects.power)
    columns = [Column("if one region …"), Column("one question", right=True), Column(f"for {wanted}", right=True)]
    columns += [Column("all questions", right=True), Column(f"for {wanted}", right=True)]
    rows = [(_MEANINGS[each.effect], *_cells(each.one_question), *_cells(each.whole_job)) for each in prospects.found]
    title = f"chance to find what one region does otherwise, and the repeats it takes for {wanted}"
    print_table(console, columns, rows, title=title)
    console.print(
        Text(
            f"with {quantity(design.repeats, 'repeat')}, one question among {quantity(design.results, 'result')};"
            " by simulated answers: those that vary more need more repeats",
            "dim",
        )
    )
    if before := [look for look in design.looks if look < design.repeats]:
        told = f"a look after {' and '.join(map(str, before))} repeats was possible: at this one, results count up to"
        console.print(Text(f"{told} p or q {design.rate(design.repeats):.2g}", "dim"))


def _cells(chance: Chance) -> tuple[str, str]:
    power = "not measured" if chance.power is None else percent(round(chance.power, 2))
    if chance.repeats is not None:
        return power, quantity(chance.repeats, "repeat")
    return power, "-" if chance.most is None else f"over {chance.most}"
