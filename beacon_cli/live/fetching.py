"""How the fetching of a model's weights looks: a bar on a terminal, a line for each tenth elsewhere."""

from __future__ import annotations

from dataclasses import dataclass, field

from rich.text import Text

from beacon_cli.console.printable import excerpt

_BAR = 60
_TENTHS = 10


@dataclass(frozen=True, slots=True)
class Fetch:
    """How far the weights of a model have arrived, in bytes."""

    model_id: str
    done: int
    total: int

    @property
    def over(self) -> bool:
        """Whether all of them are there."""
        return self.done >= self.total

    def __str__(self) -> str:
        """Return the line that says so."""
        model, megabytes = excerpt(self.model_id), f"{self.done / 1e6:.0f} of {self.total / 1e6:.0f} MB"
        return f"fetching the weights of {model}, once: {megabytes}"


@dataclass(slots=True)
class FetchLines:
    """A fetch as lines: one at its start and one at each tenth."""

    _said: int = field(default=-1)

    def lines(self, fetch: Fetch) -> list[str]:
        """Return the line that is due, if one is."""
        tenth = fetch.done * _TENTHS // fetch.total
        if tenth <= self._said:
            return []
        self._said = tenth
        return [str(fetch)]


def fetch_bar(fetch: Fetch, width: int, *, full: str, rest: str) -> list[Text]:
    """Return a fetch as two lines: what is fetched, and a bar of `full` and `rest` that fits into `width` columns."""
    share = fetch.done / fetch.total
    percent = f" {int(share * 100):3d} %"
    length = min(_BAR, max(0, width - len(percent)))
    filled = int(length * share)
    return [Text(str(fetch)), Text.assemble((full * filled, "green"), (rest * (length - filled), "dim"), percent)]
