"""Shows the fetching of a model's weights: a bar on a terminal, a line for each tenth elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from beacon_cli.console.printable import excerpt

if TYPE_CHECKING:
    from rich.text import Text

_BAR = 60
_TENTHS = 10


@dataclass(frozen=True, slots=True)
class Fetch:
    """The progress of fetching a model's weights, in bytes."""

    model_id: str
    done: int
    total: int

    @property
    def over(self) -> bool:
        """Whether all bytes have arrived."""
        return self.done >= self.total

    def __str__(self) -> str:
        """Return the progress as a line."""
        model, megabytes = excerpt(self.model_id), f"{self.done / 1e6:.0f} of {self.total / 1e6:.0f} MB"
        return f"fetching the weights of {model}, once: {megabytes}"


@dataclass(slots=True)
class FetchLines:
    """Fetches as lines, one model's after another's: one at the start and one at each tenth."""

    _model_id: str | None = None
    _last_tenth: int = -1

    def lines(self, fetch: Fetch) -> list[str]:
        """Return the line that is due, if any."""
        tenth = fetch.done * _TENTHS // fetch.total
        if fetch.model_id != self._model_id:
            self._model_id, self._last_tenth = fetch.model_id, -1
        if tenth <= self._last_tenth:
            return []
        self._last_tenth = tenth
        return [str(fetch)]


def fetch_bar(fetch: Fetch, width: int, *, full: str, rest: str) -> list[Text]:
    """Return a fetch as two lines: what is fetched, and a bar of `full` and `rest` within `width` columns."""
    from rich.text import Text

    share = fetch.done / fetch.total
    percent = f" {int(share * 100):3d} %"
    length = min(_BAR, max(0, width - len(percent)))
    filled = int(length * share)
    return [Text(str(fetch)), Text.assemble((full * filled, "green"), (rest * (length - filled), "dim"), percent)]
