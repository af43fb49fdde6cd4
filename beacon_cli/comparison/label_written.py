"""Shows people which answers were drawn for labelling, and what to do with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from beacon_cli.comparison.label_sample import LabelSample
from beacon_cli.comparison.labels import LABELS
from beacon_cli.console.formatting import quantity
from beacon_cli.console.printable import excerpt, printable
from beacon_cli.console.program_name import command

if TYPE_CHECKING:
    from rich.console import Console


def show_sample(sample: LabelSample) -> Callable[[Console], None]:
    """Return a function that prints what was written, and how to go on. It does not say what the rule found."""

    def show(console: Console) -> None:
        total = sum(stratum.answers for stratum in sample.strata.values())
        path = printable(sample.file)
        console.print(
            f"wrote {sample.sample} of {quantity(total, 'answer')} to {path}, in a random order", soft_wrap=True
        )
        console.print(f"write one of {', '.join(LABELS)} into the column `label` of each line, then:", soft_wrap=True)
        console.print(f"  {command(f'compare {excerpt(sample.job_id, 255)} --labels {path}')}", soft_wrap=True)

    return show
