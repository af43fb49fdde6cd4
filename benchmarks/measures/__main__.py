"""`python -m benchmarks.measures`: the mean distances by language and measure, as the table of the documentation."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from beacon_cli.comparison.distance import MEASURES, Measure
from beacon_cli.comparison.languages import languages
from benchmarks.measures.pairs import Pair, pairs


def main() -> None:
    """Print the table."""
    print("| language | measure | the same in other words | negated | another number | something else | right order |")
    print("|---|---|---|---|---|---|---|")
    for language, some in itertools.groupby(pairs(), key=lambda pair: pair.language):
        chosen = list(some)
        for name, measure in MEASURES.items():
            print(f"| {languages()[language].name} | `{name}` | {' | '.join(_cells(chosen, measure))} |")


def _cells(chosen: list[Pair], measure: Measure) -> Iterator[str]:
    """Yield the means, and how often the same in other words is nearer than something else."""
    reworded, negated, renumbered = (
        np.array([measure([pair.said, text])[0, 1] for pair, text in zip(chosen, texts, strict=True)])
        for texts in zip(*((pair.reworded, pair.negated, pair.renumbered) for pair in chosen), strict=True)
    )
    everything = measure([pair.said for pair in chosen])
    other = everything[np.triu_indices(len(chosen), 1)]
    yield from (f"{np.mean(each):.2f}" for each in (reworded, negated, renumbered, other))
    yield f"{np.mean(reworded[:, None] < other):.0%}"


if __name__ == "__main__":
    main()
